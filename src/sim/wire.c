#include "sim/wire.h"

#include <string.h>

#include "core/num.h"

#define PART_MS 200 /* text idle for so long without '.' is a message part */
#define SAVE_MS 500 /* the board is deaf after ct */

void wire_init(struct wire *w, int reply_ms)
{
    *w = (struct wire){.reply_ms = reply_ms};
    wire_reset(w);
}

void wire_reset(struct wire *w)
{
    w->state = WIRE_LISTENS;
    w->due_ms = -1;
    w->saved_ms = 0;
    w->to = 0;
    w->len = 0;
    w->overflow = false;
    w->nibble = -1;
}

/* Hardware 2.0 and 2.1 answer slowly, and five records take them more than 22 ms; 2.2 is quick. */
static int64_t reply_time(const struct wire *w, const struct flm02 *b, unsigned records)
{
    if (w->reply_ms >= 0)
        return w->reply_ms;
    return b->model == FLM02_2_2 ? 5 + records : 8 + 3 * records;
}

static void message(struct wire *w, struct flm02 *b, int64_t now_ms)
{
    uint64_t commits = b->commits;
    unsigned records;

    w->reply_len = flm02_message(b, w->buf, w->overflow ? 0 : w->len, w->reply, &records);
    w->len = 0;
    w->overflow = false;
    w->to = 0;
    w->eaten = 0;
    w->saved_ms = b->commits != commits ? now_ms + SAVE_MS : 0;
    w->due_ms = now_ms + reply_time(w, b, records);
    w->state = WIRE_ANSWERS;
}

static void uart_digit(struct wire *w, struct flm02 *b, char c)
{
    int d = num_hex_digit(c);

    if (d < 0)
        return;
    if (w->nibble < 0) {
        w->nibble = d;
        return;
    }
    flm02_uart_out(b, (uint8_t)(w->nibble << 4 | d));
    w->nibble = -1;
}

static void character(struct wire *w, struct flm02 *b, char c)
{
    if (c == 'l' || c == 'u') {
        w->to = c;
        w->nibble = -1;
    } else if (w->to == 'u') {
        uart_digit(w, b, c);
    } else if (w->to == 'l') {
        if (w->len < WIRE_BUFFER)
            w->buf[w->len++] = c;
        else
            w->overflow = true;
    }
}

void wire_receive(struct wire *w, struct flm02 *b, int64_t now_ms, const uint8_t *bytes, size_t n)
{
    if (w->state != WIRE_LISTENS) {
        w->eaten += n;
        w->lost += n;
        return;
    }
    w->due_ms = now_ms + PART_MS;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '.' || w->to != 'l') {
            character(w, b, (char)bytes[i]);
            continue;
        }
        message(w, b, now_ms);
        w->lost += n - i - 1; /* one message at a time */
        return;
    }
}

int64_t wire_deadline(const struct wire *w)
{
    return w->due_ms;
}

/* The reply, without the head that bytes written too early have pushed out: theirs and two more. */
static size_t take_reply(struct wire *w, char *dst)
{
    size_t gone = w->eaten ? w->eaten + 2 : 0;

    if (gone >= w->reply_len)
        return 0;
    memcpy(dst, w->reply + gone, w->reply_len - gone);
    return w->reply_len - gone;
}

size_t wire_reply(struct wire *w, struct flm02 *b, int64_t now_ms, char *dst)
{
    size_t len = 0;

    if (w->due_ms < 0 || now_ms < w->due_ms)
        return 0;
    w->due_ms = -1;
    if (w->state == WIRE_ANSWERS) {
        len = take_reply(w, dst);
        if (w->saved_ms > now_ms) {
            w->due_ms = w->saved_ms;
            w->state = WIRE_SAVES;
            return len;
        }
    } else if (w->state == WIRE_LISTENS) {
        dst[0] = 'l';
        len = (size_t)(flm02_put_uart(b, dst + 1) - dst);
    }
    w->state = WIRE_LISTENS;
    return len;
}
