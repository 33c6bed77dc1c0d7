#include "core/access_code.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

void access_code_make(struct access_code *c, uint64_t random, int64_t mono_ms)
{
    snprintf(c->text, sizeof c->text, "%08u", (unsigned)(random % 100000000));
    c->until_ms = mono_ms + ACCESS_CODE_S * 1000;
    c->tries = ACCESS_CODE_TRIES;
}

void access_code_void(struct access_code *c)
{
    OPENSSL_cleanse(c, sizeof *c);
}

bool access_code_is_open(const struct access_code *c, int64_t mono_ms)
{
    return c->tries > 0 && mono_ms < c->until_ms;
}

enum access_code_verdict access_code_try(struct access_code *c, const char *text, int64_t mono_ms)
{
    if (!access_code_is_open(c, mono_ms)) {
        access_code_void(c);
        return ACCESS_CODE_NONE;
    }
    if (strlen(text) == ACCESS_CODE_DIGITS && CRYPTO_memcmp(c->text, text, ACCESS_CODE_DIGITS) == 0)
        return ACCESS_CODE_RIGHT;
    if (--c->tries == 0)
        access_code_void(c);
    return ACCESS_CODE_WRONG;
}
