#include "core/p1_reader.h"

#include "core/num.h"

#include <string.h>

#define CRC_DIGITS 4

void p1_reader_init(struct p1_reader *r)
{
    memset(r, 0, sizeof *r);
}

static void tell(struct p1_reader *r, enum p1_end end, const char *text, size_t len, p1_cb cb, void *ctx)
{
    r->ends[end]++;
    cb(ctx, end, text, len);
}

/* From which "/" on do the first n characters have this CRC? It runs backwards, from what the meter said to the 0 that
 * a telegram begins with: once, however many "/" there are. False: from none. */
static bool find_start(const char *text, size_t n, uint16_t crc, size_t *start)
{
    while (n-- > 0) {
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc ^ 0xa001) << 1 | 1 : crc << 1);
        crc ^= (uint8_t)text[n];
        if (!crc && text[n] == '/') {
            *start = n;
            return true;
        }
    }
    return false;
}

/* What stands from `from` on begins a telegram. */
static void begin_at(struct p1_reader *r, size_t from)
{
    memmove(r->text, r->text + from, r->len - from);
    r->len -= from;
    r->line = 0;
    r->open = true;
}

/* The last "/" behind the first one and before `end`; 0: there is none. */
static size_t later_start(const struct p1_reader *r, size_t end)
{
    const char *p = end > 1 ? memrchr(r->text + 1, '/', end - 1) : NULL;

    return p ? (size_t)(p - r->text) : 0;
}

/* The running telegram is given up; the last "/" in it may begin the next. */
static void give_up(struct p1_reader *r, enum p1_end end, p1_cb cb, void *ctx)
{
    size_t start = later_start(r, r->len);

    tell(r, end, r->text, start ? start : r->len, cb, ctx);
    if (start) {
        begin_at(r, start);
    } else {
        r->open = false;
        r->len = r->line = 0;
    }
}

/* The line "!" or "!A396" is whole (without its end), at r->line: from which "/" on does the CRC hold? */
static void finish(struct p1_reader *r, bool has_crc, p1_cb cb, void *ctx)
{
    size_t body = r->line + 1, start = 0;
    uint32_t want = 0;
    bool good = false;

    if (has_crc) {
        (void)num_get_hex(r->text + body, CRC_DIGITS, &want);
        good = find_start(r->text, body, (uint16_t)want, &start);
        r->crc_seen |= good;
    } else {
        start = later_start(r, body);
    }
    if (start)
        tell(r, P1_CUT, r->text, start, cb, ctx);
    enum p1_end end = has_crc ? (good ? P1_GOOD : P1_BAD_CRC) : r->crc_seen ? P1_BAD_CRC : P1_NO_CRC;
    tell(r, end, r->text + start, body - start, cb, ctx);
    r->open = false;
    r->len = r->line = 0;
}

/* A line has ended; its text is at r->line, without its end. */
static void end_line(struct p1_reader *r, p1_cb cb, void *ctx)
{
    const char *line = r->text + r->line;
    size_t n = r->len - r->line;
    uint32_t crc;

    if (n && *line == '!') {
        if (n == 1 || (n == 1 + CRC_DIGITS && num_get_hex(line + 1, CRC_DIGITS, &crc) == 0)) {
            finish(r, n > 1, cb, ctx);
            return;
        }
        size_t start = later_start(r, r->len);
        if (start <= r->line) { /* no end, and nothing begins behind it */
            tell(r, P1_BAD_CRC, r->text, r->len, cb, ctx);
            r->open = false;
            r->len = r->line = 0;
            return;
        }
        tell(r, P1_CUT, r->text, start, cb, ctx);
        begin_at(r, start);
    }
    memcpy(r->text + r->len, "\r\n", 2);
    r->len += 2;
    r->line = r->len;
}

static void take(struct p1_reader *r, char c, p1_cb cb, void *ctx)
{
    if (!r->open) {
        r->skipped += c != '/';
        if (c != '/')
            return;
        r->open = true;
    } else if (c == '/' && r->len == r->line) {
        tell(r, P1_CUT, r->text, r->len, cb, ctx);
        r->len = r->line = 0;
    }
    if (c == '\n') {
        if (r->len > r->line && r->text[r->len - 1] == '\r')
            r->len--;
        end_line(r, cb, ctx);
        return;
    }
    while (r->open && (r->len + 3 > P1_TELEGRAM_MAX || r->len - r->line >= P1_LINE_MAX))
        give_up(r, P1_TOO_LONG, cb, ctx);
    if (r->open)
        r->text[r->len++] = c;
    else
        r->skipped++;
}

void p1_reader_bytes(struct p1_reader *r, const uint8_t *p, size_t n, p1_cb cb, void *ctx)
{
    for (size_t i = 0; i < n; i++)
        take(r, (char)(p[i] & 0x7f), cb, ctx);
}

const char *p1_end_name(enum p1_end e)
{
    static const char *const names[P1_ENDS] = {"ok", "ok, without CRC", "CRC wrong", "cut", "too long"};

    return names[e];
}
