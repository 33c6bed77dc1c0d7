#include "core/jobs.h"

#include "core/answer.h"
#include "core/jsonw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW 512 /* bytes of a line before it is cleaned and cut */

void jobs_init(struct jobs *js)
{
    memset(js, 0, sizeof *js);
}

static void job_free(struct job *j)
{
    for (size_t i = 0; i < j->n_lines; i++)
        free(j->lines[i]);
    free(j->result);
    free(j);
}

void jobs_fini(struct jobs *js)
{
    for (size_t i = 0; i < js->n; i++)
        job_free(js->v[i]);
    jobs_init(js);
}

void jobs_add_verb(struct jobs *js, const struct verb *v)
{
    if (js->n_verbs == JOBS_VERBS)
        abort();
    js->verbs[js->n_verbs++] = *v;
}

/* ---- who looks on ---- */

void jobs_watch(struct jobs *js, jobs_cb cb, void *ctx)
{
    if (js->n_eyes == JOBS_EYES)
        abort();
    js->eyes[js->n_eyes].cb = cb;
    js->eyes[js->n_eyes++].ctx = ctx;
}

void jobs_unwatch(struct jobs *js, const void *ctx)
{
    size_t n = 0;

    for (size_t i = 0; i < js->n_eyes; i++)
        if (js->eyes[i].ctx != ctx)
            js->eyes[n++] = js->eyes[i];
    js->n_eyes = n;
}

static void changed(const struct jobs *js, const struct job *j)
{
    for (size_t i = 0; i < js->n_eyes && !j->quiet; i++)
        js->eyes[i].cb(js->eyes[i].ctx, j);
}

/* ---- places ---- */

static struct job *get(const struct jobs *js, job_handle h)
{
    for (size_t i = 0; i < js->n; i++)
        if (js->v[i]->handle == h)
            return js->v[i];
    return NULL;
}

static void drop(struct jobs *js, size_t i)
{
    job_free(js->v[i]);
    js->n--;
    memmove(&js->v[i], &js->v[i + 1], (js->n - i) * sizeof js->v[0]);
}

void jobs_expire(struct jobs *js, int64_t mono_ms)
{
    for (size_t i = js->n; i-- > 0;)
        if (js->v[i]->state != JOB_RUNNING && mono_ms - js->v[i]->ended.mono_ms >= JOBS_KEEP)
            drop(js, i);
}

/* The one that ended first gives way. False when all run. */
static bool make_room(struct jobs *js)
{
    size_t oldest = js->n;

    if (js->n < JOBS_MAX)
        return true;
    for (size_t i = 0; i < js->n; i++)
        if (js->v[i]->state != JOB_RUNNING &&
            (oldest == js->n || js->v[i]->ended.mono_ms < js->v[oldest]->ended.mono_ms))
            oldest = i;
    if (oldest == js->n)
        return false;
    drop(js, oldest);
    return true;
}

/* ---- start and end ---- */

static const struct verb *find_verb(const struct jobs *js, const char *name)
{
    for (size_t i = 0; i < js->n_verbs; i++)
        if (strcmp(js->verbs[i].name, name) == 0)
            return &js->verbs[i];
    return NULL;
}

static job_handle running(const struct jobs *js, const struct verb *v)
{
    for (size_t i = 0; i < js->n; i++)
        if (js->v[i]->verb == v && js->v[i]->state == JOB_RUNNING)
            return js->v[i]->handle;
    return 0;
}

/* Let the owner begin. */
static enum jobs_why launch(struct jobs *js, struct job *j, const struct cJSON *args, char error[JOB_LINE])
{
    if (j->verb->start(j->verb->self, j->handle, args, error) < 0) {
        for (size_t i = js->n; i-- > 0;)
            if (js->v[i] == j)
                drop(js, i);
        js->refused++;
        return JOBS_REFUSED;
    }
    js->started++;
    j->quiet = false;
    changed(js, j);
    return JOBS_OK;
}

enum jobs_why jobs_start(struct jobs *js, struct job_time now, const char *verb, const struct cJSON *args,
                         job_handle *h, char error[JOB_LINE])
{
    const struct verb *v = find_verb(js, verb);

    *h = 0;
    if (!v) {
        snprintf(error, JOB_LINE, "%s: nothing of that name can be started", verb);
        return JOBS_UNKNOWN;
    }
    jobs_expire(js, now.mono_ms);
    *h = running(js, v);
    if (*h) {
        snprintf(error, JOB_LINE, "%s is running already", verb);
        return JOBS_RUNNING;
    }
    if (!make_room(js)) {
        snprintf(error, JOB_LINE, "%d jobs are running: wait until one has ended", JOBS_MAX);
        return JOBS_FULL;
    }
    struct job *j = must(calloc(1, sizeof *j));
    job_handle own = j->handle = ++js->last;
    j->verb = v;
    j->quiet = true;
    j->started = now;
    js->v[js->n++] = j;
    snprintf(error, JOB_LINE, "%s cannot be started now", verb);
    enum jobs_why why = launch(js, j, args, error);
    *h = why == JOBS_OK ? own : 0;
    return why;
}

/* The job while it runs; one that does not is counted. */
static struct job *at_work(struct jobs *js, job_handle h)
{
    struct job *j = get(js, h);

    if (j && j->state == JOB_RUNNING)
        return j;
    js->late++;
    return NULL;
}

void jobs_line(struct jobs *js, job_handle h, const char *fmt, ...)
{
    struct job *j = at_work(js, h);
    char raw[RAW], line[JOB_LINE];
    va_list ap;

    if (!j)
        return;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    answer_clean(line, sizeof line, raw, strlen(raw));
    if (j->n_lines == JOB_LINES) {
        free(j->lines[0]);
        j->n_lines--;
        memmove(j->lines, j->lines + 1, j->n_lines * sizeof j->lines[0]);
    }
    j->lines[j->n_lines++] = must(strdup(line));
    changed(js, j);
}

void jobs_percent(struct jobs *js, job_handle h, int percent)
{
    struct job *j = at_work(js, h);
    int whole = percent < 0 ? 0 : percent > 100 ? 100 : percent;

    if (!j || whole == j->percent)
        return;
    j->percent = whole;
    changed(js, j);
}

static void end(struct jobs *js, struct job *j, struct job_time now, enum job_state state, char *result)
{
    j->state = state;
    j->ended = now;
    j->result = result;
    if (state == JOB_DONE)
        j->percent = 100;
    changed(js, j);
}

void jobs_end(struct jobs *js, struct job_time now, job_handle h, enum job_state state, char *result)
{
    struct job *j = at_work(js, h);

    if (j)
        end(js, j, now, state, result);
    else
        free(result);
}

enum jobs_why jobs_cancel(struct jobs *js, struct job_time now, job_handle h)
{
    struct job *j = get(js, h);

    if (!j)
        return JOBS_UNKNOWN;
    if (j->state != JOB_RUNNING)
        return JOBS_ENDED;
    if (!j->verb->cancel)
        return JOBS_FIXED;
    end(js, j, now, JOB_CANCELLED, NULL);
    j->verb->cancel(j->verb->self, h);
    return JOBS_OK;
}

/* ---- looking ---- */

const struct job *jobs_get(const struct jobs *js, job_handle h)
{
    return get(js, h);
}

const struct job *jobs_find(const struct jobs *js, const char *id)
{
    char own[JOB_ID];

    for (size_t i = 0; i < js->n; i++)
        if (strcmp(job_id(js->v[i]->handle, own), id) == 0)
            return js->v[i];
    return NULL;
}

const char *job_id(job_handle j, char id[JOB_ID])
{
    snprintf(id, JOB_ID, "j%u", (unsigned)j);
    return id;
}

const char *job_state_name(enum job_state s)
{
    static const char *const names[] = {"running", "done", "failed", "cancelled"};

    return names[s];
}

static void put_second(struct jsonw *w, const char *key, int64_t unix_s)
{
    if (unix_s)
        jsonw_int(w, key, unix_s);
    else
        jsonw_null(w, key);
}

static void put_lines(struct jsonw *w, const struct job *j)
{
    jsonw_open(w, "lines", '[');
    for (size_t i = 0; i < j->n_lines; i++)
        jsonw_str(w, NULL, j->lines[i]);
    jsonw_close(w, ']');
    if (j->result)
        jsonw_json(w, "result", j->result, strlen(j->result));
    else
        jsonw_null(w, "result");
}

void job_write(const struct job *j, bool whole, struct jsonw *w)
{
    char id[JOB_ID];

    jsonw_open(w, NULL, '{');
    jsonw_str(w, "id", job_id(j->handle, id));
    jsonw_str(w, "verb", j->verb->name);
    jsonw_str(w, "state", job_state_name(j->state));
    jsonw_int(w, "percent", j->percent);
    if (whole)
        put_lines(w, j);
    else
        jsonw_str(w, "line", j->n_lines ? j->lines[j->n_lines - 1] : NULL);
    put_second(w, "started_s", j->started.unix_s);
    put_second(w, "ended_s", j->ended.unix_s);
    jsonw_close(w, '}');
}

void jobs_stats(void *self, stat_emit emit, void *ctx)
{
    const struct jobs *js = self;
    int64_t n = 0;

    for (size_t i = 0; i < js->n; i++)
        n += js->v[i]->state == JOB_RUNNING;
    const struct stat_value v[] = {
        {"jobs_started_total", NULL, STAT_COUNTER, (int64_t)js->started, "Jobs that were started."},
        {"jobs_refused_total", NULL, STAT_COUNTER, (int64_t)js->refused, "Jobs that the verb's owner refused."},
        {"jobs_late_total", NULL, STAT_COUNTER, (int64_t)js->late, "Words about a job that had ended."},
        {"jobs_running", NULL, STAT_GAUGE, n, "Jobs that run."},
    };
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}
