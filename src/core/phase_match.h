/* Phase match: by how much the board has to turn its voltage for each clamp, from the angle and the size of the
 * current. It proposes and explains; it measures nothing, stores nothing, and rather knows nothing than guesses.
 *
 * The board measures one voltage, that of its own plug. A clamp's current lags behind it by an angle that depends on
 * the phase that the clamp sits on and on the way round that it sits there; the board makes up for it with a shift, a
 * number of turns by 60 degrees:
 *
 *                  4 (240)     5 (300)             even, the right way round:   0 the voltage's own phase
 *                       \      /                                                2 the one 120 degrees behind it
 *                        \    /                                                 4 the one 240 degrees behind it
 *           3 (180) ------ o ------ 0 (the board's voltage)
 *                        /    \                    odd, the wrong way round:    3 its own phase
 *                       /      \                                                5 the one 120 degrees behind it
 *                  2 (120)     1 (60)                                           1 the one 240 degrees behind it
 *
 * One phase: 0 or 3, whichever is nearer.
 *
 * Three phases, the first that holds:
 *  1. All three clamps carry enough, each is near a multiple of 60 degrees, and these lie on three different phases:
 *     they are the answer, whichever way round each clamp sits.
 *  2. The two largest currents decide, as clamps that sit the same way round: the largest by the multiple of 60
 *     degrees that it is nearest to, the second by whether it leads or lags it by 120. The third gets the phase that
 *     is left, when what it carries does not speak against it (more than 90 degrees off).
 *     A clamp that takes part alone: the multiple that it is nearest to.
 *  3. Nothing is known: two clamps on one phase, one of two the wrong way round, the middle between two multiples.
 *
 * What it takes for granted:
 *  - The board says alpha against the voltage as it is, not as it has turned it: the shift that is set does not count.
 *    (So does the published daemon of such boards: it takes the shift from alpha alone, whatever was set before.)
 *  - Loads are near to ohmic; a motor alone is not. Nothing feeds in: that looks like a clamp the wrong way round.
 *  - Each clamp sits on a phase of its own, but for one phase.
 *  - A board that was told of a net without neutral (3p-n) refers its voltage to the star point by itself. */
#ifndef CORE_PHASE_MATCH_H
#define CORE_PHASE_MATCH_H

#include "core/settings.h"

#include <stdbool.h>
#include <stdint.h>

#define PHASE_CLAMPS        3
#define PHASE_ENOUGH_MILLI  500   /* mA: 115 W; below, the angle is that of noise */
#define PHASE_NEAR_MILLI    24000 /* thousandths of a degree from a multiple of 60; 30 is the middle between two */
#define PHASE_NEAR_1P_MILLI 66000 /* from 0 or 180 degrees: a power factor of 0.4 */

struct phase_clamp {
    bool present;
    int64_t alpha_milli; /* thousandths of a degree that the current lags behind the board's own voltage */
    int64_t irms_milli;  /* mA */
    uint8_t shift;       /* that is set now, a flip in it: 0..5 */
};

struct phase_proposal {
    bool known;                  /* false: shifts are those set now, and summary says why nothing can be proposed */
    uint8_t shift[PHASE_CLAMPS]; /* 0..5, odd: the clamp is the wrong way round; of a clamp that is left as it is: the
                                    one now */
    char why[PHASE_CLAMPS][120]; /* without the port's name */
    char summary[200];
};

/* Of ports 1 to 3; out is written whole. A clamp that is not present keeps its shift. */
void phase_match(const struct phase_clamp clamps[PHASE_CLAMPS], enum phase phase, struct phase_proposal *out);

#endif
