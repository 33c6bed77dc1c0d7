#include "core/flukso_digest.h"

#include "core/num.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void flukso_digest(const char *key, const void *body, size_t len, char out[FLUKSO_DIGEST_LEN + 1])
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!HMAC(EVP_sha1(), key, (int)strlen(key), body, len, mac, &n) || n != FLUKSO_DIGEST_LEN / 2)
        abort(); /* out of memory */
    for (unsigned i = 0; i < n; i++)
        out = num_put_hex(out, mac[i], 2);
    *out = '\0';
}

bool flukso_digest_matches(const char *key, const void *body, size_t len, const char *claimed)
{
    char mine[FLUKSO_DIGEST_LEN + 1];

    if (!claimed || strnlen(claimed, FLUKSO_DIGEST_LEN + 1) != FLUKSO_DIGEST_LEN)
        return false;
    flukso_digest(key, body, len, mine);
    return CRYPTO_memcmp(mine, claimed, FLUKSO_DIGEST_LEN) == 0;
}
