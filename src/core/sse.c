#include "core/sse.h"

#include <string.h>

struct out {
    char *p, *end;
    bool full; /* something did not fit */
};

static void put(struct out *o, const char *text, size_t len)
{
    if ((size_t)(o->end - o->p) < len) {
        o->full = true;
        return;
    }
    memcpy(o->p, text, len);
    o->p += len;
}

static void put_field(struct out *o, const char *name, const char *value, size_t len)
{
    put(o, name, strlen(name));
    put(o, ": ", 2);
    put(o, value, len);
    put(o, "\n", 1);
}

static size_t line_len(const char *p, const char *end)
{
    const char *q = p;

    while (q < end && *q != '\n' && *q != '\r')
        q++;
    return (size_t)(q - p);
}

size_t sse_put(char *dst, size_t size, const char *event, const char *id, const char *data, size_t len)
{
    struct out o = {.p = dst, .end = dst + size};
    const char *end = data + len;

    put_field(&o, "event", event, strlen(event));
    if (id)
        put_field(&o, "id", id, strlen(id));
    for (const char *p = data;;) {
        size_t n = line_len(p, end);
        put_field(&o, "data", p, n);
        p += n;
        if (p == end)
            break;
        p += end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
    }
    put(&o, "\n", 1);
    return o.full ? 0 : (size_t)(o.p - dst);
}
