#include "fake_board.h"

#include "core/crc8.h"
#include "core/num.h"

#include <string.h>

#define SENSORS    6
#define MEASURING  5 /* the sixth is the RS-485 port: it has no records */
#define PULSE_FROM 3

/* Registers by the second letter of their commands: the text of value, behind the id where there is one. */
static struct reg {
    char letter;
    bool by_id;
    size_t digits;
    char value[SENSORS][17];
} regs[] = {
    {'h', false, 6, {"000201"}}, {'s', false, 4, {"0100"}}, {'p', false, 12, {"ffffffffffff"}},
    {'w', false, 4, {"0000"}},   {'b', false, 4, {"0000"}}, {'e', true, 2, {""}},
    {'m', true, 4, {""}},        {'f', true, 4, {""}},      {'c', true, 8, {""}},
};

static uint32_t counter[SENSORS];

static struct reg *find_reg(char letter)
{
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++)
        if (regs[i].letter == letter)
            return &regs[i];
    return NULL;
}

void fake_board_init(bool on)
{
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++)
        for (int id = 0; regs[i].by_id && id < SENSORS; id++)
            memset(regs[i].value[id], '0', regs[i].digits);
    for (int id = 0; on && id < SENSORS; id++)
        memcpy(find_reg('e')->value[id], "01", 2);
}

/* The records of all enabled sensors, each with a counter one higher than last time. */
static size_t put_delta(char *dst, uint32_t now_ms)
{
    char *p = dst;

    for (uint32_t id = 0; id < MEASURING; id++) {
        if (memcmp(find_reg('e')->value[id], "01", 2) != 0)
            continue;
        counter[id]++;
        p = num_put_hex(p, id, 2);
        p = num_put_hex(p, counter[id], 8);
        p = num_put_hex(p, 0, 4);
        p = num_put_hex(p, id < PULSE_FROM ? 200 + 100 * id + counter[id] % 1000 : now_ms, 8);
    }
    return (size_t)(p - dst);
}

/* Reply to the command of two letters and n argument digits at msg; returns the length of the text at dst. */
static size_t answer(const char *msg, size_t n, uint32_t now_ms, char *dst)
{
    struct reg *r = find_reg(msg[1]);
    size_t id_digits = r && r->by_id ? 2 : 0;
    uint32_t id = 0;

    memcpy(dst, msg, 2);
    if (memcmp(msg, "gd", 2) == 0)
        return 2 + put_delta(dst + 2, now_ms);
    if (!r || n < id_digits || (id_digits && (num_get_hex(msg + 2, 2, &id) < 0 || id >= SENSORS)))
        return 2;
    if (msg[0] == 's' && n >= id_digits + r->digits)
        memcpy(r->value[id], msg + 2 + id_digits, r->digits);
    if (msg[0] == 's' && r->letter == 'c')
        num_get_hex(r->value[id], 8, &counter[id]);
    memcpy(dst + 2, msg + 2, id_digits);
    memcpy(dst + 2 + id_digits, r->value[id], r->digits);
    return 2 + id_digits + r->digits;
}

size_t fake_board_reply(const char *msg, size_t len, uint32_t now_ms, char *reply, bool *delta)
{
    uint32_t crc;
    size_t n;

    reply[0] = 'l';
    if (len < 6 || msg[0] != 'l' || num_get_hex(msg + len - 3, 2, &crc) < 0 || crc != crc8(msg + 1, len - 4)) {
        memcpy(reply + 1, "zz", 2);
        n = 2;
    } else {
        n = answer(msg + 1, len - 6, now_ms, reply + 1);
    }
    num_put_hex(reply + 1 + n, crc8(reply + 1, n), 2);
    memcpy(reply + 3 + n, ".u", 2);
    *delta = n > 2 && memcmp(reply + 1, "gd", 2) == 0;
    return n + 5;
}
