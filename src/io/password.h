/* Passwords made and checked (core/scrypt_line.h) by jobs of the thread pool: one at a time, a few wait.
 * It never keeps a password longer than its job, and overwrites it behind. */
#ifndef IO_PASSWORD_H
#define IO_PASSWORD_H

#include "core/scrypt_line.h"
#include "core/util.h"

#include <stdint.h>
#include <uv.h>

#define PASSWORD_WAITING 4 /* jobs behind the one at work */

struct password;

/* result: 1, the line was made, or the password is right; 0, it is wrong; negative errno: -ENOMEM, or -ECANCELED for
 * what had not begun at password_close(). *line: what was made or checked. Called once for each job, from the loop,
 * never from within the call that asked for it. */
typedef void (*password_done)(void *ctx, int result, const struct scrypt_line *line);

struct password *password_new(uv_loop_t *loop);

/* Check a password against a line, or make the line of a new one; both are copied. 0, or -EBUSY: too many wait. */
int password_check(struct password *p, const struct scrypt_line *line, const char *text, password_done done,
                   void *ctx) MUSTCHECK;
int password_make(struct password *p, const uint8_t salt[SCRYPT_SALT], const char *text, password_done done,
                  void *ctx) MUSTCHECK;

/* Cancel what waits, let the job at work end, call cb, which may free ctx of all, and free p. */
void password_close(struct password *p, void (*cb)(void *ctx), void *ctx);

#endif
