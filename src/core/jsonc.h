/* JSON with // and block comments to a cJSON tree, checked strictly first, so that an error has line and
 * column. It never judges what a text says: names, types and ranges are the reader's, a duplicate name too.
 */
#ifndef CORE_JSONC_H
#define CORE_JSONC_H

#include "core/util.h"

#include <stddef.h>

#define JSONC_DEPTH_MAX  32     /* brackets within brackets; settings need 4, cJSON recurses for each */
#define JSONC_VALUES_MAX 100000 /* a tree costs 64 bytes and more for each value, however short its text */

struct cJSON;

struct jsonc_error {
    unsigned line, column; /* from 1; columns count characters */
    const char *problem;   /* static: "a comma or } is missing" */
};

/* Parse len bytes, which need not be terminated; a byte order mark is skipped. Returns a tree for
 * cJSON_Delete(), or NULL and *error. No string of the tree holds a NUL, all are valid UTF-8. */
struct cJSON *jsonc_parse(const char *text, size_t len, struct jsonc_error *error) MUSTCHECK;

#endif
