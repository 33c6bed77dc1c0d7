/* The rules of the manual (P1, S1 …): what a board brings of its own, and what saving adds to a patch. Pure: nothing
 * here knows a file or the running board but by its revision. */
#ifndef CORE_SETTINGS_RULES_H
#define CORE_SETTINGS_RULES_H

#include "core/settings.h"
#include "core/util.h"

#include <stddef.h>

struct cJSON;

/* The sensors as filled in from a tree, beside the tree, which alone knows what was given. */
struct rules {
    struct settings *s;
    const struct cJSON *sensors;
    struct settings_errors *errors;
};

/* The member of a sensor as it was given, or NULL. */
const struct cJSON *rules_given(const struct rules *r, size_t sensor, const char *name);

/* An error of a sensor's member. */
void rules_error(const struct rules *r, size_t sensor, const char *name, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* What holds for the sensors of one kind of board. */
struct board_rules {
    /* Judge one sensor, and complete what derives from its other members. */
    void (*sensor)(const struct rules *r, size_t i);

    /* Judge what two sensors share; k < i. */
    void (*pair)(const struct rules *r, size_t i, size_t k);

    /* Why a sensor cannot work on this board's hardware, whose minor revision is known, and which member says so; or
     * NULL. Who asks before it is saved refuses it; in the administrator's file it leaves the sensor off. */
    const char *(*hardware)(const struct settings *s, size_t i, int minor, const char **member);

    /* Add to a checked patch (core/settings_merge.h) what goes with it, given the merged trees without and with it. */
    void (*saving)(struct cJSON *patch, const struct cJSON *before, const struct cJSON *after);
};

extern const struct board_rules rules_flm02;

const struct board_rules *board_rules(enum board_protocol p);

/* Add to a checked patch what goes with it: what the board's rules say (S3), and for each sensor that it gives another
 * type or other ports the next rid, unless the patch gives another one itself. before is the merged tree. */
void settings_saving(struct cJSON *patch, const struct cJSON *before, enum board_protocol board);

#endif
