#include "core/csv.h"

#include "core/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char separators[] = ",;\t";

struct reader {
    struct csv *c;
    const char *p, *end;
    unsigned line, column; /* of *p */
    csv_mistake mistake;
    void *ctx;
    bool bad, not_utf8;
    char *text; /* of the field at hand */
    size_t len;
};

static void tell(struct reader *r, unsigned line, unsigned column, const char *what)
{
    r->bad = true;
    r->mistake(r->ctx, line, column, what);
}

/* ---- characters ---- */

static bool at_line_end(const struct reader *r)
{
    return r->p < r->end && (*r->p == '\n' || *r->p == '\r');
}

static bool at_separator(const struct reader *r)
{
    return r->p < r->end && *r->p == r->c->separator;
}

static void keep(struct reader *r, const char *bytes, size_t n)
{
    while (n-- > 0) {
        r->text = grown(r->text, r->len, 1);
        r->text[r->len++] = *bytes++;
    }
}

/* The next character, a line end of two bytes being one; kept when it belongs to the field. */
static void take(struct reader *r, bool kept)
{
    bool line_end = at_line_end(r), two = *r->p == '\r' && r->end - r->p > 1 && r->p[1] == '\n';
    uint32_t c = 0;
    size_t n = two ? 2 : utf8_next(r->p, r->end, &c);

    if (n == 0 && !r->not_utf8)
        tell(r, r->line, r->column, "this is no UTF-8: save the file as \"CSV UTF-8\"");
    r->not_utf8 |= n == 0;
    if (n == 0)
        keep(r, "?", kept);
    else if (!line_end && (c < 0x20 || c == 0x7f) && c != '\t')
        tell(r, r->line, r->column, "a control character has no place here");
    else if (kept)
        keep(r, line_end ? "\n" : r->p, line_end ? 1 : n);
    r->p += n ? n : 1;
    r->line += line_end;
    r->column = line_end ? 1 : r->column + 1;
}

/* ---- fields ---- */

static void add_field(struct reader *r, unsigned line, unsigned column)
{
    struct csv *c = r->c;

    keep(r, "", 1);
    c->fields = grown(c->fields, c->n_fields, sizeof *c->fields);
    c->fields[c->n_fields++] = (struct csv_field){.text = r->text, .line = line, .column = column};
    r->text = NULL;
    r->len = 0;
}

static void skip_spaces(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t') && !at_separator(r))
        take(r, false);
}

/* *p is its first quote. */
static void read_quoted(struct reader *r)
{
    unsigned line = r->line, column = r->column;
    bool open = true;

    take(r, false);
    while (open && r->p < r->end) {
        bool quote = *r->p == '"', twice = quote && r->end - r->p > 1 && r->p[1] == '"';
        if (twice)
            take(r, false);
        take(r, twice || !quote);
        open = twice || !quote;
    }
    if (open)
        tell(r, line, column, "a field that begins with a quote has none at its end");
    skip_spaces(r);
    if (r->p < r->end && !at_separator(r) && !at_line_end(r))
        tell(r, r->line, r->column, "more stands behind the quote that ends the field; a quote in it is written twice");
    while (r->p < r->end && !at_separator(r) && !at_line_end(r))
        take(r, false);
}

static void read_bare(struct reader *r)
{
    bool told = false;

    while (r->p < r->end && !at_separator(r) && !at_line_end(r)) {
        if (*r->p == '"' && !told)
            tell(r, r->line, r->column, "a field with a quote in it stands in quotes, and that quote twice");
        told |= *r->p == '"';
        take(r, true);
    }
    while (r->len && (r->text[r->len - 1] == ' ' || r->text[r->len - 1] == '\t'))
        r->len--;
}

static void read_field(struct reader *r)
{
    skip_spaces(r);
    unsigned line = r->line, column = r->column;
    if (r->p < r->end && *r->p == '"')
        read_quoted(r);
    else
        read_bare(r);
    add_field(r, line, column);
}

/* A record of empty fields is none. */
static void read_record(struct reader *r)
{
    struct csv *c = r->c;
    size_t first = c->n_fields;
    bool empty = true;

    for (;;) {
        read_field(r);
        if (!at_separator(r))
            break;
        take(r, false);
    }
    if (r->p < r->end)
        take(r, false); /* the line end */
    for (size_t i = first; i < c->n_fields; i++)
        empty &= !*c->fields[i].text;
    if (empty) {
        while (c->n_fields > first)
            free(c->fields[--c->n_fields].text);
        return;
    }
    c->records = grown(c->records, c->n_records, sizeof *c->records);
    c->records[c->n_records++] = (struct csv_record){.first = first, .n = c->n_fields - first};
}

/* ---- the whole ---- */

/* The one of which the first line has most, outside of quotes. */
static char find_separator(const char *p, const char *end)
{
    size_t n[sizeof separators] = {0}, best = 0;
    bool quoted = false;

    for (; p < end && (quoted || (*p != '\n' && *p != '\r') || !(n[0] + n[1] + n[2])); p++) {
        const char *at = *p ? strchr(separators, *p) : NULL;
        quoted ^= *p == '"';
        if (at && !quoted)
            n[at - separators]++;
    }
    for (size_t i = 1; separators[i]; i++)
        best = n[i] > n[best] ? i : best;
    return separators[best];
}

/* What stands before the first record: a byte order mark, and the line by which spreadsheets tell the separator. */
static void read_head(struct reader *r)
{
    static const char bom[] = "\xef\xbb\xbf", sep[] = "sep=";

    if (r->end - r->p >= 3 && memcmp(r->p, bom, 3) == 0)
        r->p += 3;
    r->c->separator = find_separator(r->p, r->end);
    if (r->end - r->p < 5 || strncasecmp(r->p, sep, 4) != 0 || !r->p[4] || !strchr(separators, r->p[4]))
        return;
    const char *after = r->p + 5;
    if (after < r->end && *after != '\n' && *after != '\r')
        return;
    r->c->separator = r->p[4];
    while (r->p < after)
        take(r, false);
    if (r->p < r->end)
        take(r, false);
}

int csv_parse(struct csv *c, const char *text, size_t len, csv_mistake mistake, void *ctx)
{
    struct reader r = {.c = c, .p = text, .end = text + len, .line = 1, .column = 1, .mistake = mistake, .ctx = ctx};

    *c = (struct csv){.separator = ','};
    if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        tell(&r, 1, 1, "this is UTF-16: save the file as \"CSV UTF-8\"");
        return -1;
    }
    read_head(&r);
    while (r.p < r.end)
        read_record(&r);
    free(r.text);
    return r.bad ? -1 : 0;
}

void csv_free(struct csv *c)
{
    for (size_t i = 0; i < c->n_fields; i++)
        free(c->fields[i].text);
    free(c->fields);
    free(c->records);
    *c = (struct csv){0};
}

void csv_put(FILE *out, const char *text, char separator)
{
    size_t n = strlen(text);
    bool quotes = strpbrk(text, "\"\r\n\t") || strchr(text, separator) || (n && (text[0] == ' ' || text[n - 1] == ' '));

    if (!quotes) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}
