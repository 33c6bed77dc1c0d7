/* bus list, bus watch: the lines with meters, and how each meter answers. */
#include "ctl/bus_view.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/looks.h"
#include "ctl/say.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <stdlib.h>
#include <string.h>

#define BUSES 512 /* that one command line names */

/* ---- the buses ---- */

/* All, or those that are named: a list that the caller owns, NULL with an enum ctl_exit that people know. */
static cJSON *fetch(const struct ctl *c, int argc, char **argv, bool quietly, int *rc)
{
    int (*get)(const struct ctl *, const char *, const char *, const cJSON *, struct answer *) =
        quietly ? call_quietly : call;
    struct answer a;
    cJSON *list;

    if (argc == 0) {
        *rc = get(c, "GET", "/api/v1/buses", NULL, &a);
        list = *rc == CTL_OK ? cJSON_DetachItemFromObjectCaseSensitive(a.json, "buses") : NULL;
        answer_free(&a);
        return *rc == CTL_OK && !list ? must(cJSON_CreateArray()) : list;
    }
    list = must(cJSON_CreateArray());
    *rc = CTL_OK;
    for (int i = 0; *rc == CTL_OK && i < argc; i++) {
        char *path = call_path("/api/v1/buses/", argv[i]);
        *rc = get(c, "GET", path, NULL, &a);
        if (*rc == CTL_OK && a.json)
            cJSON_AddItemToArray(list, a.json);
        else
            cJSON_Delete(a.json);
        a.json = NULL;
        answer_free(&a);
        free(path);
    }
    if (*rc == CTL_OK)
        return list;
    cJSON_Delete(list);
    return NULL;
}

static void print_json(const cJSON *buses)
{
    cJSON *whole = must(cJSON_CreateObject());

    cJSON_AddItemReferenceToObject(whole, "buses", (cJSON *)buses);
    char *text = must(cJSON_PrintUnformatted(whole));
    say_raw(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(whole);
}

static void say_how_to_begin(void)
{
    say_line(SAY_PLAIN, "There are no buses. A serial line is set up by");
    say_line(SAY_PLAIN, "  fluksoctl settings set buses.line1.device=/dev/serial/by-id/NAME buses.line1.baud=9600");
}

int verb_bus_list(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    size_t columns, rows;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, BUSES);

    if (rc != CTL_OK)
        return rc;
    cJSON *buses = fetch(c, argc, argv, false, &rc);
    term_size(&columns, &rows);
    if (buses && c->json)
        print_json(buses);
    else if (buses && !buses->child)
        say_how_to_begin();
    else if (buses)
        bus_view_list(buses, stdout, columns);
    cJSON_Delete(buses);
    return rc;
}

/* ---- watch ---- */

struct named {
    int argc; /* the buses that are looked at; 0: all */
    char **argv;
};

static cJSON *look(void *ctx, const struct ctl *c, bool quietly, int *rc)
{
    const struct named *n = ctx;

    return fetch(c, n->argc, n->argv, quietly, rc);
}

static size_t picture(void *ctx, const cJSON *buses, FILE *out, size_t columns, size_t rows, const char *end)
{
    (void)ctx;
    return bus_view_stats(buses, out, columns, rows, end);
}

static void changes(void *ctx, const cJSON *before, const cJSON *buses)
{
    (void)ctx;
    bus_view_changes(before, buses);
}

static void print(void *ctx, const cJSON *buses)
{
    (void)ctx;
    print_json(buses);
}

int verb_bus_watch(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    const char *every = "1";
    const struct verb_option options[] = {{"every", 'n', NULL, &every}};
    struct named named;
    struct looks l = {look, picture, changes, print, &named, "; p50, p99: ms of answers; /min: errors", 0};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, BUSES);

    if (rc == CTL_OK)
        rc = looks_every(v, every, &l.every_s);
    if (rc != CTL_OK)
        return rc;
    named = (struct named){argc, argv};
    return looks_run(c, &l);
}
