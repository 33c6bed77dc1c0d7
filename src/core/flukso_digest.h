/* The X-Digest of the Flukso API (flukso-api.md): HMAC-SHA1 over the exact bytes of a body, with the device's key.
 * It never keeps a key and never says one. */
#ifndef CORE_FLUKSO_DIGEST_H
#define CORE_FLUKSO_DIGEST_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

#define FLUKSO_DIGEST_LEN 40

/* Write the digest as lower-case hex digits, terminated. The key is text: its characters are the key's bytes. */
void flukso_digest(const char *key, const void *body, size_t len, char out[FLUKSO_DIGEST_LEN + 1]);

/* Is `claimed` (a header's value, or NULL when there was none) the digest of this body? How long it takes does not
 * tell how much of it is right. */
bool flukso_digest_matches(const char *key, const void *body, size_t len, const char *claimed) MUSTCHECK;

#endif
