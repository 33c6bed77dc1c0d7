/* What a line's bytes say, whatever its protocol: a decoder takes bytes and tells of telegrams, each with its values by
 * the codes of core/line_codes.h. It never judges whether a value can be (core/line_measure.h does).
 *
 *   bytes ─► core/p1_reader, d0_reader, tic ─► telegram ─► by OBIS code or label ─► values
 *                                                    └───► what no meter tells: import of its tariffs, net
 *
 * Where a meter sums up nothing, import is the sum of its tariffs, of TIC historique of one contract's; where a
 * telegram has no check, only while the same tariffs come in one telegram after the other: one that is lost is no fall.
 */
#ifndef CORE_LINE_DECODE_H
#define CORE_LINE_DECODE_H

#include "core/line_codes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_VALUES 80
#define LINE_TEXT   8192 /* bytes of a telegram's text, at most */

/* Why a telegram, a part of it, or a value was refused. */
enum line_refused {
    LINE_REFUSED_CRC,      /* of a telegram, of a group of TIC */
    LINE_REFUSED_CUT,      /* the next one began before it ended */
    LINE_REFUSED_TOO_LONG, /* longer than any meter's */
    LINE_REFUSED_FORM,     /* a line or a group that cannot be read, in a telegram that is good else */
    LINE_REFUSED_RANGE,    /* a value: beyond what its connection can have */
    LINE_REFUSED_RATE,     /* a counter that fell, rose too fast or is zero: it waits to be confirmed */
    LINE_REFUSED_KINDS
};

/* "crc", "cut", "too_long", "form", "range", "rate" */
const char *line_refused_name(enum line_refused r);

/* For people: "its check is wrong", "it does not go on from the last" … */
const char *line_refused_words(enum line_refused r);

struct line_value {
    uint8_t code; /* index in line_codes */
    uint8_t kind; /* enum reading_kind */
    int64_t milli;
    int64_t stamp_s; /* Unix second that the meter says it is of; 0: it says none */
};

struct line_values {
    int64_t unix_s; /* of the telegram, by the meter's clock; 0: it has none, or it is unset */
    bool checked;   /* by 16 bits or 8; TIC has 6 for each value */
    size_t n;
    struct line_value v[LINE_VALUES];
};

/* What came: good ones have values; of others `why`, and text is what there was. Valid during the call. */
struct line_telegram {
    bool good;
    enum line_refused why;
    const struct line_values *values;
    unsigned bad;      /* good: lines of it that cannot be read */
    const char *ident; /* good: "FLU5\253769484_A"; "" of TIC */
    const char *text;  /* as it came, bit 7 apart; of TIC a group that was refused, or a frame */
    size_t len;
};

typedef void (*line_decode_cb)(void *ctx, const struct line_telegram *t);

struct line_decoder {
    size_t size; /* of its state, the owner's */
    void (*init)(void *self);
    void (*bytes)(void *self, const uint8_t *p, size_t n, line_decode_cb cb, void *ctx);
    /* The line was silent for LINE_PAUSE_MS: what is open has ended. */
    void (*pause)(void *self, line_decode_cb cb, void *ctx);
};

#define LINE_PAUSE_MS 1000

const struct line_decoder *line_decoder(enum line_protocol p);

#endif
