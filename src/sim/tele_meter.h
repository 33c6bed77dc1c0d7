/* The household's smart meters, as telegrams tell of them: one at the connection, which feeds in at times, and the gas
 * and the water meter that hang on it. It reads no clock and no line, and knows no form of a telegram. */
#ifndef SIM_TELE_METER_H
#define SIM_TELE_METER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/bus_meter.h"

enum tele_way { TELE_IMPORT, TELE_EXPORT, TELE_WAYS };
enum tele_tariff { TELE_WHOLE, TELE_DAY, TELE_NIGHT, TELE_TARIFFS };
enum tele_pipe { TELE_GAS, TELE_WATER, TELE_PIPES };

#define TELE_QUADRANTS 4
#define TELE_QUARTER_S 900

/* All that it says at one moment. [0] of phases is the whole; power is positive when drawn. */
struct tele_now {
    int64_t unix_s;
    bool day; /* tariff 1 of Belgium, 7 to 22 o'clock of the household's clock */
    int64_t mw[MAINS_PHASES + 1], mvar[MAINS_PHASES + 1], mva[MAINS_PHASES + 1], ma[MAINS_PHASES + 1];
    int32_t mv[MAINS_PHASES + 1], mhz;
    int64_t wh[TELE_WAYS][TELE_TARIFFS];   /* the whole is the sum of the tariffs, as told */
    int64_t varh[TELE_WAYS][TELE_TARIFFS]; /* positive, negative */
    int64_t import_uj, export_uj;
    int64_t quadrant_varh[TELE_QUADRANTS];
    int64_t litres[TELE_PIPES], litres_s[TELE_PIPES]; /* as last read, and when that was */
    int64_t quarter_w;                                /* drawn so far, as if for the whole quarter */
    int64_t peak_w, peak_s;                           /* the highest quarter of the month; when it ended, 0: none yet */
};

struct tele_meter {
    struct bus_meter at;
    int64_t quadrant_uj[TELE_QUADRANTS];
    int64_t ul[TELE_PIPES];                           /* flowed, microlitres */
    int64_t litres[TELE_PIPES], litres_s[TELE_PIPES]; /* as it read them last */
    int64_t read_every_s;
    int64_t quarter_s, quarter_uj; /* the running quarter's start, and the energy drawn then */
    bool quarter_whole;            /* it was seen to begin */
    int64_t peak_w, peak_s;
    unsigned swaps; /* it is another meter since */
};

/* number: which of several meters, so that they differ. */
void tele_meter_init(struct tele_meter *m, uint64_t seed, unsigned number, int64_t read_every_s);

/* Measure what flows in this second of the household for ms more of it. */
void tele_meter_run(struct tele_meter *m, int64_t ms, const struct board_input *in);

/* A second of its clock ended: read gas and water, close a quarter of an hour when it is time. Then what it says. */
void tele_meter_second(struct tele_meter *m, int64_t unix_s, int64_t house_s, struct tele_now *out);

/* Another meter stands there, nearly new. */
void tele_meter_swap(struct tele_meter *m);

/* All that is true, members of a JSON object without its braces. */
void tele_now_truth(const struct tele_now *now, FILE *out);

/* Its counters as numbers for a file, with a space before each; and back: false, and nothing changed, when they are not
 * all there. */
void tele_meter_keep(const struct tele_meter *m, FILE *out);
bool tele_meter_restore(struct tele_meter *m, const char *text);

#endif
