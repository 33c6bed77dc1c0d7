/* The file that stands for the board's EEPROM: read at the start, replaced whole at each save.
 * It never looks into the image. */
#ifndef SIM_EEPROM_H
#define SIM_EEPROM_H

#include <stddef.h>
#include <sys/types.h>

#include "core/util.h"

/* Read at most cap bytes of the file. Returns their number (a longer file gives cap), or -1 with errno. */
ssize_t eeprom_read(const char *path, char *dst, size_t cap);

/* Replace the file so that a power cut leaves the old or the new image. 0, or -1 with errno. */
MUSTCHECK int eeprom_write(const char *path, const char *image, size_t len);

#endif
