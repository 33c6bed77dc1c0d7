#include "app/board_sync.h"

#include <stdio.h>

/* How far it is, in percent, when it comes to each part. */
#define AT_IDENTIFIED 10
#define AT_READ       40
#define AT_WRITTEN    80

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

static void on_limit(uv_timer_t *t);

/* Until a line is there, it is waited for; else for the end of all. */
static void arm(struct board_sync *s, bool line)
{
    int64_t now_ms = (int64_t)uv_now(s->limit.loop), at_ms = line ? s->end_ms : now_ms + BOARD_SYNC_LINE_MS;

    at_ms = at_ms < s->end_ms ? at_ms : s->end_ms;
    uv_timer_start(&s->limit, on_limit, at_ms > now_ms ? (uint64_t)(at_ms - now_ms) : 0, 0);
}

static void on_limit(uv_timer_t *t)
{
    struct board_sync *s = t->data;
    char detail[200];

    if (s->conv->state == FLM02_DOWN) {
        const char *why = s->why_down(s->ctx);
        snprintf(detail, sizeof detail, "%s", why[0] ? why : "its line is not open");
    } else {
        snprintf(detail, sizeof detail, "still %s after %d s", flm02_state_name(s->conv->state), BOARD_SYNC_MS / 1000);
    }
    board_sync_end(s, ERRAND_BOARD, detail);
}

void board_sync_start(struct board_sync *s, const struct errand_told *told)
{
    int64_t now_ms = (int64_t)uv_now(s->limit.loop);

    s->told = *told;
    s->on = true;
    s->echoed = s->conv->state == FLM02_WRITE ? s->conv->at : 0; /* it may be at it already */
    s->to_echo = s->conv->state == FLM02_WRITE ? s->conv->n_script : 0;
    s->end_ms = now_ms + BOARD_SYNC_MS;
    arm(s, s->conv->state != FLM02_DOWN);
    flm02_conv_sync(s->conv, now_ms);
}

/* ---- what the conversation does ---- */

/* It is polled, so it holds its settings; but for sensors that its hardware cannot have. */
static void done(struct board_sync *s)
{
    char detail[160];

    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        if (s->conv->problems[id] == FLM02_FITS)
            continue;
        snprintf(detail, sizeof detail, "%s: %s", s->sensor(s->ctx, id), flm02_problem_text(s->conv->problems[id]));
        board_sync_end(s, ERRAND_HARDWARE, detail);
        return;
    }
    if (s->conv->unsaved) {
        board_sync_end(s, ERRAND_BOARD, "it did not confirm that it keeps its settings");
        return;
    }
    if (s->to_echo)
        snprintf(detail, sizeof detail, "%d command%s written, each echoed, and all read back", s->to_echo,
                 s->to_echo == 1 ? "" : "s");
    else
        snprintf(detail, sizeof detail, "read back, it held all");
    board_sync_end(s, ERRAND_OK, detail);
}

static void say(struct board_sync *s, int percent, const char *line)
{
    s->told.step(s->told.ctx, percent, line);
}

static void writing(struct board_sync *s)
{
    char line[80];

    s->to_echo = s->conv->n_script;
    s->echoed = 0;
    snprintf(line, sizeof line, "it differs: %d command%s to write", s->to_echo, s->to_echo == 1 ? "" : "s");
    say(s, AT_READ, line);
}

void board_sync_state(struct board_sync *s, enum flm02_state to, const char *reason)
{
    char line[80];

    if (!s->on)
        return;
    switch (to) {
    case FLM02_DOWN:
        arm(s, false);
        break;
    case FLM02_IDENTIFY:
        arm(s, true);
        break;
    case FLM02_READBACK:
        snprintf(line, sizeof line, "hardware %u.%u, reading back", s->conv->major, s->conv->minor);
        say(s, s->conv->verified ? AT_WRITTEN : AT_IDENTIFIED, line);
        break;
    case FLM02_WRITE:
        writing(s);
        break;
    case FLM02_POLL:
        done(s);
        break;
    case FLM02_LOST:
        board_sync_end(s, ERRAND_BOARD, reason);
        break;
    case FLM02_REFUSED_BOARD:
        board_sync_end(s, flm02_conv_knows(s->conv) ? ERRAND_BOARD : ERRAND_HARDWARE, reason);
        break;
    }
}

void board_sync_look(struct board_sync *s)
{
    char line[80];

    while (s->on && s->conv->state == FLM02_WRITE && s->echoed < s->conv->at) {
        const struct flm02_command *c = &s->conv->script[s->echoed++];
        snprintf(line, sizeof line, "%.2s %.*s: echoed", c->letters, c->n_args, c->args);
        say(s, AT_READ + (AT_WRITTEN - AT_READ) * s->echoed / s->to_echo, line);
    }
}
