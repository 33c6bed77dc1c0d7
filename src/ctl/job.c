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
#define BACK_S   30 /* so long a restart may take */

/* How it looks on the way: lines, and below them a bar that is drawn over itself. */
struct progress {
    const struct ctl *c;
    bool lines;        /* each is printed; else the newest stands behind the bar while it lasts */
    const cJSON *seen; /* the job as it was shown last; NULL: not yet */
    bool bar;
};

static void wipe_bar(struct progress *p)
{
    if (p->bar)
        fputs("\r\x1b[K", stdout);
    p->bar = false;
}

static void draw_bar(struct progress *p, double percent, const char *line)
{
    int n = percent < 0 ? 0 : percent > 100 ? BAR : (int)(percent * BAR / 100);
    size_t width, rows;

    if (!say_on_terminal())
        return;
    term_size(&width, &rows);
    char *clean = say_clean(line);
    size_t room = width > BAR + 11 ? width - BAR - 11 : 0; /* none in the last column, which would wrap */
    printf("\r%s[%.*s%*s]%s %3.0f %%  %.*s\x1b[K", say_colour(SAY_DIM), n, "########################", BAR - n, "",
           say_colour(SAY_PLAIN), percent, (int)say_fit(clean, room), clean);
    fflush(stdout);
    free(clean);
    p->bar = true;
}

/* The first line that is new: the gateway keeps the newest ones, so that what was seen may have moved up or gone. */
static const cJSON *first_new(const cJSON *seen, const cJSON *lines)
{
    for (const cJSON *from = json_first(seen); from; from = from->next) {
        const cJSON *a = from, *b = json_first(lines);
        while (a && b && cJSON_Compare(a, b, true)) {
            a = a->next;
            b = b->next;
        }
        if (!a)
            return b;
    }
    return json_first(lines);
}

static void show_progress(struct progress *p, const cJSON *job)
{
    const cJSON *seen = json_get(p->seen, "lines"), *lines = json_get(job, "lines"), *line;
    const char *newest = "";

    if (p->c->json || p->c->quiet || (p->seen && cJSON_Compare(p->seen, job, true)))
        return;
    for (line = p->lines ? first_new(seen, lines) : NULL; line; line = line->next) {
        wipe_bar(p);
        say_line(SAY_DIM, "%s", cJSON_IsString(line) ? line->valuestring : "");
    }
    for (line = p->lines ? NULL : json_first(lines); line; line = line->next)
        newest = cJSON_IsString(line) ? line->valuestring : newest;
    draw_bar(p, json_number(job, "percent", 0), newest);
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

int job_follow(const struct ctl *c, const char *id, bool ours, bool lines, cJSON **end)
{
    struct progress p = {.c = c, .lines = lines};
    sigset_t set, before;
    char *path = call_path("/api/v1/jobs/", id);
    cJSON *seen = NULL;
    int rc, signum;

    *end = NULL;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    while ((rc = look(c, path, end)) == CTL_OK) {
        show_progress(&p, *end);
        cJSON_Delete(seen);
        p.seen = seen = NULL;
        if (!is_running(*end))
            break;
        p.seen = seen = *end;
        *end = NULL;
        signum = sleep_or_signal(&set);
        if (signum > 0) {
            sigprocmask(SIG_SETMASK, &before, NULL);
            if (ours)
                cancel(c, path, &p, signum);
            raise(signum);
        }
    }
    cJSON_Delete(seen);
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

int job_run(const struct ctl *c, const char *verb, const cJSON *body, bool lines, cJSON **end)
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
        rc = job_follow(c, job_of(&a), !running, lines, end);
    answer_free(&a);
    return rc;
}

int job_run_own(const struct ctl *c, const char *verb, const cJSON *body, double wait_s, bool lines, cJSON **end)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    double until = job_clock() + wait_s;
    struct answer a;
    char *path = call_path("/api/v1/", verb);
    int rc;

    *end = NULL;
    while ((rc = call_quietly(c, "POST", path, body, &a)) == CTL_REFUSED && a.status == CONFLICT && job_of(&a) &&
           job_clock() < until) {
        answer_free(&a);
        nanosleep(&pause, NULL);
    }
    free(path);
    if (rc == CTL_UNREACHABLE && !c->quiet)
        rc = call_unreachable(c, a.code, a.why);
    else if (rc == CTL_REFUSED && !c->quiet)
        rc = call_explain(c, &a);
    else if (rc == CTL_REFUSED)
        *end = cJSON_Duplicate(a.json, true);
    else if (rc == CTL_OK && job_of(&a))
        rc = job_follow(c, job_of(&a), true, lines, end);
    answer_free(&a);
    return rc;
}

void job_print(const cJSON *job)
{
    char *text = must(cJSON_PrintUnformatted(job));

    say_raw(text, strlen(text));
    cJSON_free(text);
}

char *job_why(const cJSON *end)
{
    const cJSON *lines = json_get(end, "lines"), *last = cJSON_GetArrayItem(lines, cJSON_GetArraySize(lines) - 1);
    const char *said = json_text(end, "error", json_text(end, "result.error", json_text(end, "result.reason", NULL)));

    if (strcmp(json_text(end, "state", ""), "cancelled") == 0)
        said = "it was cancelled";
    if (!said && cJSON_IsString(last))
        said = last->valuestring;
    return say_format("%s", said ? said : "it failed");
}

/* ---- a restart ---- */

double job_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that the gateway has been up, negative: it does not answer. */
static double up_time(const struct ctl *c)
{
    struct answer a;
    int rc = call_quietly(c, "GET", "/api/v1/status", NULL, &a);
    double up = rc == CTL_OK ? json_number(a.json, "uptime_s", -1) : -1;

    answer_free(&a);
    return up;
}

int job_wait_for_restart(const struct ctl *c, double since)
{
    const struct timespec pause = {.tv_nsec = 200000000};
    double now, up;

    while ((now = job_clock()) < since + BACK_S) {
        up = up_time(c);
        if (up >= 0 && up < job_clock() - since) {
            if (!c->json)
                say_line(SAY_PLAIN, "It runs again.");
            return CTL_OK;
        }
        nanosleep(&pause, NULL);
    }
    say_fail("it has not come back within %d s: systemctl status fluksod", BACK_S);
    return CTL_UNREACHABLE;
}

/* ---- results ---- */

enum job_verdict job_verdict(const cJSON *part)
{
    static const char *const words[] = {"", "ok", "skip", "fail"}; /* as job_verdict counts */
    const cJSON *ok = json_get(part, "ok");
    const char *result = json_text(part, "result", "");

    for (enum job_verdict v = JOB_GOOD; v <= JOB_BAD; v++)
        if (strcmp(result, words[v]) == 0)
            return v;
    if (!cJSON_IsBool(ok))
        return JOB_NO_VERDICT;
    if (cJSON_IsTrue(ok))
        return JOB_GOOD;
    return json_number(part, "code", 1) < 0 ? JOB_NOT_DONE : JOB_BAD;
}

const char *job_verdict_text(enum job_verdict v)
{
    return v == JOB_GOOD ? "ok" : v == JOB_BAD ? "failed" : say_none();
}

enum say_colour job_verdict_colour(enum job_verdict v)
{
    return v == JOB_GOOD ? SAY_GREEN : v == JOB_BAD ? SAY_RED : SAY_DIM;
}

static void add_result(struct table *t, const char *before, const cJSON *part)
{
    enum job_verdict verdict = job_verdict(part);

    table_cell(t, SAY_PLAIN, "%s%s", before, part->string ? part->string : json_text(part, "name", "?"));
    table_cell(t, job_verdict_colour(verdict), "%s", job_verdict_text(verdict));
    table_cell(t, SAY_PLAIN, "%s", json_text(part, "text", ""));
}

/* The parts that a result has: its members, or those of the list `checks`. */
static const cJSON *first_part(const cJSON *result)
{
    const cJSON *checks = json_get(result, "checks");

    return json_first(checks ? checks : result);
}

void job_results(const cJSON *result)
{
    static const struct table_column columns[] = {{0}, {0}, {0}};
    struct table t;
    const cJSON *part, *s;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (part = first_part(result); part; part = part->next) {
        if (job_verdict(part) == JOB_NO_VERDICT)
            continue;
        add_result(&t, "", part);
        for (s = json_first(json_get(part, "sensors")); s; s = s->next)
            if (job_verdict(s) == JOB_BAD)
                add_result(&t, "  ", s);
    }
    table_print(&t, stdout, 0, 0, "\n");
    table_free(&t);
}

char *job_failed(const cJSON *result)
{
    char *words = NULL, *more;

    for (const cJSON *part = first_part(result); part; part = part->next) {
        if (job_verdict(part) != JOB_BAD)
            continue;
        const char *name = part->string ? part->string : json_text(part, "name", "?");
        if (asprintf(&more, "%s%s%s", words ? words : "", words ? ", " : "", name) < 0)
            abort();
        free(words);
        words = more;
    }
    return words;
}
