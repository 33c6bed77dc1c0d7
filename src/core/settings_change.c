#include "core/settings_change.h"

#include "core/settings_layer.h"
#include "core/settings_merge.h"
#include "core/settings_rules.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* A tree judged and completed; NULL with errors. */
static struct settings *complete(const cJSON *tree, const struct settings_base *base, struct settings_errors *errors)
{
    struct settings *s = settings_parse_tree(tree, base->meters, errors, NULL);

    if (!s)
        return NULL;
    if (!s->storage.path)
        s->storage.path = must(strdup(base->now->storage.path));
    if (settings_derive_ids(s, base->now->device.id, errors) == 0)
        return s;
    settings_free(s);
    return NULL;
}

static const char *hardware_says(const struct settings *s, size_t i, int minor, const char **member)
{
    const struct board_rules *b = board_rules(s->board.protocol);

    return b->hardware ? b->hardware(s, i, minor, member) : NULL;
}

/* Did a sensor of this number have the same problem before? Then it is nothing that this change brought. */
static bool had_it(const struct settings *now, int number, int minor, const char *problem)
{
    for (size_t i = 0; i < now->n_sensors; i++) {
        const char *member, *had = hardware_says(now, i, minor, &member);
        if (had && sensor_settings_number(&now->sensors[i]) == number && strcmp(had, problem) == 0)
            return true;
    }
    return false;
}

/* Likewise of a line with this key. */
static bool line_had_it(const struct settings *now, const char *key, int minor)
{
    const char *member;

    for (size_t i = 0; i < now->n_lines; i++)
        if (strcmp(now->lines[i].key, key) == 0 && rules_line_hardware(now, i, minor, &member))
            return true;
    return false;
}

static void check_lines(const struct settings *s, const struct settings_base *base, struct settings_errors *errors)
{
    char path[64];

    for (size_t i = 0; i < s->n_lines && base->board_minor >= 0; i++) {
        const char *member, *problem = rules_line_hardware(s, i, base->board_minor, &member);
        if (!problem || line_had_it(base->now, s->lines[i].key, base->board_minor))
            continue;
        snprintf(path, sizeof path, "lines[%zu].%s", i, member);
        settings_error_add(errors, path, "%s", problem);
    }
}

/* Sensors that the board at hand cannot do, and lines. */
static void check_hardware(const struct settings *s, const struct settings_base *base, struct settings_errors *errors)
{
    char path[64];

    check_lines(s, base, errors);
    for (size_t i = 0; i < s->n_sensors && base->board_minor >= 0; i++) {
        const char *member, *problem = hardware_says(s, i, base->board_minor, &member);
        if (!problem || had_it(base->now, sensor_settings_number(&s->sensors[i]), base->board_minor, problem))
            continue;
        snprintf(path, sizeof path, "sensors[%zu].%s", i, member);
        settings_error_add(errors, path, "%s", problem);
    }
}

/* Does the layer, over the file, say what it was made to say? It does not where the file holds a key twice. */
static bool says_it(const struct settings *s, const struct settings *meant)
{
    cJSON *a = settings_tree(s), *b = settings_tree(meant);
    bool same = cJSON_Compare(a, b, true);

    cJSON_Delete(a);
    cJSON_Delete(b);
    return same;
}

/* The change that makes the settings say this (a merged tree, which is sorted). */
static int change_to(struct settings_change *c, const struct settings_base *base, cJSON *tree,
                     struct settings_errors *errors)
{
    size_t before = errors->n;

    settings_keys(tree);
    settings_sort(tree);
    struct settings *meant = complete(tree, base, errors);
    if (!meant)
        return -1;
    check_hardware(meant, base, errors);
    c->saved = settings_reduce(base->file, tree, base->now->device.id);
    cJSON *restarted = settings_merge(base->file, c->saved, NULL);
    if (errors->n == before)
        c->next = complete(restarted, base, errors);
    if (c->next && !says_it(c->next, meant))
        settings_error_add(errors, "sensors", "two in the administrator's file have one number; mend that first");
    cJSON_Delete(restarted);
    settings_free(meant);
    cJSON *none = must(cJSON_CreateObject());
    c->same = cJSON_Compare(c->saved, base->saved ? base->saved : none, true);
    cJSON_Delete(none);
    if (errors->n == before)
        return 0;
    settings_change_free(c);
    return -1;
}

int settings_change_patch(struct settings_change *c, const struct settings_base *base, const cJSON *patch,
                          struct settings_errors *errors)
{
    cJSON *merged = settings_merge(base->file, base->saved, NULL);
    cJSON *checked = settings_patch_check(patch, merged, base->whole, errors);
    int result = -1;

    *c = (struct settings_change){0};
    if (checked) {
        settings_saving(checked, merged);
        cJSON *tree = settings_patch(merged, checked);
        result = change_to(c, base, tree, errors);
        cJSON_Delete(tree);
    }
    cJSON_Delete(checked);
    cJSON_Delete(merged);
    return result;
}

int settings_change_layer(struct settings_change *c, const struct settings_base *base, const cJSON *saved,
                          struct settings_errors *errors)
{
    *c = (struct settings_change){0};
    if (!cJSON_IsObject(saved)) {
        settings_error_allow(errors, "settings", "an object", "is no object");
        return -1;
    }
    cJSON *tree = settings_merge(base->file, saved, NULL);
    int result = change_to(c, base, tree, errors);
    cJSON_Delete(tree);
    return result;
}

void settings_change_free(struct settings_change *c)
{
    settings_free(c->next);
    cJSON_Delete(c->saved);
    *c = (struct settings_change){0};
}
