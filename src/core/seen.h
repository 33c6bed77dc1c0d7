/* Which of many texts is there twice: each is asked for once, so that looking for doubles among thousands stays cheap.
 * It keeps the texts that it is given by pointer, never a copy of them. */
#ifndef CORE_SEEN_H
#define CORE_SEEN_H

#include <stddef.h>

#define SEEN_NONE ((size_t)-1)

struct seen_place {
    const char *text; /* NULL: free */
    size_t at;
};

struct seen {
    struct seen_place *places; /* open addressing */
    size_t size, n;            /* size: a power of two, or 0 */
};

/* Remember that the text, which must stay where it is, was seen at this place. When it was seen before nothing is
 * remembered: returns where that was; SEEN_NONE: it is new. Start with zeroes. Aborts when memory is out. */
size_t seen_add(struct seen *s, const char *text, size_t at);

/* Where the text was seen, or SEEN_NONE. */
size_t seen_find(const struct seen *s, const char *text);

/* Forget all. */
void seen_free(struct seen *s);

#endif
