/* meters import: a table of meters becomes settings, all of it or nothing. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/meters_file.h"
#include "ctl/meters_try.h"
#include "ctl/say.h"
#include "ctl/sync.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct import {
    const char *path; /* of the file, as messages call it */
    bool dry_run, replace, no_wait;
    struct meters_file file;
    const cJSON *settings; /* in force */
    cJSON *patch;
    const cJSON *next; /* the settings as they would be */
    size_t n_new, n_changed, n_same;
    cJSON *removed, *values; /* keys of meters that go; what meters said (dry run) */
    size_t silent;           /* meters that did not answer */
};

/* ---- the file ---- */

/* All of it, or NULL: people know why. */
static char *read_file(const char *path, size_t *len)
{
    bool in = strcmp(path, "-") == 0;
    FILE *f = in ? stdin : fopen(path, "re");
    char *text = must(malloc(CSV_TEXT_MAX + 1));
    bool good = false;

    *len = f ? fread(text, 1, CSV_TEXT_MAX + 1, f) : 0;
    if (!f || ferror(f))
        say_fail("%s: %s", path, strerror(errno));
    else if (*len > CSV_TEXT_MAX)
        say_fail("%s: more than %u bytes", path, CSV_TEXT_MAX);
    else
        good = true;
    if (f && !in)
        fclose(f);
    if (good)
        return text;
    free(text);
    return NULL;
}

/* ---- mistakes ---- */

static void print_mistakes(const struct import *m)
{
    for (size_t i = 0; i < m->file.n_mistakes; i++) {
        const struct meters_mistake *x = &m->file.mistakes[i];
        char *line = x->line == METERS_NOWHERE ? say_format("%s: %s", m->path, x->what)
                                               : say_format("%s:%u:%u: %s", m->path, x->line, x->column, x->what);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
    say_fail("%zu mistake%s: nothing is changed", m->file.n_mistakes, m->file.n_mistakes == 1 ? "" : "s");
}

/* ---- what it changes ---- */

static void compare(struct import *m)
{
    for (size_t i = 0; i < m->file.n_rows; i++) {
        const struct meters_row *r = &m->file.rows[i];
        const cJSON *was = meters_file_meter(meters_file_bus(m->settings, r->bus), r->key);
        const cJSON *now = meters_file_meter(meters_file_bus(m->next, r->bus), r->key);
        bool moved = false;
        for (const cJSON *b = json_first(json_get(m->settings, "buses")); b && !was; b = b->next)
            moved |= meters_file_meter(b, r->key) != NULL;
        if (was && now && cJSON_Compare(was, now, true))
            m->n_same++;
        else
            (*(was || moved ? &m->n_changed : &m->n_new))++;
    }
    m->removed = must(cJSON_CreateArray());
    for (const cJSON *b = json_first(json_get(m->settings, "buses")); b; b = b->next)
        for (const cJSON *x = json_first(json_get(b, "meters")); x; x = x->next) {
            const char *key = json_text(x, "key", "");
            bool stays = false;
            for (const cJSON *o = json_first(json_get(m->next, "buses")); o && !stays; o = o->next)
                stays = meters_file_meter(o, key) != NULL;
            if (!stays)
                cJSON_AddItemToArray(m->removed, must(cJSON_CreateString(key)));
        }
}

static void print_changes(const struct import *m)
{
    const cJSON *key;

    say_line(SAY_PLAIN, "%zu meter%s: %zu new, %zu changed, %zu as before.", m->file.n_rows,
             m->file.n_rows == 1 ? "" : "s", m->n_new, m->n_changed, m->n_same);
    cJSON_ArrayForEach(key, m->removed)
        say_line(SAY_YELLOW, "%s %s", m->dry_run ? "would be removed:" : "removed:", key->valuestring);
}

/* For scripts. */
static void print_json(const struct import *m, const char *job, bool done)
{
    cJSON *o = must(cJSON_CreateObject()), *list = must(cJSON_AddArrayToObject(o, "errors"));

    for (size_t i = 0; i < m->file.n_mistakes; i++) {
        const struct meters_mistake *x = &m->file.mistakes[i];
        cJSON *e = must(cJSON_CreateObject());
        if (x->line != METERS_NOWHERE) {
            must(cJSON_AddNumberToObject(e, "line", x->line));
            must(cJSON_AddNumberToObject(e, "column", x->column));
        }
        must(cJSON_AddStringToObject(e, "message", x->what));
        cJSON_AddItemToArray(list, e);
    }
    must(cJSON_AddNumberToObject(o, "new", (double)m->n_new));
    must(cJSON_AddNumberToObject(o, "changed", (double)m->n_changed));
    must(cJSON_AddNumberToObject(o, "same", (double)m->n_same));
    if (m->removed)
        cJSON_AddItemReferenceToObject(o, "removed", m->removed);
    if (m->values)
        cJSON_AddItemReferenceToObject(o, "read", m->values);
    must(cJSON_AddBoolToObject(o, "saved", done));
    if (job && *job)
        must(cJSON_AddStringToObject(o, "job", job));
    char *text = must(cJSON_PrintUnformatted(o));
    say_raw(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(o);
}

/* ---- the gateway ---- */

/* Models that are called much the same are worth their line; other ranges stand in the message. */
static void refused(struct import *m, const char *path, const char *message, const char *allowed)
{
    const char *member = strrchr(path, '.');
    char *words = NULL;

    if (allowed && member && strcmp(member, ".model") == 0 && !strstr(message, allowed))
        words = must(say_format("%s (allowed: %s)", message, allowed));
    meters_file_refused(&m->file, m->settings, m->patch, path, words ? words : message);
    free(words);
}

/* Would it be taken? Errors become mistakes of rows. Returns CTL_OK also then; else people know why. */
static int check(const struct ctl *c, struct import *m, struct answer *a)
{
    const cJSON *e;
    int rc = call_quietly(c, "POST", "/api/v1/settings/check", m->patch, a);

    if (rc == CTL_UNREACHABLE)
        return call_unreachable(c, a->code, a->why);
    if (rc == CTL_OK) {
        m->next = a->json;
        return rc;
    }
    if (rc != CTL_REFUSED || !json_first(json_get(a->json, "errors")))
        return rc == CTL_REFUSED ? call_explain(c, a) : rc;
    for (e = json_first(json_get(a->json, "errors")); e; e = e->next)
        refused(m, json_text(e, "path", "?"), json_text(e, "message", "?"), json_text(e, "allowed", NULL));
    return CTL_OK;
}

static int apply(const struct ctl *c, struct import *m)
{
    struct answer a = {0};
    int rc = CTL_OK;

    if (m->n_new + m->n_changed == 0 && !m->removed->child) {
        if (c->json)
            print_json(m, NULL, true);
        else
            say_line(SAY_GREEN, "All is as the file says.");
        return CTL_OK;
    }
    rc = call(c, "PATCH", "/api/v1/settings", m->patch, &a);
    if (rc == CTL_OK && c->json)
        print_json(m, a.job, true);
    if (rc == CTL_OK && !c->json) {
        print_changes(m);
        rc = sync_after_saving(c, &a, !m->no_wait);
    }
    answer_free(&a);
    return rc;
}

static int dry_run(const struct ctl *c, struct import *m)
{
    int rc = meters_try(c, &m->file, m->next, &m->values, &m->silent);

    if (rc != CTL_OK)
        return rc;
    if (c->json)
        print_json(m, NULL, false);
    else
        say_line(m->silent ? SAY_YELLOW : SAY_GREEN, "%zu of %d meters answered; nothing is changed.",
                 (size_t)cJSON_GetArraySize(m->values) - m->silent, cJSON_GetArraySize(m->values));
    return m->silent ? CTL_REFUSED : CTL_OK;
}

/* The file was read, and is judged. */
static int conclude(const struct ctl *c, struct import *m)
{
    struct answer a = {0};
    int rc;

    if (m->replace && !m->file.n_rows && !m->file.n_mistakes) {
        say_fail("%s has no meters: --replace would remove all of them", m->path);
        return CTL_REFUSED;
    }
    m->patch = meters_file_patch(&m->file, m->settings, m->replace && !m->file.n_mistakes);
    rc = check(c, m, &a);
    meters_file_sort(&m->file);
    if (rc == CTL_OK && m->file.n_mistakes) {
        if (c->json)
            print_json(m, NULL, false);
        else
            print_mistakes(m);
        rc = CTL_REFUSED;
    } else if (rc == CTL_OK) {
        compare(m);
        if (!c->json && m->dry_run)
            print_changes(m);
        rc = m->dry_run ? dry_run(c, m) : apply(c, m);
    }
    cJSON_Delete(m->patch);
    cJSON_Delete(m->removed);
    cJSON_Delete(m->values);
    answer_free(&a);
    return rc;
}

int verb_meters_import(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct import m = {0};
    const struct verb_option options[] = {
        {"dry-run", 'n', &m.dry_run, NULL}, {"replace", 0, &m.replace, NULL}, {"no-wait", 0, &m.no_wait, NULL}};
    struct answer settings = {0};
    size_t len;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 1);

    if (rc != CTL_OK)
        return rc;
    char *text = read_file(argv[0], &len);
    if (!text)
        return CTL_REFUSED;
    m.path = strcmp(argv[0], "-") == 0 ? "standard input" : argv[0];
    rc = call(c, "GET", "/api/v1/settings", NULL, &settings);
    if (rc == CTL_OK) {
        m.settings = settings.json;
        meters_file_read(&m.file, text, len, m.settings);
        rc = conclude(c, &m);
        meters_file_free(&m.file);
    }
    answer_free(&settings);
    free(text);
    return rc;
}
