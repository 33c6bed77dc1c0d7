#include "ctl/watch_view.h"

#include "core/util.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STALE_S   5  /* a clamp tells each second */
#define SPARK_MIN 10 /* columns */
#define OTHERS    46 /* columns of all but the minute */

static const char *const kind_names[WATCH_KINDS] = {"gauge", "counter"};

static void set_value(struct watch_value *v, const cJSON *from, const char *unit)
{
    double value = json_number(from, "value", NAN);

    if (!isfinite(value))
        return;
    v->known = true;
    v->value = value;
    snprintf(v->unit, sizeof v->unit, "%s", json_text(from, "unit", unit));
}

static bool has(const cJSON *list, const char *id)
{
    const cJSON *one;

    for (one = json_first(list); one; one = one->next)
        if (cJSON_IsString(one) && strcmp(one->valuestring, id) == 0)
            return true;
    return false;
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct watch_row *const *)a)->id, (*(struct watch_row *const *)b)->id);
}

void watch_view_init(struct watch_view *v, const cJSON *sensors, const cJSON *only)
{
    size_t most = (size_t)cJSON_GetArraySize(sensors) + 1;

    v->n = 0;
    v->rows = must(calloc(most, sizeof *v->rows));
    v->by_id = must(calloc(most, sizeof(struct watch_row *)));
    for (const cJSON *s = json_first(sensors); s; s = s->next) {
        const char *id = json_text(s, "id", "");
        if (only ? !has(only, id) : !json_true(s, "enable"))
            continue;
        struct watch_row *r = &v->rows[v->n];
        v->by_id[v->n++] = r;
        r->id = must(strdup(id));
        r->name = must(strdup(json_text(s, "name", id)));
        r->each_second = strcmp(json_text(s, "class", ""), "analog") == 0;
        set_value(&r->latest[WATCH_GAUGE], json_get(s, "gauge"), json_text(s, "unit.gauge", ""));
        set_value(&r->latest[WATCH_COUNTER], json_get(s, "counter"), json_text(s, "unit.counter", ""));
    }
    qsort(v->by_id, v->n, sizeof(struct watch_row *), by_id);
}

void watch_view_free(struct watch_view *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->rows[i].id);
        free(v->rows[i].name);
    }
    free(v->rows);
    free(v->by_id);
    *v = (struct watch_view){0};
}

void watch_view_renew(struct watch_view *v, const cJSON *sensors, const cJSON *only)
{
    struct watch_view next;

    watch_view_init(&next, sensors, only);
    for (size_t i = 0; i < next.n; i++) {
        struct watch_row *r = &next.rows[i], *old = watch_view_find(v, r->id);
        if (!old)
            continue;
        memcpy(r->history, old->history, sizeof r->history);
        r->n_history = old->n_history;
        r->heard_s = old->heard_s;
    }
    watch_view_free(v);
    *v = next;
}

struct watch_row *watch_view_find(struct watch_view *v, const char *id)
{
    char copy[64];
    struct watch_row key = {.id = copy}, *at = &key, **found;

    snprintf(copy, sizeof copy, "%s", id);
    found = v->n ? bsearch(&at, v->by_id, v->n, sizeof at, by_id) : NULL;
    return found ? *found : NULL;
}

static void remember(struct watch_row *r, double value)
{
    r->history[r->n_history++ % WATCH_HISTORY] = value;
}

void watch_row_fill(struct watch_row *r, const cJSON *pairs)
{
    const cJSON *pair;

    r->n_history = 0;
    for (pair = json_first(pairs); pair; pair = pair->next) {
        const cJSON *value = cJSON_GetArrayItem(pair, 1);
        if (cJSON_IsNumber(value))
            remember(r, value->valuedouble);
    }
}

struct watch_row *watch_view_take(struct watch_view *v, const cJSON *reading, double now_s)
{
    struct watch_row *r = watch_view_find(v, json_text(reading, "sensor", ""));
    const char *kind = json_text(reading, "kind", "");

    if (!r)
        return NULL;
    for (int k = 0; k < WATCH_KINDS; k++)
        if (strcmp(kind, kind_names[k]) == 0)
            set_value(&r->latest[k], reading, r->latest[k].unit);
    if (strcmp(kind, kind_names[WATCH_GAUGE]) == 0) {
        remember(r, r->latest[WATCH_GAUGE].value);
        r->heard_s = now_s;
    }
    return r;
}

/* The last minute in eight heights, from the lowest (or 0) to the highest. out has room for 4 bytes a column. */
static void spark(const struct watch_row *r, char *out, size_t width)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇"}; /* a full one would touch the row above */
    static const char *const ascii[] = {"_", ".", "-", ":", "=", "+", "*"};
    const char *const *steps = say_utf8() ? blocks : ascii;
    const int n_steps = (int)ARRAY_LEN(blocks);
    size_t n = r->n_history < WATCH_HISTORY ? r->n_history : WATCH_HISTORY;
    double low = 0, high = 0;

    n = n < width ? n : width;
    for (size_t i = r->n_history - n; i < r->n_history; i++) {
        low = fmin(low, r->history[i % WATCH_HISTORY]);
        high = fmax(high, r->history[i % WATCH_HISTORY]);
    }
    *out = '\0';
    for (size_t i = r->n_history - n; i < r->n_history; i++) {
        double share = high > low ? (r->history[i % WATCH_HISTORY] - low) / (high - low) : 0;
        int step = (int)(share * n_steps);
        out = stpcpy(out, steps[step < n_steps ? step : n_steps - 1]);
    }
}

static void value_cell(struct table *t, const struct watch_value *v, bool stale)
{
    char room[SAY_WORDS];

    table_cell(t, stale || !v->known ? SAY_DIM : SAY_PLAIN, "%s",
               say_amount(room, v->known && !stale ? v->value : NAN, v->unit));
}

void watch_view_print(const struct watch_view *v, FILE *out, size_t columns, size_t rows, double now_s, const char *end)
{
    static const struct table_column titles[] = {
        {"name", TABLE_SHRINK}, {"now", TABLE_RIGHT}, {"last minute", TABLE_LEFT}, {"total", TABLE_RIGHT}};
    size_t width = columns > OTHERS + SPARK_MIN ? columns - OTHERS : SPARK_MIN;
    char minute[4 * WATCH_HISTORY + 1];
    struct table t;

    width = width < WATCH_HISTORY ? width : WATCH_HISTORY;
    table_init(&t, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < v->n && (!rows || i < rows); i++) {
        const struct watch_row *r = &v->rows[i];
        table_cell(&t, SAY_BOLD, "%s", r->name);
        value_cell(&t, &r->latest[WATCH_GAUGE], r->each_second && r->heard_s > 0 && now_s - r->heard_s > STALE_S);
        spark(r, minute, width);
        table_cell(&t, SAY_GREEN, "%s", minute);
        value_cell(&t, &r->latest[WATCH_COUNTER], false);
    }
    table_print(&t, out, columns, 0, end);
    table_free(&t);
}
