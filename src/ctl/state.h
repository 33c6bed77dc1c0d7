/* What buses, meters and lines have in common for people: a state, since when, why. It never calls anybody. */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include "ctl/say.h"

#include <stdbool.h>

#include <cjson/cJSON.h>

bool state_is(const cJSON *o, const char *state);

enum say_colour state_colour(const cJSON *o);

/* "offline for 2 min", and with why ": no answer within 1 s". Free it. */
char *state_words(const cJSON *o, bool why);

/* The member of a list with this key; NULL: there is none. */
const cJSON *state_by_key(const cJSON *list, const char *key);

/* A line on standard output when it is another than it was (was NULL: it is new): "12:03:11 line1/boiler ok -> offline:
 * no answer". part: "", or which of it. */
void state_tell(const char *when, const char *key, const char *part, const cJSON *was, const cJSON *now);

/* What is counted, in words. */
struct state_kind {
    const char *name, *one, *more;
};

/* A line with what has been counted since `was`: "12:03:11 line1/boiler 2 timeouts, 1 bad checksum". Of a daemon that
 * was started anew the counts are smaller, and nothing can be said. */
void state_tell_more(const char *when, const char *key, const char *part, const cJSON *was, const cJSON *now,
                     const struct state_kind *kinds, size_t n_kinds);

#define STATE_COUNT 16

/* "12345", "123k", "4.5M": at most five columns; the dash for NAN. */
const char *state_count(char out[STATE_COUNT], double n);

#endif
