/* What the FLX reader owes to any stream: the same frames however it is cut, and no good frame lost to what is before
 * it. Streams are drawn from a fixed seed, and judged by a second reader that sees all bytes at once. */
#include "unit.h"

#include "core/flx_frame.h"
#include "core/util.h"

#include <stdbool.h>
#include <string.h>

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

/* Frames without sync and check bytes, one behind the other. */
struct list {
    uint8_t bytes[8192];
    size_t n, frames;
};

static void add(void *ctx, uint8_t type, const uint8_t *payload, size_t n)
{
    struct list *l = ctx;

    assert_true(l->n + n + 2 <= sizeof l->bytes);
    l->bytes[l->n] = type;
    l->bytes[l->n + 1] = (uint8_t)n;
    memcpy(l->bytes + l->n + 2, payload, n);
    l->n += n + 2;
    l->frames++;
}

static void same(const struct list *a, const struct list *b)
{
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->bytes, b->bytes, a->n);
}

/* As the protocol words it: fold after at most 20 bytes, twice at the end. */
static bool checks(const uint8_t *p, size_t n)
{
    unsigned sum1 = 0xff, sum2 = 0xff;

    for (size_t i = 0; i < n; i++) {
        sum1 += p[i];
        sum2 += sum1;
        if (i % 20 == 19) {
            sum1 = (sum1 & 0xff) + (sum1 >> 8);
            sum2 = (sum2 & 0xff) + (sum2 >> 8);
        }
    }
    for (int twice = 0; twice < 2; twice++) {
        sum1 = (sum1 & 0xff) + (sum1 >> 8);
        sum2 = (sum2 & 0xff) + (sum2 >> 8);
    }
    return p[n] == sum2 && p[n + 1] == sum1;
}

/* ---- streams ---- */

struct stream {
    uint8_t bytes[8192];
    size_t n;
    struct list good; /* what was put there whole */
};

static bool good_at(const struct stream *s, size_t i)
{
    const uint8_t *p = s->bytes + i;

    return i + 6 <= s->n && p[0] == 0xaa && p[1] == 0xaa && i + p[3] + 6 <= s->n && checks(p + 2, p[3] + 2u);
}

/* The frames of a stream that is all there: the first good one, the next behind it ... A last byte AA begins the next
 * frame when only one AA follows. Returns how many did. */
static size_t judge(const struct stream *s, struct list *out)
{
    size_t twice = 0;

    memset(out, 0, sizeof *out);
    for (size_t i = 0, end = 0; i < s->n;) {
        bool shared = i > 0 && i == end && s->bytes[i - 1] == 0xaa && s->bytes[i] == 0xaa;
        if (shared && i + 1 < s->n && s->bytes[i + 1] != 0xaa && good_at(s, i - 1)) {
            twice++;
            i--;
        } else if (!good_at(s, i)) {
            i++;
            continue;
        }
        add(out, s->bytes[i + 2], s->bytes + i + 4, s->bytes[i + 3]);
        i = end = i + s->bytes[i + 3] + 6;
    }
    return twice;
}

static void put_bytes(struct stream *s, const uint8_t *p, size_t n)
{
    assert_true(s->n + n <= sizeof s->bytes);
    memcpy(s->bytes + s->n, p, n);
    s->n += n;
}

/* Bytes as they come, many of them 0xaa, so that sync pairs abound. */
static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = draw(3) ? (uint8_t)draw(256) : 0xaa;
}

static void put_noise(struct stream *s, size_t n)
{
    uint8_t noise[300];

    fill(noise, n);
    put_bytes(s, noise, n);
}

static size_t make_frame(uint8_t out[FLX_FRAME_MAX])
{
    uint8_t payload[FLX_PAYLOAD_MAX];
    size_t n = draw(4) ? draw(30) : draw(256);

    fill(payload, n);
    return flx_frame_put(out, draw(8) ? (uint8_t)draw(17) : (uint8_t)draw(256), payload, n);
}

static void put_good(struct stream *s)
{
    uint8_t f[FLX_FRAME_MAX];
    size_t n = make_frame(f);

    put_bytes(s, f, n);
    add(&s->good, f[2], f + 4, n - 6);
}

static void put_cut(struct stream *s)
{
    uint8_t f[FLX_FRAME_MAX];
    size_t n = make_frame(f);

    put_bytes(s, f, 1 + draw((uint32_t)n - 1));
}

static void put_damaged(struct stream *s)
{
    uint8_t f[FLX_FRAME_MAX];
    size_t n = make_frame(f);

    f[draw((uint32_t)n)] ^= (uint8_t)(1 << draw(8));
    put_bytes(s, f, n);
}

static void put_bad_thing(struct stream *s)
{
    switch (draw(4)) {
    case 0:
        put_noise(s, draw(40));
        break;
    case 1:
        put_cut(s);
        break;
    case 2:
        put_damaged(s);
        break;
    default: { /* a sync pair that claims up to 261 bytes */
        uint8_t claim[4] = {0xaa, 0xaa, (uint8_t)draw(256), (uint8_t)draw(256)};
        put_bytes(s, claim, sizeof claim);
    }
    }
}

static void make(struct stream *s, bool ends_whole)
{
    s->n = 0;
    memset(&s->good, 0, sizeof s->good);
    for (unsigned i = draw(12); i > 0; i--) {
        if (draw(2))
            put_bad_thing(s);
        put_good(s);
    }
    if (!ends_whole)
        put_bad_thing(s);
}

/* ---- the reader ---- */

static struct flx_reader r;
static struct list got;

static void start(void)
{
    flx_reader_init(&r);
    memset(&got, 0, sizeof got);
}

static void take(const uint8_t *p, size_t n)
{
    flx_reader_bytes(&r, p, n, add, &got);
    assert_true(r.len < FLX_FRAME_MAX);
}

/* In pieces of `step` bytes, or of lengths that are drawn when it is 0. */
static void read_all(const struct stream *s, size_t step, bool pauses)
{
    start();
    for (size_t at = 0, n; at < s->n; at += n) {
        n = step ? step : 1 + draw(draw(2) ? 8 : 400);
        n = n > s->n - at ? s->n - at : n;
        take(s->bytes + at, n);
        if (pauses && draw(2))
            flx_reader_pause(&r, add, &got);
    }
}

static void any_cutting_gives_the_same_frames(void **state)
{
    static struct stream s;
    static struct list whole;

    (void)state;
    seed = 1;
    for (int i = 0; i < 2000; i++) {
        make(&s, draw(2));
        read_all(&s, sizeof s.bytes, false);
        struct flx_reader once = r;
        whole = got;
        for (size_t step = 0; step < 4; step++) {
            read_all(&s, step, false);
            same(&got, &whole);
            assert_true(r.frames == once.frames && r.bad == once.bad && r.skipped == once.skipped);
            assert_int_equal(r.len, once.len);
            assert_memory_equal(r.buf, once.buf, r.len);
        }
        flx_reader_pause(&r, add, &got);
        size_t twice = judge(&s, &whole);
        same(&got, &whole);
        assert_int_equal(r.frames, got.frames);
        assert_int_equal(got.n + 4 * got.frames - twice + r.skipped + r.len - r.shared, s.n); /* no byte is forgotten */
    }
}

/* A claim of noise is right by chance once in 65025 times, and then nobody can tell it from a frame. Such streams are
 * set aside. */
static bool by_chance(const struct stream *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += good_at(s, i);
    return n != s->good.frames;
}

static void good_ones_are_found(bool pauses)
{
    static struct stream s;
    int aside = 0;

    for (int i = 0; i < 3000; i++) {
        make(&s, draw(2));
        read_all(&s, draw(3), pauses);
        flx_reader_pause(&r, add, &got);
        if (by_chance(&s))
            aside++;
        else
            same(&got, &s.good);
    }
    assert_true(aside < 30);
}

static void nothing_costs_the_next_good_frame(void **state)
{
    (void)state;
    seed = 2;
    good_ones_are_found(false);
}

/* However often the line falls silent, in the middle of a frame too. */
static void silence_costs_no_frame(void **state)
{
    (void)state;
    seed = 3;
    good_ones_are_found(true);
}

/* Good frames alone need no pause: each is there with its last byte. */
static void a_frame_is_there_with_its_last_byte(void **state)
{
    uint8_t f[FLX_FRAME_MAX];

    (void)state;
    seed = 4;
    start();
    for (size_t i = 1; i <= 2000; i++) {
        size_t n = make_frame(f);
        take(f, n - 1);
        assert_int_equal(r.frames, i - 1);
        take(f + n - 1, 1);
        assert_int_equal(r.frames, i);
        got.n = got.frames = 0;
    }
    assert_true(r.bad == 0 && r.skipped == 0 && r.len == r.shared);
}

static void every_length_comes_back_as_it_went(void **state)
{
    uint8_t payload[FLX_PAYLOAD_MAX], f[FLX_FRAME_MAX];

    (void)state;
    seed = 5;
    for (size_t n = 0; n <= FLX_PAYLOAD_MAX; n++) {
        static const uint8_t fills[] = {0, 0xff, 0xaa};
        for (size_t k = 0; k < 8; k++) {
            if (k < ARRAY_LEN(fills))
                memset(payload, fills[k], sizeof payload);
            else
                fill(payload, sizeof payload);
            uint8_t type = (uint8_t)draw(256);
            assert_int_equal(flx_frame_put(f, type, n ? payload : NULL, n), n + 6);
            assert_true(checks(f + 2, n + 2));
            start();
            take(f, n + 6);
            assert_int_equal(got.frames, 1);
            assert_true(got.bytes[0] == type && got.bytes[1] == n);
            assert_memory_equal(got.bytes + 2, payload, n);
        }
    }
}

/* Every bit of the line: none may turn a frame into another one. */
static void no_single_bit_gets_through(void **state)
{
    uint8_t f[FLX_FRAME_MAX];

    (void)state;
    seed = 6;
    for (int i = 0; i < 20; i++) {
        size_t n = make_frame(f);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            f[bit / 8] ^= (uint8_t)(1 << bit % 8);
            start();
            take(f, n);
            flx_reader_pause(&r, add, &got);
            assert_int_equal(got.frames, 0);
            f[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static const uint8_t pong_7[] = {0xaa, 0xaa, 1, 4, 7, 0, 0, 0, 0x36, 0x0c};

/* A cut frame claims more than the line says before it is silent: the pause gives the frame behind it. */
static void a_pause_takes_what_is_behind_a_cut_frame(void **state)
{
    static const uint8_t cut[] = {0xaa, 0xaa, 8, 92, 1, 2, 3};

    (void)state;
    start();
    take(cut, sizeof cut);
    take(pong_7, sizeof pong_7);
    assert_int_equal(got.frames, 0);
    flx_reader_pause(&r, add, &got);
    assert_int_equal(got.frames, 1);
    assert_true(r.len == 0 && r.skipped == sizeof cut);
    take(pong_7, sizeof pong_7);
    assert_int_equal(got.frames, 2);
}

/* The loop was late, not the line: the rest of a frame comes after the pause. */
static void a_pause_within_a_frame_costs_nothing(void **state)
{
    (void)state;
    for (size_t at = 1; at < sizeof pong_7; at++) {
        start();
        take(pong_7, at);
        flx_reader_pause(&r, add, &got);
        flx_reader_pause(&r, add, &got);
        assert_int_equal(r.len, at);
        take(pong_7 + at, sizeof pong_7 - at);
        assert_int_equal(got.frames, 1);
        assert_int_equal(r.skipped, 0);
    }
}

static void a_lost_line_begins_anew(void **state)
{
    (void)state;
    start();
    take(pong_7, sizeof pong_7);
    take(pong_7, 6);
    flx_reader_drop(&r);
    assert_true(r.len == 0 && r.frames == 1 && r.skipped == 6);
    take(pong_7 + 6, 4);
    take(pong_7, sizeof pong_7);
    assert_int_equal(got.frames, 2);
    assert_int_equal(r.skipped, 10);
}

static void add_and_drop(void *ctx, uint8_t type, const uint8_t *payload, size_t n)
{
    flx_reader_drop(&r);
    add(ctx, type, payload, n);
}

/* A frame whose taking ends the line. */
static void a_line_may_be_lost_by_a_frame(void **state)
{
    uint8_t bytes[3 * sizeof pong_7 + 3] = {0x11, 0x12, 0x13};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        memcpy(bytes + 3 + i * sizeof pong_7, pong_7, sizeof pong_7);
    start();
    flx_reader_bytes(&r, bytes, sizeof bytes - 4, add_and_drop, &got);
    assert_true(got.frames == 1 && r.frames == 1 && r.len == 0 && r.skipped == 3 + 16);
    assert_memory_equal(got.bytes, "\1\4\7\0\0\0", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cutting_gives_the_same_frames),
        cmocka_unit_test(nothing_costs_the_next_good_frame),
        cmocka_unit_test(silence_costs_no_frame),
        cmocka_unit_test(a_frame_is_there_with_its_last_byte),
        cmocka_unit_test(every_length_comes_back_as_it_went),
        cmocka_unit_test(no_single_bit_gets_through),
        cmocka_unit_test(a_pause_takes_what_is_behind_a_cut_frame),
        cmocka_unit_test(a_pause_within_a_frame_costs_nothing),
        cmocka_unit_test(a_lost_line_begins_anew),
        cmocka_unit_test(a_line_may_be_lost_by_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
