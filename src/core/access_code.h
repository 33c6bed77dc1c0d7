/* The one-time code by which the first password is set: eight digits, good for ten minutes and five tries.
 * It draws no random bits and asks no clock; both are handed in. */
#ifndef CORE_ACCESS_CODE_H
#define CORE_ACCESS_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCESS_CODE_DIGITS 8
#define ACCESS_CODE_S      600
#define ACCESS_CODE_TRIES  5

/* All zero: there is none. */
struct access_code {
    char text[ACCESS_CODE_DIGITS + 1];
    int64_t until_ms; /* monotonic */
    unsigned tries;   /* left */
};

/* A new code out of 64 random bits; the one before it is void. */
void access_code_make(struct access_code *c, uint64_t random, int64_t mono_ms);

/* No code is good any more. */
void access_code_void(struct access_code *c);

/* Is there one that may be tried? */
bool access_code_is_open(const struct access_code *c, int64_t mono_ms);

enum access_code_verdict {
    ACCESS_CODE_RIGHT, /* it stays good until access_code_void() */
    ACCESS_CODE_WRONG, /* a try is used up; the fifth makes it void */
    ACCESS_CODE_NONE   /* there is none, it is too old, or was tried too often */
};

/* Compare in constant time. */
enum access_code_verdict access_code_try(struct access_code *c, const char *text, int64_t mono_ms);

#endif
