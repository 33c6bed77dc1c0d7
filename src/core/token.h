/* Bearer tokens: named, made once, kept as SHA-256 of what was given out, in a file that is a JSON list.
 * It reads and writes no file itself, draws no random bits, and never has the text of a token that was given out.
 *
 *   [{"name": "prometheus", "sha256": "<64 hex digits>", "read_only": true, "created_s": 1764000000}, ...] */
#ifndef CORE_TOKEN_H
#define CORE_TOKEN_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_MAX      32
#define TOKEN_NAME_MAX 32
#define TOKEN_RANDOM   32                     /* random bytes */
#define TOKEN_TEXT     (8 + 2 * TOKEN_RANDOM) /* "fluksod_" and hex digits */
#define TOKEN_FILE_MAX (TOKEN_MAX * 256)      /* bytes; a member takes at most 172 */
#define TOKEN_NAMES    "1 to 32 of A-Z, a-z, 0-9, '.', '_', '-', and not a dot at the beginning"

struct token {
    char name[TOKEN_NAME_MAX + 1];
    uint8_t sha256[32];
    bool read_only;
    int64_t created_s; /* Unix time; 0: the clock was not set */
};

struct tokens {
    struct token v[TOKEN_MAX];
    size_t n;
};

/* TOKEN_NAMES */
bool token_name_is_valid(const char *name);

/* Read a file's text. 0, or -1 when it is not in this form or holds too many; then there are none. */
int tokens_parse(struct tokens *t, const char *text, size_t len) MUSTCHECK;

struct jsonw;

/* Write the file's text. */
void tokens_format(const struct tokens *t, struct jsonw *w);

/* Whose is this text (len bytes, anything)? NULL: nobody's. All hashes are compared, in constant time. */
const struct token *token_check(const struct tokens *t, const char *text, size_t len);

/* Make one; text gets what is given out, once. 0, or -EINVAL (name), -EEXIST (a token has this name), -ENOSPC. */
int token_add(struct tokens *t, const char *name, bool read_only, int64_t created_s, const uint8_t random[TOKEN_RANDOM],
              char text[TOKEN_TEXT + 1]) MUSTCHECK;

/* False: no token has this name. */
bool token_remove(struct tokens *t, const char *name);

#endif
