/* Faults of the line, by rate or to order: replies dropped, corrupted, cut short, delayed, or with garbage
 * before them. It never touches the board: what a reply has reported is gone, whether the reply arrives or
 * not. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"

#define FAULTS_GARBAGE_MAX 16 /* bytes of garbage before a reply */

enum fault { FAULT_DROP, FAULT_CORRUPT, FAULT_CUT, FAULT_DELAY, FAULT_GARBAGE, FAULT_KINDS };

struct faults {
    uint64_t rng;
    double rate[FAULT_KINDS];      /* of the replies that have it, 0..1 */
    unsigned ordered[FAULT_KINDS]; /* the next so many replies have it */
    int64_t rate_delay_ms, ordered_delay_ms;
    uint64_t done[FAULT_KINDS];
    bool binary; /* replies are frames of bytes, else text */
};

void faults_init(struct faults *f);

/* Which chance. */
void faults_seed(struct faults *f, uint64_t seed);

const char *fault_name(enum fault kind);

/* Rates as text: "drop=0.01,delay=0.02:400" (ms after the colon). 0, or -1 when it is not of that form. */
MUSTCHECK int faults_parse(struct faults *f, const char *text);

/* Give a reply its faults: text and length change in place (room for FAULTS_GARBAGE_MAX more bytes),
 * *delay_ms is how much later it arrives. Returns the new length; 0: dropped. */
size_t faults_apply(struct faults *f, char *reply, size_t len, int64_t *delay_ms);

/* Random bytes. */
void faults_garbage(struct faults *f, char *dst, size_t n);

#endif
