/* Rows of readings as the store keeps them, and their order. It holds values only. */
#ifndef CORE_ROWS_H
#define CORE_ROWS_H

#include <stdint.h>

/* A series is one kind of readings of one sensor; an era a stretch of time in which the clocks did not step
 * (io/store_db.h). Both are numbers from 1. */
struct store_row {
    int64_t unix_s; /* as the clock said it in that era */
    int64_t milli;  /* thousandths of the series' unit */
    uint32_t era, series;
};

/* A place in the order of rows. */
struct store_key {
    int64_t unix_s;
    uint32_t era, series;
};

static inline int store_key_cmp(const struct store_key *a, const struct store_key *b)
{
    if (a->era != b->era)
        return a->era < b->era ? -1 : 1;
    if (a->unix_s != b->unix_s)
        return a->unix_s < b->unix_s ? -1 : 1;
    return a->series < b->series ? -1 : a->series > b->series;
}

static inline struct store_key store_row_key(const struct store_row *r)
{
    return (struct store_key){r->unix_s, r->era, r->series};
}

#endif
