#include "core/seen.h"

#include "core/util.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 16

/* People choose these texts: all of their bytes count. FNV-1a. */
static size_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* Its place, or the free one where it belongs. */
static struct seen_place *place_of(const struct seen *s, const char *text)
{
    size_t i = hash(text) & (s->size - 1);

    while (s->places[i].text && strcmp(s->places[i].text, text) != 0)
        i = (i + 1) & (s->size - 1);
    return &s->places[i];
}

static void grow(struct seen *s)
{
    struct seen bigger = {.size = s->size ? 2 * s->size : SIZE_MIN, .n = s->n};

    bigger.places = must(calloc(bigger.size, sizeof *bigger.places));
    for (size_t i = 0; i < s->size; i++)
        if (s->places[i].text)
            *place_of(&bigger, s->places[i].text) = s->places[i];
    free(s->places);
    *s = bigger;
}

size_t seen_add(struct seen *s, const char *text, size_t at)
{
    if (2 * (s->n + 1) > s->size)
        grow(s);
    struct seen_place *p = place_of(s, text);
    if (p->text)
        return p->at;
    *p = (struct seen_place){text, at};
    s->n++;
    return SEEN_NONE;
}

size_t seen_find(const struct seen *s, const char *text)
{
    const struct seen_place *p = s->size ? place_of(s, text) : NULL;

    return p && p->text ? p->at : SEEN_NONE;
}

void seen_free(struct seen *s)
{
    free(s->places);
    *s = (struct seen){0};
}
