/* After the start that carried a restore out: the counters go to the ledger, before any source feeds it, and to the
 * disk; and the broker forgets the topics of who this device was before (pitfall 5). Only when both are done is the
 * file removed that says so: until then each start does it again, which changes nothing that is done. */
#include "app/backup_impl.h"

#include "app/restore_files.h"
#include "core/settings.h"
#include "core/topics.h"
#include "core/util.h"
#include "io/log.h"
#include "io/mqtt.h"
#include "io/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS  60000 /* a disk that takes nothing may do so later */
#define TOPIC_MAX 96

/* What a flush comes back to, should all else be gone. */
struct restore_flush {
    struct restore_after *owner; /* NULL: dropped */
};

static void finish_if_done(struct restore_after *a);

/* ---- the ledger ---- */

static void on_again(uv_timer_t *t);

static void on_flushed(void *ctx, int status)
{
    struct restore_flush *f = ctx;
    struct restore_after *a = f->owner;

    free(f);
    if (!a)
        return;
    a->flush = NULL;
    a->kept = status == 0;
    if (!a->kept)
        uv_timer_start(&a->again, on_again, AGAIN_MS, 0);
    finish_if_done(a);
}

static void flush(struct restore_after *a)
{
    a->flush = must(malloc(sizeof *a->flush));
    a->flush->owner = a;
    store_flush(a->app->store, on_flushed, a->flush);
}

static void on_again(uv_timer_t *t)
{
    flush(t->data);
}

/* ---- the broker ---- */

/* The nth topic that is left behind; false: there are no more. */
static bool topic(const struct restore *p, size_t n, char out[TOPIC_MAX])
{
    static const char *const below[] = {"config/sensor", "availability", "config/flx", "config/kube", "test/tap"};
    size_t of_device = p->leaves[0] ? ARRAY_LEN(below) : 0;

    if (n < of_device) {
        snprintf(out, TOPIC_MAX, "/device/%s/%s", p->leaves, below[n]);
        return true;
    }
    n -= of_device;
    if (n / READING_KINDS >= p->n_leaves_sensors)
        return false;
    topic_init(out, (enum reading_kind)(n % READING_KINDS));
    topic_set_id(out, p->leaves_sensors[n / READING_KINDS]);
    return true;
}

static void clear(void *ctx)
{
    struct restore_after *a = ctx;
    char name[TOPIC_MAX];

    if (!a->due || a->cleared)
        return;
    for (; topic(&a->plan, a->at, name); a->at++)
        if (mqtt_publish(a->app->mqtt, name, "", 0, true) < 0)
            return; /* on when there is room, or a connection */
    a->cleared = true;
    finish_if_done(a);
}

static void on_down(void *ctx, const char *reason)
{
    struct restore_after *a = ctx;

    (void)reason;
    if (!a->cleared)
        a->at = 0; /* what was under way may be lost */
}

/* ---- the end ---- */

static void run(uv_work_t *work)
{
    struct restore_after *a = work->data;

    a->err = restore_forget(a->dir);
}

static void close_if_done(struct restore_after *a)
{
    void (*closed)(void *) = a->closed;

    if (!closed || a->busy)
        return;
    if (a->due)
        restore_free(&a->plan);
    free(a->dir);
    closed(a->closed_ctx);
}

static void on_forgotten(uv_work_t *work, int status)
{
    struct restore_after *a = work->data;

    (void)status;
    a->busy = false;
    if (a->err)
        log_warn("restore: what is done with cannot be removed in %s: %s", a->dir, strerror(-a->err));
    close_if_done(a);
}

static void finish_if_done(struct restore_after *a)
{
    if (!a->due || !a->kept || !a->cleared || a->busy)
        return;
    a->due = false;
    restore_free(&a->plan);
    a->busy = true;
    uv_queue_work(a->app->loop, &a->work, run, on_forgotten);
}

void restore_after_init(struct restore_after *a, struct app *app)
{
    a->app = app;
    a->work.data = a;
    uv_timer_init(app->loop, &a->again);
    a->again.data = a;
    mqtt_listen(app->mqtt, &(struct mqtt_listener){a, clear, on_down, clear});
}

void restore_after_start(struct restore_after *a)
{
    const struct settings *s = a->app->settings;
    int64_t mono_ms = app_mono_ms(a->app), unix_s = app_unix_s(a->app);

    if (!restore_left(s->storage.path, &a->plan))
        return;
    a->due = true;
    a->dir = must(strdup(s->storage.path));
    a->cleared = !a->plan.leaves[0] && !a->plan.n_leaves_sensors;
    for (size_t i = 0; i < a->plan.n_counters; i++)
        ledger_adopt(&a->app->ledger, &a->plan.counters[i], mono_ms, unix_s);
    log_note("restore: %zu counters go on where they were", a->plan.n_counters);
    flush(a);
}

void restore_after_stop(struct restore_after *a)
{
    if (a->flush)
        a->flush->owner = NULL;
    a->flush = NULL;
    uv_timer_stop(&a->again);
}

static void on_again_closed(uv_handle_t *h)
{
    close_if_done(h->data);
}

void restore_after_close(struct restore_after *a, void (*closed)(void *ctx), void *ctx)
{
    if (a->app->mqtt)
        mqtt_unlisten(a->app->mqtt, a);
    a->closed = closed;
    a->closed_ctx = ctx;
    uv_close((uv_handle_t *)&a->again, on_again_closed);
}
