#include "core/d0_conv.h"

#include <stdio.h>
#include <string.h>

#define ACK 0x06

#define BITS         10   /* of a character on the line: start, 7, parity, stop */
#define SENT_SLACK   20   /* ms: the adapter begins a little late; a quick meter answers 20 ms after our last bit */
#define IDENT_MS     3500 /* the call 170 ms, a meter's 1500 ms to think, its ident of 23 characters 770 ms; and slack */
#define DATA_MS      2500 /* its 1500 ms, and slack */
#define SILENT_MS    1500 /* between two characters, at most */
#define CHECK_MS     300  /* behind "!": line end, ETX, BCC, also at 300 baud */
#define DATA_LEAST   8    /* bytes: our own answer come back is none */
#define IDENT_LEAST  5    /* "/EMH5" */
#define SPEED_AT     4    /* in the ident */
#define ANSWER_BYTES 6

static const char call[] = "/?!\r\n";

/* Modes C and E: by the digit. Mode B: by the letter, from 600 on. */
static const int speeds[] = {300, 600, 1200, 2400, 4800, 9600, 19200};

void d0_conv_init(struct d0_conv *c, const struct d0_conv_host *host, void *ctx, int most_baud)
{
    *c = (struct d0_conv){.host = host, .ctx = ctx, .most_baud = most_baud, .deadline_ms = -1};
}

static void set_state(struct d0_conv *c, enum d0_conv_state state, int64_t deadline_ms)
{
    c->state = state;
    c->deadline_ms = deadline_ms;
    c->len = 0;
}

void d0_conv_start(struct d0_conv *c, int64_t mono_ms)
{
    set_state(c, D0_CONV_IDENT, mono_ms + IDENT_MS);
    c->host->baud(c->ctx, D0_CONV_BAUD);
    c->host->send(c->ctx, call, sizeof call - 1);
}

void d0_conv_stop(struct d0_conv *c)
{
    set_state(c, D0_CONV_IDLE, -1);
}

static void end(struct d0_conv *c, enum d0_conv_end end)
{
    set_state(c, D0_CONV_IDLE, -1);
    c->host->ended(c->ctx, end);
}

static void begin_data(struct d0_conv *c, int64_t mono_ms)
{
    set_state(c, D0_CONV_DATA, mono_ms + DATA_MS);
    c->data = 0;
    c->ended = false;
    c->fresh = true;
    if (c->next_baud != D0_CONV_BAUD)
        c->host->baud(c->ctx, c->next_baud);
}

/* Our answer: ACK, the usual procedure, the speed that the meter offers or the most that the line can, its data. */
static void answer(struct d0_conv *c, char speed, int64_t mono_ms)
{
    size_t z = (size_t)(speed - '0') < ARRAY_LEN(speeds) ? (size_t)(speed - '0') : 0;
    char bytes[ANSWER_BYTES + 1];

    while (z && speeds[z] > c->most_baud)
        z--;
    c->next_baud = speeds[z];
    snprintf(bytes, sizeof bytes, "%c0%c0\r\n", ACK, (char)('0' + z));
    set_state(c, D0_CONV_ACK, mono_ms + ANSWER_BYTES * BITS * 1000 / D0_CONV_BAUD + SENT_SLACK);
    c->host->send(c->ctx, bytes, ANSWER_BYTES);
}

/* A line ended while the ident is waited for. */
static void take_ident(struct d0_conv *c, int64_t mono_ms)
{
    char speed = c->len >= IDENT_LEAST ? c->line[SPEED_AT] : '\0';

    if (c->len < IDENT_LEAST || c->line[0] != '/' || c->line[1] == '?') { /* ours, or noise */
        c->len = 0;
        return;
    }
    if (speed >= '0' && speed <= '9') {
        answer(c, speed, mono_ms);
        return;
    }
    bool letter = speed >= 'A' && (size_t)(speed - 'A' + 1) < ARRAY_LEN(speeds);
    c->next_baud = letter ? speeds[speed - 'A' + 1] : D0_CONV_BAUD;
    begin_data(c, mono_ms);
}

/* Behind the echo of our answer all of it is sent. */
static void take_echo(struct d0_conv *c, char b, int64_t mono_ms)
{
    if (b == ACK)
        c->len = 0;
    if (c->len < sizeof c->line)
        c->line[c->len++] = b;
    if (b == '\n' && c->len == ANSWER_BYTES && c->line[0] == ACK)
        begin_data(c, mono_ms);
}

static void take_data(struct d0_conv *c, char b, int64_t mono_ms)
{
    c->data++;
    c->ended |= c->fresh && b == '!';
    c->fresh = b == '\n' || b == '\r';
    c->deadline_ms = mono_ms + (c->ended ? CHECK_MS : SILENT_MS);
}

static void take(struct d0_conv *c, char b, int64_t mono_ms)
{
    switch (c->state) {
    case D0_CONV_IDLE:
        break;
    case D0_CONV_IDENT:
        if (b == '/')
            c->len = 0;
        if (b == '\n')
            take_ident(c, mono_ms);
        else if (b != '\r' && c->len < sizeof c->line)
            c->line[c->len++] = b;
        break;
    case D0_CONV_ACK:
        take_echo(c, b, mono_ms);
        break;
    case D0_CONV_DATA:
        take_data(c, b, mono_ms);
        break;
    }
}

void d0_conv_bytes(struct d0_conv *c, const uint8_t *p, size_t n, int64_t mono_ms)
{
    for (size_t i = 0; i < n; i++)
        take(c, (char)(p[i] & 0x7f), mono_ms); /* 7E1 read as 8N1 */
}

void d0_conv_tick(struct d0_conv *c, int64_t mono_ms)
{
    if (c->state == D0_CONV_IDLE || mono_ms < c->deadline_ms)
        return;
    if (c->state == D0_CONV_ACK)
        begin_data(c, mono_ms);
    else if (c->state == D0_CONV_IDENT)
        end(c, D0_CONV_NO_IDENT);
    else
        end(c, c->data > DATA_LEAST ? D0_CONV_TOLD : D0_CONV_NO_DATA);
}

const char *d0_conv_words(enum d0_conv_end e)
{
    static const char *const words[D0_CONV_ENDS] = {[D0_CONV_TOLD] = "",
                                                    [D0_CONV_NO_IDENT] = "the meter does not answer its call",
                                                    [D0_CONV_NO_DATA] = "the meter answers its call and tells nothing"};

    return words[e];
}
