/* The messages of the FLM02 sensor board as text, in both directions (board-flm02.md, "Framing").
 * It never decides what to say and never waits: bytes in, messages or a refusal out.
 *
 *   host -> board   l  c c  hex arguments  k k  .
 *   board -> host   l  c c  hex arguments  k k  .  u  hex of RS-485 bytes
 *                   l  u                               (nothing pending)
 *
 * cc: two command letters; kk: CRC-8 over letters and arguments. */
#ifndef CORE_FLM02_CODEC_H
#define CORE_FLM02_CODEC_H

#include <stddef.h>
#include <stdint.h>

#define FLM02_SENSORS     6
#define FLM02_PORTS       6
#define FLM02_ARGS_MAX    (FLM02_SENSORS * 22)     /* hex digits of the longest reply: gd with six records */
#define FLM02_BODY_MAX    (2 + FLM02_ARGS_MAX + 2) /* letters, arguments, CRC */
#define FLM02_REQUEST_MAX 24                       /* lsp with its six ports has 18 */

/* What one call of flm02_read() found. */
enum flm02_event {
    FLM02_MORE,    /* all bytes are used up */
    FLM02_MESSAGE, /* letters, args and n_args hold a message whose CRC is right */
    FLM02_NOTHING, /* "lu": the board had nothing to say */
    FLM02_UART,    /* uart holds one byte of the RS-485 port */
    FLM02_REFUSED, /* why says what was wrong; the bytes are skipped */
};

enum flm02_refusal {
    FLM02_NOISE, /* bytes outside any message */
    FLM02_CUT,   /* a message that ended before its '.' */
    FLM02_BAD_CRC,
    FLM02_TOO_LONG,
    FLM02_BAD_TEXT, /* too short, or arguments that are not hex */
    FLM02_REFUSALS
};

struct flm02_reader {
    enum { FLM02_SEEK, FLM02_BODY, FLM02_TAIL } state;
    char body[FLM02_BODY_MAX];
    size_t len;
    int high_nibble; /* first digit of a UART byte, or -1 */
    /* the last event */
    const char *letters; /* two, not terminated; point into body */
    const char *args;
    size_t n_args; /* hex digits */
    uint8_t uart;
    enum flm02_refusal why;
    uint64_t refused[FLM02_REFUSALS];
};

void flm02_reader_init(struct flm02_reader *r);

/* Take bytes at *p until something is found or they end at `end`; *p moves behind what was used. */
enum flm02_event flm02_read(struct flm02_reader *r, const char **p, const char *end);

/* The line was silent: what is half read is no message any more. */
void flm02_reader_silence(struct flm02_reader *r);

/* Write a request: letters, n_args hex digits, CRC. dst has FLM02_REQUEST_MAX bytes. Returns its length. */
size_t flm02_write(char *dst, const char *letters, const char *args, size_t n_args);

/* One record of a gd reply. */
struct flm02_record {
    uint8_t id;       /* logical sensor 0..5 */
    uint32_t counter; /* whole units: Wh or L */
    uint16_t milli;   /* thousandths of a unit, 0..999; 0 on hardware 2.0 */
    uint32_t extra;   /* W for analog sensors; ms since the board's start of the last pulse for pulse sensors */
};

/* Records of a gd reply, whose args flm02_read() found to be hex: `digits` per record are 18 (hardware 2.0) or 22.
 * Returns their number, or -1 when the arguments do not divide into records, an id is 6 or more, or thousandths are
 * 1000 or more. */
int flm02_records(const char *args, size_t n_args, unsigned digits, struct flm02_record out[FLM02_SENSORS]);

const char *flm02_refusal_name(enum flm02_refusal r);

#endif
