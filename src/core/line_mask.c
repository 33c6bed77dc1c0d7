#include "core/line_mask.h"

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MAKER 4 /* characters: the maker's three and the speed's digit */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void wipe(char *from, const char *end)
{
    for (; from < end; from++)
        if (is_alnum(*from))
            *from = '*';
}

/* Does this code, n bytes behind its medium and channel ("0-1:"), name a meter or its owner? */
static bool is_private_code(const char *code, size_t n)
{
    static const char *const starts[] = {"96.1.", "96.13.", "0.0.", "C.1."};
    const char *colon = memrchr(code, ':', n);

    if (colon) {
        n -= (size_t)(colon + 1 - code);
        code = colon + 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (n >= strlen(starts[i]) && memcmp(code, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* Data sets of P1 and D0: code(value)(value)code(value) … */
static void mask_sets(char *line, char *end)
{
    char *code = line;
    bool private = false;

    for (char *p = line; p < end;) {
        if (*p != '(') {
            p++;
            continue;
        }
        private = p == code ? private : is_private_code(code, (size_t)(p - code));
        char *close = memchr(p, ')', (size_t)(end - p));
        if (!close)
            close = end;
        if (private)
            wipe(p, close);
        code = p = close < end ? close + 1 : end;
    }
}

static bool mask_label(char *line, char *end)
{
    static const char *const labels[] = {"ADCO", "ADSC", "PRM", "MSG1", "MSG2"};

    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        size_t n = strlen(labels[i]);
        if ((size_t)(end - line) > n && memcmp(line, labels[i], n) == 0 && (line[n] == ' ' || line[n] == '\t')) {
            wipe(line + n, end);
            return true;
        }
    }
    return false;
}

void line_mask_ident(char *ident)
{
    size_t n = strlen(ident);

    if (n > MAKER)
        wipe(ident + MAKER, ident + n);
}

void line_mask(char *text)
{
    for (char *line = text; *line;) {
        char *end = strchrnul(line, '\n');
        if (*line == '/' && end - line > MAKER + 1)
            wipe(line + 1 + MAKER, end);
        else if (!mask_label(line, end))
            mask_sets(line, end);
        line = *end ? end + 1 : end;
    }
}
