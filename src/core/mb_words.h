/* Why a meter was not read, in words for people. Pure. */
#ifndef CORE_MB_WORDS_H
#define CORE_MB_WORDS_H

#include "core/mb_stats.h"

#define MB_WORDS 160

/* "unit 3 did not answer within 0.5 s", "unit 3 refused: exception 2 (illegal data address)" … ; why: what the line
 * said (NULL or "": nothing), told when it is the line's fault. Returns words; "" with MB_OK. */
const char *mb_words(char words[MB_WORDS], enum mb_outcome outcome, int exception, int unit, int timeout_ms,
                     const char *why);

#endif
