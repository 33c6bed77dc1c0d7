#include "core/query.h"

#include "core/num.h"

#include <stdint.h>
#include <string.h>

#define KEY_MAX 32 /* longer names are nobody's */

int query_decode(const char *src, size_t len, bool form, char *dst, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        uint32_t c = (unsigned char)src[i];
        if (c == '%') {
            if (len - i < 3 || num_get_hex(src + i + 1, 2, &c) < 0)
                return QUERY_BAD;
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (c == 0 || n + 1 >= size)
            return QUERY_BAD;
        dst[n++] = (char)c;
    }
    if (size == 0)
        return QUERY_BAD;
    dst[n] = '\0';
    return (int)n;
}

int query_next(const char **rest, const char *key, char *dst, size_t size)
{
    char name[KEY_MAX];

    while (**rest) {
        const char *p = *rest;
        size_t len = strcspn(p, "&");
        const char *equals = memchr(p, '=', len);
        size_t name_len = equals ? (size_t)(equals - p) : len;

        *rest += p[len] ? len + 1 : len;
        if (query_decode(p, name_len, true, name, sizeof name) >= 0 && strcmp(name, key) == 0)
            return equals ? query_decode(equals + 1, len - name_len - 1, true, dst, size)
                          : query_decode("", 0, true, dst, size);
    }
    return QUERY_ABSENT;
}

int query_get(const char *query, const char *key, char *dst, size_t size)
{
    return query_next(&query, key, dst, size);
}
