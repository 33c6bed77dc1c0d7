/* The sensors that are watched, with their newest values and the last minute of each, as a table.
 * It never calls anybody: readings come in, a picture goes out. */
#ifndef CTL_WATCH_VIEW_H
#define CTL_WATCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#define WATCH_HISTORY 60

enum watch_kind { WATCH_GAUGE, WATCH_COUNTER, WATCH_KINDS };

struct watch_row {
    char *id, *name; /* owned */
    bool each_second;
    struct watch_value {
        bool known;
        double value;
        char unit[16];
    } latest[WATCH_KINDS];
    double heard_s; /* monotonic, of the last gauge; 0: before we looked */
    double history[WATCH_HISTORY];
    size_t n_history; /* of all time: the ring's next place is n % WATCH_HISTORY */
};

struct watch_view {
    struct watch_row *rows; /* in the list's order, owned */
    struct watch_row **by_id;
    size_t n;
};

/* A row for each enabled sensor of the API's list (all when only is NULL, else those whose id is in it). */
void watch_view_init(struct watch_view *v, const cJSON *sensors, const cJSON *only);
void watch_view_free(struct watch_view *v);

/* The list has changed: rows go and come, those that stay keep their history. */
void watch_view_renew(struct watch_view *v, const cJSON *sensors, const cJSON *only);

/* NULL: not watched. */
struct watch_row *watch_view_find(struct watch_view *v, const char *id);

/* The last minute as the API has it: [[second, value], ...]. */
void watch_row_fill(struct watch_row *r, const cJSON *pairs);

/* A reading: {"sensor","kind","time","value","unit"}. Returns the row, NULL: it is none of ours. */
struct watch_row *watch_view_take(struct watch_view *v, const cJSON *reading, double now_s);

/* The table, for a terminal of this size; lines end with `end`. */
void watch_view_print(const struct watch_view *v, FILE *out, size_t columns, size_t rows, double now_s,
                      const char *end);

#endif
