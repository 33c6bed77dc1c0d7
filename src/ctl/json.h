/* Short ways into a tree of an answer: a member that is missing or of another type reads as nothing.
 * It never changes a tree and never fails: answers come from another program, maybe of another version. */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* The member of this name; NULL when there is none, it is null, or o is no object. */
const cJSON *json_get(const cJSON *o, const char *name);

/* The member below members: "board.phase". */
const cJSON *json_at(const cJSON *o, const char *path);

/* The first member of a list or an object, then ->next; NULL: none. */
static inline const cJSON *json_first(const cJSON *o)
{
    return o ? o->child : NULL;
}

/* Values of members (paths as above); the last argument when there is none of that type. */
const char *json_text(const cJSON *o, const char *path, const char *otherwise);
double json_number(const cJSON *o, const char *path, double otherwise);
bool json_true(const cJSON *o, const char *path);

#endif
