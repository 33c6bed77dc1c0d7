/* Jobs over HTTP: POST to a verb's path starts one, /api/v1/jobs shows and cancels them. It knows no verb but by the
 * table, so it comes after the services that offer them. */
#include "app/app.h"
#include "app/job_reply.h"

#include "core/answer.h"
#include "core/jsonw.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define ARGS_MAX  4096 /* bytes of a verb's arguments */

struct api_jobs {
    struct app *app;
};

static const char *user(const struct http_request *q)
{
    return q->user ? q->user : "a client";
}

static const struct verb *verb_of(const struct jobs *js, const char *path)
{
    for (size_t i = 0; i < js->n_verbs; i++)
        if (js->verbs[i].path && strcmp(js->verbs[i].path, path) == 0)
            return &js->verbs[i];
    return NULL;
}

static void start(struct app *app, const struct verb *v, const cJSON *args, const struct http_request *q,
                  struct http_reply *r)
{
    static const unsigned status[] = {[JOBS_UNKNOWN] = 404, [JOBS_FULL] = 503, [JOBS_REFUSED] = 422};
    char error[JOB_LINE], id[JOB_ID];
    job_handle j;
    enum jobs_why why = app_job(app, v->name, args, &j, error);

    if (why == JOBS_OK) {
        log_info("%s: started by %s as job %s", v->name, user(q), job_id(j, id));
        job_reply(r, 202, NULL, j);
    } else if (why == JOBS_RUNNING) {
        job_reply(r, 409, error, j);
    } else {
        http_error(r, status[why], error);
    }
}

static void answer_verb(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_jobs *s = ctx;
    const struct verb *v = verb_of(&s->app->jobs, q->path);
    cJSON *args = q->body_len ? answer_json(q->body, q->body_len) : NULL;

    if (!v)
        http_error(r, 404, "nothing of that name can be started");
    else if (q->body_len && !cJSON_IsObject(args))
        http_error(r, 400, "the body is no JSON object");
    else
        start(s->app, v, args, q, r);
    cJSON_Delete(args);
}

static void put_whole(struct http_reply *r, const struct job *j)
{
    struct jsonw w;

    jsonw_init(&w);
    job_write(j, true, &w);
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

static const struct job *find(struct api_jobs *s, const struct http_request *q, struct http_reply *r)
{
    jobs_expire(&s->app->jobs, app_mono_ms(s->app));
    const struct job *j = jobs_find(&s->app->jobs, q->rest);
    if (!j)
        http_error(r, 404, "no job of that id; one that ended is kept for ten minutes");
    return j;
}

static void answer_job(void *ctx, const struct http_request *q, struct http_reply *r)
{
    const struct job *j = find(ctx, q, r);

    if (j)
        put_whole(r, j);
}

static void answer_cancel(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_jobs *s = ctx;
    const struct job *j = find(s, q, r);

    if (!j)
        return;
    switch (jobs_cancel(&s->app->jobs, app_job_time(s->app), j->handle)) {
    case JOBS_OK:
        log_info("%s: cancelled by %s", j->verb->name, user(q));
        put_whole(r, j);
        break;
    case JOBS_FIXED:
        job_reply(r, 409, "this job cannot be cancelled", j->handle);
        break;
    default:
        job_reply(r, 409, "the job has ended already", j->handle);
        break;
    }
}

/* Sixteen of 64 lines at most. */
static void answer_jobs(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_jobs *s = ctx;
    struct jsonw w;

    (void)q;
    jobs_expire(&s->app->jobs, app_mono_ms(s->app));
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_open(&w, "jobs", '[');
    for (size_t i = 0; i < s->app->jobs.n; i++)
        job_write(s->app->jobs.v[i], true, &w);
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

static void *api_jobs_new(struct app *a)
{
    static const struct http_route routes[] = {
        {"GET", JOBS_PATH, HTTP_READ, 0, answer_jobs},
        {"GET", JOBS_PATH "/*", HTTP_READ, 0, answer_job},
        {"DELETE", JOBS_PATH "/*", HTTP_WRITE, 0, answer_cancel},
    };
    struct api_jobs *s = must(calloc(1, sizeof *s));

    s->app = a;
    httpd_routes(a->httpd, routes, ARRAY_LEN(routes), s);
    for (size_t i = 0; i < a->jobs.n_verbs; i++) {
        const struct http_route post = {"POST", a->jobs.verbs[i].path, HTTP_WRITE, ARGS_MAX, answer_verb};
        if (post.path)
            httpd_routes(a->httpd, &post, 1, s);
    }
    return s;
}

static void api_jobs_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_jobs_stop(void *self)
{
    struct api_jobs *s = self;

    httpd_unroute(s->app->httpd, s);
}

static void api_jobs_close(void *self, service_done done, void *ctx)
{
    free(self);
    done(ctx);
}

const struct service service_api_jobs = {
    .name = "api_jobs",
    .new = api_jobs_new,
    .apply = api_jobs_apply,
    .stop = api_jobs_stop,
    .close = api_jobs_close,
};
