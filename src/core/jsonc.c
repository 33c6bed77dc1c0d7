#include "core/jsonc.h"

#include "core/num.h"
#include "core/utf8.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define NUMBER_MAX 40 /* characters; cJSON cuts a number at 63 */

/* A terminated copy of the text; comments become spaces in it as they are met. */
struct scan {
    char *p;
    unsigned depth, values;
    const char *problem;
};

static bool fail(struct scan *s, const char *problem)
{
    s->problem = problem;
    return false;
}

/* Every character of the text, comments included: valid, and no control character but white space. */
static bool check_characters(struct scan *s, const char *end)
{
    uint32_t c;

    for (size_t n; s->p < end; s->p += n) {
        n = utf8_next(s->p, end, &c);
        if (n == 0)
            return fail(s, "this is no valid UTF-8");
        if (c == 0)
            return fail(s, "a NUL byte");
        if (c < ' ' && c != '\t' && c != '\n' && c != '\r')
            return fail(s, "a control character");
    }
    return true;
}

static bool blank_comment(struct scan *s)
{
    bool block = s->p[1] == '*';
    char *end = block ? strstr(s->p + 2, "*/") : strchrnul(s->p, '\n');

    if (!end)
        return fail(s, "a comment without its end");
    if (block)
        end += 2;
    for (; s->p < end; s->p++)
        if (*s->p != '\n')
            *s->p = ' ';
    return true;
}

static bool skip_space(struct scan *s)
{
    for (;;) {
        s->p += strspn(s->p, " \t\r\n");
        if (s->p[0] != '/' || (s->p[1] != '/' && s->p[1] != '*'))
            return true;
        if (!blank_comment(s))
            return false;
    }
}

/* \uXXXX at p: a character, or the first half of a pair whose second half follows. */
static bool skip_unicode(struct scan *s)
{
    uint32_t c, low;

    if (num_get_hex(s->p + 2, 4, &c) < 0)
        return fail(s, "\\u without four hex digits");
    if (c == 0)
        return fail(s, "\\u0000 in a string");
    s->p += 6;
    if (c < 0xd800 || c > 0xdfff)
        return true;
    if (c > 0xdbff || s->p[0] != '\\' || s->p[1] != 'u' || num_get_hex(s->p + 2, 4, &low) < 0 || low < 0xdc00 ||
        low > 0xdfff)
        return fail(s, "half of a surrogate pair");
    s->p += 6;
    return true;
}

static bool skip_string(struct scan *s)
{
    for (s->p++; *s->p != '"';) {
        if ((unsigned char)*s->p < ' ')
            return fail(s, *s->p == '\t' ? "a tab in a string" : "a string without its closing quote");
        if (*s->p != '\\') {
            s->p++;
        } else if (s->p[1] == 'u') {
            if (!skip_unicode(s))
                return false;
        } else if (s->p[1] && strchr("\"\\/bfnrt", s->p[1])) {
            s->p += 2;
        } else {
            return fail(s, "an unknown escape in a string");
        }
    }
    s->p++;
    return true;
}

static bool skip_digits(struct scan *s)
{
    size_t n = strspn(s->p, "0123456789");

    s->p += n;
    return n > 0;
}

static bool skip_number(struct scan *s)
{
    const char *start = s->p;

    s->p += *s->p == '-';
    if (*s->p == '0')
        s->p++;
    else if (!skip_digits(s))
        return fail(s, "a digit is missing");
    if (*s->p == '.') {
        s->p++;
        if (!skip_digits(s))
            return fail(s, "a digit is missing");
    }
    if (*s->p == 'e' || *s->p == 'E') {
        s->p++;
        s->p += *s->p == '-' || *s->p == '+';
        if (!skip_digits(s))
            return fail(s, "a digit is missing");
    }
    return s->p - start <= NUMBER_MAX || fail(s, "a number that is too long");
}

static bool skip_word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strncmp(s->p, words[i], strlen(words[i])) == 0) {
            s->p += strlen(words[i]);
            return true;
        }
    }
    return fail(s, *s->p ? "a value is missing" : "the text ends too early");
}

static bool skip_value(struct scan *s);

/* What stands before a member's value: its name and a colon. */
static bool skip_name(struct scan *s)
{
    if (!skip_space(s))
        return false;
    if (*s->p != '"')
        return fail(s, "a name in quotes is missing");
    if (!skip_string(s) || !skip_space(s))
        return false;
    if (*s->p != ':')
        return fail(s, "a colon is missing");
    s->p++;
    return true;
}

/* An object or a list: members with commas between them, up to the closing bracket. */
static bool skip_members(struct scan *s, char close)
{
    if (++s->depth > JSONC_DEPTH_MAX)
        return fail(s, "nested too deep");
    s->p++;
    if (!skip_space(s))
        return false;
    if (*s->p != close) {
        for (;; s->p++) {
            if ((close == '}' && !skip_name(s)) || !skip_value(s) || !skip_space(s))
                return false;
            if (*s->p != ',')
                break;
        }
    }
    if (*s->p != close)
        return fail(s, close == '}' ? "a comma or } is missing" : "a comma or ] is missing");
    s->p++;
    s->depth--;
    return true;
}

static bool skip_value(struct scan *s)
{
    if (!skip_space(s))
        return false;
    if (++s->values > JSONC_VALUES_MAX)
        return fail(s, "too many values");
    if (*s->p == '{')
        return skip_members(s, '}');
    if (*s->p == '[')
        return skip_members(s, ']');
    if (*s->p == '"')
        return skip_string(s);
    if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
        return skip_number(s);
    return skip_word(s);
}

static bool check_text(struct scan *s, char *text, size_t len)
{
    s->p = text;
    if (!check_characters(s, text + len))
        return false;
    s->p = text;
    if (!skip_value(s) || !skip_space(s))
        return false;
    return !*s->p || fail(s, "the text goes on behind its end");
}

static void locate(const char *text, const char *p, struct jsonc_error *error)
{
    error->line = error->column = 1;
    for (; text < p; text++) {
        if (*text == '\n') {
            error->line++;
            error->column = 1;
        } else if (((unsigned char)*text & 0xc0) != 0x80) {
            error->column++;
        }
    }
}

struct cJSON *jsonc_parse(const char *text, size_t len, struct jsonc_error *error)
{
    struct scan s = {0};
    cJSON *tree = NULL;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    char *copy = must(malloc(len + 1));
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    if (check_text(&s, copy, len) && !(tree = cJSON_ParseWithLength(copy, len)))
        fail(&s, "no memory for it");
    if (!tree) {
        locate(text, text + (s.p - copy), error);
        error->problem = s.problem;
    }
    explicit_bzero(copy, len); /* it may hold a password */
    free(copy);
    return tree;
}
