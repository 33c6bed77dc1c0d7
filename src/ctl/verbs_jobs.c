/* sync, selftest, restart: what the gateway does for a while. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/verbs.h"

#include <stdlib.h>
#include <string.h>

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
        job_print(end);
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

int verb_restart(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool no_wait = false;
    const struct verb_option options[] = {{"no-wait", 0, &no_wait, NULL}};
    struct answer a;
    double since = job_clock();
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = call(c, "POST", "/api/v1/restart", NULL, &a);
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK)
        say_line(SAY_PLAIN, "fluksod restarts.");
    answer_free(&a);
    return rc == CTL_OK && !no_wait ? job_wait_for_restart(c, since) : rc;
}
