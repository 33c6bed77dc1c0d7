#include "core/influx_line.h"

#include "core/jsonw.h"
#include "core/num.h"
#include "core/thinning.h"
#include "core/utf8.h"

#include <string.h>

#include <cjson/cJSON.h>

static const char *const members[] = {"error", "message", NULL};

static void put_text(struct jsonw *w, const char *text)
{
    jsonw_raw(w, text, strlen(text));
}

static bool special(uint32_t c)
{
    return c == ',' || c == '=' || c <= ' ' || c == 0x7f;
}

static void put_name(struct jsonw *w, const char *name)
{
    const char *end = name + strlen(name);
    size_t step;
    uint32_t c;

    for (const char *p = name; p < end; p += step) {
        step = utf8_next(p, end, &c);
        if (step == 0) {
            jsonw_raw(w, "\xef\xbf\xbd", 3);
            step = 1;
        } else if (c == '\\') {
            bool doubtful = p[1] == '\\' || special((unsigned char)p[1]); /* the end is one, too */
            jsonw_raw(w, doubtful ? "/" : "\\", 1);
        } else if (special(c)) {
            jsonw_raw(w, "\\", 1);
            jsonw_raw(w, c == ',' || c == '=' ? p : " ", 1);
        } else {
            jsonw_raw(w, p, step);
        }
    }
}

/* All of a line that its series' lines have in common. */
static void put_series(struct jsonw *w, const struct influx_series *s)
{
    put_text(w, sensor_type_name(s->type));
    put_text(w, ",device=");
    put_text(w, s->device);
    if (s->name && *s->name) {
        put_text(w, ",name=");
        put_name(w, s->name);
    }
    put_text(w, ",sensor=");
    put_text(w, s->sensor);
    if (s->subtype) {
        put_text(w, ",subtype=");
        put_text(w, sensor_subtype_name(s->subtype));
    }
    put_text(w, s->kind == READING_GAUGE ? " gauge=" : " counter=");
}

void influx_lines(struct jsonw *w, const struct influx_series *s, const struct thin_row *rows, size_t n)
{
    size_t start = w->len, head = 0;

    for (size_t i = 0; i < n; i++) {
        if (i == 0) {
            put_series(w, s);
            head = w->len - start;
        }
        char *p = jsonw_room(w, head + 2 * NUM_MAX + 2);
        if (i > 0) {
            memcpy(p, w->buf + start, head);
            p += head;
        }
        p = num_put_milli(p, rows[i].value);
        *p++ = ' ';
        p = num_put_int(p, rows[i].unix_s);
        *p++ = '\n';
        w->len = (size_t)(p - w->buf);
    }
}

/* What does not fit is counted all the same, so that the caller can tell. */
struct url {
    char *dst;
    size_t size, len;
};

static void url_raw(struct url *u, const char *text, size_t n)
{
    if (u->len < u->size && n < u->size - u->len)
        memcpy(u->dst + u->len, text, n);
    u->len += n;
}

static void url_text(struct url *u, const char *text)
{
    url_raw(u, text, strlen(text));
}

static void url_encoded(struct url *u, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *text; text++) {
        char code[3] = "%";
        if (strchr(plain, *text)) {
            url_raw(u, text, 1);
        } else {
            num_put_hex(code + 1, (unsigned char)*text, 2);
            url_raw(u, code, sizeof code);
        }
    }
}

int influx_url(const struct influx_target *t, char *dst, size_t size)
{
    struct url u = {.dst = dst, .size = size};
    size_t n = strlen(t->url);

    if (!t->db && !t->bucket)
        return -1;
    while (n && t->url[n - 1] == '/')
        n--;
    url_raw(&u, t->url, n);
    if (t->bucket) {
        url_text(&u, "/api/v2/write?");
        if (t->org) {
            url_text(&u, "org=");
            url_encoded(&u, t->org);
            url_text(&u, "&");
        }
        url_text(&u, "bucket=");
        url_encoded(&u, t->bucket);
    } else {
        url_text(&u, "/write?db=");
        url_encoded(&u, t->db);
    }
    url_text(&u, "&precision=s");
    if (u.len >= size)
        return -1;
    dst[u.len] = '\0';
    return (int)u.len;
}

static bool success_is_one(const struct answer_in *in)
{
    if (answer_empty(in))
        return true;
    cJSON *tree = answer_json(in->body, in->len);
    bool one = cJSON_IsObject(tree) && !cJSON_GetObjectItemCaseSensitive(tree, "error");
    cJSON_Delete(tree);
    return one;
}

void influx_answer(struct answer *out, const struct answer_in *in)
{
    static const struct {
        int status;
        enum answer_kind kind;
    } kinds[] = {
        {400, ANSWER_ROW},     {401, ANSWER_REFUSED},   {403, ANSWER_REFUSED},
        {404, ANSWER_REFUSED}, {413, ANSWER_TOO_LARGE}, {422, ANSWER_ROW},
    };
    enum answer_kind kind = ANSWER_SERVER;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].status == in->status)
            kind = kinds[i].kind;
    if (in->status >= 200 && in->status <= 299)
        kind = success_is_one(in) ? ANSWER_OK : ANSWER_KEEP;
    if (in->status <= 0)
        answer_set(out, in, ANSWER_TRANSPORT, in->failure, in->failure ? strlen(in->failure) : 0);
    else
        answer_set_body(out, in, kind, members);
}

static const char *find_words(const struct answer_in *in, const char *words)
{
    return in->len ? memmem(in->body, in->len, words, strlen(words)) : NULL;
}

void influx_blame(struct influx_blame *out, const struct answer_in *in)
{
    static const char count[] = "dropped=";
    const char *p = find_words(in, count), *end = in->body + in->len;

    out->certain = find_words(in, "partial write") || find_words(in, "unable to parse");
    out->dropped = 0;
    for (p = p ? p + strlen(count) : end; p < end && *p >= '0' && *p <= '9' && out->dropped < 1000000; p++)
        out->dropped = out->dropped * 10 + (size_t)(*p - '0');
}
