#include "core/log_ring.h"

#include "core/utf8.h"
#include "core/util.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static_assert(sizeof(struct log_ring) <= 128 << 10, "as the header says");

static struct log_ring_line *line_of(struct log_ring *r, uint64_t number)
{
    return &r->lines[number % LOG_RING_LINES];
}

static void drop_oldest(struct log_ring *r)
{
    r->gone++;
    r->used -= line_of(r, r->gone)->len;
}

/* Make all of it valid and printable, and short enough; returns its length. */
static size_t clean(char dst[LOG_LINE_MAX + 1], const char *text)
{
    const char *end = text + strlen(text);
    size_t len = 0;
    uint32_t c;

    while (text < end) {
        size_t n = utf8_next(text, end, &c);
        bool bad = n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0);
        if (len + (bad ? 1 : n) > LOG_LINE_MAX)
            break;
        memcpy(dst + len, bad ? "?" : text, bad ? 1 : n);
        len += bad ? 1 : n;
        text += n ? n : 1;
    }
    dst[len] = '\0';
    return len;
}

void log_ring_put(struct log_ring *r, int level, int64_t wall_ms, const char *text)
{
    char line[LOG_LINE_MAX + 1];
    size_t len = clean(line, text);
    const struct log_ring_line *last = line_of(r, r->newest);
    uint32_t at = r->newest ? (last->at + last->len) % LOG_RING_TEXT : 0;
    size_t to_end = LOG_RING_TEXT - at < len ? LOG_RING_TEXT - at : len;

    while (r->newest - r->gone == LOG_RING_LINES || r->used + len > LOG_RING_TEXT)
        drop_oldest(r);
    memcpy(r->text + at, line, to_end);
    memcpy(r->text, line + to_end, len - to_end);
    r->used += (uint32_t)len;
    *line_of(r, ++r->newest) =
        (struct log_ring_line){.wall_ms = wall_ms, .at = at, .len = (uint16_t)len, .level = (uint8_t)level};
}

bool log_ring_get(const struct log_ring *r, uint64_t number, struct log_entry *out)
{
    if (number <= r->gone)
        number = r->gone + 1;
    if (number > r->newest)
        return false;
    const struct log_ring_line *l = &r->lines[number % LOG_RING_LINES];
    size_t to_end = LOG_RING_TEXT - l->at < l->len ? LOG_RING_TEXT - l->at : l->len;
    *out = (struct log_entry){.number = number, .wall_ms = l->wall_ms, .level = l->level, .len = l->len};
    memcpy(out->text, r->text + l->at, to_end);
    memcpy(out->text + to_end, r->text, l->len - to_end);
    return true;
}

size_t log_entry_format(char dst[LOG_ENTRY_MAX], const struct log_entry *e)
{
    static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};
    int i = e->level < 3 ? 0 : e->level > 7 ? 4 : e->level - 3;
    time_t s = (time_t)(e->wall_ms / 1000);
    char time[32] = "";
    struct tm tm;

    if (gmtime_r(&s, &tm))
        strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &tm);
    int n = snprintf(dst, LOG_ENTRY_MAX, "%s.%03dZ %s %s", time, (int)(e->wall_ms % 1000), levels[i], e->text);
    return (size_t)n < LOG_ENTRY_MAX ? (size_t)n : LOG_ENTRY_MAX - 1;
}
