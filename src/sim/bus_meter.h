/* A simulated meter on RS-485: what it measures of the household, its energies, and its registers as the file of its
 * model describes them. It reads no clock, no file and no line; its registers are encoded by code of its own.
 *
 *   role      what it sits on
 *   main      all that the household takes, over its three phases (sim/mains.h)
 *   solar     what the panels give, on phase 3, counted as taken
 *   boiler    the electric boiler, on phase 2
 *   grid      the connection: main less solar, so that it feeds in at times
 *   l1 l2 l3  one phase of the connection
 *
 * A model of one phase shows the sum. Energies are the integral of the power, to the microjoule. */
#ifndef SIM_BUS_METER_H
#define SIM_BUS_METER_H

#include "core/meter_model.h"
#include "core/util.h"
#include "sim/board.h"
#include "sim/faults.h"
#include "sim/mains.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum meter_role { ROLE_MAIN, ROLE_SOLAR, ROLE_BOILER, ROLE_GRID, ROLE_L1, ROLE_L2, ROLE_L3, ROLES };

enum meter_energy { ENERGY_IMPORT, ENERGY_EXPORT, ENERGY_Q_IMPORT, ENERGY_Q_EXPORT, METER_ENERGIES };

#define METER_SUFFIXES 8 /* the whole; phases 1 to 3; tariffs 1 to 4 */

struct bus_meter {
    /* set by the owner */
    const struct meter_model *model;
    uint8_t unit;
    enum meter_role role;
    int baud; /* the only speed that it understands; 0: any */
    uint64_t seed;
    struct faults faults;

    /* what it measures now */
    struct mains_load load[MAINS_PHASES + 1]; /* [0]: the sum */
    int32_t mv[MAINS_PHASES + 1], mhz;
    int64_t uj[METER_ENERGIES][METER_SUFFIXES];
    bool given; /* made to see watts, not the household */
    int64_t watts;

    /* as orders make it */
    bool dead, strict; /* strict: it refuses to read along what it does not have */
    int64_t slow_ms;
    unsigned longest; /* registers of the longest read that it answers; 0: as the model says */
    uint8_t exception;
    unsigned exceptions_left;

    uint64_t requests, answers, refusals, registers; /* registers: read */
};

/* The role of that name in either case, or -1. */
int meter_role_find(const char *name);
const char *meter_role_name(enum meter_role role);

/* Measure what flows in this second of the household for ms more of it. */
void bus_meter_run(struct bus_meter *m, int64_t ms, const struct board_input *in);

/* What it measures, in thousandths of the quantity's unit; energies rounded down. */
int64_t bus_meter_milli(const struct bus_meter *m, uint8_t quantity);

/* What a read finds: 0, or the exception (enum bus_exception). */
uint8_t bus_meter_read(const struct bus_meter *m, int function, unsigned address, unsigned count,
                       uint16_t *words) MUSTCHECK;

/* From now on its imported energy is this, the rest of its energies 0: another meter stands there. */
void bus_meter_replace(struct bus_meter *m, int64_t wh);

/* {"power":230000,…}: all that its model has, in thousandths. */
void bus_meter_truth(const struct bus_meter *m, FILE *out);

#endif
