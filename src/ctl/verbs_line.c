/* line list, line show: the lines with telegrams, how each is, what its meter said last. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/line_view.h"
#include "ctl/looks.h"
#include "ctl/say.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <stdlib.h>
#include <string.h>

#define PATH  "/api/v1/lines"
#define LINES 64 /* that one command line names */

static int get(const struct ctl *c, bool quietly, const char *path, struct answer *a)
{
    return quietly ? call_quietly(c, "GET", path, NULL, a) : call(c, "GET", path, NULL, a);
}

/* The line with this key, which the caller owns; NULL with an enum ctl_exit. */
static cJSON *fetch_one(const struct ctl *c, const char *key, bool quietly, int *rc)
{
    char *path = call_path(PATH "/", key);
    struct answer a;

    *rc = get(c, quietly, path, &a);
    if (*rc == CTL_REFUSED && !quietly && !c->json && a.status == 404)
        say_fail("which there are: fluksoctl line list");
    cJSON *line = *rc == CTL_OK ? a.json : NULL;
    if (*rc == CTL_OK && !line)
        line = must(cJSON_CreateObject());
    if (line == a.json)
        a.json = NULL;
    answer_free(&a);
    free(path);
    return line;
}

/* All, or those that are named: a list that the caller owns, NULL with an enum ctl_exit that people know. */
static cJSON *fetch(const struct ctl *c, int argc, char **argv, int *rc)
{
    struct answer a;
    cJSON *list, *line;

    if (argc == 0) {
        *rc = get(c, false, PATH, &a);
        list = *rc == CTL_OK ? cJSON_DetachItemFromObjectCaseSensitive(a.json, "lines") : NULL;
        answer_free(&a);
        return *rc == CTL_OK && !list ? must(cJSON_CreateArray()) : list;
    }
    list = must(cJSON_CreateArray());
    for (int i = 0; i < argc; i++) {
        line = fetch_one(c, argv[i], false, rc);
        if (!line) {
            cJSON_Delete(list);
            return NULL;
        }
        cJSON_AddItemToArray(list, line);
    }
    return list;
}

static void print_json(const cJSON *what)
{
    char *text = must(cJSON_PrintUnformatted(what));

    say_raw(text, strlen(text));
    cJSON_free(text);
}

static void print_list(const cJSON *lines)
{
    cJSON *whole = must(cJSON_CreateObject());

    cJSON_AddItemReferenceToObject(whole, "lines", (cJSON *)lines);
    print_json(whole);
    cJSON_Delete(whole);
}

static void say_how_to_begin(void)
{
    say_line(SAY_PLAIN, "There are no lines with telegrams. A smart meter's P1 port is set up by");
    say_line(SAY_PLAIN, "  fluksoctl settings set lines.grid.name=grid lines.grid.protocol=p1 \\");
    say_line(SAY_PLAIN, "      lines.grid.device=/dev/serial/by-id/NAME");
}

int verb_line_list(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    const struct verb_option options[] = {{"json", 0, &c->json, NULL}};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, LINES);

    if (rc != CTL_OK)
        return rc;
    cJSON *lines = fetch(c, argc, argv, &rc);
    if (lines && c->json)
        print_list(lines);
    else if (lines && !lines->child)
        say_how_to_begin();
    else if (lines)
        line_view_list(lines, stdout);
    cJSON_Delete(lines);
    return rc;
}

/* ---- show ---- */

struct shown {
    const char *key;
    bool raw;
};

static int show_once(const struct ctl *c, const struct shown *s)
{
    size_t columns, rows;
    int rc;
    cJSON *line = fetch_one(c, s->key, false, &rc);
    const char *telegram = json_text(line, "telegram", NULL);

    term_size(&columns, &rows);
    if (line && c->json) {
        print_json(line);
    } else if (line && s->raw && !telegram) {
        say_fail("line %s: no telegram yet: %s", s->key, json_text(line, "reason", ""));
        rc = CTL_REFUSED;
    } else if (line && s->raw && !say_on_terminal()) {
        say_raw(telegram, strlen(telegram));
    } else if (line && s->raw) {
        line_view_raw(line, stdout);
    } else if (line) {
        line_view_show(line, stdout, columns);
    }
    cJSON_Delete(line);
    return rc;
}

static cJSON *look(void *ctx, const struct ctl *c, bool quietly, int *rc)
{
    const struct shown *s = ctx;

    return fetch_one(c, s->key, quietly, rc);
}

static size_t picture(void *ctx, const cJSON *line, FILE *out, size_t columns, size_t rows, const char *end)
{
    const struct shown *s = ctx;

    return s->raw ? line_view_raw_picture(line, out, columns, rows, end)
                  : line_view_picture(line, out, columns, rows, end);
}

/* Raw: the telegram, when it is another one, and an empty line behind it. */
static void changes(void *ctx, const cJSON *before, const cJSON *line)
{
    const struct shown *s = ctx;
    const char *telegram = json_text(line, "telegram", "");

    if (!s->raw) {
        line_view_changes(before, line);
    } else if (*telegram && (json_number(before, "telegrams", -1) != json_number(line, "telegrams", 0) ||
                             strcmp(json_text(before, "telegram", ""), telegram) != 0)) {
        say_raw(telegram, strlen(telegram));
        say_raw("\n", 1);
    }
}

static void print(void *ctx, const cJSON *line)
{
    (void)ctx;
    print_json(line);
}

int verb_line_show(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    const char *every = "1";
    bool watch = false;
    struct shown shown = {0};
    const struct verb_option options[] = {{"raw", 'r', &shown.raw, NULL},
                                          {"watch", 'w', &watch, NULL},
                                          {"every", 'n', NULL, &every},
                                          {"json", 0, &c->json, NULL}};
    struct looks l = {look, picture, changes, print, &shown, "", 0};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 1);

    if (rc == CTL_OK)
        rc = looks_every(v, every, &l.every_s);
    if (rc != CTL_OK)
        return rc;
    if (shown.raw && c->json)
        return verb_usage(v, "--raw and --json are two ways to write it");
    shown.key = argv[0];
    return watch ? looks_run(c, &l) : show_once(c, &shown);
}
