/* The simulator whole: the household's time, the board that measures it, the line between board and host.
 * It never waits: the caller owns the loop and hands in the time, and asks when it wants to be called again.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/faults.h"
#include "sim/flm02.h"
#include "sim/household.h"
#include "sim/options.h"
#include "sim/pty.h"
#include "sim/wire.h"

#define SIM_ON_THE_WAY 16 /* replies that a delay holds back; more are dropped */

struct sim_reply {
    int64_t due_ms;
    size_t len;
    char text[FLM02_REPLY_MAX + FAULTS_GARBAGE_MAX];
};

struct sim {
    const struct options *opt;
    /* The household's clock: house_ms, which runs `speed` times as fast as ours since both were at their
     * base. */
    double speed;
    int64_t base_ms, base_house_ms, house_ms;
    struct household household;
    struct household_second second; /* the one that runs */
    int64_t extra_w;                /* more load on main */
    int32_t clamp_w[FLM02_CLAMPS];  /* what a clamp is made to see; -1: the household */
    struct flm02 board;
    uint64_t written; /* board.saves at the last write of the EEPROM file */
    struct wire wire;
    struct faults faults;
    struct pty pty;
    struct sim_reply way[SIM_ON_THE_WAY];
    unsigned way_len;
};

/* Make board and line ready at now_ms (monotonic). 0, or -1 with the reason printed. */
int sim_start(struct sim *s, const struct options *opt, int64_t now_ms);

/* Save the EEPROM and take the line away. */
void sim_stop(struct sim *s, int64_t now_ms);

/* Let the household live until now. */
void sim_catch_up(struct sim *s, int64_t now_ms);

/* Let ms of household time pass at once, beyond its clock's own pace. */
void sim_advance(struct sim *s, int64_t ms);

/* Change the pace of the household's clock from now on. */
void sim_set_speed(struct sim *s, int64_t now_ms, double speed);

/* The line has bytes for the board. */
void sim_receive(struct sim *s, int64_t now_ms);

/* Send what is due. */
void sim_send(struct sim *s, int64_t now_ms);

/* When sim_send() wants to be called: ms, or -1. */
int64_t sim_deadline(const struct sim *s);

/* Write the EEPROM file if the board saved. */
void sim_keep(struct sim *s);

#endif
