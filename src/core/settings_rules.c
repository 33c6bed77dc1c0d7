/* What the table of keys cannot say: how keys depend on each other, for any board. */
#include "core/settings_rules.h"

#include "core/settings.h"
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
    static const struct board_rules *const boards[] = {[BOARD_NONE] = &rules_flm02, [BOARD_FLM02] = &rules_flm02};

    return (size_t)p < ARRAY_LEN(boards) ? boards[p] : boards[BOARD_NONE];
}

const cJSON *rules_given(const struct rules *r, size_t sensor, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(r->sensors, (int)sensor), name);
}

void rules_error(const struct rules *r, size_t sensor, const char *name, const char *fmt, ...)
{
    char path[48], message[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    snprintf(path, sizeof path, "sensors[%zu].%s", sensor, name);
    settings_error_add(r->errors, path, "%s", message);
}

/* S2: ids and names are distinct; the device has an id too. */
static void check_distinct(const struct rules *r, const struct board_rules *board, size_t i)
{
    const struct sensor_settings *a = &r->s->sensors[i];

    if (a->id && r->s->device.id && strcmp(a->id, r->s->device.id) == 0)
        rules_error(r, i, "id", "%s is the device's id", a->id);
    for (size_t k = 0; k < i; k++) {
        const struct sensor_settings *b = &r->s->sensors[k];
        if (a->id && b->id && strcmp(a->id, b->id) == 0)
            rules_error(r, i, "id", "%s is the id of sensors[%zu] too", a->id, k);
        if (a->name && b->name && strcmp(a->name, b->name) == 0)
            rules_error(r, i, "name", "%s is the name of sensors[%zu] too", a->name, k);
        board->pair(r, i, k);
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
    const struct board_rules *b = board_rules(s->board.protocol);

    if (has(device, "key") && has(device, "key_file"))
        settings_error_add(errors, "device.key_file", "is given beside device.key: one of the two");
    if (s->board.protocol == BOARD_FLM02 && !has(board, "device"))
        settings_error_add(errors, "board.device", "is missing: protocol flm02 needs the serial line's path");
    check_mqtt(s, cJSON_GetObjectItemCaseSensitive(tree, "mqtt"), errors);
    check_flukso(s, errors);
    check_influx(cJSON_GetObjectItemCaseSensitive(tree, "influx"), errors);
    check_http(s, cJSON_GetObjectItemCaseSensitive(tree, "http"), errors);
    for (size_t i = 0; i < s->n_sensors; i++) {
        b->sensor(&r, i);
        if (s->sensors[i].enable && !rules_given(&r, i, "name")) /* S2 */
            rules_error(&r, i, "name", "is missing: an enabled sensor has one");
    }
    for (size_t i = 0; i < s->n_sensors; i++)
        check_distinct(&r, b, i);
}
