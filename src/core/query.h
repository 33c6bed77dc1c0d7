/* The query of an HTTP request ("a=1&b=2"), looked up and percent-decoded.
 * It never allocates and never guesses: what is malformed or too long is refused. */
#ifndef CORE_QUERY_H
#define CORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#define QUERY_ABSENT (-1)
#define QUERY_BAD    (-2) /* a broken escape, a zero byte, or more than fits */

/* Percent-decode the len bytes at src into dst (size bytes of room), terminated; in a form, '+' is a space.
 * Returns the length of the text, or QUERY_BAD. */
int query_decode(const char *src, size_t len, bool form, char *dst, size_t size);

/* The decoded value of key in dst (size bytes of room), terminated; of several, the first. query is what
 * stands behind the '?', terminated. Returns the length of the value, QUERY_ABSENT or QUERY_BAD. */
int query_get(const char *query, const char *key, char *dst, size_t size);

/* The same, for a key that may come more than once: each call takes the next. Start with *rest = the query. */
int query_next(const char **rest, const char *key, char *dst, size_t size);

#endif
