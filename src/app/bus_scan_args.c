/* What a scan is asked for: which line, which units, at which speeds. */
#include "app/bus_scan.h"

#include "core/mb_speed.h"
#include "core/settings.h"
#include "core/util.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_SERIAL_MS 200
#define TIMEOUT_TCP_MS    1000 /* a gateway waits for its own line first */

/* In the order in which meters leave their factories. */
static const int bauds[] = {9600, 19200, 2400, 38400, 4800, 115200, 57600, 1200};
static const char parities[] = {'N', 'E', 'O'};

static int bad_baud(char error[JOB_LINE])
{
    snprintf(error, JOB_LINE, "baud: it is to be one of " MB_SPEEDS ", a list of them, or \"all\"");
    return -1;
}

static int bad_parity(char error[JOB_LINE])
{
    snprintf(error, JOB_LINE, "parity: it is to be N, E or O, a list of them, or \"all\"");
    return -1;
}

static bool is_all(const cJSON *x)
{
    return cJSON_IsString(x) && strcmp(x->valuestring, "all") == 0;
}

/* Speeds into list; how many, or -1. */
static int parse_bauds(const struct bus_scan *s, const cJSON *x, int list[SPEEDS], char error[JOB_LINE])
{
    const cJSON *one = cJSON_IsArray(x) ? x->child : x;
    int n = 0;

    if (is_all(x)) {
        memcpy(list, bauds, sizeof bauds);
        return (int)ARRAY_LEN(bauds);
    }
    list[0] = s->own.baud;
    if (!x)
        return 1;
    for (; one && n < SPEEDS / 3; one = cJSON_IsArray(x) ? one->next : NULL) {
        list[n] = bus_baud_of(one);
        if (!list[n++])
            return bad_baud(error);
    }
    return n && !one ? n : bad_baud(error);
}

static int parse_parities(const struct bus_scan *s, const cJSON *x, char list[SPEEDS], char error[JOB_LINE])
{
    const cJSON *one = cJSON_IsArray(x) ? x->child : x;
    int n = 0;

    if (is_all(x)) {
        memcpy(list, parities, sizeof parities);
        return (int)ARRAY_LEN(parities);
    }
    list[0] = s->own.parity;
    if (!x)
        return 1;
    for (; one && n < 3; one = cJSON_IsArray(x) ? one->next : NULL) {
        list[n] = bus_parity_of(cJSON_GetStringValue(one));
        if (!list[n++])
            return bad_parity(error);
    }
    return n && !one ? n : bad_parity(error);
}

static int parse_speeds(struct bus_scan *s, const cJSON *args, char error[JOB_LINE])
{
    const cJSON *baud = cJSON_GetObjectItemCaseSensitive(args, "baud");
    const cJSON *parity = cJSON_GetObjectItemCaseSensitive(args, "parity");
    int list[SPEEDS], n, m;
    char letters[SPEEDS];

    s->n_speeds = 0;
    s->speeds[0] = (struct speed){0};
    if (!s->j.serial && (baud || parity)) {
        snprintf(error, JOB_LINE, "%s: a bus over TCP has none", baud ? "baud" : "parity");
        return -1;
    }
    n = parse_bauds(s, baud, list, error);
    m = n < 0 ? -1 : parse_parities(s, parity, letters, error);
    if (m < 0)
        return -1;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++)
            s->speeds[s->n_speeds++] = (struct speed){list[i], letters[k]};
    if (s->n_speeds == 1 && s->speeds[0].baud == s->own.baud && s->speeds[0].parity == s->own.parity)
        s->speeds[0] = (struct speed){0}; /* nothing is to be set */
    return 0;
}

/* The speed that the line has anyway. */
static void take_own_speed(struct bus_scan *s)
{
    const struct settings *set = s->j.app->settings;
    static const char letters[] = {[PARITY_NONE] = 'N', [PARITY_EVEN] = 'E', [PARITY_ODD] = 'O'};

    s->own = (struct speed){s->j.line.baud, s->j.line.parity};
    s->stop_bits = s->j.line.stop_bits;
    for (size_t i = 0; i < set->n_buses && !s->j.borrowed; i++)
        if (strcmp(set->buses[i].key, s->j.bus) == 0) {
            s->own = (struct speed){set->buses[i].baud, letters[set->buses[i].parity]};
            s->stop_bits = set->buses[i].stop_bits;
        }
}

int bus_scan_parse(struct bus_scan *s, const cJSON *args, char error[JOB_LINE])
{
    static const char *const known[] = {"bus",    "device",    "tcp",   "from",    "to", "baud",
                                        "parity", "stop_bits", "rs485", "timeout", NULL};
    int max;

    if (bus_args_known(args, known, error) < 0 || bus_job_line(&s->j, args, error) < 0)
        return -1;
    max = s->j.serial ? 247 : 255;
    s->from = 1;
    s->to = 247;
    s->timeout_ms = s->j.serial ? TIMEOUT_SERIAL_MS : TIMEOUT_TCP_MS;
    take_own_speed(s);
    if (bus_arg_int(args, "from", s->j.serial ? 1 : 0, max, &s->from, error) < 0 ||
        bus_arg_int(args, "to", s->from, max, &s->to, error) < 0 || bus_arg_timeout(args, &s->timeout_ms, error) < 0 ||
        bus_arg_int(args, "stop_bits", 1, 2, &s->stop_bits, error) < 0)
        return -1;
    if (s->from > s->to) {
        snprintf(error, JOB_LINE, "from: it is to be no more than to");
        return -1;
    }
    return parse_speeds(s, args, error);
}
