/* The plan of a restore on the disk, and what carries it out: before the settings are read, at start, so that nothing
 * runs on one half of each. It blocks on the disk and runs on no loop.
 *
 *   restore.json            written whole: the restore will happen          ┐ a power cut: all of it again at the next
 *     secrets, saved layer, device.id, restore.counters.json, then removed  ┘ start, with the same outcome
 *   restore.counters.json   for the ledger and the broker, by the service (app/restore_after.c); removed when they have
 * it */
#ifndef APP_RESTORE_FILES_H
#define APP_RESTORE_FILES_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

struct restore;

/* Write the plan: from here on it will be carried out. 0, or a negative errno: nothing has changed. */
int restore_stage(const char *dir, const struct restore *r) MUSTCHECK;

/* Carry out a plan that is there. True when something changed: the settings are to be read (again). What goes wrong is
 * logged; the rest waits for the next start then. A plan that cannot be read is dropped. */
bool restore_carry_out(const char *dir);

/* The second half, as restore_carry_out() left it; false: there is none. restore_free() after true. */
bool restore_left(const char *dir, struct restore *r) MUSTCHECK;

/* It is done with. 0, or a negative errno. */
int restore_forget(const char *dir) MUSTCHECK;

#endif
