/* For the tests of what talks to an FLM02 board: a board small enough to be seen through. */
#ifndef TEST_FLM02_STUB_H
#define TEST_FLM02_STUB_H

#include "unit.h"

#include "core/crc8.h"
#include "core/flm02_want.h"
#include "core/num.h"

#include <stdio.h>
#include <string.h>

#define REPLY_MS 5

/* It keeps a picture, answers each message, and notes what it was told. */
static struct {
    struct flm02_picture held;
    unsigned minor;
    bool silent, forgets, deaf_to_ct, refuses; /* refuses: echoes without arguments */
    unsigned drop;                             /* replies to lose from now on */
    unsigned wrong_crc;                        /* replies to spoil from now on */
    char log[65536];                           /* letters of each request, a space between */
    char gd[160];                              /* arguments of the next gd reply */
    const char *tail;                          /* what stands behind the next reply's u */
} board;

static inline uint32_t hex(const char *p, unsigned digits)
{
    uint32_t v = 0;

    assert_int_equal(num_get_hex(p, digits, &v), 0);
    return v;
}

/* What a request's reply carries, from the picture. */
static inline int answer(const char *q, size_t n_args, char *args)
{
    const char *a = q + 3;
    unsigned id = n_args >= 2 ? hex(a, 2) : 0;
    struct flm02_picture *h = &board.held;

    if (q[1] == 's' && q[2] == 'e' && !board.forgets)
        h->sensor[id].enable = hex(a + 2, 2);
    if (q[1] == 's' && q[2] == 'm')
        h->sensor[id].constant = (uint16_t)hex(a + 2, 4);
    if (q[1] == 's' && q[2] == 'f')
        h->sensor[id].fraction = (uint16_t)hex(a + 2, 4);
    if (q[1] == 's' && q[2] == 'p')
        for (unsigned p = 0; p < FLM02_PORTS; p++)
            h->port_map[p] = (uint8_t)hex(a + 2 * p, 2);
    if (q[1] == 's' && q[2] == 'k')
        h->analog_enable = (uint8_t)hex(a, 2);
    if (q[1] == 'g' && q[2] == 'h')
        return sprintf(args, "0002%02x", board.minor);
    if (q[1] == 'g' && q[2] == 'e')
        return sprintf(args, "%02x%02x", id, h->sensor[id].enable);
    if (q[1] == 'g' && q[2] == 'm')
        return sprintf(args, "%02x%04x", id, h->sensor[id].constant);
    if (q[1] == 'g' && q[2] == 'f')
        return sprintf(args, "%02x%04x", id, h->sensor[id].fraction);
    if (q[1] == 'g' && q[2] == 'p')
        return sprintf(args, "%02x%02x%02x%02x%02x%02x", h->port_map[0], h->port_map[1], h->port_map[2], h->port_map[3],
                       h->port_map[4], h->port_map[5]);
    if (q[1] == 'g' && q[2] == 'k')
        return sprintf(args, "%02x0000", h->analog_enable);
    if (q[1] == 'g' && q[2] == 'i')
        return sprintf(args, "%02x", h->led_mode);
    if (q[1] == 'g' && (q[2] == 'w' || q[2] == 'b'))
        return sprintf(args, "0001");
    if (q[1] == 'g' && q[2] == 'd')
        return sprintf(args, "%s", board.gd);
    return sprintf(args, "%.*s", (int)n_args, a);
}

static char pending[512]; /* what it says */
static int64_t reply_at;  /* and when; 0: not settled yet */

/* It hears a request. */
static inline void board_hears(const char *q, size_t n)
{
    char args[200] = "", body[220];
    size_t n_args = n - 6;

    snprintf(board.log + strlen(board.log), sizeof board.log - strlen(board.log), "%.2s ", q + 1);
    assert_int_equal(q[0], 'l');
    assert_int_equal(q[n - 1], '.');
    assert_int_equal(hex(q + n - 3, 2), crc8(q + 1, n - 4));
    if (board.silent)
        return;
    answer(q, n_args, args);
    if (board.refuses && q[1] == 's')
        args[0] = '\0';
    snprintf(body, sizeof body, "%.2s%s", q + 1, args);
    if (board.deaf_to_ct && memcmp(q + 1, "ct", 2) == 0)
        return;
    if (board.drop) {
        board.drop--;
        return;
    }
    uint8_t crc = crc8(body, strlen(body));
    if (board.wrong_crc) {
        board.wrong_crc--;
        crc ^= 1;
    }
    snprintf(pending, sizeof pending, "l%s%02x.u%s", body, crc, board.tail ? board.tail : "");
    board.tail = NULL;
    if (memcmp(q + 1, "gd", 2) == 0)
        board.gd[0] = '\0';
}

/* Hardware 2.1 that was never configured. */
static inline void board_reset(void)
{
    memset(&board, 0, sizeof board);
    memset(board.held.port_map, 0xff, sizeof board.held.port_map);
    board.held.analog_enable = 1;
    board.held.led_mode = 0xff;
    board.minor = 1;
    pending[0] = '\0';
    reply_at = 0;
}

/* What it says now: REPLY_MS after it heard. False: nothing. */
static inline bool board_says(int64_t now, char bytes[sizeof pending])
{
    if (pending[0] && !reply_at)
        reply_at = now + REPLY_MS;
    if (!pending[0] || now < reply_at)
        return false;
    strcpy(bytes, pending);
    pending[0] = '\0';
    reply_at = 0;
    return true;
}

/* How often it heard this. */
static inline unsigned count(const char *letters)
{
    unsigned n = 0;

    for (const char *p = board.log; (p = strstr(p, letters)); p++)
        n++;
    return n;
}

#endif
