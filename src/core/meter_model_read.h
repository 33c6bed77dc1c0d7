/* The members of a model's file: what each may be, said once in a table of rows, and the walk over them. It never knows
 * what a model is (meter_model_parse.c does). The first mistake ends it, with its place. */
#ifndef CORE_METER_MODEL_READ_H
#define CORE_METER_MODEL_READ_H

#include "core/meter_model.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

/* Words of a type: 1, 2 or 4. */
unsigned meter_type_words(enum meter_type t);

/* Where the walk is. */
struct model_read {
    struct meter_model *m;
    char *error;   /* METER_ERROR bytes */
    char path[96]; /* of the value at hand */
    size_t len;
};

/* A member of an object. */
struct model_member {
    const char *name;
    bool (*take)(struct model_read *r, const struct model_member *f, const struct cJSON *v, void *dst);
    size_t offset; /* of dst in the object's struct */
    double min, max;
    const char *const *words; /* ended by NULL */
    bool required;
};

/* "<path>: <message>"; false, for a return. */
bool model_fail(struct model_read *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "<path>: <value> is not <what>" */
bool model_wrong(struct model_read *r, const struct cJSON *v, const char *what);

/* Each member of v by its row; unknown ones, those there twice and missing ones are mistakes. */
bool model_members(struct model_read *r, const struct model_member *rows, size_t n, const struct cJSON *v, void *base);

/* Each member of a list of 1 to max, by `each`, with its index. */
typedef bool (*model_each)(struct model_read *r, const struct cJSON *v, size_t i);
bool model_list(struct model_read *r, const struct cJSON *v, size_t max, model_each each);

/* Takers: dst is an int or unsigned; int milliseconds of seconds; a new string; the char that a word starts with; an
 * int, a word's place; uint16_t; */
bool model_int(struct model_read *r, const struct model_member *f, const struct cJSON *v, void *dst);
bool model_seconds(struct model_read *r, const struct model_member *f, const struct cJSON *v, void *dst);
bool model_text(struct model_read *r, const struct model_member *f, const struct cJSON *v, void *dst);
bool model_letter(struct model_read *r, const struct model_member *f, const struct cJSON *v, void *dst);
bool model_word(struct model_read *r, const struct model_member *f, const struct cJSON *v, void *dst);
bool model_address(struct model_read *r, const struct model_member *f, const struct cJSON *v, void *dst);

/* A number, or "0x" and hex digits, of at most max. */
bool model_raw(struct model_read *r, const struct cJSON *v, uint64_t max, uint64_t *out);

/* The place of a text in words; -1: none of them, and that is told. */
int model_choice(struct model_read *r, const struct cJSON *v, const char *const *words);

#endif
