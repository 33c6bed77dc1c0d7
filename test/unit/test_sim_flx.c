/* The arithmetic of the simulated FLX board and its mains: energy is the integral, seconds do not depend on how time is
 * cut, frames survive any cut and any noise. */
#include "unit.h"

#include "sim/flx.h"
#include "sim/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WH_UJ UINT64_C(3600000000)

struct heard {
    struct flx flx;
    unsigned n[FRAME_TYPES];
    uint32_t stamps; /* a sum over all that was said, to compare two boards by */
    uint8_t last_ct[FLX_CLAMPS][92];
};

static void hear(void *ctx, enum flx_frame_type type, const uint8_t *payload, size_t len)
{
    struct heard *h = ctx;

    h->n[type]++;
    for (size_t i = 0; i < len; i++)
        h->stamps = h->stamps * 31 + payload[i];
    if (type == FRAME_CT)
        memcpy(h->last_ct[payload[6]], payload, len);
}

/* All clamps on, with these shifts. */
static void configure(struct flx *b, const uint8_t shift[FLX_CLAMPS])
{
    uint8_t config[FLX_CONFIG_BYTES] = {0};

    for (int i = 0; i < FLX_CLAMPS; i++) {
        config[i * 8 + 5] = shift[i];
        config[i * 8 + 6] = 1;
    }
    flx_take(b, FRAME_PORT_CONFIG, config, sizeof config);
    assert_int_equal(b->state, FLX_MEASURES);
}

static struct heard *board(int32_t drift_ppm, unsigned waves)
{
    static const uint8_t right[FLX_CLAMPS] = {0, 2, 4};
    struct heard *h = calloc(1, sizeof *h);

    assert_non_null(h);
    h->flx.mains_seed = 1;
    h->flx.waves_per_s = waves;
    h->flx.clock.drift_ppm = drift_ppm;
    h->flx.out = hear;
    h->flx.ctx = h;
    flx_init(&h->flx, 0, INT64_C(1700000000250));
    configure(&h->flx, right);
    return h;
}

static int32_t below(uint64_t *rng, int32_t n)
{
    return (int32_t)(rng_next(rng) % (uint64_t)n);
}

/* Power that changes as it likes, in steps of any length. */
static struct board_input input(uint64_t *rng)
{
    struct board_input in = {.second = below(rng, 86400), .extra_w = below(rng, 3000)};

    in.flow.clamp_w[2] = below(rng, 3000);
    in.flow.clamp_w[0] = in.flow.clamp_w[2] + below(rng, 4000);
    in.flow.clamp_w[1] = below(rng, 8000);
    return in;
}

static void phases_add_up(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct household h;
        struct household_second s;
        struct mains_load load[MAINS_PHASES];

        household_init(&h, seed);
        for (int64_t t = 0; t < 86400; t++) {
            household_second(&h, t, &s);
            mains_loads(&s, 17, load);
            assert_int_equal(load[0].p_mw + load[1].p_mw + load[2].p_mw, (s.clamp_w[0] + 17 - s.clamp_w[1]) * 1000);
            assert_true(load[0].p_mw > 0 && load[1].p_mw > 0);
        }
    }
}

/* The board that measures is held against plain sums over each step. */
static void energy_is_the_integral(void **state)
{
    uint64_t rng = 4;

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct heard *h = board(below(&rng, 2001) - 1000, 0);
        int64_t p_uj[FLX_CLAMPS] = {0};
        bool reversed = round % 2;

        h->flx.clamp[1].reversed = reversed;
        for (int step = 0; step < 3000; step++) {
            struct board_input in = input(&rng);
            struct mains_load load[MAINS_PHASES];
            int64_t ms = 1 + below(&rng, step % 7 ? 400 : 1500);

            mains_loads(&in.flow, in.extra_w, load);
            for (int i = 0; i < FLX_CLAMPS; i++)
                p_uj[i] += (i == 1 && reversed ? -1 : 1) * load[i].p_mw * ms;
            flx_run(&h->flx, h->flx.house_ms + ms, &in);
        }
        for (int i = 0; i < FLX_CLAMPS; i++) {
            const struct flx_clamp *c = &h->flx.clamp[i];
            const uint64_t *truth = c->truth_uj;
            /* What the running second holds is not counted yet. */
            int64_t counted = (int64_t)truth[FLX_PPLUS] - (int64_t)truth[FLX_PMINUS];

            assert_int_equal(counted + c->p_uj, p_uj[i]);
            assert_int_equal(truth[FLX_PPLUS] > 0, i != 1 || !reversed);
            for (int e = 0; e < FLX_ENERGIES; e++) {
                assert_int_equal(c->counter[e].whole * WH_UJ + c->counter[e].rest, truth[e]);
                uint32_t part = flx_get16(h->last_ct[i] + 32 + 2 * e);
                assert_int_equal(flx_get32(h->last_ct[i] + 8 + 4 * e), truth[e] / WH_UJ);
                assert_true(part * WH_UJ <= c->counter[e].rest * 65536 &&
                            (part + 1) * WH_UJ > c->counter[e].rest * 65536);
            }
        }
        free(h);
    }
}

/* However time is cut, the board says the same, to the byte. */
static void time_may_be_cut_anywhere(void **state)
{
    static const int32_t drifts[] = {0, 1, -1, 333, -100000, 100000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(drifts); i++) {
        struct heard *whole = board(drifts[i], 7), *cut = board(drifts[i], 7);
        uint64_t rng = i;

        for (int64_t t = 0; t < 3000; t++) {
            struct board_input in = input(&rng);
            int64_t at = t * 1000;

            flx_run(&whole->flx, at + 1000, &in);
            while (cut->flx.house_ms < at + 1000) {
                int64_t next = cut->flx.house_ms + 1 + below(&rng, 600);
                flx_run(&cut->flx, next < at + 1000 ? next : at + 1000, &in);
            }
        }
        assert_int_equal(flx_unix_us(&cut->flx), INT64_C(1700000000250000) + 3000 * (INT64_C(1000000) + drifts[i]));
        assert_memory_equal(whole->n, cut->n, sizeof whole->n);
        assert_int_equal(whole->stamps, cut->stamps);
        int64_t seconds = flx_unix_us(&cut->flx) / 1000000 - 1700000000;
        assert_int_equal(whole->n[FRAME_TIME_STAMP], seconds);
        assert_int_equal(whole->n[FRAME_CT], 3 * seconds);
        assert_in_range(whole->n[FRAME_VOLTAGE] + whole->n[FRAME_CURRENT], 7 * (seconds - 1), 7 * (seconds + 1));
        free(whole);
        free(cut);
    }
}

static void shifts_turn_and_turn_back(void **state)
{
    struct mains_load a = {1234567, -345678};

    (void)state;
    for (int phase = 0; phase < MAINS_PHASES; phase++) {
        for (unsigned shift = 0; shift < 6; shift++) {
            struct mains_load b = mains_seen(a, phase, false, shift), c = mains_seen(a, phase, true, shift);
            double lag = atan2((double)b.q_mvar, (double)b.p_mw) - atan2((double)a.q_mvar, (double)a.p_mw);
            double want = (120.0 * phase - 60.0 * shift) * 3.14159265358979 / 180;

            assert_true(cos(lag - want) > 1 - 1e-9);
            assert_true(fabs(hypot((double)b.p_mw, (double)b.q_mvar) - hypot((double)a.p_mw, (double)a.q_mvar)) < 1);
            assert_true(b.p_mw == -c.p_mw && b.q_mvar == -c.q_mvar);
        }
        assert_memory_equal(&a, (&(struct mains_load[]){mains_seen(a, phase, false, 2U * (unsigned)phase)}[0]),
                            sizeof a);
    }
}

static void q11_rounds_half_away_from_zero(void **state)
{
    static const int64_t pairs[][2] = {
        {0, 0},
        {1000, 2048},
        {1, 2},
        {-1, -2},
        {125, 256},
        {-230000, -471040},
        {1500000000, INT32_MAX},
        {-1500000000, INT32_MIN},
        {375, 768},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        assert_int_equal(mains_q11(pairs[i][0]), pairs[i][1]);
}

/* ---- frames ---- */

struct taken {
    size_t n;
    uint64_t sum;
};

static void take(void *ctx, uint8_t type, const uint8_t *payload, size_t len)
{
    struct taken *t = ctx;

    t->n++;
    t->sum = rng_mix(t->sum + type * 256U + len);
    for (size_t i = 0; i < len; i++)
        t->sum = rng_mix(t->sum + payload[i]);
}

/* Good frames between noise, spoilt frames and cut ones: each arrives, once, in whatever pieces; at the latest when the
 * line is silent. */
static void no_good_frame_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint64_t rng = seed;
        static uint8_t bytes[40 * (FLX_WIRE_FRAME + 40)];
        struct taken sent = {0}, found = {0};
        struct flx_reader_state r = {0};
        size_t n = 0;

        for (int i = 0; i < 20; i++) {
            uint8_t payload[FLX_WIRE_PAYLOAD], frame[FLX_WIRE_FRAME];
            size_t len = (size_t)below(&rng, FLX_WIRE_PAYLOAD + 1);
            int what = below(&rng, 4);

            for (size_t k = 0; k < len; k++)
                payload[k] = below(&rng, 16) ? (uint8_t)rng_next(&rng)
                                             : 0xAA; /* sync pairs, but so few that none is a frame by chance */
            size_t size = flx_wire_frame(frame, (enum flx_frame_type)below(&rng, FRAME_TYPES), payload, len);
            if (what == 1)
                frame[2 + below(&rng, (int32_t)size - 2)] ^= (uint8_t)(1 << below(&rng, 8));
            size_t part = what == 2 ? (size_t)below(&rng, (int32_t)size) : size;
            memcpy(bytes + n, frame, part);
            n += part;
            if (what == 0 || what == 3)
                take(&sent, frame[2], payload, len);
        }
        for (size_t at = 0; at < n;) {
            size_t part = 1 + (size_t)below(&rng, 500);
            part = part < n - at ? part : n - at;
            flx_wire_bytes(&r, bytes + at, part, take, &found);
            at += part;
        }
        flx_wire_pause(&r, take, &found);
        assert_int_equal(r.len, 0);
        assert_int_equal(found.n, sent.n);
        assert_int_equal(found.sum, sent.sum);
    }
}

/* Written down from the description, its sums by hand. */
static void a_frame_is_what_the_description_says(void **state)
{
    static const uint8_t exit_frame[] = {0xAA, 0xAA, 16, 0, 0x20, 0x10};
    static const uint8_t ping[] = {0xAA, 0xAA, 0, 4, 1, 0, 0, 0, 0x18, 0x05};
    uint8_t frame[FLX_WIRE_FRAME];

    (void)state;
    assert_int_equal(flx_wire_frame(frame, FRAME_EXIT, NULL, 0), sizeof exit_frame);
    assert_memory_equal(frame, exit_frame, sizeof exit_frame);
    assert_int_equal(flx_wire_frame(frame, FRAME_PING, (uint8_t[]){1, 0, 0, 0}, 4), sizeof ping);
    assert_memory_equal(frame, ping, sizeof ping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_add_up),
        cmocka_unit_test(energy_is_the_integral),
        cmocka_unit_test(time_may_be_cut_anywhere),
        cmocka_unit_test(shifts_turn_and_turn_back),
        cmocka_unit_test(q11_rounds_half_away_from_zero),
        cmocka_unit_test(no_good_frame_is_lost),
        cmocka_unit_test(a_frame_is_what_the_description_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
