#include "ctl/job.h"

#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/term.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS  200
#define BAR      24
#define CONFLICT 409

/* How it looks between two lines: a bar that is drawn over itself. */
struct progress {
    const struct ctl *c;
    double shown; /* lines so far */
    bool bar;
};

static void wipe_bar(struct progress *p)
{
    if (p->bar)
        fputs("\r\x1b[K", stdout);
    p->bar = false;
}

static void draw_bar(struct progress *p, double percent)
{
    int n = percent < 0 ? 0 : percent > 100 ? BAR : (int)(percent * BAR / 100);

    if (!say_on_terminal() || p->c->json)
        return;
    printf("\r%s[%.*s%*s]%s %3.0f %%\x1b[K", say_colour(SAY_DIM), n, "########################", BAR - n, "",
           say_colour(SAY_PLAIN), percent);
    fflush(stdout);
    p->bar = true;
}

static void show_progress(struct progress *p, const cJSON *job)
{
    const cJSON *lines = json_get(job, "lines"), *line;
    double number = json_number(job, "lines_before", 0);

    if (p->c->json)
        return;
    for (line = json_first(lines); line; line = line->next) {
        if (number++ < p->shown || !cJSON_IsString(line))
            continue;
        wipe_bar(p);
        say_line(SAY_PLAIN, "%s", line->valuestring);
        p->shown = number;
    }
    draw_bar(p, json_number(job, "percent", 0));
}

/* Sleep, or the signal that came. */
static int sleep_or_signal(const sigset_t *set)
{
    const struct timespec t = {.tv_nsec = LOOK_MS * 1000000L};

    return sigtimedwait(set, NULL, &t);
}

static void cancel(const struct ctl *c, const char *path, struct progress *p, int signum)
{
    struct answer a;

    wipe_bar(p);
    say_fail(call_quietly(c, "DELETE", path, NULL, &a) == CTL_OK ? "cancelled" : "it could not be cancelled");
    answer_free(&a);
    signal(signum, SIG_DFL);
    raise(signum);
}

/* The job as it is now: *job, or an exit code other than CTL_OK. */
static int look(const struct ctl *c, const char *path, cJSON **job)
{
    struct answer a;
    int rc = call(c, "GET", path, NULL, &a);

    *job = a.json;
    a.json = NULL;
    answer_free(&a);
    return rc;
}

static bool is_running(const cJSON *job)
{
    return strcmp(json_text(job, "state", ""), "running") == 0;
}

int job_follow(const struct ctl *c, const char *id, bool ours, cJSON **end)
{
    struct progress p = {.c = c};
    sigset_t set, before;
    char *path = call_path("/api/v1/jobs/", id);
    int rc, signum;

    *end = NULL;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    while ((rc = look(c, path, end)) == CTL_OK) {
        show_progress(&p, *end);
        if (!is_running(*end))
            break;
        cJSON_Delete(*end);
        *end = NULL;
        signum = sleep_or_signal(&set);
        if (signum > 0) {
            sigprocmask(SIG_SETMASK, &before, NULL);
            if (ours)
                cancel(c, path, &p, signum);
            raise(signum);
        }
    }
    wipe_bar(&p);
    fflush(stdout);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(path);
    if (rc == CTL_OK && strcmp(json_text(*end, "state", ""), "done") != 0)
        rc = CTL_REFUSED;
    return rc;
}

const char *job_of(const struct answer *a)
{
    return json_text(a->json, "job", *a->job ? a->job : NULL);
}

int job_run(const struct ctl *c, const char *verb, const cJSON *body, cJSON **end)
{
    struct answer a;
    char *path = call_path("/api/v1/", verb);
    int rc = call_quietly(c, "POST", path, body, &a);
    bool running = rc == CTL_REFUSED && a.status == CONFLICT && job_of(&a);

    *end = NULL;
    free(path);
    if (rc == CTL_UNREACHABLE)
        rc = call_unreachable(c, a.code, a.why);
    else if (rc == CTL_REFUSED && !running)
        rc = call_explain(c, &a);
    if (running && !c->json)
        fprintf(stderr, "%s is running already (%s); this is how it goes:\n", verb, job_of(&a));
    if ((rc == CTL_OK || running) && job_of(&a))
        rc = job_follow(c, job_of(&a), !running, end);
    answer_free(&a);
    return rc;
}

/* ---- results ---- */

static void add_result(struct table *t, const char *name, const cJSON *r)
{
    const cJSON *ok = json_get(r, "ok");
    bool good = cJSON_IsTrue(ok);
    char *code = json_number(r, "code", 0) != 0 ? say_format("%.0f ", json_number(r, "code", 0)) : NULL;

    table_cell(t, SAY_PLAIN, "%s", name);
    table_cell(t,
               good                ? SAY_GREEN
               : cJSON_IsFalse(ok) ? SAY_RED
                                   : SAY_DIM,
               "%s",
               good                ? "ok"
               : cJSON_IsFalse(ok) ? "failed"
                                   : say_none());
    table_cell(t, SAY_PLAIN, "%s%s", code && !good ? code : "", json_text(r, "text", ""));
    free(code);
}

void job_results(const cJSON *result)
{
    static const struct table_column columns[] = {{0}, {0}, {0}};
    struct table t;
    const cJSON *r;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (r = json_first(result); r; r = r->next) {
        if (cJSON_IsObject(r) && cJSON_HasObjectItem(r, "ok"))
            add_result(&t, r->string ? r->string : json_text(r, "name", "?"), r);
    }
    table_print(&t, stdout, 0, 0, "\n");
    table_free(&t);
}
