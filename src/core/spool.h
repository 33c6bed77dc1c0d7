/* Rows in memory, from their reading until they are on the disk: bounded, and thinned when they are too many.
 * It never loses energy: of each series the first row and the newest stay. */
#ifndef CORE_SPOOL_H
#define CORE_SPOOL_H

#include "core/rows.h"
#include "core/thinning.h"

/* Rows held at most (or four for each series, where that is more): 2.4 MB, some hours of a household without a disk. */
#define SPOOL_ROWS 100000

struct spool {
    struct store_row *rows; /* as they came */
    size_t n, cap;
    uint32_t max_series;
    uint64_t thinned; /* rows that went because there were too many */
};

void spool_init(struct spool *s);
void spool_fini(struct spool *s);

/* Add a row; when there are too many, they are thinned as far as it takes. Aborts when memory is out. */
void spool_add(struct spool *s, const struct store_row *r);

/* Thin what is there; age counts back from the newest row of each era. How many rows went. */
size_t spool_thin(struct spool *s, enum thin_level level);

/* Hand out all rows (n of them, the caller's to free) and be empty. */
struct store_row *spool_take(struct spool *s, size_t *n);

/* Rows that were taken come back, before those that came since. */
void spool_put_back(struct spool *s, const struct store_row *rows, size_t n);

#endif
