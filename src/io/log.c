#include "io/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum log_level shown = LOG_INFO;

#define REMEMBERED 32 /* different lines whose repeats are counted */
#define FORGET_S   3600

/* Lines of late, by hash. */
static struct seen {
    uint64_t hash;
    uint64_t count;
    time_t last;
} seen[REMEMBERED];

void log_set_level(enum log_level level)
{
    shown = level;
}

/* Is our stderr the journal's? The variable alone is inherited by what a service starts elsewhere. */
static bool reads_journal(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
}

/* One write() per line, so that lines of threads never mix. */
static void write_out(enum log_level level, const char *text)
{
    static int to_journal = -1; /* not known yet */
    char line[1100];
    int n;

    if (to_journal < 0)
        to_journal = reads_journal();
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

static uint64_t hash_of(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    return h;
}

/* How often this line came, this time included. */
static uint64_t count_of(const char *text)
{
    uint64_t hash = hash_of(text);
    struct seen *s = seen;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    for (struct seen *x = seen; x < seen + REMEMBERED; x++) {
        if (x->hash == hash) {
            s = x;
            break;
        }
        if (x->last < s->last)
            s = x; /* the oldest makes room */
    }
    if (s->hash != hash || now.tv_sec - s->last >= FORGET_S)
        *s = (struct seen){.hash = hash};
    s->last = now.tv_sec;
    return ++s->count;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (level > shown)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text - 32, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' '; /* a name or an error text must not forge lines */
    uint64_t count = count_of(text);
    if (count > LOG_SAME && count & (count - 1))
        return;
    if (count > LOG_SAME)
        snprintf(text + strlen(text), 32, " (%llu times)", (unsigned long long)count);
    write_out(level, text);
}
