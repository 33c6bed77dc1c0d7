/* sensors, sensor set, sensor counter. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/patch.h"
#include "ctl/say.h"
#include "ctl/sync.h"
#include "ctl/table.h"
#include "ctl/target.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SILENT_S 15 /* a clamp tells each second */

/* An amount with its unit: {"value","unit"}, or the unit from elsewhere. */
static void amount_cell(struct table *t, const cJSON *amount, const char *unit)
{
    char room[SAY_WORDS];
    double value = json_number(amount, "value", NAN);

    table_cell(t, isfinite(value) ? SAY_PLAIN : SAY_DIM, "%s",
               say_amount(room, value, json_text(amount, "unit", unit)));
}

static void state_cell(struct table *t, const cJSON *s)
{
    double gauge_s = json_number(s, "gauge.time_s", 0), counter_s = json_number(s, "counter.time_s", 0);
    double age = (double)time(NULL) - fmax(gauge_s, counter_s);
    const char *class = json_text(s, "class", "");
    bool clamp = strcmp(class, "analog") == 0 || strcmp(class, "ct") == 0;
    char room[SAY_WORDS];

    if (!json_true(s, "enable"))
        table_cell(t, SAY_DIM, "off");
    else if (!json_get(s, "gauge") && !json_get(s, "counter"))
        table_cell(t, SAY_YELLOW, "no reading yet");
    else if (clamp && fmax(gauge_s, counter_s) > 0 && age > SILENT_S)
        table_cell(t, SAY_RED, "silent for %s", say_span(room, age));
    else
        table_cell(t, SAY_GREEN, "ok");
}

/* The twelve sensors of a clamp differ in the end of their names, which a narrow terminal cuts: by their subtypes they
 * are told apart. */
static void print_sensors(const cJSON *sensors)
{
    static const struct table_column columns[] = {
        {"#", TABLE_RIGHT},       {"name", TABLE_SHRINK}, {"type", TABLE_SHRINK}, {"now", TABLE_RIGHT},
        {"counter", TABLE_RIGHT}, {"today", TABLE_RIGHT}, {"month", TABLE_RIGHT}, {"state", TABLE_SHRINK},
    };
    struct table t;
    const cJSON *s;
    size_t width, rows;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (s = json_first(sensors); s; s = s->next) {
        const char *counted = json_text(s, "unit.counter", "");
        table_cell(&t, SAY_DIM, "%.0f", json_number(s, "number", 0));
        table_cell(&t, SAY_BOLD, "%s", json_text(s, "name", say_none()));
        table_cell(&t, SAY_PLAIN, "%s", json_text(s, "subtype", json_text(s, "type", "")));
        amount_cell(&t, json_get(s, "gauge"), json_text(s, "unit.gauge", ""));
        amount_cell(&t, json_get(s, "counter"), counted);
        amount_cell(&t, json_get(s, "today"), counted);
        amount_cell(&t, json_get(s, "month"), counted);
        state_cell(&t, s);
    }
    term_size(&width, &rows);
    table_print(&t, stdout, width, 0, "\n");
    table_free(&t);
}

/* Why today or this month is not known, once for all sensors of which the same is to say. */
static void print_reasons(const cJSON *sensors, const char *period, const char *member)
{
    const cJSON *s, *before;

    for (s = json_first(sensors); s; s = s->next) {
        const char *reason = json_text(s, member, NULL);
        if (!reason || json_get(s, period) || !json_true(s, "enable"))
            continue;
        for (before = sensors->child; before != s; before = before->next)
            if (json_true(before, "enable") && !json_get(before, period) &&
                strcmp(json_text(before, member, ""), reason) == 0)
                break;
        if (before == s)
            say_line(SAY_DIM, "%s: %s", period, reason);
    }
}

/* What meters that send telegrams could tell and never did. */
static void print_unheard(double n, bool all)
{
    if (n > 0)
        say_line(SAY_DIM, "%.0f %ssensor%s of lines never had a reading%s", n, all ? "" : "more ", n == 1 ? "" : "s",
                 all ? "" : " (--all shows them)");
}

int verb_sensors(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool all = false;
    const struct verb_option options[] = {{"all", 'a', &all, NULL}};
    const cJSON *sensors;
    struct answer a;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = call(c, "GET", all ? "/api/v1/sensors?all=true" : "/api/v1/sensors", NULL, &a);
    sensors = json_get(a.json, "sensors");
    if (rc == CTL_OK && c->json) {
        call_print(&a);
    } else if (rc == CTL_OK && cJSON_GetArraySize(sensors) == 0 && !(json_number(a.json, "unheard", 0) > 0)) {
        say_line(SAY_PLAIN, "There are no sensors: set up by fluksoctl settings set sensors.1.name=main "
                            "sensors.1.ports=1 sensors.1.enable=true");
    } else if (rc == CTL_OK) {
        print_sensors(sensors);
        print_reasons(sensors, "today", "today_reason");
        print_reasons(sensors, "month", "month_reason");
        print_unheard(json_number(a.json, "unheard", 0), all);
    }
    answer_free(&a);
    return rc;
}

/* ---- sensor set ---- */

/* The sensor's place: its id for a path; NULL, or an exit code in *rc. */
static char *path_of(const struct ctl *c, const char *word, const char *behind, int *rc)
{
    const cJSON *sensors, *s;
    struct answer a;
    char *path = NULL, *escaped;

    *rc = target_list(c, &a, &sensors);
    s = *rc == CTL_OK ? target_find(sensors, word) : NULL;
    if (*rc == CTL_OK && !s)
        *rc = CTL_REFUSED;
    if (s) {
        escaped = call_path("/api/v1/sensors/", json_text(s, "id", ""));
        if (asprintf(&path, "%s%s", escaped, behind) < 0)
            abort();
        free(escaped);
    }
    answer_free(&a);
    return path;
}

int verb_sensor_set(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    cJSON *patch = must(cJSON_CreateObject());
    char why[PATCH_WHY], *path = NULL;
    bool no_wait = false;
    const struct verb_option options[] = {{"no-wait", 0, &no_wait, NULL}};
    struct answer a = {0};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 2, 1000);

    for (int i = 1; rc == CTL_OK && i < argc; i++)
        if (patch_add(patch, "sensors.1", argv[i], why) < 0)
            rc = verb_usage(v, "%s", why);
    if (rc == CTL_OK)
        path = path_of(c, argv[0], "", &rc);
    if (path)
        rc = call(c, "PATCH", path, patch, &a);
    if (rc == CTL_OK)
        rc = sync_after_saving(c, &a, !no_wait);
    free(path);
    cJSON_Delete(patch);
    answer_free(&a);
    return rc;
}

/* ---- sensor counter ---- */

int verb_sensor_counter(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    cJSON *body = must(cJSON_CreateObject());
    char *path = NULL, *end;
    struct answer a = {0};
    int rc = verb_words(v, &argc, argv, NULL, 0, 2, 2);

    if (rc == CTL_OK) {
        bool offset = argv[1][0] == '+';
        double n = strtod(argv[1], &end);
        if (end == argv[1] || *end || !isfinite(n) || n < 0)
            rc = verb_usage(v, "'%s' is no amount (12345.678, or +1000 to add)", argv[1]);
        else
            cJSON_AddNumberToObject(body, offset ? "offset" : "set", n);
    }
    if (rc == CTL_OK)
        path = path_of(c, argv[0], "/counter", &rc);
    if (path)
        rc = call(c, "POST", path, body, &a);
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK)
        say_line(SAY_PLAIN, "The counter of %s goes on from there.", argv[0]);
    free(path);
    cJSON_Delete(body);
    answer_free(&a);
    return rc;
}
