/* Lines with telegrams as settings: which sensors each of them makes. It never judges a line (rules_line.c does) and
 * never reads one.
 *
 * A line that is on makes a sensor of each code of its protocol (core/line_codes.h), whatever its meter tells: those
 * that never had a reading are shown nowhere (line_sensor_heard()).
 *
 *   name   "<name>" (main sensor of P1 and D0), else "<name> <words of the code>"
 *   id     "line/<key>/<code>", of the main one what the settings give */
#ifndef CORE_SETTINGS_LINES_H
#define CORE_SETTINGS_LINES_H

#include "core/ident.h"

struct sensor_settings;
struct settings;

/* Make the sensors of the lines, behind those that there are. Judged before: rules_lines(). */
void settings_lines_make(struct settings *s);

/* The id that derives for a sensor of a line. */
void settings_lines_ident(const char *device_id, const struct settings *s, const struct sensor_settings *x,
                          char id[IDENT_LEN + 1]);

#endif
