#include "ctl/state.h"

#include "core/util.h"
#include "ctl/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool state_is(const cJSON *o, const char *state)
{
    return strcmp(json_text(o, "state", ""), state) == 0;
}

enum say_colour state_colour(const cJSON *o)
{
    if (state_is(o, "up") || state_is(o, "ok"))
        return SAY_GREEN;
    if (state_is(o, "down") || state_is(o, "offline"))
        return SAY_RED;
    return state_is(o, "off") ? SAY_DIM : SAY_YELLOW;
}

char *state_words(const cJSON *o, bool why)
{
    double since = json_number(o, "since_s", 0);
    const char *reason = why ? json_text(o, "reason", "") : "";
    char span[SAY_WORDS] = "";

    if (since > 0)
        say_span(span, (double)time(NULL) - since);
    return say_format("%s%s%s%s%s", json_text(o, "state", "?"), *span ? " for " : "", span, *reason ? ": " : "",
                      reason);
}

const char *state_count(char out[STATE_COUNT], double n)
{
    static const char units[] = "kMGT";
    int k = -1;

    if (!isfinite(n)) {
        snprintf(out, STATE_COUNT, "%s", say_none());
        return out;
    }
    for (; n >= (k < 0 ? 99999.5 : 999.5) && units[k + 1]; n /= 1000)
        k++;
    if (k < 0)
        snprintf(out, STATE_COUNT, "%.0f", n);
    else
        snprintf(out, STATE_COUNT, "%.*f%c", n < 9.95 ? 1 : 0, n, units[k]);
    return out;
}

const cJSON *state_by_key(const cJSON *list, const char *key)
{
    for (const cJSON *o = json_first(list); o; o = o->next)
        if (strcmp(json_text(o, "key", ""), key) == 0)
            return o;
    return NULL;
}

void state_tell(const char *when, const char *key, const char *part, const cJSON *was, const cJSON *now)
{
    const char *state = json_text(now, "state", "?"), *reason = json_text(now, "reason", "");
    const char *before = was ? json_text(was, "state", "?") : state;

    if (was && strcmp(before, state) == 0)
        return;
    say_line(SAY_PLAIN, "%s %s%s%s %s%s%s%s%s", when, key, *part ? "/" : "", part, was ? before : "", was ? " -> " : "",
             state, *reason ? ": " : "", reason);
}

void state_tell_more(const char *when, const char *key, const char *part, const cJSON *was, const cJSON *now,
                     const struct state_kind *kinds, size_t n_kinds)
{
    char text[256] = "";
    size_t n = 0;

    for (size_t i = 0; i < n_kinds && n < sizeof text; i++) {
        double more = json_number(now, kinds[i].name, 0) - json_number(was, kinds[i].name, 0);
        if (more >= 1)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%.0f %s", n ? ", " : "", fmin(more, 1e9),
                                  more < 2 ? kinds[i].one : kinds[i].more);
    }
    if (n)
        say_line(SAY_PLAIN, "%s %s%s%s %s", when, key, *part ? "/" : "", part, text);
}
