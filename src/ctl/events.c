#include "ctl/events.h"

#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void events_init(struct events *s, events_cb event, void *ctx)
{
    *s = (struct events){.event = event, .ctx = ctx};
    s->line = must(malloc(EVENTS_DATA_MAX + 1));
    s->data = must(malloc(EVENTS_DATA_MAX + 1));
}

void events_fini(struct events *s)
{
    free(s->line);
    free(s->data);
    s->line = s->data = NULL;
}

/* An empty line: what was gathered is an event. */
static void dispatch(struct events *s)
{
    if (s->has_data && !s->too_long) {
        s->data[s->data_len] = '\0';
        s->event(s->ctx, *s->name ? s->name : "message", s->data, s->data_len);
    }
    s->name[0] = '\0';
    s->data_len = 0;
    s->has_data = s->too_long = false;
}

static void add_data(struct events *s, const char *text, size_t n)
{
    if (s->data_len + 1 + n > EVENTS_DATA_MAX) {
        s->too_long = true;
        return;
    }
    if (s->has_data)
        s->data[s->data_len++] = '\n';
    memcpy(s->data + s->data_len, text, n);
    s->data_len += n;
    s->has_data = true;
}

/* One line without its end: "field: value"; what begins with a colon is a comment. */
static void take_line(struct events *s)
{
    const char *colon = memchr(s->line, ':', s->line_len), *value = s->line + s->line_len;
    size_t name = colon ? (size_t)(colon - s->line) : s->line_len;

    if (s->line_len == 0) {
        dispatch(s);
        return;
    }
    if (colon)
        value = colon + 1 < value && colon[1] == ' ' ? colon + 2 : colon + 1;
    size_t n = (size_t)(s->line + s->line_len - value);
    if (name == 4 && memcmp(s->line, "data", 4) == 0)
        add_data(s, value, n);
    else if (name == 5 && memcmp(s->line, "event", 5) == 0)
        snprintf(s->name, sizeof s->name, "%.*s", (int)n, value);
}

void events_feed(struct events *s, const char *bytes, size_t n)
{
    for (const char *end = bytes + n; bytes < end; bytes++) {
        bool second = s->after_cr && *bytes == '\n';
        s->after_cr = *bytes == '\r';
        if (second)
            continue;
        if (*bytes == '\n' || *bytes == '\r') {
            take_line(s);
            s->line_len = 0;
        } else if (s->line_len < EVENTS_DATA_MAX) {
            s->line[s->line_len++] = *bytes;
        } else {
            s->too_long = true;
        }
    }
}
