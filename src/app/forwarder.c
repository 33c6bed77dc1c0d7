#include "app/forwarder.h"

#include "core/backoff.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

#include <sys/random.h>

int64_t forwarder_wait_ms(unsigned failures, uint32_t base_ms, int64_t ceiling_ms)
{
    uint32_t random = UINT32_MAX;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = UINT32_MAX;
    return backoff_within(failures, base_ms, (uint32_t)ceiling_ms, random);
}

struct answer_in forwarder_answer(struct app *app, const struct web_answer *w)
{
    return (struct answer_in){.status = w->status,
                              .failure = w->error,
                              .authenticate = w->header[WEB_WWW_AUTHENTICATE],
                              .retry_after = w->header[WEB_RETRY_AFTER],
                              .body = w->body,
                              .len = w->len,
                              .now_s = app_unix_s(app)};
}

void forwarder_failure(const struct app *app, const struct answer *a, const struct web_answer *w,
                       char text[ANSWER_TEXT + 64])
{
    bool clock = w->failure == WEB_NOT_YET_VALID && app->clock.state != CLOCK_SYNCED;

    snprintf(text, ANSWER_TEXT + 64, "%s%s", a->text, clock ? " (this host's clock is not set)" : "");
}

struct quarantine {
    struct store_job job;
    enum store_reader reader;
    int64_t now_s;
    char reason[ANSWER_TEXT];
    size_t n;
    struct store_row rows[];
};

static int run(struct store_job *j, struct store_db *db)
{
    const struct quarantine *q = (const struct quarantine *)j;

    return store_db_quarantine(db, q->reader, q->rows, q->n, q->now_s, q->reason);
}

static void done(struct store_job *j, int status)
{
    (void)status; /* a note that the disk did not take is in the log all the same */
    free(j);
}

void forwarder_quarantine(struct app *app, enum store_reader reader, const struct store_row *rows, size_t n,
                          const char *reason)
{
    struct quarantine *q = must(calloc(1, sizeof *q + n * sizeof *rows));

    q->job = (struct store_job){.run = run, .done = done};
    q->reader = reader;
    q->now_s = app_unix_s(app);
    q->n = n;
    memcpy(q->rows, rows, n * sizeof *rows);
    snprintf(q->reason, sizeof q->reason, "%s", reason);
    store_submit(app->store, STORE_WRITE, &q->job);
}

/* ---- the end ---- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct forwarder_end *end = timer->data, e = *end;

    free(end);
    e.release(e.self);
    e.done(e.done_ctx);
}

static void on_web_closed(void *timer)
{
    uv_close(timer, on_timer_closed);
}

void forwarder_close(struct web *web, uv_timer_t *timer, const struct forwarder_end *end)
{
    struct forwarder_end *kept = must(malloc(sizeof *kept));

    *kept = *end;
    uv_timer_stop(timer);
    timer->data = kept;
    web_close(web, on_web_closed, timer);
}

/* ---- settings and status ---- */

bool forwarder_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

void forwarder_put_text(struct jsonw *w, const char *key, const char *text)
{
    if (text[0])
        jsonw_str(w, key, text);
    else
        jsonw_null(w, key);
}

void forwarder_put_unix(struct jsonw *w, const char *key, int64_t unix_s)
{
    if (unix_s)
        jsonw_int(w, key, unix_s);
    else
        jsonw_null(w, key);
}

void forwarder_status(struct jsonw *w, const struct app *app, const struct forwarder_status *s)
{
    int64_t wait_ms = s->next_ms - app_mono_ms(app);

    jsonw_bool(w, "on", s->on);
    jsonw_str(w, "url", s->url);
    forwarder_put_text(w, "waits_for", s->waits_for);
    jsonw_int(w, "rows_waiting", store_waiting(app->store, s->reader));
    jsonw_int(w, "oldest_age_s", store_oldest_age_s(app->store, s->reader));
    forwarder_put_unix(w, "last_success", s->last_ok_s);
    forwarder_put_text(w, "last_error", s->last_error);
    jsonw_int(w, "rows_sent", (int64_t)s->rows_sent);
    jsonw_int(w, "rows_quarantined", (int64_t)s->rows_quarantined);
    jsonw_milli(w, "next_try_s", wait_ms > 0 ? wait_ms : 0);
}
