/* What the table of keys cannot say: how keys depend on each other, by the manual (P1, S1 …) and board. */
#include "core/settings_table.h"

#include "core/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cjson/cJSON.h>

#define METER_CONSTANT_MAX 65535 /* a u16 on the board */

/* The sensors as filled in by the walk, beside the tree, which alone knows what was given. */
struct rules {
    struct settings *s;
    const cJSON *sensors;
    struct settings_errors *errors;
};

static const cJSON *given(const struct rules *r, size_t sensor, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(r->sensors, (int)sensor), name);
}

PRINTF_LIKE(4, 5)
static void sensor_error(const struct rules *r, size_t sensor, const char *name, const char *fmt, ...)
{
    char path[48], message[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    snprintf(path, sizeof path, "sensors[%zu].%s", sensor, name);
    settings_error_add(r->errors, path, "%s", message);
}

/* P1, S4 */
static enum sensor_class port_class(int port)
{
    return port <= 3 ? SENSOR_ANALOG : port <= 5 ? SENSOR_PULSE : SENSOR_UART;
}

/* One value per port: a single one counts for all. */
static void spread(const struct rules *r, size_t i, const char *name, int *values)
{
    size_t n = r->s->sensors[i].n_ports;
    const cJSON *list = given(r, i, name);
    size_t members = (size_t)cJSON_GetArraySize(list);

    if (!cJSON_IsArray(list))
        for (size_t k = 1; k < n; k++)
            values[k] = values[0];
    else if (n && members && members != n && members <= SETTINGS_PORTS)
        sensor_error(r, i, name, "%zu values for %zu ports", members, n);
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
            sensor_error(r, i, "ports", "%d is %s and %d is %s: the ports of a sensor are of one class", x->ports[0],
                         sensor_class_name(a), x->ports[k], sensor_class_name(b));
            return;
        }
    }
    if (x->n_ports && !given(r, i, "class"))
        x->class = port_class(x->ports[0]);
    else if (x->n_ports && (int)x->class != SETTING_UNSET && x->class != port_class(x->ports[0]))
        sensor_error(r, i, "class", "%s is not what port %d is: %s", sensor_class_name(x->class), x->ports[0],
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
        sensor_error(r, i, "type", "%s is for pulse ports; class %s measures electricity", sensor_type_name(x->type),
                     sensor_class_name(x->class));
    if (x->class != SENSOR_PULSE || has_units(x->type))
        return;
    for (int t = 0; t < SENSOR_TYPES; t++) {
        size_t n = strlen(known);
        if (has_units((enum sensor_type)t))
            snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", sensor_type_name((enum sensor_type)t));
    }
    sensor_error(r, i, "type", "%s has no unit on this board; %s have", sensor_type_name(x->type), known);
}

/* Members that say nothing about a sensor of this class. */
static void check_members(const struct rules *r, size_t i)
{
    static const struct {
        const char *name;
        enum sensor_class class;
    } members[] = {{"voltage", SENSOR_ANALOG}, {"current", SENSOR_ANALOG}, {"constant", SENSOR_PULSE}};
    const struct sensor_settings *x = &r->s->sensors[i];

    for (size_t k = 0; k < ARRAY_LEN(members); k++)
        if ((int)x->class != SETTING_UNSET && x->class != members[k].class && given(r, i, members[k].name))
            sensor_error(r, i, members[k].name, "a sensor of class %s has none", sensor_class_name(x->class));
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
            sensor_error(r, i, "current", "%d A at %d V makes a meter constant of %d, over %d", x->current[k],
                         x->voltage[k], constant, METER_CONSTANT_MAX);
            return;
        }
    }
}

/* S3: of three phases the clamps are identical. */
static void check_identical(const struct rules *r, size_t i, const char *name, const int *v)
{
    if (v[0] > 0 && v[1] > 0 && v[2] > 0 && (v[0] != v[1] || v[0] != v[2]))
        sensor_error(r, i, name, "%d, %d and %d are not identical, which clamps of three phases must be", v[0], v[1],
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
            sensor_error(r, i, "ports", "%zu ports, where an analog sensor has one with phase 1p", x->n_ports);
    } else if (x->enable && x->n_ports != 3) { /* three distinct analog ports are 1, 2 and 3 */
        sensor_error(r, i, "ports", "with phase %s the enabled analog sensor has the ports 1, 2, 3",
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
    if (x->enable && !given(r, i, "name")) /* S2 */
        sensor_error(r, i, "name", "is missing: an enabled sensor has one");
}

/* A port feeds one enabled sensor; a number is the key of one in config/sensor, enabled or not. */
static void check_shared_ports(const struct rules *r, size_t i, size_t k)
{
    const struct sensor_settings *a = &r->s->sensors[i], *b = &r->s->sensors[k];

    if (!a->n_ports || !b->n_ports)
        return;
    for (size_t p = 0; a->enable && b->enable && p < a->n_ports; p++) {
        for (size_t q = 0; q < b->n_ports; q++) {
            if (a->ports[p] == b->ports[q]) {
                sensor_error(r, i, "ports", "%d is a port of sensors[%zu] too", a->ports[p], k);
                return;
            }
        }
    }
    if (sensor_settings_number(a) == sensor_settings_number(b))
        sensor_error(r, i, "ports", "%d is the lowest port of sensors[%zu] too, and so the number of both",
                     sensor_settings_number(a), k);
}

/* S2: ids and names are distinct; the device has an id too. */
static void check_distinct(const struct rules *r, size_t i)
{
    const struct sensor_settings *a = &r->s->sensors[i];

    if (a->id && r->s->device.id && strcmp(a->id, r->s->device.id) == 0)
        sensor_error(r, i, "id", "%s is the device's id", a->id);
    for (size_t k = 0; k < i; k++) {
        const struct sensor_settings *b = &r->s->sensors[k];
        if (a->id && b->id && strcmp(a->id, b->id) == 0)
            sensor_error(r, i, "id", "%s is the id of sensors[%zu] too", a->id, k);
        if (a->name && b->name && strcmp(a->name, b->name) == 0)
            sensor_error(r, i, "name", "%s is the name of sensors[%zu] too", a->name, k);
        check_shared_ports(r, i, k);
    }
}

/* The tree knows whether a file that was named wrongly was named at all; here a wrong one counts as given. */
static bool has(const cJSON *section, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(section, name) != NULL;
}

static void check_mqtt(struct settings *s, const cJSON *mqtt, struct settings_errors *errors)
{
    static const char *const needs[][2] = {
        {"cert_file", "ca_file"}, {"key_file", "ca_file"}, {"cert_file", "key_file"}, {"key_file", "cert_file"}};
    const cJSON *tls = cJSON_GetObjectItemCaseSensitive(mqtt, "tls");

    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        if (has(tls, needs[i][0]) && !has(tls, needs[i][1])) {
            char path[48];
            snprintf(path, sizeof path, "mqtt.tls.%s", needs[i][0]);
            settings_error_add(errors, path, "needs mqtt.tls.%s", needs[i][1]);
        }
    }
    if (has(mqtt, "password_file") && !has(mqtt, "username"))
        settings_error_add(errors, "mqtt.password_file", "needs mqtt.username");
    if (s->mqtt.port == SETTING_UNSET)
        s->mqtt.port = s->mqtt.tls.ca_file ? 8883 : 1883;
}

/* "localhost", "127.0.0.1" (all of 127/8), "[::1]": not a name that merely begins so. */
static bool is_loopback_url(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    char name[64];
    struct in_addr a;

    snprintf(name, sizeof name, "%.*s", (int)n, host);
    return strcmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           (inet_pton(AF_INET, name, &a) == 1 && ntohl(a.s_addr) >> 24 == 127);
}

/* What a household uses leaves this host by https alone. */
static void check_flukso(const struct settings *s, struct settings_errors *errors)
{
    if (s->flukso.url && strncmp(s->flukso.url, "https:", 6) != 0 && !is_loopback_url(s->flukso.url))
        settings_error_add(errors, "flukso.url", "%s is not https, which only a server on this host need not be",
                           s->flukso.url);
}

/* One database in one of two ways. By http too, and anywhere: a database at home has no certificate. */
static void check_influx(const cJSON *influx, struct settings_errors *errors)
{
    static const char *const members[] = {"ca_file", "token_file", "db", "org", "bucket", "interval"};
    bool v1 = has(influx, "db"), v2 = has(influx, "bucket") || has(influx, "org");

    for (size_t i = 0; i < ARRAY_LEN(members) && !has(influx, "url"); i++) {
        char path[48];
        snprintf(path, sizeof path, "influx.%s", members[i]);
        if (has(influx, members[i]))
            settings_error_add(errors, path, "needs influx.url");
    }
    if (has(influx, "url") && !v1 && !v2)
        settings_error_add(errors, "influx.url", "needs influx.db (version 1), or influx.org and influx.bucket");
    if (v1 && v2)
        settings_error_add(errors, "influx.db", "is given beside influx.%s: one of the two ways",
                           has(influx, "bucket") ? "bucket" : "org");
    if (has(influx, "org") && !has(influx, "bucket"))
        settings_error_add(errors, "influx.org", "needs influx.bucket");
}

static void check_http(const struct settings *s, const cJSON *http, struct settings_errors *errors)
{
    static const char *const files[] = {"tls_cert_file", "tls_key_file"};

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[48];
        snprintf(path, sizeof path, "http.%s", files[i]);
        if (has(http, files[i]) && !has(http, files[1 - i]))
            settings_error_add(errors, path, "needs http.%s", files[1 - i]);
        if (s->http.tls_port > 0 && !has(http, files[i]))
            settings_error_add(errors, "http.tls_port", "needs http.%s", files[i]);
    }
    if (s->http.tls_port > 0 && s->http.tls_port == s->http.port)
        settings_error_add(errors, "http.tls_port", "%d is http.port too", s->http.port);
}

void settings_rules(struct settings *s, const cJSON *tree, struct settings_errors *errors)
{
    struct rules r = {s, cJSON_GetObjectItemCaseSensitive(tree, "sensors"), errors};
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(tree, "device");
    const cJSON *board = cJSON_GetObjectItemCaseSensitive(tree, "board");

    if (has(device, "key") && has(device, "key_file"))
        settings_error_add(errors, "device.key_file", "is given beside device.key: one of the two");
    if (s->board.protocol == BOARD_FLM02 && !has(board, "device"))
        settings_error_add(errors, "board.device", "is missing: protocol flm02 needs the serial line's path");
    check_mqtt(s, cJSON_GetObjectItemCaseSensitive(tree, "mqtt"), errors);
    check_flukso(s, errors);
    check_influx(cJSON_GetObjectItemCaseSensitive(tree, "influx"), errors);
    check_http(s, cJSON_GetObjectItemCaseSensitive(tree, "http"), errors);
    for (size_t i = 0; i < s->n_sensors; i++)
        check_sensor(&r, i);
    for (size_t i = 0; i < s->n_sensors; i++)
        check_distinct(&r, i);
}
