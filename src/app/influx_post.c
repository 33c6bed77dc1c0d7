/* Rounds: everything goes to the disk, is read in parts, and each part is posted until all of it is taken or refused.
 */
#include "app/forwarder.h"
#include "app/influx_impl.h"
#include "core/util.h"
#include "io/log.h"

#include <stdio.h>
#include <string.h>

#define BASE_MS    5000    /* ceiling of the first wait after a failure; it doubles up to the interval … */
#define CEILING_MS 60000   /* … which is at least this */
#define SLOW_MS    3600000 /* what people must mend is tried so often */
#define PURGE_MS   600000  /* what was passed is deleted so often: whole pages of the file at once cost little */
#define SAY_MS     3600000 /* rows that are refused again and again for one reason are told so often */

/* What a flush comes back to, should all else be gone. */
struct influx_flush {
    struct influx *owner; /* NULL: dropped */
};

static void read_on(struct influx *f);
static void post(struct influx *f);

static void step(struct influx *f);

static void on_timer(uv_timer_t *t)
{
    step(t->data);
}

void influx_wait(struct influx *f, int64_t at_ms)
{
    int64_t now_ms = app_mono_ms(f->app);

    if (f->read)
        influx_read_free(f->read);
    f->read = NULL;
    f->state = INFLUX_WAITING;
    f->next_ms = at_ms;
    uv_timer_start(&f->timer, on_timer, at_ms > now_ms ? (uint64_t)(at_ms - now_ms) : 1, 0);
}

/* ---- what goes wrong ---- */

static void note_error(struct influx *f, const char *text)
{
    snprintf(f->last_error, sizeof f->last_error, "%.*s", ANSWER_TEXT - 1, text);
}

/* People are told when it begins and when it changes. */
static void say(struct influx *f, const char *text, const char *what)
{
    if (strcmp(f->trouble, text) != 0)
        log_warn("influx: %s: %s; rows are kept, %s", f->shown, text, what);
    snprintf(f->trouble, sizeof f->trouble, "%s", text);
    note_error(f, text);
}

/* The database's trouble or the way there. */
static void back_off(struct influx *f, const char *text, int64_t retry_after_s)
{
    int64_t ceiling_ms = f->interval_ms > CEILING_MS ? f->interval_ms : CEILING_MS;
    int64_t wait_ms = forwarder_wait_ms(++f->failures, BASE_MS, ceiling_ms);

    if (retry_after_s * 1000 > wait_ms)
        wait_ms = retry_after_s * 1000;
    say(f, text, "tried again with growing pauses");
    influx_wait(f, app_mono_ms(f->app) + wait_ms);
}

static void stop_for_people(struct influx *f, const char *text)
{
    say(f, text, "tried again each hour and when the settings change");
    f->stopped = true;
    influx_wait(f, app_mono_ms(f->app) + SLOW_MS);
}

/* The database was reached, and took rows or told which it cannot take. */
static void reached(struct influx *f)
{
    if (f->trouble[0])
        log_note("influx: %s takes rows again", f->shown);
    f->trouble[0] = '\0';
    f->failures = 0;
    f->stopped = false;
}

/* A reason without what differs from row to row. */
static size_t reason_len(const char *text)
{
    const char *count = strstr(text, " dropped=");

    return count ? (size_t)(count - text) : strlen(text);
}

static void quarantine(struct influx *f, size_t first, size_t n, const char *text)
{
    const struct store_row *row = &f->read->batch.rows[first];
    const struct influx_series *s = &f->read->names->series[row->series];
    size_t len = reason_len(text);
    int64_t now_ms = app_mono_ms(f->app);

    f->rows_quarantined += n;
    f->unsaid += n;
    note_error(f, text);
    forwarder_quarantine(f->app, STORE_INFLUX, row, n, text);
    if (f->said_ms && now_ms - f->said_ms < SAY_MS && strncmp(f->said, text, len) == 0 && !f->said[len])
        return;
    log_error("influx: the database cannot take %llu rows (%s of %s at %lld first): %s; they are kept apart, the rest "
              "goes on",
              (unsigned long long)f->unsaid, reading_kind_name(s->kind), s->name, (long long)row->unix_s, text);
    snprintf(f->said, sizeof f->said, "%.*s", (int)len, text);
    f->said_ms = now_ms;
    f->unsaid = 0;
}

/* ---- one batch ---- */

/* All of it is done: the place moves, and what is left comes next. */
static void batch_done(struct influx *f)
{
    struct influx_read *r = f->read;
    struct store_position p = store_position(f->app->store, STORE_INFLUX, 0);

    if (store_key_cmp(&r->at, &p.at) > 0) {
        p.at = r->at;
        store_moved(f->app->store, &p, (int64_t)r->n);
        f->tidy = true;
    }
    f->read = NULL;
    influx_read_free(r);
    if (f->more)
        read_on(f);
    else
        influx_wait(f, f->begun_ms + f->interval_ms);
}

/* OK, a refusal of rows, or too large: what comes next of the batch. */
static void take_answer(struct influx *f, const struct answer *a, const struct answer_in *in)
{
    struct influx_batch *b = &f->read->batch;
    struct influx_blame blame;
    size_t first, n, taken = b->taken;

    influx_blame(&blame, in);
    if (influx_batch_answer(b, a, &blame, &first, &n) < 0) {
        back_off(f, a->text, a->retry_after_s);
        return;
    }
    if (a->kind == ANSWER_OK || blame.certain)
        reached(f);
    f->rows_sent += b->taken - taken;
    if (n)
        quarantine(f, first, n, a->kind == ANSWER_OK ? f->last_error : a->text);
    else if (a->kind == ANSWER_ROW)
        note_error(f, a->text);
    if (influx_batch_done(b))
        batch_done(f);
    else
        post(f);
}

static void on_answer(void *ctx, const struct web_answer *w)
{
    struct influx *f = ctx;
    struct answer_in in = forwarder_answer(f->app, w);
    struct answer a;
    char text[ANSWER_TEXT + 64];

    influx_answer(&a, &in);
    forwarder_failure(f->app, &a, w, text);
    if (w->failure == WEB_TOO_LONG)
        a.kind = ANSWER_TOO_LARGE; /* a text for each line, may be: fewer lines have a shorter answer */
    f->failed += a.kind != ANSWER_OK;
    if (a.kind == ANSWER_OK)
        f->last_ok_s = app_unix_s(f->app);
    if (f->read->names->generation != store_generation(f->app->store)) {
        read_on(f); /* another file was opened meanwhile, with numbers of its own */
    } else if (a.kind == ANSWER_OK || a.kind == ANSWER_ROW || a.kind == ANSWER_TOO_LARGE) {
        take_answer(f, &a, &in);
    } else if (a.kind == ANSWER_REFUSED) {
        stop_for_people(f, text);
    } else {
        back_off(f, text, a.retry_after_s);
    }
}

static void post(struct influx *f)
{
    const char *headers[] = {"Content-Type: text/plain; charset=utf-8", f->read->auth};
    size_t len;
    const char *lines = influx_batch_window(&f->read->batch, &len);

    f->state = INFLUX_POSTING;
    f->posts++;
    web_post(f->web,
             &(struct web_request){.url = f->url,
                                   .headers = headers,
                                   .n_headers = ARRAY_LEN(headers) - !f->read->auth[0],
                                   .user_agent = "fluksod/" FLUKSOD_VERSION,
                                   .ca_file = f->ca_file,
                                   .body = lines,
                                   .len = len},
             on_answer, f);
}

/* ---- a round ---- */

static void on_read(void *ctx, struct influx_read *r, int status)
{
    struct influx *f = ctx;

    f->more = status == 1;
    if (status == STORE_AGAIN || r->names->generation != store_generation(f->app->store)) {
        read_on(f);
    } else if (status < 0) { /* the store says why */
        influx_wait(f, f->begun_ms + f->interval_ms);
    } else if (r->error[0]) {
        say(f, r->error, "looked at again each interval");
        influx_wait(f, f->begun_ms + f->interval_ms);
    } else if (influx_batch_done(&r->batch)) {
        batch_done(f);
    } else {
        post(f);
    }
}

static void read_on(struct influx *f)
{
    if (f->read)
        influx_read_free(f->read);
    if (f->names->generation != store_generation(f->app->store)) {
        influx_names_release(f->names);
        f->names = influx_names_new(f->app);
    }
    f->state = INFLUX_READING;
    f->read = influx_read_start(f->app, f->names, f->token_file, f->version_1, on_read, f);
}

/* Everything is on the disk now, places too: what all have passed may go. */
static void on_flushed(void *ctx, int status)
{
    struct influx_flush *flush = ctx;
    struct influx *f = flush->owner;

    free(flush);
    if (!f)
        return;
    f->flush = NULL;
    if (f->tidy && status == 0 && f->begun_ms >= f->purge_ms) {
        store_purge(f->app->store);
        f->tidy = false;
        f->purge_ms = f->begun_ms + PURGE_MS;
    }
    read_on(f);
}

static void step(struct influx *f)
{
    if (f->state != INFLUX_WAITING)
        return;
    app_unix_s(f->app); /* the clock may have stepped meanwhile */
    f->begun_ms = app_mono_ms(f->app);
    f->state = INFLUX_FLUSHING;
    f->flush = must(calloc(1, sizeof *f->flush));
    f->flush->owner = f;
    store_flush(f->app->store, on_flushed, f->flush);
}

void influx_drop(struct influx *f)
{
    uv_timer_stop(&f->timer);
    web_cancel(f->web);
    if (f->flush)
        f->flush->owner = NULL;
    f->flush = NULL;
    if (f->read && f->state == INFLUX_READING)
        influx_read_drop(f->read);
    else if (f->read)
        influx_read_free(f->read);
    f->read = NULL;
    influx_names_release(f->names);
    f->names = NULL;
    f->state = INFLUX_OFF;
}
