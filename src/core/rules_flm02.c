/* The rules of the manual as they hold for an FLM02 board: its ports, what may be joined, its phases. */
#include "core/settings_rules.h"

#include "core/flm02_want.h"
#include "core/settings.h"
#include "core/settings_layer.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define METER_CONSTANT_MAX 65535 /* a u16 on the board */

/* P1, S4 */
static enum sensor_class port_class(int port)
{
    return port <= 3 ? SENSOR_ANALOG : port <= 5 ? SENSOR_PULSE : SENSOR_UART;
}

/* One value per port: a single one counts for all. */
static void spread(const struct rules *r, size_t i, const char *name, int *values)
{
    size_t n = r->s->sensors[i].n_ports;
    const cJSON *list = rules_given(r, i, name);
    size_t members = (size_t)cJSON_GetArraySize(list);

    if (!cJSON_IsArray(list))
        for (size_t k = 1; k < n; k++)
            values[k] = values[0];
    else if (n && members && members != n && members <= SETTINGS_PORTS)
        rules_error(r, i, name, "%zu values for %zu ports", members, n);
}

static void swap(int *a, int *b)
{
    int t = *a;

    *a = *b;
    *b = t;
}

/* Ports ascending; what belongs to a port moves along. */
static void sort_ports(struct sensor_settings *x)
{
    for (size_t i = 1; i < x->n_ports; i++)
        for (size_t k = i; k > 0 && x->ports[k - 1] > x->ports[k]; k--) {
            swap(&x->ports[k - 1], &x->ports[k]);
            swap(&x->voltage[k - 1], &x->voltage[k]);
            swap(&x->current[k - 1], &x->current[k]);
        }
}

/* S1, S4: ports of one class, which the sensor's must be. */
static void check_class(const struct rules *r, size_t i)
{
    struct sensor_settings *x = &r->s->sensors[i];

    for (size_t k = 1; k < x->n_ports; k++) {
        enum sensor_class a = port_class(x->ports[0]), b = port_class(x->ports[k]);
        if (a != b) {
            rules_error(r, i, "ports", "%d is %s and %d is %s: the ports of a sensor are of one class", x->ports[0],
                        sensor_class_name(a), x->ports[k], sensor_class_name(b));
            return;
        }
    }
    if (x->n_ports && !rules_given(r, i, "class"))
        x->class = port_class(x->ports[0]);
    else if (x->n_ports && (int)x->class != SETTING_UNSET && x->class != port_class(x->ports[0]))
        rules_error(r, i, "class", "%s is not what port %d is: %s", sensor_class_name(x->class), x->ports[0],
                    sensor_class_name(port_class(x->ports[0])));
}

static bool has_units(enum sensor_type t)
{
    const char *unit[READING_KINDS];

    sensor_units(t, unit);
    return unit[READING_COUNTER] != NULL;
}

/* S5; and no type that has no unit on this board. */
static void check_type(const struct rules *r, size_t i)
{
    const struct sensor_settings *x = &r->s->sensors[i];
    char known[80] = "";

    if ((int)x->type == SETTING_UNSET || (int)x->class == SETTING_UNSET)
        return;
    if (x->class != SENSOR_PULSE && x->type != SENSOR_ELECTRICITY)
        rules_error(r, i, "type", "%s is for pulse ports; class %s measures electricity", sensor_type_name(x->type),
                    sensor_class_name(x->class));
    if (x->class != SENSOR_PULSE || has_units(x->type))
        return;
    for (int t = 0; t < SENSOR_TYPES; t++) {
        size_t n = strlen(known);
        if (has_units((enum sensor_type)t))
            snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", sensor_type_name((enum sensor_type)t));
    }
    rules_error(r, i, "type", "%s has no unit on this board; %s have", sensor_type_name(x->type), known);
}

/* Members that say nothing about a sensor of this class. */
static void check_members(const struct rules *r, size_t i)
{
    static const struct {
        const char *name;
        enum sensor_class class;
    } members[] = {
        {"voltage", SENSOR_ANALOG}, {"current", SENSOR_ANALOG}, {"constant", SENSOR_PULSE}, {"meter", SENSOR_UART}};
    const struct sensor_settings *x = &r->s->sensors[i];

    for (size_t k = 0; k < ARRAY_LEN(members); k++)
        if ((int)x->class != SETTING_UNSET && x->class != members[k].class && rules_given(r, i, members[k].name))
            rules_error(r, i, members[k].name, "a sensor of class %s has none", sensor_class_name(x->class));
}

/* The board's meter constant is floor(0.449 V A) for each port (board-flm02.md). */
static void check_meter_constant(const struct rules *r, size_t i)
{
    const struct sensor_settings *x = &r->s->sensors[i];

    for (size_t k = 0; k < x->n_ports; k++) {
        if (x->voltage[k] <= 0 || x->current[k] <= 0) /* that was an error of its own */
            continue;
        int constant = 449 * x->voltage[k] * x->current[k] / 1000;
        if (constant > METER_CONSTANT_MAX) {
            rules_error(r, i, "current", "%d A at %d V makes a meter constant of %d, over %d", x->current[k],
                        x->voltage[k], constant, METER_CONSTANT_MAX);
            return;
        }
    }
}

/* S3: of three phases the clamps are identical. */
static void check_identical(const struct rules *r, size_t i, const char *name, const int *v)
{
    if (v[0] > 0 && v[1] > 0 && v[2] > 0 && (v[0] != v[1] || v[0] != v[2]))
        rules_error(r, i, name, "%d, %d and %d are not identical, which clamps of three phases must be", v[0], v[1],
                    v[2]);
}

/* S3: single phase, a sensor for each clamp; three phases, one sensor for the three. */
static void check_phase(const struct rules *r, size_t i)
{
    const struct sensor_settings *x = &r->s->sensors[i];

    if ((int)r->s->phase == SETTING_UNSET)
        return;
    if (r->s->phase == PHASE_1P) {
        if (x->n_ports > 1)
            rules_error(r, i, "ports", "%zu ports, where an analog sensor has one with phase 1p", x->n_ports);
    } else if (x->enable && x->n_ports != 3) { /* three distinct analog ports are 1, 2 and 3 */
        rules_error(r, i, "ports", "with phase %s the enabled analog sensor has the ports 1, 2, 3",
                    phase_name(r->s->phase));
    } else if (x->enable) {
        check_identical(r, i, "voltage", x->voltage);
        check_identical(r, i, "current", x->current);
    }
}

static void check_sensor(const struct rules *r, size_t i)
{
    struct sensor_settings *x = &r->s->sensors[i];

    spread(r, i, "voltage", x->voltage);
    spread(r, i, "current", x->current);
    sort_ports(x);
    check_class(r, i);
    check_type(r, i);
    check_members(r, i);
    if (x->n_ports && x->class == SENSOR_ANALOG && port_class(x->ports[x->n_ports - 1]) == SENSOR_ANALOG) {
        check_meter_constant(r, i);
        check_phase(r, i);
    }
}

/* A port feeds one enabled sensor; a number is the key of one in config/sensor, enabled or not. */
static void check_pair(const struct rules *r, size_t i, size_t k)
{
    const struct sensor_settings *a = &r->s->sensors[i], *b = &r->s->sensors[k];

    if (!a->n_ports || !b->n_ports)
        return;
    for (size_t p = 0; a->enable && b->enable && p < a->n_ports; p++) {
        for (size_t q = 0; q < b->n_ports; q++) {
            if (a->ports[p] == b->ports[q]) {
                rules_error(r, i, "ports", "%d is a port of sensors[%zu] too", a->ports[p], k);
                return;
            }
        }
    }
    if (sensor_settings_number(a) == sensor_settings_number(b))
        rules_error(r, i, "ports", "%d is the lowest port of sensors[%zu] too, and so the number of both",
                    sensor_settings_number(a), k);
}

/* S1: flm02_fit() is asked, which keeps such sensors off where nobody was asked. */
static const char *check_hardware(const struct settings *s, size_t i, int minor, const char **member)
{
    enum flm02_problem problems[FLM02_SENSORS], p;
    struct flm02_picture want;

    if (s->sensors[i].made != MADE_GIVEN)
        return NULL;
    flm02_want(&want, s);
    flm02_fit(&want, (unsigned)minor, problems);
    p = s->sensors[i].enable ? problems[sensor_settings_number(&s->sensors[i]) - 1] : FLM02_FITS;
    *member = p == FLM02_NO_JOINED_PULSE ? "ports" : "constant";
    return p == FLM02_FITS ? NULL : flm02_problem_text(p);
}

/* ---- S3, on saving ---- */

static bool three_phases(const cJSON *tree)
{
    const struct setting_choice *c = setting_choice(setting_row("", "phase"), layer_get(tree, "phase"));

    return c && c->value != PHASE_1P;
}

static const cJSON *sensor(const cJSON *tree, const char *key)
{
    return layer_find(setting_row("", "sensors"), layer_get(tree, "sensors"), key);
}

static bool is_enabled(const cJSON *x)
{
    return cJSON_IsTrue(layer_get(x, "enable"));
}

static bool has_three_ports(const cJSON *x)
{
    return cJSON_GetArraySize(layer_get(x, "ports")) == 3;
}

/* The part of the patch that speaks of this sensor; made when it is not there. */
static cJSON *part(cJSON *patch, const char *key)
{
    cJSON *sensors = layer_get(patch, "sensors"), *x;

    if (!sensors)
        layer_add(patch, "sensors", sensors = must(cJSON_CreateObject()));
    x = layer_get(sensors, key);
    if (!x)
        layer_add(sensors, key, x = must(cJSON_CreateObject()));
    return x;
}

static void say(cJSON *object, const char *name, cJSON *v)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    layer_add(object, name, v);
}

/* Sensor 1 gets n ports; where it had a value for each of its ports, the first one's counts for all. */
static void give_ports(cJSON *patch, const cJSON *after, int n)
{
    static const char *const each[] = {"voltage", "current"};
    static const int ports[] = {1, 2, 3};
    cJSON *x = part(patch, "1");

    say(x, "ports", must(cJSON_CreateIntArray(ports, n)));
    for (size_t i = 0; i < ARRAY_LEN(each); i++) {
        const cJSON *values = layer_get(after, each[i]);
        if (cJSON_IsArray(values) && values->child && cJSON_GetArraySize(values) != n)
            say(x, each[i], layer_copy(values->child));
    }
}

/* before and after: merged trees, without and with the patch. Three phases make one sensor of the three clamps, and
 * sensors 2 and 3 go off; back to one phase, sensor 1 has its own clamp. */
static void saving(cJSON *patch, const cJSON *before, const cJSON *after)
{
    const cJSON *was = sensor(before, "1"), *now = sensor(after, "1");
    bool three = three_phases(after), turned = three != three_phases(before);
    bool kept = was && now && cJSON_Compare(layer_get(was, "ports"), layer_get(now, "ports"), true);

    if (turned && kept && three && !has_three_ports(now))
        give_ports(patch, now, 3);
    if (turned && kept && !three && cJSON_GetArraySize(layer_get(now, "ports")) > 1)
        give_ports(patch, now, 1);
    if (!three || !(turned || (!kept && has_three_ports(now))))
        return;
    for (int port = 2; port <= 3; port++) {
        char key[2] = {(char)('0' + port), '\0'};
        if (is_enabled(sensor(after, key)))
            say(part(patch, key), "enable", must(cJSON_CreateFalse()));
    }
}

const struct board_rules rules_flm02 = {
    .sensor = check_sensor, .pair = check_pair, .hardware = check_hardware, .saving = saving};
