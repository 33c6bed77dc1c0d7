/* A table of meters (CSV) as a change of the settings: each row a meter on a bus. Every mistake has its line and
 * column, whether it is found here or by the gateway. It never calls anybody.
 *
 *   bus,unit,key,name,model,interval        columns in any order; bus, unit and model must be there, and any other
 *   line1,3,boiler,Boiler,eastron-sdm120,1  member of a meter in the settings may be
 */
#ifndef CTL_METERS_FILE_H
#define CTL_METERS_FILE_H

#include "core/csv.h"
#include "core/util.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#define METERS_NOWHERE UINT_MAX /* behind all lines */

struct meters_mistake {
    unsigned line, column; /* METERS_NOWHERE: of no line */
    char *what;
};

struct meters_row {
    const struct csv_record *record;
    unsigned line;
    bool bad;        /* it has a mistake, and is not part of the patch */
    const char *bus; /* key of the bus; in file.csv, or NULL */
    bool serial;     /* the bus is a serial line */
    double unit;     /* negative: none */
    char *key;       /* given, or as the meter that is there has it, or made of the name */
    cJSON *values;   /* members of the meter: null for what is given empty */
};

struct meters_file {
    struct csv csv;
    const struct setting **columns; /* one for each field of the header; NULL: bus, or unknown */
    size_t n_columns, bus_column;
    struct meters_row *rows;
    size_t n_rows;
    struct meters_mistake *mistakes;
    size_t n_mistakes;
};

/* Read the text. settings: those in force, whose buses there are. What is wrong is in f->mistakes. */
void meters_file_read(struct meters_file *f, const char *text, size_t len, const cJSON *settings);
void meters_file_free(struct meters_file *f);

/* The change that the sound rows are: {"buses": {"line1": {"meters": {"boiler": {...}}}}}. A meter that was on another
 * bus moves, with all that the file does not say of it. replace: meters that are not in the file go. */
cJSON *meters_file_patch(const struct meters_file *f, const cJSON *settings, bool replace);

/* Take an error of the gateway's, of this change of these settings: it becomes a mistake of the row that it is about.
 */
void meters_file_refused(struct meters_file *f, const cJSON *settings, const cJSON *patch, const char *path,
                         const char *message);

/* By line and column. */
void meters_file_sort(struct meters_file *f);

/* The names of all columns, "bus" first; NULL behind the last. */
const char *meters_file_column(size_t i);

/* The buses of settings; a bus by its key; a meter of it by its key; the members of what the API calls so. */
const cJSON *meters_file_bus(const cJSON *settings, const char *key);
const cJSON *meters_file_meter(const cJSON *bus, const char *key);

#endif
