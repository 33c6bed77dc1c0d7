#include "core/mb_words.h"

#include "core/mb_frame.h"
#include "core/num.h"

#include <stdio.h>

const char *mb_words(char words[MB_WORDS], enum mb_outcome outcome, int exception, int unit, int timeout_ms,
                     const char *why)
{
    char seconds[NUM_MAX + 1];

    *num_put_milli(seconds, timeout_ms) = '\0';
    switch (outcome) {
    case MB_TIMEOUT:
        snprintf(words, MB_WORDS, "unit %d did not answer within %s s", unit, seconds);
        break;
    case MB_CRC:
        snprintf(words, MB_WORDS, "unit %d: the answer was damaged on its way", unit);
        break;
    case MB_EXCEPTION:
        snprintf(words, MB_WORDS, "unit %d refused: exception %d (%s)", unit, exception, mb_exception_name(exception));
        break;
    case MB_BAD:
        snprintf(words, MB_WORDS, "unit %d: what came was no answer to what was asked", unit);
        break;
    case MB_GONE:
        snprintf(words, MB_WORDS, "%s", why && *why ? why : "the line is down");
        break;
    case MB_OK:
    case MB_OUTCOMES:
        words[0] = '\0';
        break;
    }
    return words;
}
