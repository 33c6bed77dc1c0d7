/* What the desk does with settings, for tests: a file, the layer over it, what is in force, and changes to it. */
#ifndef TEST_SETTINGS_HOUSE_H
#define TEST_SETTINGS_HOUSE_H

#include "core/jsonc.h"
#include "core/settings.h"
#include "core/settings_change.h"
#include "core/settings_merge.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "meter_folder.h"

#define DEVICE "0123456789abcdef0123456789abcdef"
#define STATE  "/var/lib/fluksod"

/* What the desk keeps. */
struct house {
    cJSON *file, *saved, *whole;
    struct settings *now;
    int board_minor;
};

static inline cJSON *tree(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    cJSON *t = cJSON_Parse(copy);
    if (!t)
        fail_msg("no JSON: %s", text);
    free(copy);
    return t;
}

/* A file's tree as it is loaded: meters without a key have one. */
static inline cJSON *loaded(const char *text)
{
    cJSON *t = tree(text);

    settings_keys(t);
    return t;
}

/* What a start makes of file and layer, read from their texts. NULL when they have errors. */
static inline struct settings *restart(const cJSON *file, const cJSON *saved)
{
    char *texts[] = {cJSON_Print(file), cJSON_Print(saved)};
    struct settings_errors errors = {0};
    cJSON *f = settings_text(texts[0], strlen(texts[0]), &errors);
    cJSON *l = settings_text(texts[1], strlen(texts[1]), &errors);
    cJSON *merged = settings_merge(f, l, NULL);
    struct settings *s = settings_parse_tree(merged, &meter_folder, &errors, NULL);

    if (s && !s->storage.path)
        s->storage.path = strdup(STATE);
    if (s && settings_derive_ids(s, DEVICE, &errors) < 0) {
        settings_free(s);
        s = NULL;
    }
    for (size_t i = 0; i < errors.n; i++)
        print_message("%s: %s\n", errors.v[i].path, errors.v[i].message);
    settings_errors_free(&errors);
    cJSON_Delete(merged);
    cJSON_Delete(f);
    cJSON_Delete(l);
    cJSON_free(texts[0]);
    cJSON_free(texts[1]);
    return s;
}

static inline struct house house(const char *file)
{
    struct house h = {.file = loaded(file), .saved = cJSON_CreateObject(), .board_minor = -1};

    h.now = restart(h.file, h.saved);
    assert_non_null(h.now);
    h.whole = settings_tree(h.now);
    return h;
}

static inline void demolish(struct house *h)
{
    settings_free(h->now);
    cJSON_Delete(h->file);
    cJSON_Delete(h->saved);
    cJSON_Delete(h->whole);
}

static inline struct settings_base base_of(const struct house *h)
{
    return (struct settings_base){.file = h->file,
                                  .saved = h->saved,
                                  .now = h->now,
                                  .whole = h->whole,
                                  .meters = &meter_folder,
                                  .board_minor = h->board_minor};
}

static inline void take(struct house *h, struct settings_change *c)
{
    settings_free(h->now);
    cJSON_Delete(h->saved);
    cJSON_Delete(h->whole);
    h->now = c->next;
    h->saved = c->saved;
    h->whole = settings_tree(h->now);
}

/* Patch it; false when it is refused, and then nothing has changed. */
static inline bool patch(struct house *h, const cJSON *p)
{
    struct settings_base base = base_of(h);
    struct settings_errors errors = {0};
    struct settings_change c;
    int result = settings_change_patch(&c, &base, p, &errors);

    assert_true((result == 0) == (errors.n == 0));
    settings_errors_free(&errors);
    if (result == 0)
        take(h, &c);
    return result == 0;
}

/* It is refused, with this as its first error. */
static inline void refused(struct house *h, const char *text, const char *error)
{
    struct settings_base base = base_of(h);
    struct settings_errors errors = {0};
    struct settings_change c;
    cJSON *p = tree(text);
    char got[512];

    assert_int_equal(settings_change_patch(&c, &base, p, &errors), -1);
    snprintf(got, sizeof got, "%s: %s", errors.v[0].path, errors.v[0].message);
    assert_string_equal(got, error);
    settings_errors_free(&errors);
    cJSON_Delete(p);
}

static inline void taken(struct house *h, const char *text, const char *saved)
{
    cJSON *p = tree(text), *want = tree(saved);

    if (!patch(h, p))
        fail_msg("%s is refused", text);
    if (!cJSON_Compare(h->saved, want, true)) {
        char *got = cJSON_PrintUnformatted(h->saved);
        fail_msg("%s: the layer is %s", text, got);
    }
    cJSON_Delete(p);
    cJSON_Delete(want);
}

#endif
