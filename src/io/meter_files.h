/* Models of meters from two folders of files, NAME.json each: the user's own beside the settings file, then the
 * program's. It keeps nothing of what it reads, so that any thread may ask it at any time; it blocks on the disk for
 * some kilobytes. */
#ifndef IO_METER_FILES_H
#define IO_METER_FILES_H

#include "core/meter_model.h"

struct meter_files {
    char *folders[2]; /* in this order; what is in both is the first one's */
    struct meter_finder finder;
};

/* own: "meters" in the folder of settings_path (NULL: there is none). shared: the program's folder. The finder is good
 * until meter_files_fini(), as long as f stays where it is. */
void meter_files_init(struct meter_files *f, const char *settings_path, const char *shared);
void meter_files_fini(struct meter_files *f);

#endif
