/* The simulator whole: the household's time, the board that measures it, the line between board and host.
 * It never waits: the caller owns the loop and hands in the time, and asks when it wants to be called again.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/board.h"
#include "sim/bus.h"
#include "sim/household.h"
#include "sim/line.h"
#include "sim/options.h"
#include "sim/tele.h"

struct sim {
    const struct options *opt;
    /* The household's clock: house_ms, which runs `speed` times as fast as ours since both were at their
     * base. */
    double speed;
    int64_t base_ms, base_house_ms, house_ms;
    struct household household;
    struct board_input in; /* the second that runs */
    const struct board_kind *kind;
    void *board;
    uint64_t written; /* the board's saves at the last write of the EEPROM file */
    struct line line;
    struct buses buses;
    struct teles teles;
    int64_t kept_ms; /* the energies of their meters were written last */
};

/* Make board and line ready at now_ms (monotonic), which is unix_ms of Unix time. 0, or -1 with the reason printed. */
int sim_start(struct sim *s, const struct options *opt, int64_t now_ms, int64_t unix_ms);

/* Save the EEPROM and take the line away. */
void sim_stop(struct sim *s, int64_t now_ms);

/* Let the household live until now. */
void sim_catch_up(struct sim *s, int64_t now_ms);

/* Let ms of household time pass at once, beyond its clock's own pace. */
void sim_advance(struct sim *s, int64_t ms);

/* Change the pace of the household's clock from now on. */
void sim_set_speed(struct sim *s, double speed);

/* The line has bytes for the board. */
void sim_receive(struct sim *s, int64_t now_ms);

/* Send what is due. */
void sim_send(struct sim *s, int64_t now_ms);

/* When sim_send() wants to be called: ms, or -1. */
int64_t sim_deadline(const struct sim *s);

/* Write the EEPROM file if the board saved. */
void sim_keep(struct sim *s);

#endif
