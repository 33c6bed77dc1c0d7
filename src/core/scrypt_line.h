/* A password as it is kept: one line, "scrypt$16384$8$1$<salt>$<hash>", salt and hash in hex digits.
 * It reads and writes no file and draws no random bits. Making and checking take some 16 MB of memory and tens of
 * milliseconds of a fast processor (a second of a slow one): jobs for a thread, never for the loop. */
#ifndef CORE_SCRYPT_LINE_H
#define CORE_SCRYPT_LINE_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRYPT_N    16384
#define SCRYPT_R    8
#define SCRYPT_P    1
#define SCRYPT_SALT 16 /* bytes of a new salt; 8 to 32 are read */
#define SCRYPT_HASH 32 /* bytes */

#define SCRYPT_MEMORY_MAX   (64u << 20) /* bytes; a line that asks for more is refused */
#define SCRYPT_LINE_MAX     192         /* characters */
#define SCRYPT_PASSWORD_MIN 8           /* characters */
#define SCRYPT_PASSWORD_MAX 128

struct scrypt_line {
    uint64_t n; /* cost, a power of two */
    uint32_t r, p;
    uint8_t salt[32];
    size_t salt_len;
    uint8_t hash[SCRYPT_HASH];
};

/* Read a line, with or without the line feed behind it. 0, or -1: it is not in this form, or asks for more memory or
 * time than is given. */
int scrypt_line_parse(struct scrypt_line *l, const char *text, size_t len) MUSTCHECK;

/* Write it, without a line feed. */
void scrypt_line_format(const struct scrypt_line *l, char out[SCRYPT_LINE_MAX + 1]);

/* Make the line of a new password; salt is no part of *l. 0, or -1 when libcrypto fails (there is no memory). */
int scrypt_line_make(struct scrypt_line *l, const char *password, const uint8_t salt[SCRYPT_SALT]) MUSTCHECK;

/* 1: this is the password; 0: it is not; -1: libcrypto fails. Compared in constant time. */
int scrypt_line_check(const struct scrypt_line *l, const char *password) MUSTCHECK;

#endif
