/* Keys of meters that have none: made of their names, before anything is merged, so that a layer over a file finds the
 * same meter whatever it is called later. */
#include "core/settings_layer.h"
#include "core/settings_table.h"

#include "core/seen.h"
#include "core/utf8.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define KEY_ROOM (SETTING_METER_KEY_MAX + 1)

/* The keys that there are, and how often each base was asked for: among a thousand meters of one name nobody counts
 * from the beginning. */
struct maker {
    struct seen keys, bases;
    char **base;
    unsigned *uses;
    size_t n_bases;
};

/* Letters with marks from U+00C0 on, without them. */
static const char folded[] = "aaaaaaaceeeeiiiidnooooo-ouuuuyts"
                             "aaaaaaaceeeeiiiidnooooo-ouuuuyty"
                             "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnn"
                             "oooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static char fold(uint32_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')
        return (char)c;
    return c >= 0xc0 && c < 0xc0 + sizeof folded - 1 ? folded[c - 0xc0] : '-';
}

void setting_key_fold(const char *name, char key[KEY_ROOM])
{
    const char *end = name + strlen(name);
    size_t len = 0, n;
    uint32_t c;

    for (; name < end && len < KEY_ROOM - 1; name += n) {
        n = utf8_next(name, end, &c);
        char x = n ? fold(c) : '-';
        n = n ? n : 1;
        if (x != '-' || (len && key[len - 1] != '-')) /* one for all that stand together, none in front */
            key[len++] = x;
    }
    while (len && key[len - 1] == '-')
        len--;
    key[len] = '\0';
}

static bool lacks_key(const cJSON *meter)
{
    return cJSON_IsObject(meter) && !layer_get(meter, "key");
}

static const cJSON *meters_of(const cJSON *bus)
{
    const cJSON *list = layer_get(bus, "meters");

    return cJSON_IsArray(list) ? list : NULL;
}

static const cJSON *buses_of(const cJSON *tree)
{
    const cJSON *list = layer_get(tree, "buses");

    return cJSON_IsArray(list) ? list : NULL;
}

/* What its key begins with. */
static void base_of(const cJSON *meter, char base[KEY_ROOM])
{
    const char *name = cJSON_GetStringValue(layer_get(meter, "name"));
    const cJSON *unit = layer_get(meter, "unit");

    *base = '\0';
    if (name)
        setting_key_fold(name, base);
    if (!*base)
        snprintf(base, KEY_ROOM, "unit-%d", cJSON_IsNumber(unit) ? unit->valueint : 0);
}

static unsigned *uses_of(struct maker *m, const char *text)
{
    size_t at = seen_find(&m->bases, text);

    if (at != SEEN_NONE)
        return &m->uses[at];
    m->base = grown(m->base, m->n_bases, sizeof *m->base);
    m->uses = grown(m->uses, m->n_bases, sizeof *m->uses);
    m->base[m->n_bases] = must(strdup(text));
    m->uses[m->n_bases] = 0;
    seen_add(&m->bases, m->base[m->n_bases], m->n_bases);
    return &m->uses[m->n_bases++];
}

/* Of the second with this base "boiler-2", unless another goes by that. */
static void make(struct maker *m, const cJSON *meter, char key[KEY_ROOM])
{
    char base[KEY_ROOM], end[16];
    unsigned *uses;

    base_of(meter, base);
    uses = uses_of(m, base);
    do {
        *end = '\0';
        if (++*uses > 1)
            snprintf(end, sizeof end, "-%u", *uses);
        snprintf(key, KEY_ROOM, "%.*s%s", (int)(KEY_ROOM - 1 - strlen(end)), base, end);
    } while (seen_find(&m->keys, key) != SEEN_NONE);
}

static void give(struct maker *m, cJSON *meter)
{
    char key[KEY_ROOM];

    make(m, meter, key);
    cJSON *v = must(cJSON_CreateString(key));
    layer_add(meter, "key", v);
    seen_add(&m->keys, v->valuestring, 0);
}

static void maker_free(struct maker *m)
{
    seen_free(&m->keys);
    seen_free(&m->bases);
    for (size_t i = 0; i < m->n_bases; i++)
        free(m->base[i]);
    free(m->base);
    free(m->uses);
}

static void note_given(struct maker *m, const cJSON *buses)
{
    for (const cJSON *bus = buses->child; bus; bus = bus->next) {
        const cJSON *meters = meters_of(bus);
        for (const cJSON *v = meters ? meters->child : NULL; v; v = v->next) {
            const char *key = cJSON_GetStringValue(layer_get(v, "key"));
            if (key)
                seen_add(&m->keys, key, 0);
        }
    }
}

bool settings_keys_missing(const cJSON *tree)
{
    const cJSON *buses = buses_of(tree);

    for (const cJSON *bus = buses ? buses->child : NULL; bus; bus = bus->next) {
        const cJSON *meters = meters_of(bus);
        for (const cJSON *v = meters ? meters->child : NULL; v; v = v->next)
            if (lacks_key(v))
                return true;
    }
    return false;
}

void settings_keys(cJSON *tree)
{
    const cJSON *buses = buses_of(tree);
    struct maker m = {0};

    if (!settings_keys_missing(tree))
        return;
    note_given(&m, buses);
    for (const cJSON *bus = buses->child; bus; bus = bus->next) {
        const cJSON *meters = meters_of(bus);
        for (cJSON *v = meters ? meters->child : NULL; v; v = v->next)
            if (lacks_key(v))
                give(&m, v);
    }
    maker_free(&m);
}

const char *setting_key_make(const cJSON *whole, const cJSON *more, const cJSON *meter, char key[SETTING_KEY_MAX])
{
    const cJSON *buses = buses_of(whole);
    struct maker m = {0};

    if (buses)
        note_given(&m, buses);
    for (const cJSON *v = more ? more->child : NULL; v; v = v->next)
        seen_add(&m.keys, v->string, 0);
    make(&m, meter, key);
    maker_free(&m);
    return key;
}
