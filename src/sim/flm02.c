#include "sim/flm02.h"

#include <string.h>

#include "core/crc8.h"
#include "core/num.h"
#include "core/util.h"

#define SECOND_MS 1000
#define WH_WS     3600
#define NO_ID     0xff
#define RS485     5 /* physical port */

#define BIT(model) (1u << (model))
#define HW_ALL     (BIT(FLM02_2_0) | BIT(FLM02_2_1) | BIT(FLM02_2_2))
#define HW_MILLI   (BIT(FLM02_2_1) | BIT(FLM02_2_2))

/* One row serves a pair of commands (`gm`, `sm`) and a line of the EEPROM image. */
struct field {
    char letter;
    uint8_t models;  /* that know the commands; 0: only the EEPROM */
    bool readable;   /* `g` is known too, not only `s` */
    bool per_id;     /* commands carry an id, and one value of the row */
    uint8_t count;   /* values in the row */
    uint8_t digits;  /* of each */
    uint16_t offset; /* into struct flm02_store */
};

#define FIELD(member) offsetof(struct flm02_store, member)

static const struct field fields[] = {
    {'h', HW_ALL, true, false, 1, 6, FIELD(hardware)},
    {'s', HW_ALL, true, false, 1, 4, FIELD(software)},
    {'e', HW_ALL, true, true, FLM02_IDS, 2, FIELD(enabled)},
    {'p', HW_ALL, true, false, FLM02_IDS, 2, FIELD(port_id)},
    {'c', HW_ALL, true, true, FLM02_IDS, 8, FIELD(counter)},
    {'m', HW_ALL, true, true, FLM02_IDS, 4, FIELD(constant)},
    {'f', HW_MILLI, true, true, FLM02_IDS, 4, FIELD(fraction)},
    {'w', HW_ALL, true, false, 1, 4, FIELD(watchdogs)},
    {'b', HW_ALL, true, false, 1, 4, FIELD(brownouts)},
    {'k', BIT(FLM02_2_2), true, false, 3, 2, FIELD(analog_rx_tx)},
    {'i', BIT(FLM02_2_2), true, false, 1, 2, FIELD(led)},
    {'g', BIT(FLM02_2_2), false, false, 1, 2, FIELD(radio)},
    {'R', 0, false, true, FLM02_IDS, 4, FIELD(rest_ws)},
    {'M', 0, false, true, FLM02_IDS, 4, FIELD(milli)},
};

static uint32_t *slot(struct flm02_store *s, const struct field *f, unsigned i)
{
    return (uint32_t *)(void *)((char *)s + f->offset) + i;
}

static uint32_t slot_value(const struct flm02_store *s, const struct field *f, unsigned i)
{
    return ((const uint32_t *)(const void *)((const char *)s + f->offset))[i];
}

const char *flm02_model_name(enum flm02_model m)
{
    static const char *const names[] = {"2.0", "2.1", "2.2"};

    return names[m];
}

/* ---- start, reset, EEPROM ---- */

static void start(struct flm02 *b, int64_t now_ms)
{
    b->live = b->saved;
    b->start_ms = now_ms;
    b->tick_ms = now_ms + SECOND_MS;
    b->uart_in_len = 0;
    for (int id = 0; id < FLM02_IDS; id++) {
        b->fresh[id] = true;
        b->marked[id] = false;
        b->x[id] = 0;
    }
}

void flm02_init(struct flm02 *b, enum flm02_model m, int64_t now_ms)
{
    *b = (struct flm02){.model = m};
    b->saved.hardware = 0x000200 + (uint32_t)m;
    b->saved.software = 0x0100;
    b->saved.analog_rx_tx[0] = 1;
    b->saved.led = 0xff;
    for (int port = 0; port < FLM02_IDS; port++)
        b->saved.port_id[port] = NO_ID;
    start(b, now_ms);
}

void flm02_reset(struct flm02 *b, int64_t now_ms)
{
    b->saved.watchdogs = (b->saved.watchdogs + 1) & 0xffff;
    b->saves++;
    start(b, now_ms);
}

void flm02_brownout(struct flm02 *b, int64_t now_ms)
{
    memcpy(b->saved.counter, b->live.counter, sizeof b->saved.counter);
    memcpy(b->saved.rest_ws, b->live.rest_ws, sizeof b->saved.rest_ws);
    memcpy(b->saved.milli, b->live.milli, sizeof b->saved.milli);
    b->saved.brownouts = (b->saved.brownouts + 1) & 0xffff;
    b->saves++;
    start(b, now_ms);
}

void flm02_commit(struct flm02 *b)
{
    b->saved = b->live;
    b->saves++;
}

static char *put(char *p, const char *text)
{
    size_t n = strlen(text);

    memcpy(p, text, n);
    return p + n;
}

size_t flm02_image(const struct flm02 *b, char *dst)
{
    char *p = put(put(put(dst, "flm02 "), flm02_model_name(b->model)), "\n");

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        *p++ = fields[i].letter;
        for (unsigned k = 0; k < fields[i].count; k++) {
            *p++ = ' ';
            p = num_put_hex(p, slot_value(&b->saved, &fields[i], k), fields[i].digits);
        }
        *p++ = '\n';
    }
    p = num_put_hex(p, crc8(dst, (size_t)(p - dst)), 2);
    *p++ = '\n';
    return (size_t)(p - dst);
}

int flm02_load(struct flm02 *b, const char *image, size_t len)
{
    struct flm02 found = *b;
    char shape[FLM02_IMAGE_MAX];
    const char *p = image + strlen("flm02 2.x\n");

    /* Every image of a model has the same shape: read the values where they must be, then compare the whole.
     */
    if (len != flm02_image(b, shape))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *f = &fields[i];
        p++;
        for (unsigned k = 0; k < f->count; k++) {
            if (num_get_hex(p + 1, f->digits, slot(&found.saved, f, k)) < 0)
                return -1;
            p += 1 + f->digits;
        }
        p++;
    }
    if (flm02_image(&found, shape) != len || memcmp(shape, image, len) != 0)
        return -1;
    *b = found;
    start(b, b->start_ms);
    return 0;
}

/* ---- measuring ---- */

static bool analog_on(const struct flm02 *b)
{
    return b->model != FLM02_2_2 || b->live.analog_rx_tx[0] != 0;
}

bool flm02_is_analog(const struct flm02 *b, unsigned id)
{
    return id < FLM02_CLAMPS && (id == 0 || analog_on(b));
}

static void show_power(struct flm02 *b, unsigned id, uint32_t w)
{
    struct flm02_store *s = &b->live;

    if (b->fresh[id])
        w /= 2; /* the first power after enabling is too low */
    b->fresh[id] = false;
    b->x[id] = w;
    b->marked[id] = true;
    b->truth_ws[id] += w;
    uint64_t ws = (uint64_t)s->rest_ws[id] + w;
    s->counter[id] += (uint32_t)(ws / WH_WS);
    s->rest_ws[id] = (uint32_t)(ws % WH_WS);
}

static void analog_second(struct flm02 *b, const int32_t clamp_w[FLM02_CLAMPS])
{
    if (!analog_on(b))
        return;
    for (unsigned id = 0; id < FLM02_CLAMPS; id++) {
        bool wired = false;
        uint64_t w = 0;

        for (unsigned port = 0; port < FLM02_CLAMPS; port++) {
            if (b->live.port_id[port] != id)
                continue;
            wired = true;
            w += ((uint64_t)clamp_w[port] * b->live.constant[id] + FLM02_TRUE_CONSTANT / 2) / FLM02_TRUE_CONSTANT;
        }
        if (wired && b->live.enabled[id])
            show_power(b, id, (uint32_t)w);
    }
}

void flm02_run(struct flm02 *b, int64_t now_ms, const int32_t clamp_w[FLM02_CLAMPS])
{
    for (; b->tick_ms <= now_ms; b->tick_ms += SECOND_MS)
        analog_second(b, clamp_w);
}

void flm02_pulse(struct flm02 *b, unsigned port, unsigned n, int64_t now_ms)
{
    bool input = port == 3 || port == 4 || ((port == 1 || port == 2) && !analog_on(b));
    uint32_t id = b->model == FLM02_2_2 ? port : b->live.port_id[port];

    if (!input || id >= FLM02_IDS || flm02_is_analog(b, id) || !b->live.enabled[id] || n == 0)
        return;
    uint64_t milli = (uint64_t)n * (b->live.constant[id] * UINT64_C(1000) + b->live.fraction[id]);
    b->truth_milli[id] += milli;
    b->pulses[id] += n;
    milli += b->live.milli[id];
    b->live.counter[id] += (uint32_t)(milli / 1000);
    b->live.milli[id] = (uint32_t)(milli % 1000);
    b->x[id] = (uint32_t)(now_ms - b->start_ms);
    b->marked[id] = true;
}

/* ---- RS-485 port ---- */

void flm02_uart_in(struct flm02 *b, uint8_t byte)
{
    if (b->uart_in_len < FLM02_UART_MAX)
        b->uart_in[b->uart_in_len++] = byte;
}

static void uart_send(struct flm02 *b, uint8_t byte)
{
    if (b->uart_out_len == FLM02_UART_MAX)
        memmove(b->uart_out, b->uart_out + 1, --b->uart_out_len);
    b->uart_out[b->uart_out_len++] = byte;
}

void flm02_uart_out(struct flm02 *b, uint8_t byte)
{
    uart_send(b, byte);
    flm02_uart_in(b, byte);
}

char *flm02_put_uart(struct flm02 *b, char *p)
{
    *p++ = 'u';
    for (size_t i = 0; i < b->uart_in_len; i++)
        p = num_put_hex(p, b->uart_in[i], 2);
    b->uart_in_len = 0;
    return p;
}

/* ---- commands ---- */

static void enable(struct flm02 *b, uint32_t id, bool on)
{
    bool was = b->live.enabled[id] != 0;

    b->live.enabled[id] = on;
    b->marked[id] = b->marked[id] && on;
    if (!on || was)
        return;
    b->fresh[id] = true;
    if (id == RS485 && b->live.port_id[RS485] == RS485)
        for (const char *p = "Hello\r\n"; *p; p++)
            uart_send(b, (uint8_t)*p);
}

/* The next argument. The firmware reads on into the CRC digits when arguments are missing, and 0 beyond them.
 */
static uint32_t argument(const char **p, const char *end, unsigned digits)
{
    uint32_t v = 0;

    if (end - *p < (ptrdiff_t)digits || num_get_hex(*p, digits, &v) < 0)
        v = 0;
    *p += end - *p < (ptrdiff_t)digits ? end - *p : (ptrdiff_t)digits;
    return v;
}

/* Get, or set and echo, the values of a field; without arguments when the id is none. */
static char *access_field(struct flm02 *b, const struct field *f, bool set, const char *args, const char *end, char *p)
{
    uint32_t first = 0, last = f->count;

    if (f->per_id) {
        first = argument(&args, end, 2);
        last = first + 1;
        if (first >= FLM02_IDS)
            return p;
        p = num_put_hex(p, first, 2);
    }
    for (uint32_t i = first; i < last; i++) {
        if (set && f->letter == 'e')
            enable(b, i, argument(&args, end, f->digits) != 0);
        else if (set)
            *slot(&b->live, f, i) = argument(&args, end, f->digits);
        p = num_put_hex(p, slot_value(&b->live, f, i), f->digits);
    }
    return p;
}

/* What changed since it was last asked. */
static char *delta(struct flm02 *b, char *p, unsigned *records)
{
    for (unsigned id = 0; id < FLM02_IDS; id++) {
        if (!b->marked[id])
            continue;
        b->marked[id] = false;
        p = num_put_hex(p, id, 2);
        p = num_put_hex(p, b->live.counter[id], 8);
        if (BIT(b->model) & HW_MILLI)
            p = num_put_hex(p, b->live.milli[id], 4);
        p = num_put_hex(p, b->x[id], 8);
        (*records)++;
    }
    return p;
}

static const struct field *find_field(const struct flm02 *b, const char *command)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *f = &fields[i];
        if (f->letter == command[1] && (f->models & BIT(b->model)) &&
            (command[0] == 's' || (command[0] == 'g' && f->readable)))
            return f;
    }
    return NULL;
}

static char *execute(struct flm02 *b, const char *text, const char *end, char *p, unsigned *records)
{
    const struct field *f = find_field(b, text);

    if (f) {
        bool set = text[0] == 's';
        (set ? b->sets : b->gets)[(uint8_t)f->letter]++;
        return access_field(b, f, set, text + 2, end, p);
    }
    if (memcmp(text, "gd", 2) == 0) {
        b->deltas++;
        return delta(b, p, records);
    }
    if (memcmp(text, "ct", 2) == 0) {
        b->commits++;
        flm02_commit(b);
        return p;
    }
    b->unknown++;
    return p;
}

size_t flm02_message(struct flm02 *b, const char *text, size_t len, char *reply, unsigned *records)
{
    uint32_t crc;
    char *p = reply;

    b->total++;
    *records = 0;
    *p++ = 'l';
    if (len < 4 || num_get_hex(text + len - 2, 2, &crc) < 0 || crc != crc8(text, len - 2)) {
        b->bad++;
        p = put(p, "zz");
    } else {
        memcpy(p, text, 2);
        p = execute(b, text, text + len, p + 2, records);
    }
    p = num_put_hex(p, crc8(reply + 1, (size_t)(p - reply - 1)), 2);
    *p++ = '.';
    return (size_t)(flm02_put_uart(b, p) - reply);
}

void flm02_each_command(const struct flm02 *b, flm02_count_fn *emit, void *ctx)
{
    emit(ctx, "gd", b->deltas);
    emit(ctx, "ct", b->commits);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        uint8_t c = (uint8_t)fields[i].letter;
        if (fields[i].readable)
            emit(ctx, (char[]){'g', (char)c, '\0'}, b->gets[c]);
        if (fields[i].models)
            emit(ctx, (char[]){'s', (char)c, '\0'}, b->sets[c]);
    }
}
