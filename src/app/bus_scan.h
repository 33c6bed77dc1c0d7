/* The inside of the verb `bus-scan`, for its own files: bus_scan.c (the search), bus_scan_args.c (what is wanted). */
#ifndef APP_BUS_SCAN_H
#define APP_BUS_SCAN_H

#include "app/bus_job.h"
#include "core/jsonw.h"
#include "core/meter_guess.h"

#define SPEEDS      48
#define GUESS_READS 64
#define UNITS       256

struct speed {
    int baud; /* 0: the line's own */
    char parity;
};

struct bus_scan {
    struct bus_job j;
    int from, to, timeout_ms;
    struct speed speeds[SPEEDS];
    size_t n_speeds;
    struct speed own;
    int stop_bits;
    /* where it is */
    size_t speed;
    int pass, unit;
    bool again; /* the unit is asked once more: what came was damaged */
    bool found[UNITS];
    size_t n_found;
    struct jsonw result;
    /* what models there are */
    char (*ids)[METER_MODEL_ID];
    size_t n_ids, loaded;
    struct meter_model **models;
    size_t n_models;
    /* of the unit that answered */
    int64_t took_us;
    bool guessing;
    struct guess_read reads[GUESS_READS];
    struct guess_answer answers[2 * GUESS_READS];
    size_t n_reads, at, n_answers;
    bool more; /* the second set of reads */
};

/* The arguments of a scan: line, units, speeds, time-out. 0, or -1 with the reason in error. */
int bus_scan_parse(struct bus_scan *s, const struct cJSON *args, char error[JOB_LINE]) MUSTCHECK;

#endif
