/* A JSON writer into a growing buffer, for answers and objects (not for readings, which are written by hand).
 * It puts the commas; nesting is the caller's: each open has its close. */
#ifndef CORE_JSONW_H
#define CORE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw {
    char *buf; /* owned until jsonw_take() or jsonw_free(); not terminated */
    size_t len, cap;
    bool comma; /* the next value needs a comma before it */
};

void jsonw_init(struct jsonw *w);
void jsonw_free(struct jsonw *w);

/* Each value takes a key inside an object and NULL inside an array. Aborts when memory is out. */
void jsonw_open(struct jsonw *w, const char *key, char bracket); /* '{' or '[' */
void jsonw_close(struct jsonw *w, char bracket);                 /* '}' or ']' */
void jsonw_str(struct jsonw *w, const char *key, const char *v); /* NULL writes null; bad UTF-8 becomes U+FFFD */
void jsonw_int(struct jsonw *w, const char *key, int64_t v);
void jsonw_milli(struct jsonw *w, const char *key, int64_t milli); /* a number with at most three decimals */
void jsonw_bool(struct jsonw *w, const char *key, bool v);
void jsonw_null(struct jsonw *w, const char *key);

/* A value that is JSON already. */
void jsonw_json(struct jsonw *w, const char *key, const char *json, size_t len);

/* Raw text, as it is (JSONP brackets, line ends). */
void jsonw_raw(struct jsonw *w, const char *text, size_t len);

/* Room for n more bytes behind the text so far, for what is written by hand: write there, then move w->len. */
char *jsonw_room(struct jsonw *w, size_t n);

#endif
