#include "app/board_sync.h"

#include <stdio.h>

void board_sync_init(struct board_sync *s, uv_loop_t *loop)
{
    uv_timer_init(loop, &s->limit);
    s->limit.data = s;
}

void board_sync_end(struct board_sync *s, int code, const char *detail)
{
    if (!s->on)
        return;
    board_sync_cancel(s);
    s->told.end(s->told.ctx, code, detail);
}

void board_sync_cancel(struct board_sync *s)
{
    s->on = false;
    uv_timer_stop(&s->limit);
}

static void on_limit(uv_timer_t *t)
{
    struct board_sync *s = t->data;
    char detail[200];

    if (!s->line) {
        const char *why = s->why_down(s->ctx);
        snprintf(detail, sizeof detail, "%s", why[0] ? why : "its line is not open");
    } else {
        snprintf(detail, sizeof detail, "still %s after %d s", s->doing(s->ctx), BOARD_SYNC_MS / 1000);
    }
    board_sync_end(s, ERRAND_BOARD, detail);
}

/* Until a line is there, it is waited for; else for the end of all. */
static void arm(struct board_sync *s)
{
    int64_t now_ms = (int64_t)uv_now(s->limit.loop), at_ms = s->line ? s->end_ms : now_ms + BOARD_SYNC_LINE_MS;

    at_ms = at_ms < s->end_ms ? at_ms : s->end_ms;
    uv_timer_start(&s->limit, on_limit, at_ms > now_ms ? (uint64_t)(at_ms - now_ms) : 0, 0);
}

void board_sync_start(struct board_sync *s, const struct errand_told *told)
{
    s->told = *told;
    s->on = true;
    s->end_ms = (int64_t)uv_now(s->limit.loop) + BOARD_SYNC_MS;
    arm(s);
}

void board_sync_line(struct board_sync *s, bool open)
{
    if (s->line == open)
        return;
    s->line = open;
    if (s->on)
        arm(s);
}

void board_sync_told(struct board_sync *s, enum board_synced what, int percent, const char *text)
{
    static const int codes[] = {
        [BOARD_SYNC_OK] = ERRAND_OK, [BOARD_SYNC_FAILED] = ERRAND_BOARD, [BOARD_SYNC_UNFIT] = ERRAND_HARDWARE};

    if (!s->on)
        return;
    if (what == BOARD_SYNC_STEP)
        s->told.step(s->told.ctx, percent, text);
    else
        board_sync_end(s, codes[what], text);
}
