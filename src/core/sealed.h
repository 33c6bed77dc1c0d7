/* A text sealed with a passphrase: scrypt (N 32768, r 8, p 1) makes a key of it, AES-256-GCM seals. It draws no random
 * bits, and says of what cannot be opened only that: a wrong passphrase, a torn text and one that was changed are one.
 *
 *   base64 of:   0  "Fxs" and the version, 1   ┐
 *                4  salt, 16 bytes             │ checked with the rest
 *               20  nonce, 12 bytes            ┘
 *               32  the text, sealed, n bytes
 *             32+n  tag, 16 bytes
 *
 * Making the key takes 32 MB of memory and about 100 ms of a fast processor: a job for a thread, never for the loop. */
#ifndef CORE_SEALED_H
#define CORE_SEALED_H

#include "core/util.h"

#include <stddef.h>
#include <stdint.h>

#define SEALED_SALT  16
#define SEALED_NONCE 12
#define SEALED_TAG   16
#define SEALED_KEY   32
#define SEALED_HEAD  (4 + SEALED_SALT + SEALED_NONCE)
#define SEALED_MAX   (64u << 10) /* bytes of what is sealed */

#define SEALED_PASSPHRASE_MIN 8 /* bytes of one that seals; any opens */
#define SEALED_PASSPHRASE_MAX 1024

enum {
    SEALED_WRONG = -1,     /* it cannot be opened */
    SEALED_NO_MEMORY = -2, /* libcrypto fails */
};

/* Seal len bytes (at most SEALED_MAX). random: new bits each time. A terminated text, the caller's to free; NULL when
 * libcrypto fails. */
char *sealed_seal(const char *plain, size_t len, const char *passphrase,
                  const uint8_t random[SEALED_SALT + SEALED_NONCE]) MUSTCHECK;

/* Open one. 0 with *plain, the caller's to wipe and free, a zero behind its *plain_len bytes; or SEALED_WRONG or
 * SEALED_NO_MEMORY. */
int sealed_open(const char *text, size_t len, const char *passphrase, char **plain, size_t *plain_len) MUSTCHECK;

/* ---- the two halves of sealed_open(), for tests ---- */

struct sealed {
    uint8_t *bytes; /* free() */
    size_t len;     /* SEALED_HEAD + SEALED_TAG, or more */
};

/* The bytes of a text. 0, or SEALED_WRONG: it is not in this form. */
int sealed_parse(struct sealed *s, const char *text, size_t len) MUSTCHECK;

/* Open them with a key. */
int sealed_open_with(const struct sealed *s, const uint8_t key[SEALED_KEY], char **plain, size_t *plain_len) MUSTCHECK;

#endif
