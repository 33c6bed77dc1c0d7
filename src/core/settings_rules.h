/* The rules of the manual (P1, S1 …): what a board brings of its own, and what saving adds to a patch. Pure: nothing
 * here knows a file or the running board but by its revision. */
#ifndef CORE_SETTINGS_RULES_H
#define CORE_SETTINGS_RULES_H

#include "core/settings.h"
#include "core/util.h"

#include <stddef.h>

struct cJSON;

/* A list of the settings as filled in from a tree, beside the tree, which alone knows what was given. */
struct rules {
    struct settings *s;
    const struct cJSON *list; /* NULL: not given */
    struct settings_errors *errors;
    const char *path; /* of the list: "sensors" */
};

/* What a member of the list was given by this name, or NULL. */
const struct cJSON *rules_given(const struct rules *r, size_t i, const char *name);

/* An error of what is given of a member: "sensors[1].name". */
void rules_error(const struct rules *r, size_t i, const char *name, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* What holds for the sensors of one kind of board. Functions may be NULL. */
struct board_rules {
    /* Judge all ports, complete what derives from other members, and make the sensors of them, in place of those that
     * the settings give; NULL: this board's sensors are given. */
    void (*ports)(const struct rules *r);

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

/* Judge the buses and their meters, complete what derives from other members, and fill settings.models. given: the list
 * of the tree, or NULL (rules_bus.c). */
void rules_buses(struct settings *s, const struct cJSON *given, const struct meter_finder *finder,
                 struct settings_errors *errors);

/* Judge the lines with telegrams, behind the buses, and complete what derives from other members (rules_line.c). given:
 * the list of the tree, or NULL. */
void rules_lines(struct settings *s, const struct cJSON *given, struct settings_errors *errors);

/* Why a line cannot work on the board's hardware, whose minor revision is known, and which member says so; or NULL. */
const char *rules_line_hardware(const struct settings *s, size_t line, int minor, const char **member);

extern const struct board_rules rules_flm02, rules_flx;

const struct board_rules *board_rules(enum board_protocol p);

/* Add to a checked patch what goes with it: of a new member of a list its key, what the rules of the board say (S3),
 * and for each member that it gives a new meaning (another type, other ports or parts) the next rid, unless the patch
 * gives another one itself. before is the merged tree. */
void settings_saving(struct cJSON *patch, const struct cJSON *before);

#endif
