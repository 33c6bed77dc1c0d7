#include "io/log.h"

#include "core/log_ring.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum log_level shown = LOG_INFO;

#define TEXT_MAX   1024
#define COUNT_MAX  32 /* of these, for " (n times)" */
#define REMEMBERED 32 /* different lines whose repeats are counted */
#define FORGET_S   3600

/* Lines of late, by hash. */
static struct seen {
    uint64_t hash;
    uint64_t count;
    time_t last;
} seen[REMEMBERED];

static struct log_ring ring;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of seen and ring */

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

/* Take note of a line, with the count behind it once it came often. False: it came too often to be written this time.
 */
static bool keep(enum log_level level, char *text)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&lock);
    uint64_t count = count_of(text);
    bool wanted = count <= LOG_SAME || (count & (count - 1)) == 0;
    if (count > LOG_SAME && wanted)
        snprintf(text + strlen(text), COUNT_MAX, " (%llu times)", (unsigned long long)count);
    if (wanted)
        log_ring_put(&ring, (int)level, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, text);
    pthread_mutex_unlock(&lock);
    return wanted;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;

    if (level > shown)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text - COUNT_MAX, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' '; /* a name or an error text must not forge lines */
    if (keep(level, text))
        write_out(level, text);
}

uint64_t log_newest(void)
{
    pthread_mutex_lock(&lock);
    uint64_t newest = ring.newest;
    pthread_mutex_unlock(&lock);
    return newest;
}

bool log_get(uint64_t number, struct log_entry *out)
{
    pthread_mutex_lock(&lock);
    bool found = log_ring_get(&ring, number, out);
    pthread_mutex_unlock(&lock);
    return found;
}
