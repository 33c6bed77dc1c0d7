#include "core/jsonw.h"

#include "core/num.h"

#include <stdlib.h>
#include <string.h>

void jsonw_init(struct jsonw *w)
{
    memset(w, 0, sizeof *w);
}

void jsonw_free(struct jsonw *w)
{
    free(w->buf);
    jsonw_init(w);
}

static char *room(struct jsonw *w, size_t n)
{
    if (w->cap - w->len < n) {
        size_t cap = w->cap ? w->cap : 256;
        while (cap - w->len < n)
            cap *= 2;
        w->buf = realloc(w->buf, cap);
        if (!w->buf)
            abort();
        w->cap = cap;
    }
    return w->buf + w->len;
}

void jsonw_raw(struct jsonw *w, const char *text, size_t len)
{
    memcpy(room(w, len), text, len);
    w->len += len;
}

static void put(struct jsonw *w, char c)
{
    *room(w, 1) = c;
    w->len++;
}

/* Overlong forms and surrogates are none. */
size_t utf8_len(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static void put_escaped(struct jsonw *w, unsigned char c)
{
    static const char shorts[] = "b\bf\fn\nr\rt\t\"\"\\\\";

    put(w, '\\');
    for (size_t i = 0; i + 1 < sizeof shorts; i += 2) {
        if ((unsigned char)shorts[i + 1] == c) {
            put(w, shorts[i]);
            return;
        }
    }
    jsonw_raw(w, "u00", 3);
    w->len = (size_t)(num_put_hex(room(w, 2), c, 2) - w->buf);
}

static void put_string(struct jsonw *w, const char *v)
{
    const unsigned char *p = (const unsigned char *)v;

    put(w, '"');
    while (*p) {
        size_t n = utf8_len(p);
        if (n == 0) {
            jsonw_raw(w, "\xef\xbf\xbd", 3);
            p++;
        } else if (*p < 0x20 || *p == '"' || *p == '\\') {
            put_escaped(w, *p++);
        } else {
            jsonw_raw(w, (const char *)p, n);
            p += n;
        }
    }
    put(w, '"');
}

static void start(struct jsonw *w, const char *key)
{
    if (w->comma)
        put(w, ',');
    w->comma = true;
    if (key) {
        put_string(w, key);
        put(w, ':');
    }
}

void jsonw_open(struct jsonw *w, const char *key, char bracket)
{
    start(w, key);
    put(w, bracket);
    w->comma = false;
}

void jsonw_close(struct jsonw *w, char bracket)
{
    put(w, bracket);
    w->comma = true;
}

void jsonw_str(struct jsonw *w, const char *key, const char *v)
{
    if (!v) {
        jsonw_null(w, key);
        return;
    }
    start(w, key);
    put_string(w, v);
}

void jsonw_int(struct jsonw *w, const char *key, int64_t v)
{
    start(w, key);
    w->len = (size_t)(num_put_int(room(w, NUM_MAX), v) - w->buf);
}

void jsonw_milli(struct jsonw *w, const char *key, int64_t milli)
{
    start(w, key);
    w->len = (size_t)(num_put_milli(room(w, NUM_MAX), milli) - w->buf);
}

void jsonw_bool(struct jsonw *w, const char *key, bool v)
{
    start(w, key);
    jsonw_raw(w, v ? "true" : "false", v ? 4 : 5);
}

void jsonw_null(struct jsonw *w, const char *key)
{
    start(w, key);
    jsonw_raw(w, "null", 4);
}
