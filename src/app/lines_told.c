/* What lines say: telegrams become readings and go to the hub; states, refusals and what people should know are kept,
 * and told once each in the log. It never touches a port. */
#include "app/lines_impl.h"

#include "core/ledger_marks.h"
#include "core/line_codes.h"
#include "core/num.h"
#include "core/util.h"
#include "io/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS    60000
#define QUIET_MS     60000 /* of values that are refused the log tells no more than one in so long, of each line */
#define SAY_AGAIN_MS ((int64_t)3600000) /* of what is refused the log tells once in so long, with the count */

/* ---- states ---- */

void line_set_state(struct line *x, enum line_state state, const char *reason)
{
    if (x->state != state)
        x->since_ms = app_mono_ms(x->owner->app);
    x->state = state;
    if (state == LINE_OK || state == LINE_DOWN)
        x->silence_said = false;
    if (reason != x->reason)
        snprintf(x->reason, sizeof x->reason, "%s", reason);
}

static int64_t silent_after(const struct line *x)
{
    int64_t asked = (int64_t)x->interval_ms * LINE_SILENT_ASKED;

    return x->pull && asked > LINE_SILENT_MS ? asked : LINE_SILENT_MS;
}

/* Why nothing was told, with what may be the cause: people read it before they look into a manual. */
static void silence_words(const struct line *x, char text[LINE_REASON])
{
    const struct line_settings *s = line_settings_of(x);
    const char *protocol = line_protocol_name(x->protocol);
    static const char *const formats[] = {
        [LINE_8N1] = "8N1", [LINE_7E1] = "7E1", [LINE_8E1] = "8E1", [LINE_7O1] = "7O1", [LINE_8N2] = "8N2"};
    static const char *const causes[] = {
        [LINE_P1] = "; is its port opened for you, and the cable's request line at 5 V?",
        [LINE_D0] = "; one that speaks only when it is asked wants \"pull\"",
    };
    const char *cause = (size_t)x->protocol < ARRAY_LEN(causes) && !x->pull ? causes[x->protocol] : NULL;

    if (x->pull && x->asked != D0_CONV_TOLD)
        snprintf(text, LINE_REASON, "%s", d0_conv_words(x->asked));
    else if (!x->bytes_unread)
        snprintf(text, LINE_REASON, "nothing comes from the meter%s", cause ? cause : "");
    else if (x->way == LINE_BY_DEVICE)
        snprintf(text, LINE_REASON,
                 "%" PRIu64 " bytes came and no good telegram: another protocol, baud rate or format than %s at %d %s?",
                 x->bytes_unread, protocol, s->baud, formats[s->format]);
    else
        snprintf(text, LINE_REASON,
                 "%" PRIu64 " bytes came and no good telegram: another protocol than %s, or another speed at the port?",
                 x->bytes_unread, protocol);
}

void line_look_for_silence(struct line *x, int64_t mono_ms)
{
    int64_t since = x->good_ms > x->open_ms ? x->good_ms : x->open_ms;
    char text[LINE_REASON];

    if (x->silence_said || mono_ms - since < silent_after(x))
        return;
    silence_words(x, text);
    line_set_state(x, LINE_SILENT, text);
    log_warn("line %s: silent: %s", x->key, text);
    x->silence_said = true;
}

static void answers(struct line *x)
{
    int64_t now = app_mono_ms(x->owner->app);

    if (!x->telegrams)
        log_info("line %s: telegrams come%s%s", x->key, x->ident[0] ? " from " : "", x->ident);
    else if (x->silence_said)
        log_note("line %s: telegrams come again; it was silent for %" PRId64 " s", x->key, (now - x->since_ms) / 1000);
    line_set_state(x, LINE_OK, "");
    x->good_ms = now;
    x->bytes_unread = 0;
}

/* ---- what was refused ---- */

/* Make place for this minute. */
static void roll(struct line *x, int64_t minute)
{
    if (minute - x->error_minute >= LINE_MINUTES)
        memset(x->errors, 0, sizeof x->errors);
    else
        for (int64_t i = x->error_minute + 1; i <= minute; i++)
            x->errors[i % LINE_MINUTES] = 0;
    x->error_minute = minute;
}

static void count(struct line *x, enum line_refused why, unsigned n)
{
    int64_t minute = app_mono_ms(x->owner->app) / MINUTE_MS;

    x->refused[why] += n;
    roll(x, minute);
    x->errors[minute % LINE_MINUTES] += n;
}

unsigned line_errors_per_hour(const struct line *x, int64_t mono_ms)
{
    int64_t now = mono_ms / MINUTE_MS;
    unsigned n = 0;

    for (int64_t i = x->error_minute; i > x->error_minute - LINE_MINUTES && i > now - LINE_MINUTES && i >= 0; i--)
        n += x->errors[i % LINE_MINUTES];
    return n;
}

/* A copy that a terminal shows; it ends as a line does. */
static void keep_text(char out[LINE_TEXT + 1], const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n + 1 < LINE_TEXT; i++)
        if (text[i] != '\r')
            out[n++] = (text[i] >= ' ' && text[i] < 0x7f) || text[i] == '\n' || text[i] == '\t' ? text[i] : '.';
    if (n && out[n - 1] != '\n')
        out[n++] = '\n';
    out[n] = '\0';
}

static void refuse(struct line *x, const struct line_telegram *t, enum line_refused why, unsigned n)
{
    int64_t now = app_mono_ms(x->owner->app);

    count(x, why, n);
    keep_text(x->refused_text, t->text, t->len);
    x->refused_why = line_refused_words(why);
    x->refused_ms = now;
    x->refused_unsaid++;
    if (x->refused_said_ms && now - x->refused_said_ms < SAY_AGAIN_MS)
        return;
    if (x->refused_unsaid == 1)
        log_note("line %s: what came is not taken: %s", x->key, x->refused_why);
    else
        log_note("line %s: what came is not taken: %s; %" PRIu64 " times since this was last said", x->key,
                 x->refused_why, x->refused_unsaid);
    x->refused_said_ms = now;
    x->refused_unsaid = 0;
}

/* ---- readings ---- */

static void on_emit(void *ctx, const struct reading *r)
{
    struct line *x = ctx;

    hub_emit(&x->owner->app->hub, r);
}

/* Keep it for people; the oldest gives way. */
static const char *PRINTF_LIKE(2, 3) note(struct line *x, const char *fmt, ...)
{
    va_list ap;

    if (x->n_notes == LINE_NOTES)
        memmove(x->notes, x->notes + 1, --x->n_notes * sizeof x->notes[0]);
    struct line_note *n = &x->notes[x->n_notes++];
    n->unix_s = app_unix_s(x->owner->app);
    va_start(ap, fmt);
    vsnprintf(n->text, sizeof n->text, fmt, ap);
    va_end(ap);
    return n->text;
}

static void on_note(void *ctx, const struct line_measured *m, const struct line_channel *c, enum line_noted what,
                    enum line_refused why, int64_t milli)
{
    struct line *x = ctx;
    const struct line_code *code = &line_codes[c->code];
    const char *name = code->words[0] ? code->words : code->code, *unit = code->unit[c->kind], *text;
    int64_t now = app_mono_ms(x->owner->app);
    char value[NUM_MAX + 1];

    (void)m;
    *num_put_milli(value, milli) = '\0';
    if (what == LINE_NOTED_RESET) {
        text = note(x, "%s was set anew, to %s %s; what is published goes on from where it was", name, value, unit);
        log_note("line %s: %s", x->key, text);
        return;
    }
    text = note(x, "%s of %s %s is not taken: %s", name, value, unit, line_refused_words(why));
    bool quiet = x->noted_ms && now - x->noted_ms < QUIET_MS; /* pitfall 19: one that comes and goes */
    log_line(quiet ? LOG_DETAIL : LOG_NOTE, "line %s: %s", x->key, text);
    x->noted_ms = quiet ? x->noted_ms : now;
}

static void on_refused(void *ctx, size_t nth, enum line_refused why)
{
    struct line *x = ctx;

    x->value_why[nth] = (uint8_t)why;
    count(x, why, 1);
}

static void measure(struct line *x)
{
    struct app *app = x->owner->app;
    const struct line_measure_host host = {.emit = on_emit, .note = on_note, .refused = on_refused, .ctx = x};
    const int64_t now = app_mono_ms(app), unix_ms = app_unix_s(app) ? now + app->clock.offset_ms : 0;
    char source[LEDGER_SOURCE];

    memset(x->value_why, LINE_REFUSED_KINDS, sizeof x->value_why);
    if (!x->measured)
        return;
    line_measure_telegram(x->measured, &x->values, now, unix_ms, &host);
    snprintf(source, sizeof source, "line/%s", x->key);
    ledger_heard(&app->ledger, source);
}

/* What cannot be read in each telegram, or in one whose check holds, is the meter's own way; more is damage. */
static void look_at_form(struct line *x, const struct line_telegram *t)
{
    if (t->values->checked)
        return;
    if (x->telegrams == 1 || t->bad < x->usual_bad)
        x->usual_bad = t->bad;
    if (t->bad > x->usual_bad)
        refuse(x, t, LINE_REFUSED_FORM, t->bad - x->usual_bad);
}

void line_on_telegram(void *line, const struct line_telegram *t)
{
    struct line *x = line;

    if (!t->good) {
        refuse(x, t, t->why, 1);
        return;
    }
    snprintf(x->ident, sizeof x->ident, "%s", t->ident);
    answers(x);
    x->telegrams++;
    keep_text(x->text, t->text, t->len);
    look_at_form(x, t);
    x->values = *t->values;
    measure(x);
}
