#include "core/utf8.h"

#include <string.h>

size_t utf8_next(const char *p, const char *end, uint32_t *c)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = p < end ? (unsigned char)*p : 0xff;
    size_t n = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;

    if (n == 0 || (size_t)(end - p) < n)
        return 0;
    *c = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | ((unsigned char)p[i] & 0x3f);
    }
    if (*c < smallest[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
        return 0;
    return n;
}

size_t utf8_count(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

size_t utf8_fit(const char *text, size_t max)
{
    size_t n = strnlen(text, max);

    while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}
