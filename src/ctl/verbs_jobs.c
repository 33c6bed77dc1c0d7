/* sync, selftest, restart: what the gateway does for a while. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BACK_S 30 /* so long a restart may take */

static void print_json(const cJSON *job)
{
    char *text = must(cJSON_PrintUnformatted(job));

    say_raw(text, strlen(text));
    cJSON_free(text);
}

static int run_job(struct ctl *c, const struct verb *v, bool lines, int argc, char **argv)
{
    cJSON *end = NULL;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = job_run(c, v->name, NULL, lines, &end);
    const cJSON *result = json_get(end, "result");
    char *failed = job_failed(result);
    if (end && c->json)
        print_json(end);
    else if (end)
        job_results(result);
    if (rc == CTL_OK && failed)
        rc = CTL_REFUSED;
    if (end && rc == CTL_REFUSED && !c->json)
        say_fail("%s %s%s%s", v->name,
                 strcmp(json_text(end, "state", ""), "cancelled") == 0 ? "was cancelled" : "failed", failed ? ": " : "",
                 failed ? failed : "");
    free(failed);
    cJSON_Delete(end);
    return rc;
}

int verb_sync(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    return run_job(c, v, true, argc, argv);
}

/* Its lines say what the table of its results says better. */
int verb_selftest(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    return run_job(c, v, false, argc, argv);
}

/* ---- restart ---- */

static double mono_s(void)
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

/* Until a gateway answers that has been started since. */
static int wait_until_back(const struct ctl *c, double since)
{
    const struct timespec pause = {.tv_nsec = 200000000};
    double now, up;

    while ((now = mono_s()) < since + BACK_S) {
        up = up_time(c);
        if (up >= 0 && up < mono_s() - since) {
            if (!c->json)
                say_line(SAY_PLAIN, "It runs again.");
            return CTL_OK;
        }
        nanosleep(&pause, NULL);
    }
    say_fail("it has not come back within %d s: systemctl status fluksod", BACK_S);
    return CTL_UNREACHABLE;
}

int verb_restart(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool no_wait = false;
    const struct verb_option options[] = {{"no-wait", 0, &no_wait, NULL}};
    struct answer a;
    double since = mono_s();
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = call(c, "POST", "/api/v1/restart", NULL, &a);
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK)
        say_line(SAY_PLAIN, "fluksod restarts.");
    answer_free(&a);
    return rc == CTL_OK && !no_wait ? wait_until_back(c, since) : rc;
}
