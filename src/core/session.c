#include "core/session.h"

#include "core/num.h"

#include <openssl/crypto.h>

static bool is_over(const struct session *x, int64_t mono_ms)
{
    return mono_ms - x->used_ms >= SESSION_IDLE_MS || mono_ms - x->start_ms >= SESSION_LIFE_MS;
}

void session_begin(struct sessions *s, const uint8_t id[SESSION_ID], bool tls, int64_t mono_ms,
                   char text[SESSION_TEXT + 1])
{
    struct session *x = s->v;

    for (struct session *y = s->v; y < s->v + SESSION_MAX && x->open && !is_over(x, mono_ms); y++)
        if (!y->open || is_over(y, mono_ms) || y->used_ms < x->used_ms)
            x = y;
    *x = (struct session){.open = true, .tls = tls, .start_ms = mono_ms, .used_ms = mono_ms};
    for (size_t i = 0; i < SESSION_ID; i++) {
        x->id[i] = id[i];
        text = num_put_hex(text, id[i], 2);
    }
    *text = '\0';
}

/* The session with this text, whether over or not; NULL when there is none. All are looked at, whichever it is. */
static struct session *find(struct sessions *s, const char *text, size_t len)
{
    uint8_t id[SESSION_ID];
    struct session *found = NULL;
    uint32_t byte;

    if (len != SESSION_TEXT)
        return NULL;
    for (size_t i = 0; i < SESSION_ID; i++) {
        if (num_get_hex(text + 2 * i, 2, &byte) < 0)
            return NULL;
        id[i] = (uint8_t)byte;
    }
    for (struct session *x = s->v; x < s->v + SESSION_MAX; x++)
        if (CRYPTO_memcmp(x->id, id, sizeof id) == 0 && x->open)
            found = x;
    return found;
}

static void end(struct session *x)
{
    OPENSSL_cleanse(x, sizeof *x);
}

bool session_use(struct sessions *s, const char *text, size_t len, bool tls, int64_t mono_ms)
{
    struct session *x = find(s, text, len);

    if (!x || (x->tls && !tls))
        return false;
    if (is_over(x, mono_ms)) {
        end(x);
        return false;
    }
    x->used_ms = mono_ms;
    return true;
}

bool session_end(struct sessions *s, const char *text, size_t len)
{
    struct session *x = find(s, text, len);

    if (x)
        end(x);
    return x != NULL;
}

void session_end_all(struct sessions *s)
{
    OPENSSL_cleanse(s, sizeof *s);
}

size_t session_count(const struct sessions *s, int64_t mono_ms)
{
    size_t n = 0;

    for (const struct session *x = s->v; x < s->v + SESSION_MAX; x++)
        n += x->open && !is_over(x, mono_ms);
    return n;
}
