/* UTF-8, one character at a time. It never accepts overlong forms, surrogates or what lies beyond U+10FFFF.
 */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The character at p, before end. Returns its length in bytes and sets *c; 0 when there is no valid one. */
size_t utf8_next(const char *p, const char *end, uint32_t *c);

/* Characters in a terminated text that is valid UTF-8. */
size_t utf8_count(const char *text);

/* How many bytes of a valid text fit into max bytes without cutting a character in two. */
size_t utf8_fit(const char *text, size_t max);

#endif
