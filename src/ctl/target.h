/* Which sensor a word on the command line means: its name, number or id.
 * It never guesses: what is not found or not unique is told, with all there are. */
#ifndef CTL_TARGET_H
#define CTL_TARGET_H

#include "core/util.h"

#include <cjson/cJSON.h>

struct answer;
struct ctl;

/* GET sensors. Returns as call(); *sensors is the list in the answer, which stays its owner. */
int target_list(const struct ctl *c, struct answer *a, const cJSON **sensors) MUSTCHECK;

/* The one that the word means. NULL: people know why. */
const cJSON *target_find(const cJSON *sensors, const char *word);

#endif
