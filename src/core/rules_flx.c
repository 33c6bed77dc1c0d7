/* The rules of the manual as they hold for an FLX board: its ports, and what each class of them has. */
#include "core/settings_rules.h"

#include "core/flx_ports.h"
#include "core/settings.h"
#include "core/settings_layer.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static bool is_port(const struct port_settings *p)
{
    return p->port != SETTING_UNSET;
}

static void check_class(const struct rules *r, size_t i)
{
    struct port_settings *p = &r->s->port[i];
    enum sensor_class is = flx_port_class(p->port);

    if (rules_given(r, i, "class") && (int)p->class != SETTING_UNSET && p->class != is)
        rules_error(r, i, "class", "%s is not what port %d is: %s", sensor_class_name(p->class), p->port,
                    sensor_class_name(is));
    p->class = is;
}

/* S5: what a clamp measures is electricity. */
static void check_type(const struct rules *r, size_t i)
{
    const struct port_settings *p = &r->s->port[i];

    if (p->class == SENSOR_UART && rules_given(r, i, "type"))
        rules_error(r, i, "type", "a port of class uart has none");
    else if (p->class == SENSOR_CT && (int)p->type != SETTING_UNSET && p->type != SENSOR_ELECTRICITY)
        rules_error(r, i, "type", "%s is for pulse ports; class ct measures electricity", sensor_type_name(p->type));
}

/* Members that say nothing about a port of this class. */
static void check_members(const struct rules *r, size_t i)
{
    static const struct {
        const char *name;
        enum sensor_class class;
    } members[] = {{"current", SENSOR_CT},
                   {"shift", SENSOR_CT},
                   {"flip", SENSOR_CT},
                   {"constant", SENSOR_PULSE},
                   {"trigger", SENSOR_PULSE}};
    const struct port_settings *p = &r->s->port[i];
    const cJSON *ids = rules_given(r, i, "ids");
    char name[24];

    for (size_t k = 0; k < ARRAY_LEN(members); k++)
        if (p->class != members[k].class && rules_given(r, i, members[k].name))
            rules_error(r, i, members[k].name, "a port of class %s has none", sensor_class_name(p->class));
    for (int k = SUBTYPE_NONE; k < SUBTYPES; k++) {
        const char *id = flx_sensor_name((enum sensor_subtype)k);
        bool has = p->class == (k ? SENSOR_CT : SENSOR_PULSE);
        snprintf(name, sizeof name, "ids.%s", id);
        if (!has && layer_get(ids, id))
            rules_error(r, i, name, "a port of class %s has none", sensor_class_name(p->class));
    }
}

static void check_pair(const struct rules *r, size_t i, size_t k)
{
    const struct port_settings *a = &r->s->port[i], *b = &r->s->port[k];

    if (is_port(a) && a->port == b->port)
        rules_error(r, i, "port", "%d is the port of ports[%zu] too", a->port, k);
    if (a->name && b->name && strcmp(a->name, b->name) == 0)
        rules_error(r, i, "name", "%s is the name of ports[%zu] too", a->name, k);
}

static bool is_clamp(const struct port_settings *p)
{
    return is_port(p) && p->class == SENSOR_CT && p->enable && p->current > 0;
}

/* S3: of three phases the clamps are identical. */
static void check_phase(const struct rules *r)
{
    const struct settings *s = r->s;
    size_t first = 0;

    while (first < s->n_port && !is_clamp(&s->port[first]))
        first++;
    for (size_t i = first + 1; i < s->n_port; i++)
        if (is_clamp(&s->port[i]) && s->port[i].current != s->port[first].current)
            rules_error(r, i, "current", "%d differs from the %d of ports[%zu]; clamps of three phases are identical",
                        s->port[i].current, s->port[first].current, first);
}

static void judge_ports(const struct rules *r)
{
    for (size_t i = 0; i < r->s->n_port; i++) {
        const struct port_settings *p = &r->s->port[i];
        if (is_port(p)) {
            check_class(r, i);
            check_type(r, i);
            check_members(r, i);
        }
        if (p->enable && !rules_given(r, i, "name")) /* S2 */
            rules_error(r, i, "name", "is missing: an enabled port has one");
        for (size_t k = 0; k < i; k++)
            check_pair(r, i, k);
    }
    if ((int)r->s->phase != SETTING_UNSET && r->s->phase != PHASE_1P)
        check_phase(r);
    flx_ports_fill(r->s, r->list != NULL);
    flx_ports_make(r->s);
}

/* ---- on saving ---- */

/* A port that is not in the list gets what it is said to be already, under what the patch says of it. */
static void complete(cJSON *part, const char *key, bool on)
{
    int port = (int)strtol(key, NULL, 10);
    char name[16];

    snprintf(name, sizeof name, "port %d", port);
    if (!layer_get(part, "port"))
        layer_add(part, "port", must(cJSON_CreateNumber(port)));
    if (!layer_get(part, "name"))
        layer_add(part, "name", must(cJSON_CreateString(name)));
    if (on && !layer_get(part, "enable"))
        layer_add(part, "enable", must(cJSON_CreateTrue()));
}

/* before: the merged tree without the patch. A list that is given stands for itself: the first thing that people say of
 * a port makes a list of those that were on without one. */
static void saving(cJSON *patch, const cJSON *before, const cJSON *after)
{
    const cJSON *list = layer_get(before, "ports");
    cJSON *parts = layer_get(patch, "ports");
    char key[16];

    (void)after;
    if (!parts)
        return;
    for (int port = 1; port <= SETTINGS_FLX_PORTS; port++) {
        bool on = !list && port <= FLX_PORTS_ON;
        snprintf(key, sizeof key, "%d", port);
        if (on && !layer_get(parts, key))
            layer_add(parts, key, must(cJSON_CreateObject()));
        cJSON *part = layer_get(parts, key);
        if (cJSON_IsObject(part) && !layer_find(setting_row("", "ports"), list, key))
            complete(part, key, on);
    }
}

const struct board_rules rules_flx = {.ports = judge_ports, .saving = saving};
