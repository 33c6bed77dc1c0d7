/* What the Flukso reporter does on request: send all configurations now (S6), or call the server once. Both take the
 * way that its own calls take, one after the other; here it is counted who was served and told how it ended. */
#include "app/flukso_impl.h"

#include <stdio.h>
#include <string.h>

/* Whatever was waited for, it is tried now. */
static void hurry(struct flukso *f)
{
    f->not_before_ms = 0;
    f->failed_call = FLUKSO_CALL_NONE;
    flukso_step(f);
}

/* ---- the configurations ---- */

static void sync_end(struct flukso *f, int code, const char *detail)
{
    f->syncing = false;
    f->sync_told.end(f->sync_told.ctx, code, detail);
}

static void sync_all(struct flukso *f)
{
    f->sync_code = ERRAND_OK;
    f->sync_text[0] = '\0';
    f->to_sync = f->n_sensors;
    for (size_t i = 0; i < f->n_sensors; i++) {
        struct flukso_sensor *s = &f->sensors[i];
        s->sync = true;
        s->config = FLUKSO_CONFIG_DUE;
        s->config_ms = 0;
        s->config_failures = 0;
    }
    hurry(f);
}

static const char *idle(void *self)
{
    const struct flukso *f = self;

    return f->on ? NULL : f->why_off;
}

static const char *sync_idle(void *self)
{
    const struct flukso *f = self;

    return f->on && !f->n_sensors ? "no sensor is reported" : idle(self);
}

static void sync_start(void *self, const struct errand_told *told)
{
    struct flukso *f = self;

    if (sync_idle(f)) {
        told->end(told->ctx, ERRAND_NONE, sync_idle(f));
        return;
    }
    if (f->call == FLUKSO_CALL_CONFIG) { /* it may hang since long, and comes again */
        web_cancel(f->web);
        f->call = FLUKSO_CALL_NONE;
    }
    f->sync_told = *told;
    f->syncing = true;
    sync_all(f);
}

static void sync_cancel(void *self)
{
    struct flukso *f = self;

    f->syncing = false; /* the configurations are sent all the same */
}

static void sync_done(struct flukso *f)
{
    char text[64];

    snprintf(text, sizeof text, "%zu configuration%s sent", f->n_sensors, f->n_sensors == 1 ? "" : "s");
    sync_end(f, f->sync_code, f->sync_code == ERRAND_OK ? text : f->sync_text);
}

void flukso_errand_config(struct flukso *f, struct flukso_sensor *s, int status, const char *text)
{
    char line[2 * ANSWER_TEXT];
    bool ok = s->config == FLUKSO_CONFIG_OK;

    if (!f->syncing || !s->sync)
        return;
    s->sync = false;
    if (!ok && f->sync_code == ERRAND_OK) {
        f->sync_code = status;
        snprintf(f->sync_text, sizeof f->sync_text, "%s: %s", s->name, text);
    }
    size_t left = --f->to_sync;
    if (f->sync_told.item)
        f->sync_told.item(f->sync_told.ctx, s->id, s->name, ok, text);
    snprintf(line, sizeof line, "%s: %s", s->name, ok ? "sent" : text);
    f->sync_told.step(f->sync_told.ctx, (int)(100 * (f->n_sensors - left) / f->n_sensors), line);
    if (left == 0 && f->syncing)
        sync_done(f);
}

/* ---- a call ---- */

static void call_end(struct flukso *f, int code, const char *detail)
{
    f->calling = false;
    f->call_told.end(f->call_told.ctx, code, detail);
}

static void call_start(void *self, const struct errand_told *told)
{
    struct flukso *f = self;

    if (idle(f)) {
        told->end(told->ctx, ERRAND_NONE, idle(f));
        return;
    }
    f->call_told = *told;
    f->calling = true;
    f->beat_ms = 0;
    hurry(f);
}

static void call_cancel(void *self)
{
    struct flukso *f = self;

    f->calling = false;
}

void flukso_errand_beat(struct flukso *f, int status, const char *error)
{
    if (f->calling)
        call_end(f, error[0] ? status : ERRAND_OK, error);
}

/* ---- what ends both ---- */

void flukso_errand_outage(struct flukso *f, int status, const char *text)
{
    int code = status ? status : ERRAND_AWAY;

    if (f->calling)
        call_end(f, code, text);
    if (f->syncing)
        sync_end(f, code, text);
}

void flukso_errand_settings(struct flukso *f)
{
    if (f->calling && idle(f))
        call_end(f, ERRAND_NONE, idle(f));
    else if (f->calling)
        f->beat_ms = 0; /* the call was dropped */
    if (f->syncing && sync_idle(f))
        sync_end(f, ERRAND_NONE, sync_idle(f));
    else if (f->syncing)
        sync_all(f);
}

void flukso_errands_offer(struct flukso *f)
{
    f->app->errands[ERRAND_SERVER_SYNC] = (struct errand){sync_start, sync_cancel, sync_idle, f};
    f->app->errands[ERRAND_SERVER_CALL] = (struct errand){call_start, call_cancel, idle, f};
}

void flukso_errands_drop(struct flukso *f)
{
    f->syncing = f->calling = false;
}
