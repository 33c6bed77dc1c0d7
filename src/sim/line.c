#include "sim/line.h"

#include <string.h>

#define AT_ONCE  2048 /* bytes in one go: half of what the kernel holds ready for a reader */
#define RETRY_MS 2
#define DEAF_MS  5000 /* a reader that takes nothing for so long is none; long, for tests whose clock runs fast */

void line_init(struct line *l, const struct faults *faults)
{
    l->faults = *faults;
    l->aim = LINE_ANY;
    l->full_since_ms = -1;
}

static void take_first(struct line *l)
{
    l->first = (l->first + 1) % LINE_FRAMES;
    l->n--;
}

static void lose_first(struct line *l)
{
    l->lost++;
    take_first(l);
}

void line_put(struct line *l, int kind, const void *data, size_t len)
{
    struct line_frame *f = &l->way[(l->first + l->n) % LINE_FRAMES];
    int64_t delay = 0;

    if (l->pty.master < 0)
        return; /* it is unplugged: what is said goes nowhere */
    if (l->n == LINE_FRAMES)
        lose_first(l);
    memcpy(f->text, data, len);
    f->len = l->aim == LINE_ANY || l->aim == kind ? faults_apply(&l->faults, f->text, len, &delay) : len;
    f->due_ms = l->now_ms + delay;
    if (l->n) {
        const struct line_frame *before = &l->way[(l->first + l->n - 1) % LINE_FRAMES];
        if (before->due_ms > f->due_ms)
            f->due_ms = before->due_ms;
    }
    if (f->len)
        l->n++;
}

/* May something be written now? */
static bool has_room(struct line *l)
{
    if (pty_unread(&l->pty) < AT_ONCE)
        l->full_since_ms = -1;
    else if (l->full_since_ms < 0)
        l->full_since_ms = l->now_ms;
    return l->full_since_ms < 0;
}

void line_send(struct line *l)
{
    size_t sent = 0;

    while (l->n && l->way[l->first].due_ms <= l->now_ms && sent < AT_ONCE) {
        struct line_frame *f = &l->way[l->first];

        if (!has_room(l)) {
            if (l->now_ms - l->full_since_ms < DEAF_MS)
                return;
            lose_first(l);
            continue;
        }
        pty_write(&l->pty, f->text, f->len);
        sent += f->len;
        if (l->show)
            l->show(l->ctx, f->text, f->len);
        take_first(l);
    }
}

int64_t line_deadline(const struct line *l)
{
    int64_t soon = l->now_ms + RETRY_MS;

    if (l->n == 0)
        return -1;
    return l->way[l->first].due_ms > soon ? l->way[l->first].due_ms : soon;
}

void line_clear(struct line *l)
{
    l->first = l->n = 0;
    l->full_since_ms = -1;
}
