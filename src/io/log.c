#include "io/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum log_level shown = LOG_INFO;
static char last_text[1024];
static enum log_level last_level;
static unsigned long repeats, repeats_told;

void log_set_level(enum log_level level)
{
    shown = level;
}

/* One write() per line, so that lines of threads never mix. */
static void write_out(enum log_level level, const char *text)
{
    static int to_journal = -1;
    char line[1100];
    int n;

    if (to_journal < 0)
        to_journal = getenv("JOURNAL_STREAM") != NULL;
    if (to_journal)
        n = snprintf(line, sizeof line, "<%d>%s\n", (int)level, text);
    else
        n = snprintf(line, sizeof line, "%s%s\n",
                     level == LOG_ERROR  ? "error: "
                     : level == LOG_WARN ? "warning: "
                                         : "",
                     text);
    if (n > (int)sizeof line - 1)
        n = (int)sizeof line - 1;
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return; /* nobody is left to tell */
}

static void tell_repeats(void)
{
    char text[64];

    if (repeats == repeats_told)
        return;
    snprintf(text, sizeof text, "(the line above: %lu times more)", repeats - repeats_told);
    repeats_told = repeats;
    write_out(last_level, text);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[sizeof last_text];
    va_list ap;

    if (level > shown)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' '; /* a name or an error text must not forge lines */
    if (strcmp(text, last_text) == 0) {
        repeats++;
        if ((repeats & (repeats - 1)) == 0 && repeats > 1)
            tell_repeats();
        return;
    }
    tell_repeats();
    memcpy(last_text, text, sizeof text);
    last_level = level;
    repeats = repeats_told = 0;
    write_out(level, text);
}
