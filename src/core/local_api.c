#include "core/local_api.h"

#include "core/jsonw.h"
#include "core/query.h"
#include "core/window.h"

#include <stdio.h>
#include <string.h>

#define DAY_S 86400

/* The API's names of the units that gauges come in. */
static const struct {
    const char *gauge, *name;
    int64_t factor;
} units[] = {{"W", "watt", 1}, {"L/day", "lperday", 1}, {"L/s", "lperday", DAY_S}};

static const char *unit_name(const char *gauge, int64_t *factor)
{
    for (size_t i = 0; gauge && i < ARRAY_LEN(units); i++)
        if (strcmp(units[i].gauge, gauge) == 0) {
            *factor = units[i].factor;
            return units[i].name;
        }
    return NULL;
}

static bool is(const char *query, const char *key, const char *want)
{
    char value[16];

    return query_get(query, key, value, sizeof value) >= 0 && strcmp(value, want) == 0;
}

static bool has_version(const char *query, const char *x_version)
{
    char value[16];

    if (query_get(query, "version", value, sizeof value) == QUERY_ABSENT)
        return x_version && strcmp(x_version, "1.0") == 0;
    return is(query, "version", "1.0");
}

/* The name ends up in a script: nothing but letters, digits and underscores. */
static bool get_callback(char *out, const char *query)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    int n = query_get(query, "callback", out, LOCAL_API_CALLBACK + 1);

    if (n == QUERY_ABSENT)
        n = query_get(query, "jsonp_callback", out, LOCAL_API_CALLBACK + 1);
    if (n == QUERY_ABSENT) {
        out[0] = '\0';
        return true;
    }
    return n > 0 && strspn(out, allowed) == (size_t)n;
}

int local_api_check(struct local_api_request *out, const char *query, const char *x_version, const char *gauge_unit,
                    char error[LOCAL_API_ERROR])
{
    const char *unit = unit_name(gauge_unit, &out->factor);
    const char *wrong = NULL;

    if (!unit) {
        snprintf(error, LOCAL_API_ERROR, "this sensor has no values in watt or lperday\n");
        return -1;
    }
    if (!has_version(query, x_version))
        wrong = "version";
    else if (!is(query, "interval", "minute"))
        wrong = "interval";
    else if (!is(query, "unit", unit))
        wrong = "unit";
    else if (!get_callback(out->callback, query))
        wrong = "callback";
    else
        return 0;
    snprintf(error, LOCAL_API_ERROR,
             "%s is missing or wrong; required: version=1.0 (or the header X-Version: 1.0), interval=minute, "
             "unit=%s; "
             "optional: callback, of letters, digits and _\n",
             wrong, unit);
    return -1;
}

void local_api_write(struct jsonw *w, const struct local_api_request *q, const struct window_pair *pairs, size_t n)
{
    if (q->callback[0]) {
        jsonw_raw(w, q->callback, strlen(q->callback));
        jsonw_raw(w, "(", 1);
    }
    jsonw_open(w, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        jsonw_open(w, NULL, '[');
        jsonw_int(w, NULL, pairs[i].unix_s);
        if (pairs[i].known)
            jsonw_milli(w, NULL, pairs[i].milli * q->factor);
        else
            jsonw_str(w, NULL, "nan");
        jsonw_close(w, ']');
    }
    jsonw_close(w, ']');
    if (q->callback[0])
        jsonw_raw(w, ");", 2);
}
