/* Every message of the FLX board against vectors written by hand from the protocol (test/vectors/flx), and the
 * conversions of numbers against exact arithmetic. */
#include "unit.h"

#include "core/flx_frame.h"
#include "core/flx_msg.h"
#include "core/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was read, as text ---- */

static char text[8192];
static size_t n_text;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text + n_text, sizeof text - n_text, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof text - n_text);
    n_text += (size_t)n;
}

static void say_hex(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        say("%02x", p[i]);
}

/* v with 3 or 6 decimals, by a way of its own. */
static void say_fixed(int64_t v, int places)
{
    int64_t one = places == 3 ? 1000 : 1000000, size = v < 0 ? -v : v;

    say("%s%" PRId64 ".%0*" PRId64, v < 0 ? "-" : "", size / one, places, size % one);
}

static void say_list(const char *name, const int64_t *milli, size_t n)
{
    say("%s", name);
    for (size_t i = 0; i < n; i++) {
        say(" ");
        say_fixed(milli[i], 3);
    }
    say("\n");
}

static int say_u32(const char *name, const uint8_t *p, size_t n)
{
    uint32_t v;

    if (flx_msg_u32(p, n, &v) < 0)
        return -1;
    say("%s %" PRIu32 "\n", name, v);
    return 0;
}

static int say_ct(const uint8_t *p, size_t n)
{
    struct flx_ct m;

    if (flx_msg_ct(p, n, &m) < 0)
        return -1;
    say("ct s=%" PRIu32 " ms=%u port=%u\n", m.s, m.ms, m.port);
    say_list("counters", m.counter_milli, FLX_CT_COUNTERS);
    say_list("gauges", m.gauge_milli, FLX_CT_GAUGES);
    return 0;
}

static int say_pulse(const uint8_t *p, size_t n)
{
    struct flx_pulse m;

    if (flx_msg_pulse(p, n, &m) < 0)
        return -1;
    say("pulse s=%" PRIu32 " ms=%u port=%u gauge=", m.s, m.ms, m.port);
    say_fixed(m.gauge_micro, 6);
    say(" counter=");
    say_fixed(m.counter_milli, 3);
    say("\n");
    return 0;
}

static int say_wave(const char *name, const uint8_t *p, size_t n, bool current)
{
    struct flx_wave m;

    if ((current ? flx_msg_current : flx_msg_voltage)(p, n, &m) < 0)
        return -1;
    say("%s s=%" PRIu32 " ms=%u index=%u rms=%" PRId32 "\nsamples", name, m.s, m.ms, m.index, m.rms);
    for (size_t i = 0; i < FLX_WAVE_SAMPLES; i++)
        say(" %" PRId32, m.sample[i]);
    say("\n");
    return 0;
}

static int say_kube(const uint8_t *p, size_t n)
{
    struct flx_kube m;

    if (flx_msg_kube(p, n, &m) < 0)
        return -1;
    say("kube s=%" PRIu32 " ms=%u rssi=%u packet=", m.s, m.ms, m.rssi);
    say_hex(m.packet, m.len);
    say("\n");
    return 0;
}

static int say_raw(const char *name, const uint8_t *p, size_t n)
{
    say("%s ", name);
    say_hex(p, n);
    say(n ? "\n" : "(nothing)\n");
    return 0;
}

static int say_message(uint8_t type, const uint8_t *p, size_t n)
{
    const char *name = flx_type_name(type);

    switch (type) {
    case FLX_PING:
        return n ? say_u32(name, p, n) : say_raw(name, p, n);
    case FLX_PONG:
    case FLX_TIME_STAMP:
        return say_u32(name, p, n);
    case FLX_CT:
        return say_ct(p, n);
    case FLX_PULSE:
        return say_pulse(p, n);
    case FLX_VOLTAGE:
    case FLX_CURRENT:
        return say_wave(name, p, n, type == FLX_CURRENT);
    case FLX_KUBE:
        return say_kube(p, n);
    default:
        return say_raw(name, p, n);
    }
}

/* The payload in a block of its own: a sanitizer sees a decoder that reads beyond. */
static void on_frame(void *ctx, uint8_t type, const uint8_t *payload, size_t n)
{
    uint8_t *copy = must(malloc(n + !n));

    (void)ctx;
    memcpy(copy, payload, n);
    if (say_message(type, copy, n) < 0)
        say("%s refused\n", flx_type_name(type));
    free(copy);
}

/* ---- what the host says, from text ---- */

static uint8_t port_field(const char **p)
{
    char *end;
    unsigned long v = strtoul(*p, &end, 10);

    assert_true(end > *p && v <= 255);
    *p = end;
    return (uint8_t)v;
}

static size_t put_config(uint8_t *out, const char *want)
{
    struct flx_port_config c;
    const char *p = strchr(want, '\n') + 1;

    for (size_t i = 0; i < FLX_PORTS; i++) {
        struct flx_port *port = &c.port[i];
        int used = 0;
        assert_int_equal(sscanf(p, "port %" SCNu16 ".%" SCNu16 "%n", &port->constant, &port->fraction, &used), 2);
        p += used;
        port->current = port_field(&p);
        port->shift = port_field(&p);
        port->enable = port_field(&p);
        port->trigger = port_field(&p);
        assert_int_equal(*p++, '\n');
    }
    assert_int_equal(strncmp(p, "main", 4), 0);
    p += 4;
    c.phase = port_field(&p);
    c.led_mode = port_field(&p);
    c.batch = port_field(&p);
    c.math = port_field(&p);
    flx_put_port_config(out, &c);
    return FLX_CONFIG_LENGTH;
}

/* The frame that the lines of a case ask for. */
static size_t put_wanted(uint8_t out[FLX_FRAME_MAX], const char *want)
{
    uint8_t payload[FLX_PAYLOAD_MAX];
    unsigned type = 0;
    size_t n = strcspn(want, " \n"), len = 0;

    while (type < FLX_TYPES && (strlen(flx_type_name(type)) != n || strncmp(flx_type_name(type), want, n) != 0))
        type++;
    assert_true(type < FLX_TYPES);
    const char *arg = want[n] == ' ' ? want + n + 1 : "";
    if (type == FLX_PORT_CONFIG) {
        len = put_config(payload, want);
    } else if (type == FLX_PING || type == FLX_TIME_STEP) {
        flx_put_u32(payload, (uint32_t)strtoul(arg, NULL, 10));
        len = 4;
    } else {
        for (unsigned v; sscanf(arg, "%2x", &v) == 1; arg += 2)
            payload[len++] = (uint8_t)v;
    }
    return flx_frame_put(out, (uint8_t)type, payload, len);
}

/* ---- the vectors ---- */

struct vector {
    char name[512];
    uint8_t bytes[1024];
    size_t n;
    char want[2048];
    bool from_host;
};

static void add_line(struct vector *v, const char *line)
{
    if (line[0] == '=') {
        snprintf(v->name, sizeof v->name, "%s", line + 2);
    } else if (line[0] == '>' || line[0] == '<') {
        size_t at = strlen(v->want);
        assert_true(at + strlen(line) < sizeof v->want);
        snprintf(v->want + at, sizeof v->want - at, "%s", line + 2);
        v->from_host = line[0] == '<';
    } else {
        unsigned byte;
        for (int used = 0; line[0] != '#' && sscanf(line, "%2x %n", &byte, &used) == 1; line += used) {
            assert_true(v->n < sizeof v->bytes);
            v->bytes[v->n++] = (uint8_t)byte;
        }
        assert_true(line[0] == '#' || line[0] == '\0');
    }
}

static void read_pieces(const struct vector *v, size_t step)
{
    struct flx_reader r;

    n_text = 0;
    text[0] = '\0';
    flx_reader_init(&r);
    for (size_t at = 0; at < v->n; at += step)
        flx_reader_bytes(&r, v->bytes + at, v->n - at < step ? v->n - at : step, on_frame, NULL);
    flx_reader_pause(&r, on_frame, NULL);
    if (r.bad || r.skipped || r.len)
        say("bad %" PRIu64 " skipped %" PRIu64 " left %zu\n", r.bad, r.skipped, r.len);
}

static void judge(const struct vector *v)
{
    uint8_t out[FLX_FRAME_MAX];

    print_message("%s", v->name);
    assert_true(v->want[0] && v->n > 0);
    if (v->from_host) {
        size_t n = put_wanted(out, v->want);
        assert_int_equal(n, v->n);
        assert_memory_equal(out, v->bytes, n);
        return;
    }
    for (size_t step = 1; step <= v->n; step++) {
        read_pieces(v, step);
        assert_string_equal(text, v->want);
    }
}

static int vectors(const char *path)
{
    static struct vector v;
    FILE *f = fopen(path, "r");
    char line[512];
    int n = 0;

    assert_non_null(f);
    memset(&v, 0, sizeof v);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '=' && v.name[0]) {
            judge(&v);
            memset(&v, 0, sizeof v);
        }
        n += line[0] == '=';
        if (n > 0 && line[0] != '#' && line[0] != '\n')
            add_line(&v, line);
    }
    judge(&v);
    fclose(f);
    return n;
}

static void messages_say_what_their_bytes_say(void **state)
{
    (void)state;
    assert_true(vectors("test/vectors/flx/messages.txt") >= 33);
}

static void reader_finds_what_is_there(void **state)
{
    (void)state;
    assert_true(vectors("test/vectors/flx/reader.txt") >= 15);
}

/* ---- numbers, against exact arithmetic ---- */

static uint64_t seed = 20260101;

static uint32_t draw(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

static uint8_t *put(uint8_t *p, uint32_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

/* The only whole number within half of v * scale / 2048, the outer one of two. */
static void nearest(int32_t v, int64_t scale, int64_t got)
{
    int64_t exact = v * scale, off = got * 2048 - exact;

    assert_true(off >= -1024 && off <= 1024);
    if (off == 1024 || off == -1024)
        assert_true((off > 0) == (exact > 0));
}

static void both_gauges(int32_t q)
{
    uint8_t ct[92] = {0}, pulse[18] = {0, 0, 0, 0, 0, 0, 4};
    struct flx_ct c;
    struct flx_pulse p;

    for (unsigned i = 0; i < FLX_CT_GAUGES; i++)
        put(ct + 44 + 4 * i, (uint32_t)q, 4);
    put(pulse + 8, (uint32_t)q, 4);
    assert_int_equal(flx_msg_ct(ct, sizeof ct, &c), 0);
    assert_int_equal(flx_msg_pulse(pulse, sizeof pulse, &p), 0);
    for (unsigned i = 0; i < FLX_CT_GAUGES; i++)
        nearest(q, 1000, c.gauge_milli[i]);
    nearest(q, 1000000, p.gauge_micro);
}

static void gauges_are_rounded_to_the_nearest(void **state)
{
    (void)state;
    for (int32_t q = -5000; q <= 5000; q++)
        both_gauges(q);
    for (int i = 0; i < 20000; i++)
        both_gauges((int32_t)draw());
    both_gauges(INT32_MAX);
    both_gauges(INT32_MIN);
}

/* The greatest number of thousandths that is not above. */
static void counters_are_the_floor(void **state)
{
    uint8_t ct[92] = {0};
    struct flx_ct c;

    (void)state;
    for (uint32_t f = 0; f < 65536; f++) {
        uint32_t whole = draw();
        for (unsigned i = 0; i < FLX_CT_COUNTERS; i++) {
            put(ct + 8 + 4 * i, whole + i, 4);
            put(ct + 32 + 2 * i, f, 2);
        }
        assert_int_equal(flx_msg_ct(ct, sizeof ct, &c), 0);
        for (unsigned i = 0; i < FLX_CT_COUNTERS; i++) {
            int64_t part = c.counter_milli[i] - (int64_t)(uint32_t)(whole + i) * 1000;
            assert_true(part * 65536 <= (int64_t)f * 1000 && (int64_t)f * 1000 < (part + 1) * 65536);
        }
    }
}

static void pulses_come_back_as_they_went(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[20];
        uint32_t s = draw(), whole = draw(), milli = draw() % 1000, ms = draw() % 1000, port = 3 + draw() % 3;
        struct flx_pulse p;
        put(put(put(put(put(put(put(bytes, s, 4), ms, 2), port, 2), 0, 4), whole, 4), milli, 2), draw(), 2);
        assert_int_equal(flx_msg_pulse(bytes, i & 1 ? 18 : 20, &p), 0);
        assert_true(p.s == s && p.ms == ms && p.port == port && p.gauge_micro == 0);
        assert_true(p.counter_milli == (int64_t)whole * 1000 + milli);
    }
}

static void waves_come_back_as_they_went(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[140], *p = bytes;
        uint32_t s = draw(), ms = draw() % 1000, index = draw() % 3, v[33];
        struct flx_wave m;
        p = put(put(put(p, s, 4), ms, 2), index | (draw() & 0xff00), 2);
        for (size_t k = 0; k < 33; k++)
            p = put(p, v[k] = draw(), 4);
        assert_int_equal(flx_msg_current(bytes, sizeof bytes, &m), 0);
        assert_true(m.s == s && m.ms == ms && m.index == index && m.rms == (int32_t)v[0]);
        for (size_t k = 0; k < 32; k++)
            assert_true(m.sample[k] == (int32_t)v[k + 1]);
        assert_int_equal(flx_msg_voltage(bytes, sizeof bytes, &m), 0);
        assert_int_equal(m.index, 0);
    }
}

/* Only the lengths of the protocol; each block is just as long as it says. */
static void other_lengths_are_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n <= FLX_PAYLOAD_MAX; n++) {
        uint8_t *p = must(calloc(1, n + !n));
        uint32_t v;
        struct flx_ct ct;
        struct flx_pulse pulse;
        struct flx_wave wave;
        struct flx_kube kube;
        assert_int_equal(flx_msg_u32(p, n, &v), n == 4 ? 0 : -1);
        assert_int_equal(flx_msg_ct(p, n, &ct), n == 92 ? 0 : -1);
        assert_int_equal(flx_msg_voltage(p, n, &wave), n == 140 ? 0 : -1);
        assert_int_equal(flx_msg_current(p, n, &wave), n == 140 ? 0 : -1);
        assert_int_equal(flx_msg_kube(p, n, &kube), n >= 7 && n <= 76 ? 0 : -1);
        if (n > 6)
            p[6] = 3;
        assert_int_equal(flx_msg_pulse(p, n, &pulse), n == 18 || n == 20 ? 0 : -1);
        free(p);
    }
}

static void types_have_names(void **state)
{
    (void)state;
    for (unsigned t = 0; t < FLX_TYPES; t++)
        assert_true(flx_type_name(t) && strcmp(flx_type_name(t), "unknown") != 0);
    assert_string_equal(flx_type_name(FLX_TYPES), "unknown");
    assert_string_equal(flx_type_name(255), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_say_what_their_bytes_say), cmocka_unit_test(reader_finds_what_is_there),
        cmocka_unit_test(gauges_are_rounded_to_the_nearest), cmocka_unit_test(counters_are_the_floor),
        cmocka_unit_test(pulses_come_back_as_they_went),     cmocka_unit_test(waves_come_back_as_they_went),
        cmocka_unit_test(other_lengths_are_refused),         cmocka_unit_test(types_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
