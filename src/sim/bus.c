#include "sim/bus.h"

#include <errno.h>
#include <string.h>

#include "sim/line.h"
#include "sim/options.h"

#define BITS_OF_A_CHARACTER 11 /* start, eight, parity or a second stop, stop */
#define SILENT_CHARACTERS   4  /* between frames, rounded up */

/* ---- meters answer ---- */

static struct bus_meter *meter_of(const struct bus *bus, int unit)
{
    for (size_t i = 0; i < bus->n_meters; i++)
        if (bus->meters[i].unit == unit)
            return &bus->meters[i];
    return NULL;
}

/* Does it understand, and answer, this request? */
static bool answers(const struct bus *bus, const struct bus_meter *m, const struct bus_request *r)
{
    return m && !m->dead && (!m->baud || m->baud == pty_baud(&bus->pty)) && (!m->longest || r->count <= m->longest);
}

/* Its answer, faults not yet in it. */
static size_t reply(struct bus_meter *m, const struct bus_request *r, uint8_t *frame)
{
    uint16_t words[BUS_READ_MAX];
    uint8_t exception = m->exceptions_left ? m->exception : bus_meter_read(m, r->function, r->address, r->count, words);

    if (m->exceptions_left)
        m->exceptions_left--;
    if (exception) {
        m->refusals++;
        return bus_wire_refuse(r, exception, frame);
    }
    m->answers++;
    m->registers += r->count;
    return bus_wire_answer(r, words, frame);
}

/* How long request, silence and answer are on a line of this speed. */
static int64_t line_ms(const struct buses *b, const struct bus *bus, size_t request, size_t answer)
{
    int baud = pty_baud(&bus->pty);

    if (!b->opt->line_time || !baud)
        return 0;
    return (int64_t)(request + SILENT_CHARACTERS + answer) * BITS_OF_A_CHARACTER * 1000 / baud + 1;
}

static void serve(struct buses *b, struct bus *bus, const struct bus_request *r, size_t len)
{
    struct bus_meter *m = meter_of(bus, r->unit);
    uint8_t frame[BUS_FRAME_MAX];
    int64_t delay_ms = 0;

    bus->requests++;
    bus->strange += !m;
    if (m)
        m->requests++;
    if (!answers(bus, m, r) || bus->n_way == BUS_ANSWERS)
        return;
    struct bus_answer *a = &bus->way[bus->n_way];
    a->len = reply(m, r, frame);
    memcpy(a->bytes, frame, a->len);
    a->due_ms = b->now_ms + m->slow_ms + line_ms(b, bus, len, a->len);
    a->len = faults_apply(&m->faults, a->bytes, a->len, &delay_ms);
    a->due_ms += delay_ms;
    bus->n_way += a->len > 0;
}

/* ---- the line ---- */

static void forget(struct bus *bus)
{
    bus->bad += bus->in_len;
    bus->in_len = 0;
}

static void take(struct buses *b, struct bus *bus)
{
    struct bus_request r;
    size_t len;

    while ((len = bus_wire_take(bus->in, bus->in_len, &r)) > 0) {
        bus->in_len -= len;
        memmove(bus->in, bus->in + len, bus->in_len);
        serve(b, bus, &r, len);
    }
}

static void receive(struct buses *b, struct bus *bus)
{
    size_t n;

    if (bus->in_len && b->now_ms - bus->in_ms >= BUS_SILENCE_MS)
        forget(bus);
    while ((n = pty_read(&bus->pty, bus->in + bus->in_len, sizeof bus->in - bus->in_len)) > 0) {
        bus->in_ms = b->now_ms;
        bus->in_len += n;
        take(b, bus);
        if (bus->in_len == sizeof bus->in)
            forget(bus);
    }
}

void buses_fds(const struct buses *b, struct pollfd *fds)
{
    for (size_t i = 0; i < b->n; i++) {
        fds[2 * i] = (struct pollfd){.fd = b->bus[i].pty.master, .events = POLLIN};
        fds[2 * i + 1] = (struct pollfd){.fd = b->bus[i].pty.watch, .events = POLLIN};
    }
}

void buses_receive(struct buses *b, const struct pollfd *fds)
{
    for (size_t i = 0; i < b->n; i++) {
        if (fds[2 * i].revents)
            receive(b, &b->bus[i]);
        if (fds[2 * i + 1].revents)
            pty_reader_gone(&b->bus[i].pty);
    }
}

/* The answer that is due first, or NULL. */
static struct bus_answer *first(struct bus *bus)
{
    struct bus_answer *soonest = NULL;

    for (unsigned i = 0; i < bus->n_way; i++)
        if (!soonest || bus->way[i].due_ms < soonest->due_ms)
            soonest = &bus->way[i];
    return soonest;
}

static void send_due(struct bus *bus, int64_t now_ms)
{
    struct bus_answer *a;

    while ((a = first(bus)) != NULL && a->due_ms <= now_ms) {
        pty_write(&bus->pty, a->bytes, a->len);
        bus->n_way--;
        memmove(a, a + 1, (size_t)(&bus->way[bus->n_way] - a) * sizeof *a);
    }
}

void buses_send(struct buses *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct bus *bus = &b->bus[i];
        if (bus->in_len && b->now_ms - bus->in_ms >= BUS_SILENCE_MS)
            forget(bus);
        send_due(bus, b->now_ms);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

int64_t buses_deadline(const struct buses *b)
{
    int64_t due = -1;

    for (size_t i = 0; i < b->n; i++) {
        struct bus_answer *a = first(&b->bus[i]);
        due = sooner(due, a ? a->due_ms : -1);
        due = sooner(due, b->bus[i].in_len ? b->bus[i].in_ms + BUS_SILENCE_MS : -1);
    }
    return due;
}

void buses_run(struct buses *b, int64_t ms, const struct board_input *in)
{
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->bus[i].n_meters; k++)
            bus_meter_run(&b->bus[i].meters[k], ms, in);
}
