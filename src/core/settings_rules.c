/* What the table of keys cannot say: how keys depend on each other, for any board. */
#include "core/settings_rules.h"

#include "core/seen.h"
#include "core/settings.h"
#include "core/settings_derived.h"
#include "core/settings_layer.h"
#include "core/settings_lines.h"
#include "core/settings_meters.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cjson/cJSON.h>

/* A board without rules of its own has no ports: those of the manual's hold. */
const struct board_rules *board_rules(enum board_protocol p)
{
    static const struct board_rules *const boards[] = {
        [BOARD_NONE] = &rules_flm02, [BOARD_FLM02] = &rules_flm02, [BOARD_FLX] = &rules_flx};

    return (size_t)p < ARRAY_LEN(boards) ? boards[p] : boards[BOARD_NONE];
}

const cJSON *rules_given(const struct rules *r, size_t i, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(r->list, (int)i), name);
}

void rules_error(const struct rules *r, size_t i, const char *name, const char *fmt, ...)
{
    char path[SETTINGS_PATH], message[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    snprintf(path, sizeof path, "%s[%zu].%s", r->path, i, name);
    settings_error_add(r->errors, path, "%s", message);
}

/* The name of what a sensor is made of. */
static const char *origin_name(const struct settings *s, const struct sensor_settings *x)
{
    switch (x->made) {
    case MADE_PORT:
        return s->port[x->made_of].name;
    case MADE_METER:
        return s->buses[x->made_of].meters[x->meter_at].name;
    case MADE_LINE:
        return s->lines[x->made_of].name;
    case MADE_DERIVE:
        return s->derive[x->made_of].name;
    default:
        return NULL;
    }
}

/* One name of two members of a list was told of them already. */
static bool is_told(const struct settings *s, const struct sensor_settings *a, const struct sensor_settings *b)
{
    const char *x = origin_name(s, a), *y = origin_name(s, b);

    return a->made == b->made && x && y && strcmp(x, y) == 0;
}

static void is_there_too(const struct settings *s, size_t i, size_t k, const char *member, const char *value,
                         struct settings_errors *errors)
{
    char path[SETTINGS_PATH], other[SETTINGS_PATH];

    sensor_settings_path(s, i, member, path);
    sensor_settings_path(s, k, "", other);
    settings_error_add(errors, path, "%s is the %s of %s too", value, member, other);
}

/* S2: ids and names are distinct; the device has an id too. */
static void check_distinct(const struct settings *s, struct settings_errors *errors)
{
    struct seen ids = {0}, names = {0};
    char path[SETTINGS_PATH];

    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        size_t same_id = x->id ? seen_add(&ids, x->id, i) : SEEN_NONE;
        size_t same_name = x->name ? seen_add(&names, x->name, i) : SEEN_NONE;
        if (x->id && s->device.id && strcmp(x->id, s->device.id) == 0) {
            sensor_settings_path(s, i, "id", path);
            settings_error_add(errors, path, "%s is the device's id", x->id);
        }
        if (same_id != SEEN_NONE)
            is_there_too(s, i, same_id, "id", x->id, errors);
        if (same_name != SEEN_NONE && !is_told(s, x, &s->sensors[same_name]))
            is_there_too(s, i, same_name, "name", x->name, errors);
    }
    seen_free(&ids);
    seen_free(&names);
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

static void check_board(struct settings *s, const cJSON *board, struct settings_errors *errors)
{
    if ((s->board.protocol == BOARD_FLM02 || s->board.protocol == BOARD_FLX) && !has(board, "device"))
        settings_error_add(errors, "board.device", "is missing: protocol %s needs the serial line's path",
                           board_protocol_name(s->board.protocol));
    if (!has(board, "baud"))
        s->board.baud = s->board.protocol == BOARD_FLX ? 460800 : 115200;
}

/* A list that says nothing with this board, and is kept for another: its members are told apart, and whole. */
static void check_ignored(const struct rules *r)
{
    const struct setting *row = setting_row("", r->path), *name, *enable;
    char prefix[LAYER_PREFIX], key[SETTING_KEY_MAX];
    size_t i = 0;

    name = setting_row(layer_members(row, prefix), "name");
    enable = setting_row(prefix, "enable");
    for (const cJSON *v = cJSON_IsArray(r->list) ? r->list->child : NULL; v && i < row->list_max; v = v->next, i++) {
        const cJSON *given = layer_get(v, "enable");
        bool enabled = given ? cJSON_IsTrue(given) : enable->def;
        const char *k = setting_key(row, v, key);
        if (k && layer_find(row, r->list, k) != v)
            rules_error(r, i, row->key->members[0], "%s is what one before it goes by too", k);
        if (enabled && name->flags & SETTING_IF_ENABLED && !layer_get(v, "name"))
            rules_error(r, i, "name", "is missing: what is enabled has one");
    }
    settings_drop_list(r->s, r->path);
}

/* The sensors that are given, of a board that has none made of its ports. */
static void check_sensors(const struct rules *r, const struct board_rules *b)
{
    for (size_t i = 0; i < r->s->n_sensors; i++) {
        b->sensor(r, i);
        if (r->s->sensors[i].enable && !rules_given(r, i, "name")) /* S2 */
            rules_error(r, i, "name", "is missing: an enabled sensor has one");
        for (size_t k = 0; k < i; k++)
            b->pair(r, i, k);
    }
}

void settings_rules(struct settings *s, const cJSON *tree, const struct meter_finder *finder,
                    struct settings_errors *errors)
{
    const struct rules sensors = {s, layer_get(tree, "sensors"), errors, "sensors"};
    const struct rules ports = {s, layer_get(tree, "ports"), errors, "ports"};
    const cJSON *device = layer_get(tree, "device");
    const struct board_rules *b = board_rules(s->board.protocol);

    if (has(device, "key") && has(device, "key_file"))
        settings_error_add(errors, "device.key_file", "is given beside device.key: one of the two");
    check_board(s, layer_get(tree, "board"), errors);
    check_mqtt(s, layer_get(tree, "mqtt"), errors);
    check_flukso(s, errors);
    check_influx(layer_get(tree, "influx"), errors);
    check_http(s, layer_get(tree, "http"), errors);
    check_ignored(b->ports ? &sensors : &ports);
    if (b->ports)
        b->ports(&ports);
    else
        check_sensors(&sensors, b);
    rules_buses(s, layer_get(tree, "buses"), finder, errors);
    settings_meters_make(s, errors);
    rules_lines(s, layer_get(tree, "lines"), errors);
    settings_lines_make(s);
    settings_derived_make(s, layer_get(tree, "derive"), errors);
    check_distinct(s, errors);
}
