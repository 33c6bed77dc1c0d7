#include "sim/bus_orders.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sim/bus.h"
#include "sim/orders.h"
#include "sim/options.h"
#include "sim/sim.h"

#define MANY 1000000

/* ---- who is meant ---- */

struct bus_meter *buses_find(struct buses *b, const char *text)
{
    unsigned bus = 0, unit;
    char more;

    if (sscanf(text, "%u/%u%c", &bus, &unit, &more) != 2) {
        bus = 0;
        if (sscanf(text, "%u%c", &unit, &more) != 1)
            return NULL;
    }
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->bus[i].n_meters; k++)
            if (b->bus[i].meters[k].unit == unit && (!bus || bus == i + 1))
                return &b->bus[i].meters[k];
    return NULL;
}

/* ---- what is true ---- */

void bus_meter_stats(const struct bus_meter *m, bool truth, FILE *out)
{
    fprintf(out, "{\"unit\":%u,\"model\":\"%s\",\"role\":\"%s\",\"dead\":%s", m->unit, m->model->id,
            meter_role_name(m->role), m->dead ? "true" : "false");
    fprintf(out, ",\"requests\":%" PRIu64 ",\"answers\":%" PRIu64 ",\"exceptions\":%" PRIu64 ",\"registers\":%" PRIu64,
            m->requests, m->answers, m->refusals, m->registers);
    fputs(",\"faults\":{", out);
    for (int k = 0; k < FAULT_KINDS; k++)
        fprintf(out, "%s\"%s\":%" PRIu64, k ? "," : "", fault_name((enum fault)k), m->faults.done[k]);
    fprintf(out, "},\"power_mw\":%" PRId64 ",\"import_uj\":%" PRId64 ",\"export_uj\":%" PRId64, m->load[0].p_mw,
            m->uj[ENERGY_IMPORT][0], m->uj[ENERGY_EXPORT][0]);
    if (truth) {
        fputs(",\"truth\":", out);
        bus_meter_truth(m, out);
    }
    fputc('}', out);
}

static void one_bus_stats(const struct bus *bus, FILE *out)
{
    fprintf(out, "{\"link\":\"%s\",\"tty\":", bus->link);
    fprintf(out, bus->pty.master < 0 ? "null" : "\"%s\"", bus->pty.name);
    fprintf(out, ",\"baud\":%d,\"requests\":%" PRIu64 ",\"strange\":%" PRIu64 ",\"bad_bytes\":%" PRIu64 ",\"meters\":[",
            pty_baud(&bus->pty), bus->requests, bus->strange, bus->bad);
    for (size_t i = 0; i < bus->n_meters; i++) {
        fputs(i ? "," : "", out);
        bus_meter_stats(&bus->meters[i], false, out);
    }
    fputs("]}", out);
}

void buses_stats(const struct buses *b, FILE *out)
{
    fputs("\"buses\":[", out);
    for (size_t i = 0; i < b->n; i++) {
        fputs(i ? "," : "", out);
        one_bus_stats(&b->bus[i], out);
    }
    fputc(']', out);
}

/* ---- orders to a meter ---- */

/* What is wrong with it, or NULL. n: the numbers behind the word; text: the first of them as it was given. */
typedef const char *meter_fn(struct bus_meter *m, const int64_t n[2], const char *text);

static const char *meter_dead(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)n, (void)text;
    m->dead = true;
    return NULL;
}

static const char *meter_alive(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)n, (void)text;
    m->dead = false;
    return NULL;
}

static const char *meter_slow(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->slow_ms = n[0];
    return NULL;
}

static const char *meter_late(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->faults.ordered_delay_ms = n[0];
    m->faults.ordered[FAULT_DELAY] = (unsigned)n[1];
    return NULL;
}

static const char *meter_drop(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->faults.ordered[FAULT_DROP] = (unsigned)n[0];
    return NULL;
}

static const char *meter_corrupt(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->faults.ordered[FAULT_CORRUPT] = (unsigned)n[0];
    return NULL;
}

static const char *meter_cut(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->faults.ordered[FAULT_CUT] = (unsigned)n[0];
    return NULL;
}

static const char *meter_garbage(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->faults.ordered[FAULT_GARBAGE] = (unsigned)n[0];
    return NULL;
}

static const char *meter_exception(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->exception = (uint8_t)n[0];
    m->exceptions_left = (unsigned)n[1];
    return NULL;
}

static const char *meter_strict(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->strict = n[0] != 0;
    return NULL;
}

static const char *meter_longest(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    m->longest = (unsigned)n[0];
    return NULL;
}

static const char *meter_watts(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)n;
    int rc = order_watts(text, -WATTS_MAX, &m->watts);
    if (rc < 0)
        return "the power is wanted in watts, or 'auto' for the household's own";
    m->given = rc == 0;
    return NULL;
}

static const char *meter_energy(struct bus_meter *m, const int64_t n[2], const char *text)
{
    (void)text;
    bus_meter_replace(m, n[0]);
    return NULL;
}

/* need: how many numbers there must be; most: how many there may be; -1 as minimum: any text. */
static const struct {
    const char *name;
    int need, most;
    int64_t min[2], max[2], preset[2];
    meter_fn *run;
} meter_orders[] = {
    {"dead", 0, 0, {0}, {0}, {0}, meter_dead},
    {"alive", 0, 0, {0}, {0}, {0}, meter_alive},
    {"slow", 1, 1, {0}, {60000}, {0}, meter_slow},
    {"late", 1, 2, {0, 0}, {60000, MANY}, {0, 1}, meter_late},
    {"drop", 0, 1, {0}, {MANY}, {1}, meter_drop},
    {"corrupt", 0, 1, {0}, {MANY}, {1}, meter_corrupt},
    {"cut", 0, 1, {0}, {MANY}, {1}, meter_cut},
    {"garbage", 0, 1, {0}, {MANY}, {1}, meter_garbage},
    {"exception", 1, 2, {1, 0}, {255, MANY}, {0, 1}, meter_exception},
    {"strict", 1, 1, {0}, {1}, {0}, meter_strict},
    {"longest", 1, 1, {0}, {BUS_READ_MAX}, {0}, meter_longest},
    {"watts", 1, 1, {INT64_MIN}, {0}, {0}, meter_watts},
    {"energy", 1, 1, {0}, {1000000000}, {0}, meter_energy},
};

const char *order_meter(struct call *c)
{
    struct bus_meter *m = buses_find(&c->s->buses, c->argv[1]);

    if (!m)
        return "there is no such meter; it is wanted as UNIT, or BUS/UNIT";
    if (strcmp(c->argv[2], "stats") == 0 && c->argc == 3) {
        bus_meter_stats(m, true, c->out);
        fputc('\n', c->out);
        return "";
    }
    for (size_t i = 0; i < ARRAY_LEN(meter_orders); i++) {
        int given = c->argc - 3;
        int64_t n[2] = {meter_orders[i].preset[0], meter_orders[i].preset[1]};
        if (strcmp(c->argv[2], meter_orders[i].name) != 0)
            continue;
        if (given < meter_orders[i].need || given > meter_orders[i].most)
            return "it wants another number of numbers; see fluksosim(1)";
        for (int k = 0; k < given && meter_orders[i].min[0] != INT64_MIN; k++)
            if (option_int(c->argv[3 + k], meter_orders[i].min[k], meter_orders[i].max[k], &n[k]) < 0)
                return "a number is out of its range; see fluksosim(1)";
        const char *wrong = meter_orders[i].run(m, n, c->argv[3]);
        buses_run(&c->s->buses, 0, &c->s->in); /* it shows at once */
        return wrong;
    }
    return "a meter takes no such order; see fluksosim(1)";
}

/* ---- orders to a bus ---- */

const char *order_bus(struct call *c)
{
    char noise[FAULTS_GARBAGE_MAX];
    int64_t n;

    if (option_int(c->argv[1], 1, (int64_t)c->s->buses.n, &n) < 0)
        return "there is no such bus; they are numbered from 1";
    struct bus *bus = &c->s->buses.bus[n - 1];
    if (strcmp(c->argv[2], "unplug") == 0) {
        if (bus->pty.master < 0)
            return "the line is unplugged already";
        pty_unplug(&bus->pty);
        bus->in_len = bus->n_way = 0;
        return NULL;
    }
    if (strcmp(c->argv[2], "replug") == 0) {
        if (bus->pty.master >= 0)
            return "the line is plugged in already";
        return pty_plug(&bus->pty, bus->link) < 0 ? strerror(errno) : NULL;
    }
    if (strcmp(c->argv[2], "garbage") != 0)
        return "a bus takes unplug, replug, garbage";
    struct faults f = {.rng = (uint64_t)c->s->house_ms};
    faults_garbage(&f, noise, sizeof noise);
    pty_write(&bus->pty, noise, sizeof noise);
    return NULL;
}
