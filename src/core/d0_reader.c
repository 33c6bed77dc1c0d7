#include "core/d0_reader.h"

#include <stdio.h>
#include <string.h>

#define STX 0x02
#define ETX 0x03
#define ACK 0x06

#define NOW 255 /* what stands behind "*" of the present value */

void d0_reader_init(struct d0_reader *r)
{
    memset(r, 0, sizeof *r);
}

/* ---- what a telegram says ---- */

/* A number of at most three digits up to 255 at *at, which moves behind it; -1: there is none. */
static int take_byte(const char *text, size_t len, size_t *at)
{
    size_t start = *at;
    int v = 0;

    while (*at < len && text[*at] >= '0' && text[*at] <= '9' && *at - start < 3)
        v = v * 10 + (text[(*at)++] - '0');
    return *at > start && v <= 255 ? v : -1;
}

/* "1-0:1.8.1*255", "1.8.1", "6.8*01", up to the bracket. False: it is no code of numbers, or of an older value. */
static bool take_code(const char *text, size_t len, struct obis_value *v)
{
    size_t at = 0;
    int n[4] = {-1, -1, -1, NOW}; /* c, d, e, which */

    v->a = 1;
    v->b = 0;
    const char *colon = memchr(text, ':', len);
    if (colon) {
        int a = take_byte(text, len, &at), b = at < len && text[at++] == '-' ? take_byte(text, len, &at) : -1;
        if (a < 0 || b < 0 || at >= len || text[at++] != ':')
            return false;
        v->a = (uint8_t)a;
        v->b = (uint8_t)b;
    }
    for (int i = 0; i < 3; i++) {
        n[i] = take_byte(text, len, &at);
        if (n[i] < 0)
            return false;
        if (at == len || text[at] != '.')
            break;
        at++;
    }
    if (at < len && text[at] == '*') {
        at++;
        n[3] = take_byte(text, len, &at);
    }
    v->c = (uint8_t)n[0];
    v->d = (uint8_t)n[1];
    v->e = (uint8_t)(n[2] < 0 ? 255 : n[2]);
    return at == len && n[1] >= 0 && n[3] == NOW;
}

/* A number with its unit; energies of electricity are in kWh where nothing is said. */
static int take_number(const char *text, size_t len, struct obis_value *v)
{
    bool energy = (v->c == 1 || v->c == 2) && v->d == 8;
    char number[40];

    if (obis_number(text, len, v) < 0)
        return -1;
    if (v->unit_given || !energy || len > 30)
        return 0;
    len = (size_t)snprintf(number, sizeof number, "%.*s*kWh", (int)len, text);
    int result = obis_number(number, len, v);
    v->unit_given = false;
    return result;
}

static void take_entry(struct d0_telegram *t, const char *code, size_t code_len, const char *value, size_t len)
{
    struct obis_value v = {0};
    bool negative = len && *value == '-';

    if (!take_code(code, code_len, &v) || !len)
        return;
    if (negative || *value == '+') {
        value++;
        len--;
    }
    if (v.c >= 90 || take_number(value, len, &v) < 0) {
        t->bad += v.c < 90;
        return;
    }
    if (!v.unit_given && v.unit == OBIS_PLAIN) /* numbers, versions, states */
        return;
    v.milli = negative ? -v.milli : v.milli;
    if (v.milli > OBIS_MAX || t->n == D0_VALUES)
        t->dropped++;
    else
        t->values[t->n++] = v;
}

/* "code(value)code(value)…"; what is no such thing counts as one bad entry and ends the line. */
static void take_line(struct d0_telegram *t, const char *p, size_t len)
{
    while (len) {
        const char *open = memchr(p, '(', len);
        const char *close = open ? memchr(open, ')', len - (size_t)(open - p)) : NULL;
        if (!close || memchr(open + 1, '(', (size_t)(close - open - 1))) {
            t->bad++;
            return;
        }
        take_entry(t, p, (size_t)(open - p), open + 1, (size_t)(close - open - 1));
        len -= (size_t)(close + 1 - p);
        p = close + 1;
    }
}

static void parse(const struct d0_reader *r, struct d0_telegram *t)
{
    const char *end = r->text + r->len, *line_end;

    memset(t, 0, sizeof *t);
    for (const char *p = r->text; p < end; p = line_end + 1) {
        line_end = memchr(p, '\n', (size_t)(end - p));
        line_end = line_end ? line_end : end;
        if (p == r->text)
            snprintf(t->ident, sizeof t->ident, "%.*s", (int)(line_end - p - 1), p + 1);
        else
            take_line(t, p, (size_t)(line_end - p));
    }
}

/* ---- the stream ---- */

static void end_it(struct d0_reader *r, enum d0_end end, d0_cb cb, void *ctx)
{
    struct d0_telegram t;
    bool told = end == D0_GOOD || end == D0_NO_BCC;

    r->ends[end]++;
    if (told)
        parse(r, &t);
    r->where = D0_OUTSIDE;
    r->told = r->len;
    r->len = r->line = 0;
    r->stx = false;
    cb(ctx, end, told ? &t : NULL);
}

static void begin(struct d0_reader *r)
{
    r->where = D0_INSIDE;
    r->text[0] = '/';
    r->len = 1;
    r->line = 0;
    r->stx = false;
}

/* A line has ended. Our own request that came back is none. */
static void end_line(struct d0_reader *r)
{
    if (r->line == 0 && r->len >= 2 && r->text[1] == '?') {
        r->where = D0_OUTSIDE;
        return;
    }
    if (r->text[r->len - 1] != '\n')
        r->text[r->len++] = '\n';
    r->line = r->len;
}

/* A byte of the telegram itself. */
static void take_inside(struct d0_reader *r, char c, d0_cb cb, void *ctx)
{
    if (c == '/' && r->len == r->line) {
        end_it(r, D0_CUT, cb, ctx);
        begin(r);
    } else if (c == STX) {
        r->stx = true;
        r->bcc = 0;
    } else if (c == '!' && r->line > 0 && (r->len == r->line || r->text[r->len - 1] == ')')) {
        r->where = D0_AFTER;
    } else if (c == '\r' || c == '\n') {
        end_line(r);
    } else if (c != ACK) {
        if (r->len + 2 > sizeof r->text)
            end_it(r, D0_TOO_LONG, cb, ctx);
        else
            r->text[r->len++] = c;
    }
}

/* Behind "!": line end, ETX and BCC, or something new. */
static void take_after(struct d0_reader *r, char c, d0_cb cb, void *ctx)
{
    if (r->where == D0_CHECK) {
        end_it(r, (uint8_t)c == (r->bcc & 0x7f) ? D0_GOOD : D0_BAD_BCC, cb, ctx);
    } else if (c == ETX && r->stx) {
        r->where = D0_CHECK;
    } else if (c == '\n' && !r->stx) {
        end_it(r, D0_NO_BCC, cb, ctx);
    } else if (c == '/') {
        end_it(r, D0_NO_BCC, cb, ctx);
        begin(r);
    } else if (c != '\r' && c != '\n' && c != ETX) {
        end_it(r, D0_CUT, cb, ctx);
    }
}

void d0_reader_bytes(struct d0_reader *r, const uint8_t *p, size_t n, d0_cb cb, void *ctx)
{
    for (size_t i = 0; i < n; i++) {
        char c = (char)(p[i] & 0x7f);
        if (r->stx && r->where != D0_CHECK)
            r->bcc ^= (uint8_t)c;
        if (r->where == D0_OUTSIDE && c == '/')
            begin(r);
        else if (r->where == D0_OUTSIDE)
            r->skipped++;
        else if (r->where == D0_INSIDE)
            take_inside(r, c, cb, ctx);
        else
            take_after(r, c, cb, ctx);
    }
}

void d0_reader_pause(struct d0_reader *r, d0_cb cb, void *ctx)
{
    if (r->where == D0_AFTER)
        end_it(r, D0_NO_BCC, cb, ctx);
    else if (r->where != D0_OUTSIDE)
        end_it(r, D0_CUT, cb, ctx);
}

const struct obis_value *d0_value(const struct d0_telegram *t, unsigned c, unsigned d, unsigned e)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->values[i].c == c && t->values[i].d == d && t->values[i].e == e)
            return &t->values[i];
    return NULL;
}

const char *d0_end_name(enum d0_end e)
{
    static const char *const names[D0_ENDS] = {"ok", "ok, without BCC", "BCC wrong", "cut", "too long"};

    return names[e];
}
