/* status: the whole gateway on a page. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <stdlib.h>
#include <string.h>

#define BAD_SENSORS 20 /* as many are listed */

static void row(struct table *t, const char *name, enum say_colour colour, const char *state, const char *text)
{
    table_cell(t, SAY_BOLD, "%s", name);
    table_cell(t, colour, "%s", state);
    table_cell(t, SAY_PLAIN, "%s", text);
}

static void print_head(const cJSON *s)
{
    char room[SAY_WORDS];
    const char *name = json_text(s, "device.name", NULL);

    say_line(SAY_BOLD, "fluksod %s, up %s, device %s%s%s%s", json_text(s, "version", "?"),
             say_span(room, json_number(s, "uptime_s", 0)), json_text(s, "device.id", "?"), name ? " (" : "",
             name ? name : "", name ? ")" : "");
}

/* "connection refused, for 3 min" */
static void fact_row(struct table *t, const cJSON *s, const cJSON *fact)
{
    bool on = json_true(fact, "on");
    /* Reporting that is switched off is no failure. */
    bool wanted = strcmp(fact->string, "server") != 0 || json_true(s, "flukso.on");
    const char *reason = json_text(fact, "reason", "");
    char room[SAY_WORDS];
    char *text = say_format("%s%sfor %s", reason, *reason ? ", " : "", say_span(room, json_number(fact, "for_s", 0)));

    row(t, fact->string, on ? SAY_GREEN : wanted ? SAY_RED : SAY_DIM, on ? "ok" : wanted ? "not ok" : "off", text);
    free(text);
}

static void clock_row(struct table *t, const cJSON *s)
{
    const char *state = json_text(s, "clock.state", "?");
    bool synced = strcmp(state, "synced") == 0, set = strcmp(state, "unset") != 0;
    double ahead = json_number(s, "clock.ahead_of_server_s", 0);
    char room[SAY_WORDS];
    char *text = synced ? say_format("%s", say_time(room, json_number(s, "clock.unix_s", 0)))
                 : set  ? say_format("%s, confirmed by neither NTP nor the server%s",
                                     say_time(room, json_number(s, "clock.unix_s", 0)),
                                    ahead >= 60 || ahead <= -60 ? ", which has another time" : "")
                        : say_format("it was never set: readings wait for the time");

    row(t, "clock", synced ? SAY_GREEN : SAY_YELLOW, state, text);
    free(text);
}

static void store_row(struct table *t, const cJSON *s)
{
    const cJSON *numbers = json_get(s, "numbers");
    char room[SAY_WORDS];

    if (!json_get(numbers, "store_up"))
        return;
    bool up = json_number(numbers, "store_up", 0) > 0;
    char *text = say_format("%s on the disk, rows not written yet: %.0f",
                            say_bytes(room, json_number(numbers, "store_bytes", 0)),
                            json_number(numbers, "store_rows_unwritten", 0));
    row(t, "store", up ? SAY_GREEN : SAY_RED, up ? "ok" : "not ok", text);
    free(text);
}

/* What waits for a server, and why. */
static void forwarder_row(struct table *t, const cJSON *s, const char *name)
{
    const cJSON *f = json_get(s, name);
    const char *why = json_text(f, "waits_for", "");
    char last[SAY_WORDS], old[SAY_WORDS];
    char *text;

    if (!f)
        return;
    if (!json_true(f, "on")) {
        row(t, name, SAY_DIM, "off", why);
        return;
    }
    double waiting = json_number(f, "rows_waiting", 0);
    text = say_format("rows waiting: %.0f%s%s, last success %s%s%s", waiting, waiting > 0 ? ", the oldest for " : "",
                      waiting > 0 ? say_span(old, json_number(f, "oldest_age_s", 0)) : "",
                      say_time(last, json_number(f, "last_success", 0)), *why ? "; " : "", why);
    row(t, name, *why ? SAY_YELLOW : SAY_GREEN, *why ? "waits" : "ok", text);
    free(text);
}

/* How the settings came to board and server last. */
static void sync_rows(struct table *t, const cJSON *s)
{
    char room[SAY_WORDS];

    for (const cJSON *part = json_first(json_get(s, "sync")); part; part = part->next) {
        enum job_verdict verdict = job_verdict(part);
        double when = json_number(part, "time_s", 0);
        if (verdict == JOB_NO_VERDICT || !part->string)
            continue;
        char *name = say_format("sync %s", part->string);
        char *text = say_format("%s%s%s", json_text(part, "text", ""), when > 0 ? ", " : "",
                                when > 0 ? say_time(room, when) : "");
        row(t, name, job_verdict_colour(verdict), job_verdict_text(verdict), text);
        free(name);
        free(text);
    }
}

/* How many there are, and those that the server does not take. */
static void sensor_rows(struct table *t, const cJSON *s)
{
    const cJSON *sensors = json_get(s, "sensors"), *one;
    int known = 0, bad = 0, all = cJSON_GetArraySize(sensors);

    for (one = json_first(sensors); one; one = one->next)
        known += json_get(one, "gauge") || json_get(one, "counter");
    char *text = say_format("%d, %d of them with readings", all, known);
    row(t, "sensors", known == all ? SAY_GREEN : SAY_YELLOW, known == all ? "ok" : "waits", text);
    free(text);
    for (one = json_first(sensors); one; one = one->next) {
        const char *error = json_text(one, "flukso.error", NULL);
        if (!json_true(one, "flukso.stopped") || ++bad > BAD_SENSORS)
            continue;
        row(t, json_text(one, "name", "?"), SAY_RED, "stopped", error ? error : "");
    }
}

static void print_status(const cJSON *s)
{
    static const struct table_column columns[] = {{NULL, TABLE_LEFT}, {NULL, TABLE_LEFT}, {NULL, TABLE_LEFT}};
    const cJSON *fact;
    struct table t;

    print_head(s);
    table_init(&t, columns, ARRAY_LEN(columns));
    for (fact = json_first(json_get(s, "facts")); fact; fact = fact->next)
        if (fact->string)
            fact_row(&t, s, fact);
    clock_row(&t, s);
    store_row(&t, s);
    forwarder_row(&t, s, "flukso");
    forwarder_row(&t, s, "influx");
    sync_rows(&t, s);
    sensor_rows(&t, s);
    table_print(&t, stdout, 0, 0, "\n");
    table_free(&t);
}

int verb_status(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct answer a;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = call(c, "GET", "/api/v1/status", NULL, &a);
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK)
        print_status(a.json);
    answer_free(&a);
    return rc;
}
