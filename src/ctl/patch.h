/* "path=value" on a command line becomes a member of a patch, and a tree of settings becomes such lines.
 * It knows the table of settings' types and judges no value: the gateway does. */
#ifndef CTL_PATCH_H
#define CTL_PATCH_H

#include "core/util.h"

#include <stddef.h>

#include <cjson/cJSON.h>

struct setting;

#define PATCH_WHY 160

/* Put an assignment into the patch (an object): "mqtt.host=broker.lan", "sensors.1.ports=1,2,3". The path is below
 * prefix ("", or "sensors.1": of which the patch is the member). Values are JSON; where a text is wanted, or it is no
 * JSON, the text as it is; null removes. 0, or -1 with the reason. */
int patch_add(cJSON *patch, const char *prefix, const char *assignment, char why[PATCH_WHY]) MUSTCHECK;

/* The table's row for a path, "sensors.1.name"; NULL: it has none. */
const struct setting *patch_row(const char *path);

/* What a list's member is called in a path: its key, id or lowest port; else its place from 1. */
const char *patch_key(const cJSON *member, size_t place, char out[64]);

/* The part of the settings that a path names, NULL: there is none. */
const cJSON *patch_find(const cJSON *settings, const char *path);

/* Each value below v as "path=value", to emit(), in order. */
typedef void (*patch_emit)(void *ctx, const char *path, const char *value);
void patch_lines(const cJSON *v, const char *path, patch_emit emit, void *ctx);

#endif
