#include "core/influx_auth.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

int influx_auth(const char *text, size_t len, bool version_1, char out[INFLUX_AUTH])
{
    static const char basic[] = "Authorization: Basic ";
    const char *nl = len ? memchr(text, '\n', len) : NULL;
    bool is_basic;

    len = nl ? (size_t)(nl - text) : len;
    len -= len && text[len - 1] == '\r';
    is_basic = version_1 && len && memchr(text, ':', len);
    if (len == 0 || len > INFLUX_TOKEN_MAX)
        return -1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == 0x7f || (c > 0x7f && !is_basic))
            return -1;
    }
    if (is_basic) {
        memcpy(out, basic, sizeof basic - 1);
        EVP_EncodeBlock((unsigned char *)out + sizeof basic - 1, (const unsigned char *)text, (int)len);
    } else {
        snprintf(out, INFLUX_AUTH, "Authorization: Token %.*s", (int)len, text);
    }
    return 0;
}
