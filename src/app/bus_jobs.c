/* The service of the jobs on buses: the verbs `bus-scan` (app/bus_scan.c) and `bus-read` (app/bus_read.c), one job of
 * each at a time. They ask through service_buses, behind which this one comes. */
#include "app/bus_job.h"

#include "core/util.h"

#include <stdlib.h>

struct bus_jobs {
    struct bus_job *v[2];
    int closing;
    service_done done;
    void *done_ctx;
};

static void *bus_jobs_new(struct app *app)
{
    struct bus_jobs *b = must(calloc(1, sizeof *b));

    b->v[0] = bus_scan_new(app);
    b->v[1] = bus_read_new(app);
    return b;
}

/* Nothing to compare: a job whose bus changes is told so by its asks. */
static void bus_jobs_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void bus_jobs_stop(void *self)
{
    struct bus_jobs *b = self;

    for (size_t i = 0; i < ARRAY_LEN(b->v); i++)
        bus_job_halt(b->v[i]);
}

static void on_closed(uv_handle_t *h)
{
    struct bus_job *j = h->data;
    struct bus_jobs *b = j->owner;
    service_done done = b->done;
    void *ctx = b->done_ctx;

    free(j);
    if (--b->closing > 0)
        return;
    free(b);
    done(ctx);
}

static void bus_jobs_close(void *self, service_done done, void *ctx)
{
    struct bus_jobs *b = self;

    b->done = done;
    b->done_ctx = ctx;
    b->closing = (int)ARRAY_LEN(b->v);
    for (size_t i = 0; i < ARRAY_LEN(b->v); i++) {
        b->v[i]->owner = b;
        uv_close((uv_handle_t *)&b->v[i]->timer, on_closed);
    }
}

const struct service service_bus_jobs = {
    .name = "bus_jobs",
    .new = bus_jobs_new,
    .apply = bus_jobs_apply,
    .stop = bus_jobs_stop,
    .close = bus_jobs_close,
};
