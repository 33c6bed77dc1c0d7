#include "core/flm02_codec.h"

#include "core/crc8.h"
#include "core/num.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static_assert(FLM02_REQUEST_MAX <= 32, "the board's buffer has 32 bytes");

const char *flm02_refusal_name(enum flm02_refusal r)
{
    static const char *const names[FLM02_REFUSALS] = {"noise", "cut", "crc", "too_long", "text"};

    return names[r];
}

void flm02_reader_init(struct flm02_reader *r)
{
    memset(r, 0, sizeof *r);
    r->high_nibble = -1;
}

static enum flm02_event refuse(struct flm02_reader *r, enum flm02_refusal why)
{
    r->why = why;
    r->refused[why]++;
    return FLM02_REFUSED;
}

static void begin(struct flm02_reader *r)
{
    r->state = FLM02_BODY;
    r->len = 0;
}

static void tail(struct flm02_reader *r)
{
    r->state = FLM02_TAIL;
    r->high_nibble = -1;
}

/* A '.' came: is what stands in body a message? */
static enum flm02_event finish(struct flm02_reader *r)
{
    uint32_t crc;

    tail(r);
    if (r->len < 4 || num_get_hex(r->body + r->len - 2, 2, &crc) < 0)
        return refuse(r, FLM02_BAD_TEXT);
    if (crc != crc8(r->body, r->len - 2))
        return refuse(r, FLM02_BAD_CRC);
    r->letters = r->body;
    r->args = r->body + 2;
    r->n_args = r->len - 4;
    int bad = 0;
    for (size_t i = 0; i < r->n_args; i++)
        bad |= num_hex_digit(r->args[i]);
    return bad < 0 ? refuse(r, FLM02_BAD_TEXT) : FLM02_MESSAGE;
}

/* How many bytes of a body stand before the first one with a meaning. */
static size_t plain(const char *p, const char *end)
{
    const char *stop = end;

    for (const char *c = ".lu"; *c; c++) {
        const char *at = memchr(p, *c, (size_t)(stop - p));
        stop = at ? at : stop;
    }
    return (size_t)(stop - p);
}

static enum flm02_event read_body(struct flm02_reader *r, const char **p, const char *end)
{
    size_t n = plain(*p, end);

    if (n > sizeof r->body - r->len) {
        *p += sizeof r->body - r->len + 1;
        r->state = FLM02_SEEK;
        return refuse(r, FLM02_TOO_LONG);
    }
    memcpy(r->body + r->len, *p, n);
    r->len += n;
    *p += n;
    if (*p == end)
        return FLM02_MORE;
    char c = *(*p)++;
    if (c == '.')
        return finish(r);
    if (c == 'l') { /* no command has this letter: a new message begins */
        begin(r);
        return refuse(r, FLM02_CUT);
    }
    if (r->len == 0) { /* "lu" */
        tail(r);
        return FLM02_NOTHING;
    }
    r->state = FLM02_SEEK;
    return refuse(r, FLM02_CUT);
}

/* Behind a message: a 'u' and the bytes of the RS-485 port as pairs of hex digits. */
static enum flm02_event read_tail(struct flm02_reader *r, const char **p, const char *end)
{
    while (*p < end) {
        char c = *(*p)++;
        int digit = num_hex_digit(c);
        int high = r->high_nibble;
        r->high_nibble = -1;
        if (digit >= 0 && high >= 0) {
            r->uart = (uint8_t)(high << 4 | digit);
            return FLM02_UART;
        }
        if (digit >= 0) {
            r->high_nibble = digit;
            continue;
        }
        if (c == 'l')
            begin(r);
        else if (c != 'u')
            r->state = FLM02_SEEK;
        if (high >= 0)
            return refuse(r, FLM02_CUT);
        if (r->state == FLM02_SEEK)
            return refuse(r, FLM02_NOISE);
        if (r->state == FLM02_BODY)
            return FLM02_MORE;
    }
    return FLM02_MORE;
}

static enum flm02_event read_seek(struct flm02_reader *r, const char **p, const char *end)
{
    const char *l = memchr(*p, 'l', (size_t)(end - *p));
    bool noise = l != *p;

    *p = l ? l + 1 : end;
    if (l)
        begin(r);
    return noise ? refuse(r, FLM02_NOISE) : FLM02_MORE;
}

enum flm02_event flm02_read(struct flm02_reader *r, const char **p, const char *end)
{
    enum flm02_event e = FLM02_MORE;

    while (*p < end && e == FLM02_MORE) {
        if (r->state == FLM02_SEEK)
            e = read_seek(r, p, end);
        else if (r->state == FLM02_BODY)
            e = read_body(r, p, end);
        else
            e = read_tail(r, p, end);
    }
    return e;
}

void flm02_reader_silence(struct flm02_reader *r)
{
    if ((r->state == FLM02_BODY) || r->high_nibble >= 0)
        refuse(r, FLM02_CUT);
    r->state = FLM02_SEEK;
    r->high_nibble = -1;
}

size_t flm02_write(char *dst, const char *letters, const char *args, size_t n_args)
{
    char *p = dst;

    assert(n_args + 6 <= FLM02_REQUEST_MAX);
    *p++ = 'l';
    memcpy(p, letters, 2);
    memcpy(p + 2, args, n_args);
    p = num_put_hex(p + 2 + n_args, crc8(p, 2 + n_args), 2);
    *p++ = '.';
    return (size_t)(p - dst);
}

int flm02_records(const char *args, size_t n_args, unsigned digits, struct flm02_record out[FLM02_SENSORS])
{
    size_t n = n_args / digits;

    if (n_args % digits || n > FLM02_SENSORS)
        return -1;
    for (size_t i = 0; i < n; i++, args += digits) {
        out[i].id = (uint8_t)num_hex(args, 2);
        out[i].counter = num_hex8(args + 2);
        out[i].milli = digits == 22 ? (uint16_t)num_hex(args + 10, 4) : 0;
        out[i].extra = num_hex8(args + digits - 8);
        if (out[i].id >= FLM02_SENSORS || out[i].milli >= 1000)
            return -1;
    }
    return (int)n;
}
