/* What bus threads say, on the loop: values become readings and go to the hub; states of lines and meters are kept, and
 * told once each in the log. It never asks anything. */
#include "app/buses_impl.h"

#include "core/mb_words.h"
#include "core/num.h"
#include "core/util.h"
#include "io/log.h"

#include <inttypes.h>
#include <string.h>

/* ---- lines ---- */

static void on_line(struct bus *x, const struct mb_result *r)
{
    enum bus_state state = r->up ? BUS_UP : BUS_DOWN;

    if (!x->borrowed && x->state != state && r->up)
        log_info("bus %s: %s: open", x->key, x->line);
    else if (!x->borrowed && r->up && r->words[0])
        log_note("bus %s: %s: %s", x->key, x->line, r->words); /* what is odd about it */
    else if (!x->borrowed && (x->state != state || strcmp(x->why, r->words) != 0) && !r->up)
        log_warn("bus %s: %s; trying again", x->key, r->words[0] ? r->words : x->line);
    bus_set_state(x, state, r->up ? "" : r->words);
}

/* ---- meters ---- */

/* A poll has ended, now. */
static void pace_note(struct bus *x, int64_t mono_ms)
{
    int64_t s = mono_ms / 1000;

    if (s - x->pace_s > BUS_PACE)
        memset(x->pace, 0, sizeof x->pace);
    else
        for (int64_t i = x->pace_s + 1; i <= s; i++)
            x->pace[i % BUS_PACE] = 0;
    if (s > x->pace_s)
        x->pace_s = s;
    x->pace[x->pace_s % BUS_PACE]++;
}

/* Of the whole seconds that are over. */
int64_t bus_polls_milli(const struct bus *x, int64_t mono_ms)
{
    int64_t s = mono_ms / 1000, n = 0;

    for (int64_t i = x->pace_s; i > x->pace_s - BUS_PACE && i > s - BUS_PACE; i--)
        if (i >= 0 && i < s)
            n += x->pace[i % BUS_PACE];
    return n * 1000 / (BUS_PACE - 1);
}

static void say_state(const struct bus *x, const struct bus_meter *m, enum mb_state before, const char *why)
{
    const struct meter_settings *s = bus_meter_settings_of(x, m);

    if (m->state == MB_FINE && before == MB_NEW)
        log_info("bus %s: meter %s (unit %d) answers", x->key, s->key, s->unit);
    else if (m->state == MB_FINE && before == MB_OFFLINE)
        log_note("bus %s: meter %s (unit %d) answers again; %" PRIu64 " requests had failed", x->key, s->key, s->unit,
                 m->failed);
    else if (m->state == MB_OFFLINE && before != MB_OFFLINE)
        log_warn("bus %s: meter %s (unit %d) is offline: %s; it is probed in %d s", x->key, s->key, s->unit, why,
                 MB_PROBE_MIN_MS / 1000);
    else if (m->state == MB_SUSPECT && before != MB_SUSPECT)
        log_detail("bus %s: meter %s (unit %d): %s", x->key, s->key, s->unit, why);
}

/* A meter that answers and gives nothing is ok to its line, and mostly another model: told once. */
static void say_refusal(const struct bus *x, struct bus_meter *m, const struct mb_result *r, const char *why)
{
    const struct meter_settings *s = bus_meter_settings_of(x, m);
    bool refuses = r->outcome == MB_EXCEPTION && r->exception >= 1 && r->exception <= 3; /* not: it is busy */

    if (refuses && !m->refuses)
        log_warn("bus %s: meter %s (unit %d) answers, but gives no values: %s; is it of model %s?", x->key, s->key,
                 s->unit, why, s->model_id);
    if (refuses || r->outcome == MB_OK)
        m->refuses = refuses;
}

/* Keep what became of a poll. True: there are readings. */
static bool note_poll(struct bus *x, struct bus_meter *m, const struct mb_result *r)
{
    const struct meter_settings *s = bus_meter_settings_of(x, m);
    enum mb_state before = m->state;
    char why[MB_WORDS];

    mb_words(why, r->outcome, r->exception, s->unit, s->timeout_ms, r->words);
    m->state = r->state;
    m->missed = r->missed;
    if (m->state != before) {
        m->since_ms = r->mono_ms;
        say_state(x, m, before, why);
    }
    bus_say(&m->why, why);
    say_refusal(x, m, r, why);
    if (r->outcome != MB_OK) {
        m->failed++;
        return false;
    }
    m->failed = 0;
    m->last_ms = r->mono_ms;
    return r->n > 0;
}

static void emit(void *ctx, const struct reading *r)
{
    struct buses *b = ctx;

    hub_emit(&b->app->hub, r);
}

static void note(void *ctx, const struct mb_measured *m, uint8_t quantity, enum mb_note what, enum mb_refused why,
                 int64_t milli)
{
    char name[QUANTITY_NAME], value[NUM_MAX + 1];

    (void)ctx;
    quantity_words(quantity, name);
    *num_put_milli(value, milli) = '\0';
    switch (what) {
    case MB_NOTE_RESET:
        log_note("meter %s: %s was set anew, to %s %s; what is published goes on from where it was", m->key, name,
                 value, quantity_unit(quantity));
        break;
    case MB_NOTE_WRAP:
        log_info("meter %s: %s passed its end", m->key, name);
        break;
    case MB_NOTE_REFUSED:
        if (why == MB_REFUSED_RANGE || why == MB_REFUSED_RATE)
            log_note("meter %s: %s of %s %s is not taken: %s", m->key, name, value, quantity_unit(quantity),
                     why == MB_REFUSED_RANGE ? "it is beyond what its connection can have"
                                             : "it does not go on from the last");
        else
            log_note("meter %s: %s is not taken: %s", m->key, name,
                     why == MB_REFUSED_NAN ? "it is not a number" : "the meter has no value for it");
        break;
    }
}

static void measure(struct bus *x, struct bus_meter *m, const struct mb_result *r)
{
    struct app *app = x->owner->app;
    const struct mb_measure_host host = {.emit = emit, .note = note, .ctx = x->owner};
    int64_t unix_ms = app_unix_s(app) ? r->mono_ms + app->clock.offset_ms : 0;

    if (m->measured)
        mb_measure_poll(m->measured, r->readings, r->n, r->mono_ms, unix_ms, &host);
}

static void on_meter(struct bus *x, const struct mb_result *r)
{
    struct bus_meter *m = &x->meters[r->meter];

    pace_note(x, r->mono_ms);
    if (note_poll(x, m, r))
        measure(x, m, r);
}

void buses_on_result(void *ctx, struct mb_result *r)
{
    struct buses *b = ctx;
    struct bus *x = b->slots[r->tag];

    switch (r->kind) {
    case MB_RESULT_LINE:
        on_line(x, r);
        break;
    case MB_RESULT_METER:
        on_meter(x, r);
        break;
    case MB_RESULT_ASK:
        bus_asks_answered(x, r);
        break;
    }
    mb_result_free(r);
}
