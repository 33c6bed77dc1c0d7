/* Derived sensors as settings: which sensors a member of `derive` makes, of which others, and in which unit. It never
 * computes a reading (core/derive.h does).
 *
 *   kind   sensors                                      parts
 *   sum    one, "<name>"                                of, each times its factor, all of one unit
 *   net    "<name> import", "export"                    of less minus, all in W and Wh
 *   peak   "<name> quarter", "forecast", "month peak"   of: one, in Wh
 *
 * Parts are sensors that are measured, never derived ones: depth one. A peak may be of a sum or of a side of a net
 * pair. */
#ifndef CORE_SETTINGS_DERIVED_H
#define CORE_SETTINGS_DERIVED_H

#include "core/ident.h"
#include "core/util.h"

struct cJSON;
struct derive_settings;
struct sensor_settings;
struct settings;
struct settings_errors;

/* The key of the net pair over the clamps of an flx board with three phases. It is there by itself; a member of
 * `derive` with this key and without `of` says more of it, or switches it off. */
#define DERIVE_GRID "grid"

/* No sensor: of a part that was not found. */
#define DERIVE_NO_PART SIZE_MAX

/* Judge the members of `derive` (given: the list of the tree, or NULL), add the pair over the clamps, make their
 * sensors behind those of the settings, and find the parts that are named. */
void settings_derived_make(struct settings *s, const struct cJSON *given, struct settings_errors *errors);

/* Find the parts again, now that all sensors have ids. 0, or -1 with errors. */
int settings_derived_resolve(struct settings *s, struct settings_errors *errors) MUSTCHECK;

/* What a derived sensor is among its member's, as `ids` spells it: "sum", "import", "month_peak". */
const char *settings_derived_name(const struct sensor_settings *x);

/* What is behind the member's name in its own: "import", "month peak"; "" of a sum. */
const char *settings_derived_words(const struct sensor_settings *x);

/* The id that derives for it: of "derive/<key>/sum", "…/pplus" (import), "…/pminus" (export), "…/quarter", "…/forecast"
 * and "…/month-peak". */
void settings_derived_ident(const char *device_id, const struct derive_settings *d, const struct sensor_settings *x,
                            char id[IDENT_LEN + 1]);

#endif
