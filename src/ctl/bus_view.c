#include "ctl/bus_view.h"

#include "core/util.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/state.h"
#include "ctl/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- words ---- */

static const cJSON *meters_of(const cJSON *bus)
{
    return json_first(json_get(bus, "meters"));
}

/* "/dev/ttyUSB0", "192.168.1.20:502" */
static char *line_of(const cJSON *bus)
{
    const cJSON *tcp = json_get(bus, "tcp");
    bool rtu = strcmp(json_text(tcp, "framing", ""), "rtu") == 0;

    if (!tcp)
        return say_format("%s", json_text(bus, "device", say_none()));
    return say_format("%s:%.0f%s", json_text(tcp, "host", "?"), json_number(tcp, "port", 502),
                      rtu ? ", RTU frames" : "");
}

/* A table's lines as text. */
static char *table_text(struct table *t, size_t columns)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = must(open_memstream(&text, &len));

    table_print(t, out, columns, 0, "\n");
    table_free(t);
    fclose(out);
    return text;
}

/* Columns of a line in which colours may be. */
static size_t shown(const char *line)
{
    size_t width = 0;

    for (const char *escape; (escape = strchr(line, '\x1b')); line = strchr(escape, 'm') + 1) {
        char *before = must(strndup(line, (size_t)(escape - line)));
        width += say_width(before);
        free(before);
    }
    return width + say_width(line);
}

/* "15 of 20 meters ok, 15.2 polls/s" */
static char *bus_words(const cJSON *bus)
{
    size_t n = 0, ok = 0;

    for (const cJSON *m = meters_of(bus); m; m = m->next) {
        n += !state_is(m, "off");
        ok += state_is(m, "ok");
    }
    if (!meters_of(bus))
        return say_format("no meters");
    if (!state_is(bus, "up"))
        return say_format("%zu meter%s", n, n == 1 ? "" : "s");
    return say_format("%zu of %zu meter%s ok, %.3g polls/s", ok, n, n == 1 ? "" : "s",
                      json_number(bus, "polls_per_s", 0));
}

/* ---- the list ---- */

/* Why a meter is as it is stands behind its state, or below it where it does not fit. */
static void print_meters(const cJSON *bus, FILE *out, size_t columns)
{
    static const struct table_column titles[] = {{"  unit", TABLE_RIGHT}, {"meter", TABLE_LEFT}, {"state", TABLE_LEFT}};
    struct table t;

    table_init(&t, titles, ARRAY_LEN(titles));
    for (const cJSON *m = meters_of(bus); m; m = m->next) {
        char *state = state_words(m, false);
        table_cell(&t, SAY_DIM, "%.0f", json_number(m, "unit", NAN));
        table_cell(&t, SAY_BOLD, "%s", json_text(m, "key", say_none()));
        table_cell(&t, state_colour(m), "%s", state);
        free(state);
    }
    char *text = table_text(&t, 0), *rest = text;
    fprintf(out, "%s\n", strsep(&rest, "\n"));
    for (const cJSON *m = meters_of(bus); m && rest; m = m->next) {
        char *line = strsep(&rest, "\n"), *reason = say_format("%s", json_text(m, "reason", ""));
        bool fits = !columns || shown(line) + 2 + say_width(reason) <= columns;
        fprintf(out, "%s%s%s\n", line, !*reason ? "" : fits ? ": " : "\n        ", reason);
        free(reason);
    }
    free(text);
}

void bus_view_list(const cJSON *buses, FILE *out, size_t columns)
{
    for (const cJSON *b = json_first(buses); b; b = b->next) {
        char *line = line_of(b), *state = state_words(b, true), *words = bus_words(b);
        char *key = say_format("%s", json_text(b, "key", "?"));
        fprintf(out, "%s%s%s%s  %s\n", b == buses->child ? "" : "\n", say_colour(SAY_BOLD), key, say_colour(SAY_PLAIN),
                line);
        fprintf(out, "  %s%s%s; %s\n", say_colour(state_colour(b)), state, say_colour(SAY_PLAIN), words);
        if (meters_of(b))
            print_meters(b, out, columns);
        free(line);
        free(state);
        free(words);
        free(key);
    }
}

/* ---- how they do ---- */

static void count_cell(struct table *t, const cJSON *m, const char *name, enum say_colour colour)
{
    double n = json_number(m, name, NAN);
    char room[STATE_COUNT];

    table_cell(t, n > 0 ? colour : SAY_DIM, "%s", state_count(room, n));
}

static void ms_cell(struct table *t, const cJSON *m, const char *name)
{
    double ms = json_number(m, name, NAN);

    if (isfinite(ms))
        table_cell(t, SAY_PLAIN, "%.*f", ms < 9.95 ? 1 : 0, ms);
    else
        table_cell(t, SAY_DIM, "%s", say_none());
}

static const struct table_column stats_titles[] = {
    {"meter", TABLE_SHRINK}, {"unit", TABLE_RIGHT},    {"state", TABLE_LEFT}, {"ok", TABLE_RIGHT},
    {"missed", TABLE_RIGHT}, {"timeout", TABLE_RIGHT}, {"crc", TABLE_RIGHT},  {"exc", TABLE_RIGHT},
    {"bad", TABLE_RIGHT},    {"p50", TABLE_RIGHT},     {"p99", TABLE_RIGHT},  {"/min", TABLE_RIGHT},
};

static void add_stats(struct table *t, const cJSON *m)
{
    table_cell(t, SAY_BOLD, "%s", json_text(m, "key", say_none()));
    table_cell(t, SAY_DIM, "%.0f", json_number(m, "unit", NAN));
    table_cell(t, state_colour(m), "%s", json_text(m, "state", "?"));
    count_cell(t, m, "ok", SAY_PLAIN);
    count_cell(t, m, "missed", SAY_YELLOW);
    count_cell(t, m, "timeouts", SAY_PLAIN);
    count_cell(t, m, "crc", SAY_PLAIN);
    count_cell(t, m, "exceptions", SAY_PLAIN);
    count_cell(t, m, "bad", SAY_PLAIN);
    ms_cell(t, m, "ms_p50");
    ms_cell(t, m, "ms_p99");
    count_cell(t, m, "errors_per_minute", SAY_RED);
}

/* The table of all meters, in which the columns of all buses are the same, as lines. */
static char *stats_table(const cJSON *buses, size_t columns)
{
    struct table t;

    table_init(&t, stats_titles, ARRAY_LEN(stats_titles));
    for (const cJSON *b = json_first(buses); b; b = b->next)
        for (const cJSON *m = meters_of(b); m; m = m->next)
            add_stats(&t, m);
    return table_text(&t, columns);
}

/* Lines as far as there is room. */
struct lines {
    FILE *out;
    size_t rows, n; /* room (0: as many as there are), and how many were to be written */
    const char *end;
};

static void put_line(struct lines *l, const char *text)
{
    if (!l->rows || l->n < l->rows)
        fprintf(l->out, "%s%s", text, l->end);
    l->n++;
}

static void put_bus(struct lines *l, const cJSON *b, size_t columns)
{
    char *state = state_words(b, true), *words = bus_words(b), *key = say_format("%s", json_text(b, "key", "?")), *line;
    size_t used = say_width(key) + 4 + say_width(words);
    size_t room = columns > used ? say_fit(state, columns - used) : columns ? 0 : strlen(state);

    if (asprintf(&line, "%s%s%s  %s%.*s%s; %s", say_colour(SAY_BOLD), key, say_colour(SAY_PLAIN),
                 say_colour(state_colour(b)), (int)room, state, say_colour(SAY_PLAIN), words) < 0)
        abort();
    put_line(l, line);
    free(line);
    free(key);
    free(state);
    free(words);
}

size_t bus_view_stats(const cJSON *buses, FILE *out, size_t columns, size_t rows, const char *end)
{
    struct lines l = {.out = out, .rows = rows, .end = end};
    char *text = stats_table(buses, columns), *rest = text;
    char *titles = strsep(&rest, "\n");

    put_line(&l, titles);
    for (const cJSON *b = json_first(buses); b; b = b->next) {
        put_bus(&l, b, columns);
        for (const cJSON *m = meters_of(b); m; m = m->next)
            put_line(&l, rest ? strsep(&rest, "\n") : "");
    }
    free(text);
    return rows && l.n > rows ? l.n - rows : 0;
}

/* ---- what has changed ---- */

void bus_view_changes(const cJSON *before, const cJSON *buses)
{
    static const struct state_kind kinds[] = {{"timeouts", "timeout", "timeouts"},
                                              {"crc", "bad checksum", "bad checksums"},
                                              {"exceptions", "exception", "exceptions"},
                                              {"bad", "wrong answer", "wrong answers"}};
    char when[SAY_WORDS];

    say_time(when, (double)time(NULL));
    for (const cJSON *b = json_first(buses); b; b = b->next) {
        const char *bus = json_text(b, "key", "?");
        const cJSON *was = state_by_key(before, bus);
        state_tell(when, bus, "", was, b);
        for (const cJSON *m = meters_of(b); m; m = m->next) {
            const char *key = json_text(m, "key", "?");
            const cJSON *meter = state_by_key(json_get(was, "meters"), key);
            state_tell(when, bus, key, meter, m);
            if (meter)
                state_tell_more(when, bus, key, meter, m, kinds, ARRAY_LEN(kinds));
        }
    }
}

/* ---- which one ---- */

const cJSON *bus_view_bus(const cJSON *buses, const char *key)
{
    return state_by_key(buses, key);
}

const cJSON *bus_view_meter(const cJSON *buses, const char *word, const cJSON **bus)
{
    const cJSON *found = NULL;
    int n = 0;

    for (const cJSON *b = json_first(buses); b; b = b->next) {
        const cJSON *m = state_by_key(json_get(b, "meters"), word);
        if (m) {
            *bus = b;
            return m;
        }
    }
    for (const cJSON *b = json_first(buses); b; b = b->next)
        for (const cJSON *m = meters_of(b); m; m = m->next) {
            if (strcasecmp(json_text(m, "name", ""), word) != 0)
                continue;
            *bus = b;
            found = m;
            n++;
        }
    return n == 1 ? found : NULL;
}
