/* What telegrams tell: the codes of a line's sensors, what each is in, and by what a protocol names it. Constant
 * tables; it never reads a telegram.
 *
 *   code       names          told by                                             gauge  counter
 *   "net"      the line       import less export: 1.7.0 - 2.7.0, else 16.7.0      W      Wh, may fall
 *   "import"   "import"       1.7.0; 1.8.0, EAST, else the sum of the tariffs     W      Wh
 *   "1.8.1"    "import T1"    1.8.1                                                      Wh
 *   "easf01"   "EASF01"       EASF01                                                     Wh
 *   "31.7.0"   "current L1"   31.7.0, IRMS1, IINST, IINST1                        A
 *   "gas"      "gas"          the first gas meter among the M-Bus devices                L
 *   "gas-2"    "gas 2"        the second
 *
 * A code is one sensor, which has a gauge, a counter or both; its id derives from "line/<key of the line>/<code>". The
 * same code may stand there twice, for protocols that tell different things by it. */
#ifndef CORE_LINE_CODES_H
#define CORE_LINE_CODES_H

#include "core/p1_telegram.h"
#include "core/reading.h"
#include "core/sensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_protocol { LINE_P1, LINE_D0, LINE_TIC, LINE_TIC_HISTORIQUE, LINE_PROTOCOLS };

/* Those of all protocols are numbered through; these begin the table, and are (also) put together of others. */
enum { LINE_NET, LINE_IMPORT, LINE_EXPORT, LINE_TIC_IMPORT, LINE_TIC_EXPORT };

#define LINE_CODES   160 /* numbers of codes are below this */
#define LINE_CODE    16  /* bytes of a code with its end */
#define LINE_WORDS   32  /* likewise of a name's end */
#define LINE_DEVICES 4   /* of one kind, on the M-Bus of a P1 meter */
#define LINE_LABELS  3   /* of TIC, for one code */

struct line_code {
    const char *code;                /* "1.8.1" */
    const char *words;               /* the sensor's name behind the line's: "import T1"; "": it has the line's */
    const char *unit[READING_KINDS]; /* NULL: there is no such kind */
    uint8_t protocols;               /* bit n: enum line_protocol n has it */
    uint8_t type;                    /* enum sensor_type */
    bool main;                       /* the line's first: what id and report of the settings say is said of it */
    bool known; /* clients of old know its counter, and may have it reported: main, gas and water */
    bool falls; /* its counter is a difference (LEDGER_DIFFERENCE) */
    struct {
        uint8_t c, d, e; /* c 0: none */
    } obis[READING_KINDS];
    const char *labels[LINE_LABELS]; /* of TIC groups, whatever the kind */
    uint8_t device;                  /* enum p1_device, and */
    uint8_t nth;                     /* which of the meter's, from 1 in the order of its channels */
};

extern const struct line_code line_codes[];
extern const size_t line_codes_len;

static inline bool line_code_has(size_t code, enum line_protocol p)
{
    return line_codes[code].protocols >> p & 1;
}

/* The number of a code of this protocol; -1: it has none such. */
int line_code_find(enum line_protocol p, const char *code);

/* What a value with this OBIS code of an electricity meter (or a heat meter by D0) is; *kind: its gauge or counter. e
 * is 255 where the code has but two numbers. -1: nothing that is shown. */
int line_code_obis(enum line_protocol p, unsigned c, unsigned d, unsigned e, enum reading_kind *kind);

/* The same of a TIC group. */
int line_code_label(enum line_protocol p, const char *label, enum reading_kind *kind);

/* The counter of the nth (from 1) device of a kind on a P1 meter's M-Bus; -1: none of ours. */
int line_code_device(enum p1_device device, unsigned nth);

/* The unit as a meter would have to say it; OBIS_PLAIN of "". */
enum obis_unit line_code_unit(size_t code, enum reading_kind kind);

/* Its counter is told each hour or day, and is a reading when it changed: an M-Bus device's, a heat meter's. */
bool line_code_rare(size_t code);

/* "p1", "d0", "tic", "tic-historique" */
const char *line_protocol_name(enum line_protocol p);

#endif
