/* No board at all: meters on buses alone. */
#include "sim/board.h"

#include <string.h>

static void *new (const struct options *o, struct line *line, int64_t house_ms, int64_t unix_ms)
{
    static char nothing;

    (void)o, (void)line, (void)house_ms, (void)unix_ms;
    return &nothing;
}

static void nothing(void *self)
{
    (void)self;
}

static const char *title(const void *self)
{
    (void)self;
    return "none";
}

static size_t image(const void *self, char *dst)
{
    (void)self, (void)dst;
    return 0;
}

static int load(void *self, const char *image, size_t len)
{
    (void)self, (void)image, (void)len;
    return 0;
}

static uint64_t saves(const void *self)
{
    (void)self;
    return 0;
}

static void run(void *self, int64_t house_ms, const struct board_input *in)
{
    (void)self, (void)house_ms, (void)in;
}

static void pulse(void *self, unsigned port, unsigned n)
{
    (void)self, (void)port, (void)n;
}

static int64_t house_due(const void *self)
{
    (void)self;
    return INT64_MAX;
}

static void receive(void *self, int64_t now_ms, const uint8_t *bytes, size_t n)
{
    (void)self, (void)now_ms, (void)bytes, (void)n;
}

static void turn(void *self, int64_t now_ms)
{
    (void)self, (void)now_ms;
}

static int64_t due(const void *self)
{
    (void)self;
    return -1;
}

static void stats(const void *self, FILE *out)
{
    (void)self, (void)out;
}

const struct board_kind board_kind_none = {
    .name = "none",
    .absent = true,
    .new = new,
    .free = nothing,
    .title = title,
    .image = image,
    .load = load,
    .saves = saves,
    .commit = nothing,
    .run = run,
    .pulse = pulse,
    .house_due = house_due,
    .receive = receive,
    .turn = turn,
    .due = due,
    .stats = stats,
};
