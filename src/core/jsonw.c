#include "core/jsonw.h"

#include "core/num.h"
#include "core/utf8.h"
#include "core/util.h"

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

char *jsonw_room(struct jsonw *w, size_t n)
{
    if (w->cap - w->len < n) {
        size_t cap = w->cap ? w->cap : 256;
        while (cap - w->len < n)
            cap *= 2;
        w->buf = must(realloc(w->buf, cap));
        w->cap = cap;
    }
    return w->buf + w->len;
}

void jsonw_raw(struct jsonw *w, const char *text, size_t len)
{
    memcpy(jsonw_room(w, len), text, len);
    w->len += len;
}

static void put(struct jsonw *w, char c)
{
    *jsonw_room(w, 1) = c;
    w->len++;
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
    w->len = (size_t)(num_put_hex(jsonw_room(w, 2), c, 2) - w->buf);
}

static void put_string(struct jsonw *w, const char *v)
{
    const char *end = v + strlen(v);
    uint32_t c;

    put(w, '"');
    while (v < end) {
        size_t n = utf8_next(v, end, &c);
        if (n == 0) {
            jsonw_raw(w, "\xef\xbf\xbd", 3);
            v++;
        } else if (c < 0x20 || c == '"' || c == '\\') {
            put_escaped(w, (unsigned char)*v++);
        } else {
            jsonw_raw(w, v, n);
            v += n;
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
    w->len = (size_t)(num_put_int(jsonw_room(w, NUM_MAX), v) - w->buf);
}

void jsonw_milli(struct jsonw *w, const char *key, int64_t milli)
{
    start(w, key);
    w->len = (size_t)(num_put_milli(jsonw_room(w, NUM_MAX), milli) - w->buf);
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

void jsonw_json(struct jsonw *w, const char *key, const char *json, size_t len)
{
    start(w, key);
    jsonw_raw(w, json, len);
}
