/* The command line of fluksosim.
 * It never opens anything: it turns arguments into checked values. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/bus_meter.h"
#include "sim/faults.h"
#include "sim/flm02.h"
#include "sim/tele.h"

struct board_kind;

/* A meter on a bus; model is into memory of the options. */
struct option_meter {
    size_t bus; /* index in options.buses */
    uint8_t unit;
    char *model;
    enum meter_role role;
    int baud; /* 0: any */
};

/* A telegram line; its link is the options' own memory. */
struct option_line {
    char *link;
    const struct tele_kind *kind;
    int baud;
};

struct options {
    const struct board_kind *board;
    enum flm02_model model;
    const char *link, *control, *eeprom; /* NULL: none; into argv */
    uint64_t seed;
    double speed;           /* household seconds per second; 0: only `advance` moves it */
    int64_t start_s;        /* time of day the household starts at */
    int reply_ms;           /* -1: the model's own */
    int64_t clock_offset_s; /* of the board's clock, against the host's */
    int32_t drift_ppm;      /* by which it runs fast */
    int waveforms;          /* frames a second */
    bool verbose;
    const char *meters, *energy; /* the folder of model files; the file of energies, or NULL */
    const char **buses;          /* the links of their terminals */
    size_t n_buses;
    struct option_meter *meter;
    size_t n_meters;
    bool line_time; /* answers on buses and telegrams take as long as their bytes */
    struct option_line *line;
    size_t n_lines;
    double line_rates[TELE_FAULTS];
    const char *truth; /* the file for what telegrams said, or NULL */
    struct faults faults;
};

#define SPEED_MAX 100000

/* 0: run; 1: help or version was asked and printed; -1: an error was printed. */
int options_parse(struct options *o, int argc, char **argv);
void options_free(struct options *o);

/* A bus, and a meter on the one given last (options_bus.c). 0, or -1 with an error printed. */
int options_bus(struct options *o, const char *link) MUSTCHECK;
int options_meter(struct options *o, const char *text) MUSTCHECK;

/* A telegram line (options_line.c). 0, or -1 with an error printed. */
int options_line(struct options *o, const char *text) MUSTCHECK;
void options_free_lines(struct options *o);

/* A whole number in [min, max] and nothing after it. 0 or -1. */
MUSTCHECK int option_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* A speed: a number in 0..SPEED_MAX. 0 or -1. */
MUSTCHECK int option_speed(const char *text, double *out);

#endif
