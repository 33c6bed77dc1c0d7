/* What status and metrics say of the Flukso reporter: how much waits, what went, what is wrong. */
#include "app/flukso_impl.h"

#include "app/forwarder.h"

#include <string.h>

static int64_t stopped(const struct flukso *f)
{
    int64_t n = 0;

    for (size_t i = 0; i < f->n_sensors; i++)
        n += f->sensors[i].stopped;
    return n;
}

void flukso_stats(void *self, stat_emit emit, void *ctx)
{
    const struct flukso *f = self;
    const struct store *store = f->app->store;
    const struct stat_value v[] = {
        {"flukso_calls_total", NULL, STAT_COUNTER, (int64_t)f->calls, "Calls to the Flukso server."},
        {"flukso_calls_failed_total", NULL, STAT_COUNTER, (int64_t)f->failed,
         "Calls that the server did not answer with success, but for 400 and 401."},
        {"flukso_rows_sent_total", NULL, STAT_COUNTER, (int64_t)f->rows_sent, "Rows that the server took."},
        {"flukso_rows_thinned_total", NULL, STAT_COUNTER, (int64_t)f->rows_thinned,
         "Rows that need not be sent: thinned by age, or no other whole unit."},
        {"flukso_rows_stale_total", NULL, STAT_COUNTER, (int64_t)f->rows_stale, "Rows that the server had already."},
        {"flukso_rows_quarantined_total", NULL, STAT_COUNTER, (int64_t)f->rows_quarantined,
         "Rows that the server cannot take, kept apart."},
        {"flukso_rows_waiting", NULL, STAT_GAUGE, store_waiting(store, STORE_FLUKSO), "Rows that wait for the server."},
        {"flukso_oldest_age_seconds", NULL, STAT_GAUGE, store_oldest_age_s(store, STORE_FLUKSO),
         "Age of the oldest row that waits."},
        {"flukso_last_success_seconds", NULL, STAT_GAUGE, f->last_ok_s, "Unix second of the last call that succeeded."},
        {"flukso_sensors_stopped", NULL, STAT_GAUGE, stopped(f), "Sensors that wait for people to mend something."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

/* Why rows wait although the server may be there. */
static const char *why_waiting(const struct flukso *f)
{
    static const char *const clocks[] = {
        [CLOCK_UNSET] = "this host's clock was never set",
        [CLOCK_LOCAL] = "neither NTP nor the server has confirmed this host's clock",
        [CLOCK_SYNCED] = "",
    };

    if (!f->on)
        return f->why_off;
    if (f->failing)
        return f->last_error;
    if (f->app->clock.state == CLOCK_LOCAL && f->app->clock.server_known && !f->app->clock.server)
        return "this host's clock and the server's are more than 60 s apart: set it, or run NTP";
    return clocks[f->app->clock.state];
}

void flukso_status_top(void *self, struct jsonw *w)
{
    const struct flukso *f = self;

    forwarder_status(w, f->app,
                     &(struct forwarder_status){.on = f->on,
                                                .url = f->url,
                                                .waits_for = why_waiting(f),
                                                .reader = STORE_FLUKSO,
                                                .last_ok_s = f->last_ok_s,
                                                .last_error = f->last_error,
                                                .rows_sent = f->rows_sent,
                                                .rows_quarantined = f->rows_quarantined,
                                                .next_ms = f->not_before_ms});
    jsonw_int(w, "rows_thinned", (int64_t)f->rows_thinned);
    jsonw_int(w, "rows_stale", (int64_t)f->rows_stale);
    jsonw_open(w, "heartbeat", '{');
    forwarder_put_text(w, "error", f->beat_text);
    forwarder_put_unix(w, "upgrade", f->upgrade);
    jsonw_close(w, '}');
}

void flukso_status_sensor(void *self, const struct sensor *s, struct jsonw *w)
{
    static const char *const config[] = {"due", "ok", "failed"};
    const struct flukso *f = self;

    for (size_t i = 0; i < f->n_sensors; i++) {
        const struct flukso_sensor *x = &f->sensors[i];
        if (strcmp(x->id, s->id) != 0)
            continue;
        size_t n;
        flukso_batch_window(&x->batch, &n);
        jsonw_bool(w, "report", true);
        jsonw_bool(w, "stopped", x->stopped);
        forwarder_put_text(w, "error", x->text);
        forwarder_put_unix(w, "last_sent", x->sent_s);
        if (x->sent_s)
            jsonw_milli(w, "last_value", x->sent_milli / 1000 * 1000);
        else
            jsonw_null(w, "last_value");
        jsonw_str(w, "config", config[x->config]);
        forwarder_put_text(w, "config_error", x->config == FLUKSO_CONFIG_FAILED ? x->config_text : "");
        return;
    }
    jsonw_bool(w, "report", false);
}
