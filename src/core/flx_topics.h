/* What an FLX board tells beside its readings, as topics below /device/<id>/ (mqtt.md): its clock and its waveforms.
 * It never publishes, allocates or formats with printf: waveforms may come a hundred times a second.
 *
 *   flx/time                             [<host's second>, <board's second>]
 *   flx/voltage/1, flx/current/<1..3>    [[<s>,<ms>],[<32 samples>],"mV"]    ("mA") */
#ifndef CORE_FLX_TOPICS_H
#define CORE_FLX_TOPICS_H

#include "core/flx_msg.h"
#include "core/num.h"

#include <stddef.h>
#include <stdint.h>

#define FLX_TOPICS_TIME     "flx/time"
#define FLX_TOPICS_TIME_MAX (2 * NUM_MAX + 4)
#define FLX_TOPICS_WAVE_MAX ((FLX_WAVE_SAMPLES + 2) * (NUM_MAX + 1) + 16)

/* Write the payload, not terminated; returns its length. */
size_t flx_topics_time(char dst[FLX_TOPICS_TIME_MAX], int64_t host_s, int64_t board_s);

/* The same for a waveform; type is FLX_VOLTAGE or FLX_CURRENT. */
size_t flx_topics_wave(char dst[FLX_TOPICS_WAVE_MAX], enum flx_type type, const struct flx_wave *w);

/* Where it goes, a static string: "flx/voltage/1", "flx/current/2" (index 1; below FLX_CLAMPS, as the decoder has it).
 */
const char *flx_topics_wave_below(enum flx_type type, uint8_t index);

#endif
