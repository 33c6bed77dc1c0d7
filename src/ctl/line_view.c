#include "ctl/line_view.h"

#include "core/line_decode.h"
#include "core/util.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/state.h"
#include "ctl/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REFUSED_WORDS 160

/* ---- a page ---- */

/* Lines as far as there is room. */
struct page {
    FILE *out;
    size_t columns; /* of the terminal; 0: none */
    bool cut;       /* lines at that many columns: nothing may wrap */
    size_t rows, n; /* room (0: as many as there are), and how many were to be written */
    const char *end;
};

static void put_ready(struct page *p, const char *line)
{
    if (!p->rows || p->n < p->rows)
        fprintf(p->out, "%s%s", line, p->end);
    p->n++;
}

/* A line of one colour, behind `before`, which has none. */
static void put_coloured(struct page *p, enum say_colour colour, const char *before, const char *text)
{
    char *clean = say_clean(text), *line;
    size_t used = say_width(before), room = p->columns > used ? p->columns - used : 1;
    bool over = p->cut && p->columns && say_width(clean) > room;
    int bytes = (int)(over ? say_fit(clean, room - 1) : strlen(clean));

    if (asprintf(&line, "%s%s%.*s%s%s", before, say_colour(colour), bytes, clean, over ? say_cut() : "",
                 colour == SAY_PLAIN ? "" : say_colour(SAY_PLAIN)) < 0)
        abort();
    put_ready(p, line);
    free(line);
    free(clean);
}

static void PRINTF_LIKE(4, 5) put(struct page *p, enum say_colour colour, const char *before, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    put_coloured(p, colour, before, text);
    free(text);
}

/* Each line of a text. */
static void put_text(struct page *p, enum say_colour colour, const char *before, const char *text)
{
    char *copy = must(strdup(text)), *rest = copy, *line;

    while ((line = strsep(&rest, "\n")))
        if (rest || *line)
            put_coloured(p, colour, before, line);
    free(copy);
}

static void put_table(struct page *p, struct table *t)
{
    char *text = NULL, *rest, *line;
    size_t len = 0;
    FILE *out = must(open_memstream(&text, &len));

    table_print(t, out, p->columns, 0, "\n");
    fclose(out);
    for (rest = text; (line = strsep(&rest, "\n"));)
        if (rest)
            put_ready(p, line);
    free(text);
}

/* ---- how it is ---- */

/* "/dev/ttyUSB0", "192.168.1.20:2001", "the board's port" */
static char *where_of(const cJSON *line)
{
    const cJSON *tcp = json_get(line, "tcp");

    if (tcp)
        return say_format("%s:%.0f", json_text(tcp, "host", "?"), json_number(tcp, "port", 0));
    return say_format("%s", json_true(line, "board") ? "the board's port" : json_text(line, "device", say_none()));
}

/* "3 crc, 1 cut"; "": nothing was refused. */
static const char *refused_counts(char out[REFUSED_WORDS], const cJSON *line)
{
    size_t n = 0;

    *out = '\0';
    for (const cJSON *o = json_first(json_get(line, "refused")); o; o = o->next) {
        double count = cJSON_IsNumber(o) ? o->valuedouble : 0;
        char words[STATE_COUNT];
        if (count >= 1 && o->string && n < REFUSED_WORDS)
            n += (size_t)snprintf(out + n, REFUSED_WORDS - n, "%s%s %.16s", n ? ", " : "", state_count(words, count),
                                  o->string);
    }
    return out;
}

static void put_telegrams(struct page *p, const cJSON *line)
{
    double last = json_number(line, "last_s", 0), n = json_number(line, "telegrams", 0);
    char span[SAY_WORDS] = "", counts[REFUSED_WORDS];

    if (n < 1)
        put(p, SAY_PLAIN, "  ", "no telegram yet");
    else
        put(p, SAY_PLAIN, "  ", "%.0f telegram%s%s%s%s", n, n < 2 ? "" : "s", last > 0 ? ", the last " : "",
            last > 0 ? say_span(span, fmax((double)time(NULL) - last, 0)) : "", last > 0 ? " ago" : "");
    if (*refused_counts(counts, line))
        put(p, json_number(line, "errors_per_hour", 0) > 0 ? SAY_YELLOW : SAY_DIM, "  ",
            "refused: %s; %.0f in the last hour", counts, json_number(line, "errors_per_hour", 0));
}

static void put_head(struct page *p, const cJSON *line)
{
    char *where = where_of(line), *state = state_words(line, true);
    const char *name = json_text(line, "name", ""), *ident = json_text(line, "ident", "");
    const char *key = json_text(line, "key", "?");
    bool named = *name && strcmp(name, key) != 0;

    put(p, SAY_BOLD, "", "%s  %s, %s%s%s%s", key, json_text(line, "protocol", "?"), where, named ? " (" : "",
        named ? name : "", named ? ")" : "");
    put_coloured(p, state_colour(line), "  ", state);
    if (*ident)
        put(p, SAY_PLAIN, "  ", "from %s", ident);
    if (!state_is(line, "off"))
        put_telegrams(p, line);
    free(where);
    free(state);
}

void line_view_list(const cJSON *lines, FILE *out)
{
    for (const cJSON *o = json_first(lines); o; o = o->next) {
        struct page p = {.out = out, .end = "\n"};
        if (o != lines->child)
            put_ready(&p, "");
        put_head(&p, o);
    }
}

/* ---- what was read ---- */

/* The value of this code and kind; NULL: there is none. */
static const cJSON *value_of(const cJSON *first, const char *code, const char *kind)
{
    for (const cJSON *v = first; v; v = v->next)
        if (strcmp(json_text(v, "code", ""), code) == 0 && strcmp(json_text(v, "kind", ""), kind) == 0)
            return v;
    return NULL;
}

/* Is it the first of its code? */
static bool begins_row(const cJSON *first, const cJSON *v)
{
    const char *code = json_text(v, "code", "");

    while (first != v && strcmp(json_text(first, "code", ""), code) != 0)
        first = first->next;
    return first == v;
}

/* What the API calls "rate" in words; a name that is not known stays. */
static const char *why_of(const cJSON *v)
{
    const char *name = json_text(v, "refused", NULL);

    for (int i = 0; name && i < LINE_REFUSED_KINDS; i++)
        if (strcmp(name, line_refused_name((enum line_refused)i)) == 0)
            return line_refused_words((enum line_refused)i);
    return name;
}

static void value_cell(struct table *t, const cJSON *v)
{
    char amount[SAY_WORDS];

    table_cell(t,
               !v          ? SAY_DIM
               : why_of(v) ? SAY_RED
                           : SAY_PLAIN,
               "%s", say_amount(amount, json_number(v, "value", NAN), json_text(v, "unit", "")));
}

static void add_row(struct table *t, const cJSON *first, const cJSON *v)
{
    const char *code = json_text(v, "code", "");
    const cJSON *gauge = value_of(first, code, "gauge"), *counter = value_of(first, code, "counter");
    const char *why = why_of(gauge) ? why_of(gauge) : why_of(counter);
    double stamp = json_number(counter ? counter : gauge, "stamp_s", 0);
    char when[SAY_WORDS];

    table_cell(t, SAY_BOLD, "  %s", code);
    table_cell(t, SAY_PLAIN, "%s", json_text(v, "name", say_none()));
    value_cell(t, gauge);
    value_cell(t, counter);
    if (why)
        table_cell(t, SAY_RED, "refused: %s", why);
    else
        table_cell(t, SAY_DIM, "%s%s", stamp > 0 ? "of " : "", stamp > 0 ? say_time(when, stamp) : "");
}

static void put_values(struct page *p, const cJSON *line)
{
    static const struct table_column titles[] = {{"  code", TABLE_LEFT},
                                                 {"sensor", TABLE_SHRINK},
                                                 {"now", TABLE_RIGHT},
                                                 {"counter", TABLE_RIGHT},
                                                 {"", TABLE_SHRINK}};
    const cJSON *first = json_first(json_get(line, "values"));
    struct table t;

    if (!first)
        return;
    table_init(&t, titles, ARRAY_LEN(titles));
    for (const cJSON *v = first; v; v = v->next)
        if (begins_row(first, v))
            add_row(&t, first, v);
    put_ready(p, "");
    put_table(p, &t);
    table_free(&t);
}

/* ---- what was not ---- */

static void put_refused(struct page *p, const cJSON *line, bool text)
{
    const char *why = json_text(line, "refused_why", NULL);
    char when[SAY_WORDS];

    if (!why)
        return;
    put_ready(p, "");
    put(p, SAY_YELLOW, "", "last refused, %s: %s", say_time(when, json_number(line, "refused_s", 0)), why);
    if (text)
        put_text(p, SAY_DIM, "  ", json_text(line, "refused_telegram", ""));
}

static void put_notes(struct page *p, const cJSON *line)
{
    char when[SAY_WORDS];

    if (!json_first(json_get(line, "notes")))
        return;
    put_ready(p, "");
    put(p, SAY_BOLD, "", "notes");
    for (const cJSON *o = json_first(json_get(line, "notes")); o; o = o->next)
        put(p, SAY_PLAIN, "  ", "%s  %s", say_time(when, json_number(o, "time_s", 0)), json_text(o, "text", "?"));
}

/* ---- one ---- */

void line_view_show(const cJSON *line, FILE *out, size_t columns)
{
    struct page p = {.out = out, .columns = columns, .end = "\n"};
    const char *telegram = json_text(line, "telegram", NULL);
    char when[SAY_WORDS];

    put_head(&p, line);
    if (telegram) {
        put_ready(&p, "");
        put(&p, SAY_BOLD, "", "telegram of %s", say_time(when, json_number(line, "telegram_s", 0)));
        put_text(&p, SAY_DIM, "  ", telegram);
    }
    put_values(&p, line);
    put_refused(&p, line, true);
    put_notes(&p, line);
}

void line_view_raw(const cJSON *line, FILE *out)
{
    struct page p = {.out = out, .end = "\n"};

    put_text(&p, SAY_PLAIN, "", json_text(line, "telegram", ""));
}

static size_t left_out(const struct page *p)
{
    return p->rows && p->n > p->rows ? p->n - p->rows : 0;
}

size_t line_view_picture(const cJSON *line, FILE *out, size_t columns, size_t rows, const char *end)
{
    struct page p = {.out = out, .columns = columns, .cut = true, .rows = rows, .end = end};

    put_head(&p, line);
    put_values(&p, line);
    put_refused(&p, line, false);
    put_notes(&p, line);
    return left_out(&p);
}

size_t line_view_raw_picture(const cJSON *line, FILE *out, size_t columns, size_t rows, const char *end)
{
    struct page p = {.out = out, .columns = columns, .cut = true, .rows = rows, .end = end};

    if (!json_get(line, "telegram"))
        put_head(&p, line);
    put_text(&p, SAY_PLAIN, "", json_text(line, "telegram", ""));
    return left_out(&p);
}

/* ---- what has changed ---- */

static bool has_note(const cJSON *line, const cJSON *note)
{
    for (const cJSON *o = json_first(json_get(line, "notes")); o; o = o->next)
        if (cJSON_Compare(o, note, true))
            return true;
    return false;
}

void line_view_changes(const cJSON *before, const cJSON *line)
{
    static const struct state_kind kinds[] = {{"crc", "wrong check", "wrong checks"},
                                              {"cut", "cut telegram", "cut telegrams"},
                                              {"too_long", "endless telegram", "endless telegrams"},
                                              {"form", "line that cannot be read", "lines that cannot be read"},
                                              {"range", "value out of range", "values out of range"},
                                              {"rate", "counter that does not go on", "counters that do not go on"}};
    const char *key = json_text(line, "key", "?");
    char when[SAY_WORDS];

    say_time(when, (double)time(NULL));
    state_tell(when, key, "", before, line);
    if (!before)
        return;
    state_tell_more(when, key, "", json_get(before, "refused"), json_get(line, "refused"), kinds, ARRAY_LEN(kinds));
    for (const cJSON *o = json_first(json_get(line, "notes")); o; o = o->next)
        if (!has_note(before, o))
            say_line(SAY_PLAIN, "%s %s %s", when, key, json_text(o, "text", "?"));
}
