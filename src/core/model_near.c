#include "core/model_near.h"

#include "core/meter_model.h"
#include "core/util.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED_ROOM 240
#define FAR          2 /* characters that are wrong, missing or too many */

struct search {
    const char *id;
    bool there;
    char near[ALLOWED_ROOM], all[ALLOWED_ROOM];
};

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned low = a < b ? a : b;

    return low < c ? low : c;
}

/* How many characters tell the one from the other (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[METER_MODEL_ID + 1], n = (unsigned)strlen(b);

    if (n > METER_MODEL_ID)
        return n;
    for (unsigned k = 0; k <= n; k++)
        row[k] = k;
    for (unsigned i = 1; *a; a++, i++) {
        unsigned corner = row[0];
        row[0] = i;
        for (unsigned k = 1; k <= n; k++) {
            unsigned above = row[k];
            row[k] = least(corner + (*a != b[k - 1]), above + 1, row[k - 1] + 1);
            corner = above;
        }
    }
    return row[n];
}

/* As a whole, or without the vendor's name in front: "sdm360" is near "eastron-sdm630". */
static bool is_near(const char *id, const char *model)
{
    const char *name = strchr(model, '-');

    name = name ? name + 1 : model;
    return strstr(model, id) || strstr(id, name) || distance(id, model) <= FAR || distance(id, name) <= FAR;
}

static void append(char list[ALLOWED_ROOM], const char *id)
{
    static const char dots[] = ", …";
    size_t len = strlen(list);

    if (len + strlen(id) + 2 + sizeof dots <= ALLOWED_ROOM)
        snprintf(list + len, ALLOWED_ROOM - len, "%s%s", len ? ", " : "", id);
    else if (len < sizeof dots || strcmp(list + len - (sizeof dots - 1), dots) != 0)
        memcpy(list + len, dots, sizeof dots);
}

static void look_at(void *ctx, const char *id)
{
    struct search *s = ctx;

    s->there |= strcmp(id, s->id) == 0;
    append(s->all, id);
    if (is_near(s->id, id))
        append(s->near, id);
}

bool model_near(const struct meter_finder *finder, const char *id, char **allowed)
{
    struct search s = {.id = id};
    const char *list;

    if (finder)
        finder->list(finder->ctx, look_at, &s);
    list = *s.near ? s.near : s.all;
    *allowed = *list && !s.there ? must(strdup(list)) : NULL;
    return s.there;
}
