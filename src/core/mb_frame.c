#include "core/mb_frame.h"

#include <string.h>

#define READ_MAX  250 /* bytes of words in an answer */
#define MBAP_HEAD 6   /* bytes before what its length counts */
#define MBAP_LEN  254 /* the most that its length may say */
#define EXCEPTION 0x80
#define SHORTEST  5 /* bytes of the shortest RTU frame: an exception */

uint16_t mb_frame_crc(const uint8_t *p, size_t n)
{
    uint16_t crc = 0xffff;

    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    }
    return crc;
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

size_t mb_frame_put_rtu(const struct mb_request *r, uint8_t out[MB_FRAME_REQUEST])
{
    out[0] = r->unit;
    out[1] = r->function;
    put16(out + 2, r->address);
    put16(out + 4, r->count);
    uint16_t crc = mb_frame_crc(out, 6);
    out[6] = (uint8_t)crc;
    out[7] = (uint8_t)(crc >> 8);
    return MB_FRAME_REQUEST;
}

size_t mb_frame_put_mbap(const struct mb_request *r, uint8_t out[12])
{
    put16(out, r->transaction);
    put16(out + 2, 0);
    put16(out + 4, 6);
    out[6] = r->unit;
    out[7] = r->function;
    put16(out + 8, r->address);
    put16(out + 10, r->count);
    return 12;
}

/* ---- RTU ---- */

/* Do these len bytes end with their CRC? */
static bool sealed(const uint8_t *p, size_t len)
{
    uint16_t crc = mb_frame_crc(p, len - 2);

    return p[len - 2] == (uint8_t)crc && p[len - 1] == crc >> 8;
}

/* Bytes of the whole frame that begins at p, of whatever master or unit; 0: none does, as far as n bytes tell. */
static size_t any_frame(const uint8_t *p, size_t n)
{
    size_t read = n > 2 ? 5u + p[2] : 0;

    if (n < SHORTEST)
        return 0;
    if (p[1] >= EXCEPTION)
        return sealed(p, SHORTEST) ? SHORTEST : 0;
    if (p[1] == 0)
        return 0;
    if (n >= MB_FRAME_REQUEST && sealed(p, MB_FRAME_REQUEST)) /* requests, and answers to writes */
        return MB_FRAME_REQUEST;
    return p[2] <= READ_MAX && read > SHORTEST && n >= read && sealed(p, read) ? read : 0;
}

/* A whole frame that is not the answer. */
static void note_other(const struct mb_request *r, const uint8_t *p, size_t len, struct mb_answer *a)
{
    uint8_t request[MB_FRAME_REQUEST];

    if (len == mb_frame_put_rtu(r, request) && memcmp(p, request, len) == 0) {
        a->echo = true;
        return;
    }
    a->stray = true;
    if (p[0] == r->unit && p[1] == r->function && p[2] < 2 * r->count && len == 5u + p[2])
        a->short_words = p[2] / 2;
}

/* Does the answer begin at p? */
static enum mb_found begins(const struct mb_request *r, const uint8_t *p, size_t n, struct mb_answer *a)
{
    size_t len = mb_frame_answer_len(r);

    if (p[0] != r->unit || n < 2)
        return MB_FOUND_NOTHING;
    if (p[1] == (r->function | EXCEPTION) && n >= SHORTEST && sealed(p, SHORTEST)) {
        a->exception = p[2];
        return MB_FOUND_EXCEPTION;
    }
    if (p[1] != r->function || n < 3 || p[2] != 2 * r->count)
        return MB_FOUND_NOTHING;
    if (n >= len)
        return sealed(p, len) ? MB_FOUND_ANSWER : MB_FOUND_NOTHING;
    a->half = true;
    return MB_FOUND_NOTHING;
}

enum mb_found mb_frame_find_rtu(const struct mb_request *r, const uint8_t *p, size_t n, struct mb_answer *a)
{
    *a = (struct mb_answer){0};
    for (size_t i = 0; i < n;) {
        enum mb_found found = begins(r, p + i, n - i, a);
        if (found != MB_FOUND_NOTHING) {
            a->words_at = i + 3;
            a->half = false;
            return found;
        }
        size_t other = any_frame(p + i, n - i);
        if (other > 0) {
            a->half = false; /* that was this frame's beginning */
            note_other(r, p + i, other, a);
        } else {
            a->noise++;
        }
        i += other > 0 ? other : 1;
    }
    return MB_FOUND_NOTHING;
}

/* ---- MBAP ---- */

/* One whole frame, whose length counts len bytes from the unit on. */
static enum mb_found judge_mbap(const struct mb_request *r, const uint8_t *p, size_t len, struct mb_answer *a)
{
    a->stray = true;
    if (get16(p) != r->transaction || p[6] != r->unit)
        return MB_FOUND_NOTHING;
    if (p[7] == (r->function | EXCEPTION) && len == 3) {
        a->exception = p[8];
        return MB_FOUND_EXCEPTION;
    }
    if (p[7] != r->function || len < 3 || p[8] != len - 3)
        return MB_FOUND_NOTHING;
    if (p[8] == 2 * r->count)
        return MB_FOUND_ANSWER;
    if (p[8] < 2 * r->count)
        a->short_words = p[8] / 2;
    return MB_FOUND_NOTHING;
}

enum mb_found mb_frame_find_mbap(const struct mb_request *r, const uint8_t *p, size_t n, struct mb_answer *a)
{
    *a = (struct mb_answer){0};
    for (size_t i = 0; n - i > MBAP_HEAD;) {
        size_t len = get16(p + i + 4);
        if (get16(p + i + 2) != 0 || len < 2 || len > MBAP_LEN) {
            a->noise = n - i; /* no stream of frames: there is no way to find the next one */
            return MB_FOUND_NOTHING;
        }
        a->half = n - i < MBAP_HEAD + len;
        if (a->half)
            return MB_FOUND_NOTHING;
        enum mb_found found = judge_mbap(r, p + i, len, a);
        if (found != MB_FOUND_NOTHING) {
            a->words_at = i + 9;
            a->stray = i > 0;
            return found;
        }
        i += MBAP_HEAD + len;
    }
    return MB_FOUND_NOTHING;
}

void mb_frame_words(const struct mb_request *r, const uint8_t *p, const struct mb_answer *a, uint16_t *words)
{
    for (size_t i = 0; i < r->count; i++)
        words[i] = get16(p + a->words_at + 2 * i);
}

const char *mb_exception_name(int code)
{
    static const char *const names[] = {
        [1] = "illegal function",           [2] = "illegal data address",
        [3] = "illegal data value",         [4] = "device failure",
        [5] = "acknowledge: it takes long", [6] = "device busy",
        [7] = "negative acknowledge",       [8] = "memory parity error",
        [10] = "gateway path unavailable",  [11] = "gateway target failed to respond",
    };
    const char *name = code > 0 && code < (int)ARRAY_LEN(names) ? names[code] : NULL;

    return name ? name : "unknown";
}
