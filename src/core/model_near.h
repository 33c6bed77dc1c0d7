/* Which models of meters somebody may have meant who named one that there is not. It never reads a model. */
#ifndef CORE_MODEL_NEAR_H
#define CORE_MODEL_NEAR_H

#include <stdbool.h>

struct meter_finder;

/* *allowed is a new text, "eastron-sdm630, eastron-sdm630-v2": those that are much alike, else all of them, cut; NULL
 * when there are none (or finder is NULL). True when there is one by this very id, of which the file is wrong then. */
bool model_near(const struct meter_finder *finder, const char *id, char **allowed);

#endif
