/* phase-match, flip: which phase a clamp sits on, and which way round. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/sync.h"
#include "ctl/table.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CLAMPS 3 /* ports of an FLX board that have one: the first ones */

/* ---- what was found ---- */

static void measured_cell(struct table *t, double v, int decimals, const char *unit)
{
    if (isfinite(v))
        table_cell(t, SAY_PLAIN, "%.*f%s", decimals, v, unit);
    else
        table_cell(t, SAY_DIM, "%s", say_none());
}

/* An angle as the reasons say it: 0 to 360 degrees late. */
static double lag(double alpha)
{
    return alpha < 0 ? alpha + 360 : alpha;
}

/* "0", or "0 -> 2". */
static void change_cell(struct table *t, const char *now, const char *then)
{
    if (strcmp(now, then) == 0)
        table_cell(t, SAY_PLAIN, "%s", now);
    else
        table_cell(t, SAY_YELLOW, "%s %s %s", now, say_utf8() ? "→" : "->", then);
}

static void print_ports(const cJSON *ports)
{
    static const struct table_column columns[] = {{"port", TABLE_RIGHT},    {"name", TABLE_SHRINK},
                                                  {"current", TABLE_RIGHT}, {"angle", TABLE_RIGHT},
                                                  {"shift", TABLE_LEFT},    {"flip", TABLE_LEFT}};
    char now[16], then[16];
    struct table t;
    size_t width, rows;
    const cJSON *p;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (p = json_first(ports); p; p = p->next) {
        table_cell(&t, SAY_DIM, "%.0f", json_number(p, "port", 0));
        table_cell(&t, SAY_BOLD, "%s", json_text(p, "name", say_none()));
        measured_cell(&t, json_number(p, "irms", NAN), 2, " A");
        measured_cell(&t, lag(json_number(p, "alpha", NAN)), 1, say_utf8() ? "°" : " deg");
        snprintf(now, sizeof now, "%.0f", json_number(p, "shift_now", 0));
        snprintf(then, sizeof then, "%.0f", json_number(p, "shift", 0));
        change_cell(&t, now, then);
        change_cell(&t, json_true(p, "flip_now") ? "yes" : "no", json_true(p, "flip") ? "yes" : "no");
    }
    term_size(&width, &rows);
    table_print(&t, stdout, width, 0, "\n");
    table_free(&t);
}

static void print_result(const cJSON *result)
{
    const cJSON *ports = json_get(result, "ports"), *p;

    print_ports(ports);
    for (p = json_first(ports); p; p = p->next)
        if (*json_text(p, "why", ""))
            say_line(SAY_PLAIN, "port %.0f: %s", json_number(p, "port", 0), json_text(p, "why", ""));
    if (json_true(result, "known"))
        say_line(SAY_BOLD, "%s", json_text(result, "summary", ""));
}

/* ---- phase-match ---- */

static int store(struct ctl *c, const cJSON *job, bool wait)
{
    cJSON *body = must(cJSON_CreateObject());
    struct answer a;

    must(cJSON_AddStringToObject(body, "job", json_text(job, "id", "")));
    int rc = call(c, "POST", "/api/v1/phase-match/apply", body, &a);
    if (rc == CTL_OK && !c->json)
        rc = sync_after_saving(c, &a, wait);
    cJSON_Delete(body);
    answer_free(&a);
    return rc;
}

/* A proposal is there. What it changes is stored when that was asked for, here or before. */
static int conclude(struct ctl *c, const cJSON *job, bool yes, bool wait)
{
    bool changes = json_first(json_get(json_get(job, "result"), "patch")) != NULL;

    if (changes && (yes || (!c->json && term_yes("Store this?"))))
        return store(c, job, wait);
    if (c->json)
        return CTL_OK;
    if (!changes)
        say_line(SAY_GREEN, "All is set as it should be.");
    else if (isatty(STDIN_FILENO) == 1)
        say_line(SAY_PLAIN, "Nothing is stored.");
    else
        say_line(SAY_PLAIN, "Nothing is stored: with --yes it is.");
    return CTL_OK;
}

/* Why there is no proposal. */
static void say_nothing_known(const cJSON *job)
{
    const char *summary = json_text(job, "result.summary", "");

    if (strcmp(json_text(job, "state", ""), "cancelled") == 0)
        say_fail("phase-match was cancelled");
    else
        say_fail("nothing can be proposed%s%s", *summary ? ": " : "", summary);
}

int verb_phase_match(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool yes = false, no_wait = false;
    const struct verb_option options[] = {{"yes", 'y', &yes, NULL}, {"no-wait", 0, &no_wait, NULL}};
    cJSON *job = NULL;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = job_run(c, v->name, NULL, false, &job);
    if (job && c->json)
        job_print(job);
    else if (job)
        print_result(json_get(job, "result"));
    if (rc == CTL_OK && !json_true(job, "result.known"))
        rc = CTL_REFUSED;
    if (rc == CTL_OK)
        rc = conclude(c, job, yes, !no_wait);
    else if (job && rc == CTL_REFUSED && !c->json)
        say_nothing_known(job);
    cJSON_Delete(job);
    return rc;
}

/* ---- flip ---- */

/* The clamp that the word names, by its port or its name; NULL: people know why. */
static const cJSON *find_clamp(const cJSON *settings, const char *word)
{
    const cJSON *p, *found = NULL;
    char number[24];

    if (strcmp(json_text(settings, "board.protocol", ""), "flx") != 0) {
        say_fail("there is no clamp to flip: the board is no FLX (board.protocol)");
        return NULL;
    }
    for (p = json_first(json_get(settings, "ports")); p; p = p->next) {
        double n = json_number(p, "port", 0);
        snprintf(number, sizeof number, "%.0f", n);
        if (n < 1 || n > CLAMPS)
            continue;
        if (strcmp(word, number) == 0)
            return p;
        if (strcasecmp(word, json_text(p, "name", "")) != 0)
            continue;
        if (found) {
            say_fail("'%s' is more than one clamp: flip it by its port", word);
            return NULL;
        }
        found = p;
    }
    if (!found)
        say_fail("there is no clamp '%s': a port (1, 2 or 3) that is set up, or its name", word);
    return found;
}

int verb_flip(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool no_wait = false;
    const struct verb_option options[] = {{"no-wait", 0, &no_wait, NULL}};
    struct answer settings = {0}, a = {0};
    cJSON *patch = must(cJSON_CreateObject());
    char number[24];
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 1);

    if (rc == CTL_OK)
        rc = call(c, "GET", "/api/v1/settings", NULL, &settings);
    const cJSON *clamp = rc == CTL_OK ? find_clamp(settings.json, argv[0]) : NULL;
    if (clamp) {
        bool flip = !json_true(clamp, "flip");
        snprintf(number, sizeof number, "%.0f", json_number(clamp, "port", 0));
        cJSON *port = must(cJSON_AddObjectToObject(must(cJSON_AddObjectToObject(patch, "ports")), number));
        must(cJSON_AddBoolToObject(port, "flip", flip));
        rc = call(c, "PATCH", "/api/v1/settings", patch, &a);
        if (rc == CTL_OK && !c->json)
            say_line(SAY_PLAIN, "Port %s (%s): flip is %s now.", number, json_text(clamp, "name", say_none()),
                     flip ? "on" : "off");
        if (rc == CTL_OK)
            rc = sync_after_saving(c, &a, !no_wait);
    } else if (rc == CTL_OK) {
        rc = CTL_REFUSED;
    }
    cJSON_Delete(patch);
    answer_free(&settings);
    answer_free(&a);
    return rc;
}
