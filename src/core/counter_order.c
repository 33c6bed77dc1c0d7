#include "core/counter_order.h"

#include "core/num.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(char text[NUM_MAX + 1], int64_t milli)
{
    *num_put_milli(text, milli) = '\0';
    return text;
}

/* Thousandths of a number from min to max, or negative with an error. */
static int64_t take(const cJSON *v, int64_t min, int64_t max, const char *unit, struct settings_errors *errors)
{
    char allowed[2 * NUM_MAX + 64], a[NUM_MAX + 1], b[NUM_MAX + 1];
    double milli = cJSON_IsNumber(v) ? round(v->valuedouble * 1000) : NAN;

    snprintf(allowed, sizeof allowed, "%s to %s %s, with at most three decimals", text_of(a, min), text_of(b, max),
             unit);
    if (isnan(milli)) {
        settings_error_allow(errors, v->string, allowed, "is no number");
    } else if (milli < (double)min || milli > (double)max) {
        settings_error_allow(errors, v->string, allowed, "%.15g is not from %s to %s", v->valuedouble, text_of(a, min),
                             text_of(b, max));
    } else if (milli / 1000 != v->valuedouble) { /* as a reader makes it of such a decimal */
        settings_error_allow(errors, v->string, allowed, "%.15g has more than three decimals", v->valuedouble);
    } else {
        return (int64_t)milli;
    }
    return -1;
}

int64_t counter_order(const struct cJSON *order, int64_t published, const char *unit, struct settings_errors *errors)
{
    const cJSON *v = cJSON_IsObject(order) ? order->child : NULL;
    bool set = v && strcmp(v->string, "set") == 0;
    int64_t n;

    if (!v || v->next || (!set && strcmp(v->string, "offset") != 0)) {
        settings_error_allow(errors, "", "{\"set\":n} or {\"offset\":n}", "it has not exactly one of set and offset");
        return -1;
    }
    if (set)
        return take(v, published, COUNTER_ORDER_END - 1, unit, errors);
    n = take(v, 0, COUNTER_ORDER_END - 1 - published, unit, errors);
    return n < 0 ? n : published + n;
}
