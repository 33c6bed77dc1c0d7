#include "ctl/say.h"

#include "core/utf8.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static struct {
    bool terminal, colour, utf8;
} look;

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return look.terminal && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void say_init(void)
{
    setlocale(LC_CTYPE, "");
    look.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!look.utf8)
        setlocale(LC_CTYPE, "C.UTF-8"); /* names are UTF-8 all the same, and wcwidth() must know them */
    look.terminal = isatty(STDOUT_FILENO) == 1;
    look.colour = wants_colour();
}

bool say_on_terminal(void)
{
    return look.terminal;
}

bool say_utf8(void)
{
    return look.utf8;
}

const char *say_none(void)
{
    return look.utf8 ? "–" : "-";
}

const char *say_cut(void)
{
    return look.utf8 ? "…" : "~";
}

const char *say_colour(enum say_colour c)
{
    static const char *const sequences[SAY_COLOURS] = {
        [SAY_PLAIN] = "\x1b[m", [SAY_DIM] = "\x1b[2m",    [SAY_BOLD] = "\x1b[1m",
        [SAY_RED] = "\x1b[31m", [SAY_GREEN] = "\x1b[32m", [SAY_YELLOW] = "\x1b[33m",
    };

    return look.colour ? sequences[c] : "";
}

/* What a terminal obeys, or what changes how its neighbours show. */
static bool harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

char *say_clean(const char *text)
{
    const char *end = text + strlen(text), *bad = look.utf8 ? "\xef\xbf\xbd" : "?";
    char *out = must(malloc(3 * (size_t)(end - text) + 1)), *to = out;
    uint32_t c;

    while (text < end) {
        size_t n = utf8_next(text, end, &c);
        bool space = n && (c == '\n' || c == '\t' || c == '\r');
        if (space)
            *to++ = ' ';
        else if (n == 0 || harmful(c))
            to = stpcpy(to, bad);
        else
            to = mempcpy(to, text, n);
        text += n ? n : 1;
    }
    *to = '\0';
    return out;
}

PRINTF_LIKE(1, 0) static char *clean_format(const char *fmt, va_list ap)
{
    char *text, *clean;

    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    clean = say_clean(text);
    free(text);
    return clean;
}

char *say_format(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *clean = clean_format(fmt, ap);
    va_end(ap);
    return clean;
}

void say_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *clean = clean_format(fmt, ap);
    va_end(ap);
    fflush(stdout);
    fprintf(stderr, "fluksoctl: %s\n", clean);
    free(clean);
}

void say_line(enum say_colour c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *clean = clean_format(fmt, ap);
    va_end(ap);
    if (c == SAY_PLAIN)
        puts(clean);
    else
        printf("%s%s%s\n", say_colour(c), clean, say_colour(SAY_PLAIN));
    fflush(stdout);
    free(clean);
}

size_t say_width(const char *text)
{
    const char *end = text + strlen(text);
    size_t width = 0, n;
    uint32_t c;

    for (; text < end; text += n) {
        n = utf8_next(text, end, &c);
        int columns = n ? wcwidth((wchar_t)c) : 1;
        width += columns > 0 ? (size_t)columns : 0;
        n += n == 0;
    }
    return width;
}

size_t say_fit(const char *text, size_t columns)
{
    const char *p = text, *end = text + strlen(text);
    size_t used = 0, n;
    uint32_t c;

    for (; p < end; p += n) {
        n = utf8_next(p, end, &c);
        if (n == 0)
            break;
        int w = wcwidth((wchar_t)c);
        if (used + (w > 0 ? (size_t)w : 0) > columns)
            break;
        used += w > 0 ? (size_t)w : 0;
    }
    return (size_t)(p - text);
}

const char *say_span(char out[SAY_WORDS], double seconds)
{
    long long s = seconds > 0 ? llround(fmin(seconds, 1e12)) : 0;

    if (s < 120)
        snprintf(out, SAY_WORDS, "%lld s", s);
    else if (s < 7200)
        snprintf(out, SAY_WORDS, "%lld min", s / 60);
    else if (s < 2 * 86400)
        snprintf(out, SAY_WORDS, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else
        snprintf(out, SAY_WORDS, "%lld d %lld h", s / 86400, s % 86400 / 3600);
    return out;
}

const char *say_time(char out[SAY_WORDS], double unix_s)
{
    time_t then = (time_t)unix_s, now = time(NULL);
    struct tm a, b;

    if (!(unix_s >= 1 && unix_s < 1e11) || !localtime_r(&then, &a) || !localtime_r(&now, &b)) {
        snprintf(out, SAY_WORDS, "%s", say_none());
        return out;
    }
    bool today = a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
    strftime(out, SAY_WORDS, today ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &a);
    return out;
}

/* How each unit is shown: its thousands, where people count in these. */
static const struct {
    const char *unit, *shown;
    double factor;
    int decimals;
} amounts[] = {
    {"Wh", "kWh", 0.001, 3},
    {"L", "m³", 0.001, 3},
};

const char *say_amount(char out[SAY_WORDS], double value, const char *unit)
{
    if (!isfinite(value)) {
        snprintf(out, SAY_WORDS, "%s", say_none());
        return out;
    }
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        if (strcmp(unit, amounts[i].unit) == 0) {
            snprintf(out, SAY_WORDS, "%.*f %s", amounts[i].decimals, value * amounts[i].factor, amounts[i].shown);
            return out;
        }
    }
    snprintf(out, SAY_WORDS, value == floor(value) ? "%.0f%s%.16s" : "%.3f%s%.16s", value, *unit ? " " : "", unit);
    return out;
}

const char *say_bytes(char out[SAY_WORDS], double bytes)
{
    if (bytes < 1000)
        snprintf(out, SAY_WORDS, "%.0f B", bytes);
    else if (bytes < 999500)
        snprintf(out, SAY_WORDS, "%.0f kB", bytes / 1000);
    else
        snprintf(out, SAY_WORDS, "%.1f MB", bytes / 1e6);
    return out;
}

void say_raw(const char *text, size_t len)
{
    fwrite(text, 1, len, stdout);
    if (len && text[len - 1] != '\n')
        putchar('\n');
    fflush(stdout);
}

bool say_broken(void)
{
    return ferror(stdout) != 0;
}
