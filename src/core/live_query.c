#include "core/live_query.h"

#include "core/jsonw.h"
#include "core/live.h"
#include "core/query.h"
#include "core/sensors.h"
#include "core/window.h"

#include <stdio.h>
#include <string.h>

#define NO_ID "sensor= is not an id of 32 hex digits"

/* The next sensor that is named. 0; -1: no more; or a status. */
static int next_sensor(const char **rest, const struct sensors *sensors, const struct sensor **sensor,
                       char error[LIVE_QUERY_ERROR])
{
    char id[SENSOR_ID_LEN + 1];
    int n = query_next(rest, "sensor", id, sizeof id);

    if (n == QUERY_ABSENT)
        return -1;
    if (n != SENSOR_ID_LEN || !sensor_id_valid(id)) {
        snprintf(error, LIVE_QUERY_ERROR, NO_ID);
        return 400;
    }
    *sensor = sensors_find(sensors, id);
    if (*sensor)
        return 0;
    snprintf(error, LIVE_QUERY_ERROR, "no such sensor, or it is not enabled: %s", id);
    return 404;
}

int readings_query(const char *query, const struct sensors *sensors, const struct sensor **sensor,
                   char error[LIVE_QUERY_ERROR])
{
    const char *rest = query;
    char kind[16];
    int n = query_get(query, "kind", kind, sizeof kind);

    if (n != QUERY_ABSENT && (n < 0 || strcmp(kind, "gauge") != 0)) {
        snprintf(error, LIVE_QUERY_ERROR,
                 n >= 0 && strcmp(kind, "counter") == 0
                     ? "kind=counter: only gauges are kept for 60 seconds; the newest counter is in /api/v1/sensors"
                     : "kind= is gauge, or left out");
        return 400;
    }
    int rc = next_sensor(&rest, sensors, sensor, error);
    if (rc < 0) {
        snprintf(error, LIVE_QUERY_ERROR, "sensor=<id> is missing");
        return 400;
    }
    if (rc == 0 && !(*sensor)->unit[READING_GAUGE]) {
        snprintf(error, LIVE_QUERY_ERROR, "this sensor has no gauge");
        return 400;
    }
    return rc;
}

void readings_write(struct jsonw *w, const struct window_pair *pairs, size_t n)
{
    jsonw_open(w, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        jsonw_open(w, NULL, '[');
        jsonw_int(w, NULL, pairs[i].unix_s);
        if (pairs[i].known)
            jsonw_milli(w, NULL, pairs[i].milli);
        else
            jsonw_null(w, NULL);
        jsonw_close(w, ']');
    }
    jsonw_close(w, ']');
}

int live_query(const char *query, const struct sensors *sensors, struct live_filter *filter,
               char error[LIVE_QUERY_ERROR])
{
    const struct sensor *sensor;
    int rc;

    filter->n = 0;
    while ((rc = next_sensor(&query, sensors, &sensor, error)) == 0) {
        if (filter->n == LIVE_FILTER) {
            snprintf(error, LIVE_QUERY_ERROR, "more than %d sensors; without sensor= all are shown", LIVE_FILTER);
            return 400;
        }
        memcpy(filter->ids[filter->n++], sensor->id, sizeof sensor->id);
    }
    return rc < 0 ? 0 : rc;
}

static bool get_lines(const char *query, unsigned *lines)
{
    char text[8];
    int n = query_get(query, "lines", text, sizeof text);

    *lines = LOG_QUERY_LINES;
    if (n == QUERY_ABSENT)
        return true;
    if (n < 1 || n > 4 || strspn(text, "0123456789") != (size_t)n)
        return false;
    *lines = (unsigned)strtoul(text, NULL, 10);
    return *lines <= LOG_QUERY_LINES;
}

int log_query(const char *query, unsigned *lines, bool *follow, char error[LIVE_QUERY_ERROR])
{
    char text[8];
    int n = query_get(query, "follow", text, sizeof text);

    if (!get_lines(query, lines)) {
        snprintf(error, LIVE_QUERY_ERROR, "lines= is a number from 0 to %d", LOG_QUERY_LINES);
        return 400;
    }
    *follow = n == 1 && text[0] == '1';
    if (n == QUERY_ABSENT || *follow || (n == 1 && text[0] == '0'))
        return 0;
    snprintf(error, LIVE_QUERY_ERROR, "follow= is 1 or 0");
    return 400;
}
