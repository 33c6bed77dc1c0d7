#include "core/feed.h"

#include "core/num.h"
#include "core/sse.h"
#include "core/util.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MARK_MS 1000

/* In front of each text; records begin at multiples of its size, so that there is always room for one. */
struct record {
    uint32_t ms; /* the lowest bits of the time when it was put */
    uint16_t len;
    uint16_t readers;
};

static_assert(sizeof(struct record) == 8, "records are aligned by it");
static_assert(FEED_READERS <= 16, "a bit each in a record");
static_assert(FEED_EVENT_MAX + sizeof(struct record) < UINT16_MAX, "a length fits");

void feed_init(struct feed *f)
{
    memset(f, 0, sizeof *f);
}

void feed_fini(struct feed *f)
{
    free(f->ring);
    feed_init(f);
}

static size_t step_of(size_t len)
{
    return (sizeof(struct record) + len + sizeof(struct record) - 1) & ~(sizeof(struct record) - 1);
}

static char *at(const struct feed *f, uint64_t pos)
{
    return f->ring + (pos & (f->size - 1));
}

static struct record record_at(const struct feed *f, uint64_t pos)
{
    struct record r;

    memcpy(&r, at(f, pos), sizeof r);
    return r;
}

/* ---- readers come and go ---- */

static void ring_begin(struct feed *f, size_t bytes, int64_t now_ms)
{
    f->size = FEED_BYTES_MIN;
    while (f->size < bytes && f->size < FEED_BYTES_MAX)
        f->size *= 2;
    f->ring = must(malloc(f->size));
    f->head = f->tail = f->mark = 0;
    f->mark_ms = now_ms;
}

int feed_open(struct feed *f, size_t bytes, int64_t now_ms)
{
    int i = 0;

    while (i < FEED_READERS && f->open & 1u << i)
        i++;
    if (i == FEED_READERS)
        return -1;
    if (!f->open)
        ring_begin(f, bytes, now_ms);
    f->now_ms = now_ms;
    f->open |= 1u << i;
    f->readers[i] = (struct feed_reader){.cursor = f->head, .end = f->head};
    return i;
}

void feed_close(struct feed *f, int reader)
{
    f->open &= ~(1u << reader);
    if (f->open)
        return;
    free(f->ring);
    f->ring = NULL;
}

/* ---- putting ---- */

static void drop_oldest(struct feed *f, size_t need)
{
    while (f->head + need - f->tail > f->size)
        f->tail += step_of(record_at(f, f->tail).len);
}

static void append(struct feed *f, size_t len, uint32_t readers)
{
    struct record r = {.ms = (uint32_t)f->now_ms, .len = (uint16_t)len, .readers = (uint16_t)readers};

    memcpy(at(f, f->head), &r, sizeof r);
    f->head += step_of(len);
}

char *feed_room(struct feed *f, size_t max)
{
    size_t need = step_of(max), left = f->size - (f->head & (f->size - 1));

    assert(max <= FEED_EVENT_MAX && f->ring);
    if (left < need) { /* a record is never in two parts: nobody's fills the end */
        drop_oldest(f, left);
        append(f, left - sizeof(struct record), 0);
    }
    drop_oldest(f, need);
    return at(f, f->head) + sizeof(struct record);
}

/* Where those go on who fall behind. */
static void set_mark(struct feed *f)
{
    f->mark = f->head;
    f->mark_ms = f->now_ms;
    for (int i = 0; i < FEED_READERS; i++)
        f->readers[i].put_till_mark = f->readers[i].put;
}

void feed_commit(struct feed *f, size_t len, uint32_t readers)
{
    readers &= f->open;
    if (!readers)
        return;
    if (f->head - f->mark >= f->size / 4 || f->now_ms - f->mark_ms >= MARK_MS)
        set_mark(f);
    append(f, len, readers);
    f->events++;
    for (; readers; readers &= readers - 1)
        f->readers[__builtin_ctz(readers)].put++;
}

/* ---- reading ---- */

bool feed_grant(struct feed *f, int reader, int64_t now_ms)
{
    struct feed_reader *r = &f->readers[reader];

    f->now_ms = now_ms;
    r->end = f->head;
    if (r->put == r->taken)
        r->cursor = f->head; /* what lies between is all others' */
    return r->put != r->taken;
}

static bool is_behind(const struct feed *f, const struct feed_reader *r)
{
    if (r->cursor < f->tail)
        return true;
    return r->cursor < f->mark && (uint32_t)f->now_ms - record_at(f, r->cursor).ms > FEED_AGE_MS;
}

/* Go on at the mark; the length of the word about it, if there is one to say. */
static size_t jump(struct feed *f, struct feed_reader *r, char *dst, size_t size)
{
    uint64_t n = r->put_till_mark - r->taken;
    char json[NUM_MAX + 8] = "{\"n\":";
    char *p = num_put_int(json + strlen(json), (int64_t)n);

    r->cursor = f->mark;
    r->taken = r->put_till_mark;
    if (r->end < r->cursor)
        r->end = r->cursor;
    if (n == 0)
        return 0;
    f->skipped += n;
    *p++ = '}';
    return sse_put(dst, size, "skipped", NULL, json, (size_t)(p - json));
}

size_t feed_read(struct feed *f, int reader, char *dst, size_t size)
{
    struct feed_reader *r = &f->readers[reader];
    size_t n = 0;

    assert(size >= FEED_READ_MIN);
    if (r->put != r->taken && is_behind(f, r))
        n = jump(f, r, dst, size);
    for (int visits = 0; r->cursor < r->end && r->put != r->taken && visits < FEED_VISIT; visits++) {
        struct record x = record_at(f, r->cursor);
        if (x.readers & 1u << reader) {
            if (x.len > size - n)
                break;
            memcpy(dst + n, at(f, r->cursor) + sizeof x, x.len);
            n += x.len;
            r->taken++;
        }
        r->cursor += step_of(x.len);
    }
    return n;
}
