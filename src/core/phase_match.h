/* Phase match: which phase each clamp of an FLX board sits on, from the angle and the size of its current. */
#ifndef CORE_PHASE_MATCH_H
#define CORE_PHASE_MATCH_H

#include "core/settings.h"

#include <stdbool.h>
#include <stdint.h>

#define PHASE_CLAMPS 3

struct phase_clamp {
    bool present;
    int64_t alpha_milli; /* thousandths of a degree, as measured under the shift that is set now */
    int64_t irms_milli;  /* mA */
    uint8_t shift;       /* that is set now: multiples of 60 degrees, 0..5 */
};

struct phase_proposal {
    bool known; /* false: summary says why nothing can be proposed */
    uint8_t shift[PHASE_CLAMPS];
    char why[PHASE_CLAMPS][120];
    char summary[200];
};

void phase_match(const struct phase_clamp clamps[PHASE_CLAMPS], enum phase phase, struct phase_proposal *out);

#endif
