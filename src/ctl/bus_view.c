#include "ctl/bus_view.h"

#include "core/util.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define COUNT_WORDS 16

/* ---- words ---- */

static const cJSON *meters_of(const cJSON *bus)
{
    return json_first(json_get(bus, "meters"));
}

static bool is_state(const cJSON *o, const char *state)
{
    return strcmp(json_text(o, "state", ""), state) == 0;
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

static enum say_colour state_colour(const cJSON *o)
{
    if (is_state(o, "up") || is_state(o, "ok"))
        return SAY_GREEN;
    if (is_state(o, "down") || is_state(o, "offline"))
        return SAY_RED;
    return is_state(o, "off") ? SAY_DIM : SAY_YELLOW;
}

/* "offline for 2 min", and with why ": no answer within 1 s". */
static char *state_words(const cJSON *o, bool why)
{
    double since = json_number(o, "since_s", 0);
    const char *reason = why ? json_text(o, "reason", "") : "";
    char span[SAY_WORDS] = "";

    if (since > 0)
        say_span(span, (double)time(NULL) - since);
    return say_format("%s%s%s%s%s", json_text(o, "state", "?"), *span ? " for " : "", span, *reason ? ": " : "",
                      reason);
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

/* "12345", "123k", "4.5M": at most five columns. */
static const char *count(char out[COUNT_WORDS], double n)
{
    static const char units[] = "kMGT";
    int k = -1;

    if (!isfinite(n)) {
        snprintf(out, COUNT_WORDS, "%s", say_none());
        return out;
    }
    for (; n >= (k < 0 ? 99999.5 : 999.5) && units[k + 1]; n /= 1000)
        k++;
    if (k < 0)
        snprintf(out, COUNT_WORDS, "%.0f", n);
    else
        snprintf(out, COUNT_WORDS, "%.*f%c", n < 9.95 ? 1 : 0, n, units[k]);
    return out;
}

/* "15 of 20 meters ok, 15.2 polls/s" */
static char *bus_words(const cJSON *bus)
{
    size_t n = 0, ok = 0;

    for (const cJSON *m = meters_of(bus); m; m = m->next) {
        n += !is_state(m, "off");
        ok += is_state(m, "ok");
    }
    if (!meters_of(bus))
        return say_format("no meters");
    if (!is_state(bus, "up"))
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

/* Of a serial line that is open. */
static bool all_silent(const cJSON *bus)
{
    const cJSON *m = meters_of(bus);
    bool silent = m && json_get(bus, "device") && strcmp(json_text(bus, "state", ""), "up") == 0;

    for (; silent && m; m = m->next)
        silent = strcmp(json_text(m, "state", ""), "offline") == 0;
    return silent;
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
        if (all_silent(b))
            fprintf(out,
                    "  No meter answers. Are A and B the right way round? What speed they have finds:\n"
                    "  fluksoctl bus scan --baud all --parity all %s\n",
                    key);
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
    char room[COUNT_WORDS];

    table_cell(t, n > 0 ? colour : SAY_DIM, "%s", count(room, n));
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

static const cJSON *by_key(const cJSON *list, const char *key)
{
    for (const cJSON *o = json_first(list); o; o = o->next)
        if (strcmp(json_text(o, "key", ""), key) == 0)
            return o;
    return NULL;
}

static void tell_state(const char *when, const char *bus, const char *meter, const cJSON *was, const cJSON *now)
{
    const char *state = json_text(now, "state", "?"), *reason = json_text(now, "reason", "");
    const char *before = was ? json_text(was, "state", "?") : state;

    if (was && strcmp(before, state) == 0)
        return;
    say_line(SAY_PLAIN, "%s %s%s%s %s%s%s%s%s", when, bus, *meter ? "/" : "", meter, was ? before : "",
             was ? " -> " : "", state, *reason ? ": " : "", reason);
}

/* "2 timeouts, 1 crc": of a daemon that was started anew the counts are smaller, and nothing can be said. */
static void tell_errors(const char *when, const char *bus, const cJSON *was, const cJSON *now)
{
    static const struct {
        const char *name, *one, *more;
    } kinds[] = {{"timeouts", "timeout", "timeouts"},
                 {"crc", "bad checksum", "bad checksums"},
                 {"exceptions", "exception", "exceptions"},
                 {"bad", "wrong answer", "wrong answers"}};
    char text[160] = "";
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        double more = json_number(now, kinds[i].name, 0) - json_number(was, kinds[i].name, 0);
        if (more >= 1)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%.0f %s", n ? ", " : "", fmin(more, 1e9),
                                  more < 2 ? kinds[i].one : kinds[i].more);
    }
    if (n)
        say_line(SAY_PLAIN, "%s %s/%s %s", when, bus, json_text(now, "key", "?"), text);
}

void bus_view_changes(const cJSON *before, const cJSON *buses)
{
    char when[SAY_WORDS];

    say_time(when, (double)time(NULL));
    for (const cJSON *b = json_first(buses); b; b = b->next) {
        const char *bus = json_text(b, "key", "?");
        const cJSON *was = by_key(before, bus);
        tell_state(when, bus, "", was, b);
        for (const cJSON *m = meters_of(b); m; m = m->next) {
            const cJSON *meter = by_key(json_get(was, "meters"), json_text(m, "key", "?"));
            tell_state(when, bus, json_text(m, "key", "?"), meter, m);
            if (meter)
                tell_errors(when, bus, meter, m);
        }
    }
}

/* ---- which one ---- */

const cJSON *bus_view_bus(const cJSON *buses, const char *key)
{
    return by_key(buses, key);
}

const cJSON *bus_view_meter(const cJSON *buses, const char *word, const cJSON **bus)
{
    const cJSON *found = NULL;
    int n = 0;

    for (const cJSON *b = json_first(buses); b; b = b->next) {
        const cJSON *m = by_key(json_get(b, "meters"), word);
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
