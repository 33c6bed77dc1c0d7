/* TIC, the client output of French meters (Enedis-NOI-CPT_02E historique, _54E standard): finds groups in the stream,
 * checks each, and collects those of a frame. It never judges whether a counter can be: that is core/meter's.
 *
 *   STX  group … group  ETX
 *   historique   LF  BASE SP 000190575 SP ck CR                     ck over "BASE SP 000190575"
 *   standard     LF  EAST HT 011604109 HT ck CR                     ck over "EAST HT 011604109 HT"
 *                LF  SMAXSN HT E180716063417 HT 00021 HT ck CR      with a stamp
 *
 * ck = (sum & 0x3f) + 0x20, so it may be a space: nothing is trimmed. Six bits let one damage of 64 pass, so a group
 * also needs a label of the table and exactly its number of digits. Any control byte but HT ends a group and begins
 * one: LF and ETX arrive damaged (meters.md). A damaged group is lost alone. */
#ifndef CORE_TIC_H
#define CORE_TIC_H

#include "core/obis.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIC_GROUP_MAX 192 /* bytes; PJOURF+1 is the longest with 122 */
#define TIC_LABELS    64  /* of one mode, at most */

enum tic_mode { TIC_HISTORIQUE, TIC_STANDARD };

struct tic_label {
    const char *name;
    uint8_t digits;
    uint8_t unit; /* enum obis_unit: OBIS_WH and OBIS_VARH are counters, OBIS_VA, OBIS_A, OBIS_V gauges */
};

/* The labels of a mode that are read; *n of them, at most TIC_LABELS. */
const struct tic_label *tic_labels(enum tic_mode mode, size_t *n);

struct tic_frame {
    uint64_t seen;             /* bit i: label i of the mode was in it */
    int64_t milli[TIC_LABELS]; /* thousandths of its unit */
};

/* A frame ended (or one was interrupted, and what came of it stands). */
typedef void (*tic_cb)(void *ctx, const struct tic_frame *f);

struct tic_reader {
    enum tic_mode mode;
    char group[TIC_GROUP_MAX];
    size_t len;
    bool overrun;
    struct tic_frame frame;
    /* statistics: groups taken, of other labels, with a wrong checksum, of a wrong form, too long; frames */
    uint64_t taken, other, bad_sum, bad_form, too_long, frames;
};

void tic_reader_init(struct tic_reader *r, enum tic_mode mode);
void tic_reader_bytes(struct tic_reader *r, const uint8_t *p, size_t n, tic_cb cb, void *ctx);

static inline bool tic_has(const struct tic_frame *f, size_t label)
{
    return f->seen >> label & 1;
}

#endif
