/* What the simulator asks of a board, whichever it is: to live along with the household, to take and give bytes, to
 * keep an EEPROM, and to say what is true. A board reads no clock, no line and no file: all is handed to it. */
#ifndef SIM_BOARD_H
#define SIM_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/util.h"
#include "sim/household.h"

#define BOARD_IMAGE_MAX 2048 /* room for an EEPROM image */
#define BOARD_CLAMPS    3

struct line;
struct options;
struct order;

/* The running second of the household: its number since midnight of the first day, and what flows in it. */
struct board_input {
    int64_t second;
    struct household_second flow;
    int64_t extra_w; /* more load on main */
};

/* self is what new() gave. house_ms is time of the household, now_ms of the line: milliseconds both. */
struct board_kind {
    const char *name;           /* of --board */
    bool absent;                /* there is no line of it */
    unsigned meter_port;        /* physical port, from 0, of the household's meter 0; the others follow */
    const struct order *orders; /* the board's own */
    size_t n_orders;

    void *(*new)(const struct options *o, struct line *line, int64_t house_ms, int64_t unix_ms);
    void (*free)(void *self);
    const char *(*title)(const void *self); /* "flm02 2.1" */

    /* The EEPROM as text (dst: BOARD_IMAGE_MAX bytes); load: 0, or -1 when the image is not one of this board. saves:
     * how often it changed. */
    size_t (*image)(const void *self, char *dst);
    int (*load)(void *self, const char *image, size_t len);
    uint64_t (*saves)(const void *self);
    void (*commit)(void *self);

    /* Measure up to house_ms; at no time across the end of a second of the household. */
    void (*run)(void *self, int64_t house_ms, const struct board_input *in);
    /* n pulses on a physical port, from 0, now. Ports that are no pulse input ignore them. */
    void (*pulse)(void *self, unsigned port, unsigned n);
    /* When run() would have something to send, in time of the household; INT64_MAX: only when asked. */
    int64_t (*house_due)(const void *self);

    void (*receive)(void *self, int64_t now_ms, const uint8_t *bytes, size_t n);
    /* Put onto the line what is due at now_ms; when the next is due, -1: nothing. */
    void (*turn)(void *self, int64_t now_ms);
    int64_t (*due)(const void *self);

    /* The members of a JSON object that only this board has, each with a comma before it. */
    void (*stats)(const void *self, FILE *out);
};

extern const struct board_kind board_kind_flm02, board_kind_flx, board_kind_none;

#endif
