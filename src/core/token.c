#include "core/token.h"

#include "core/jsonc.h"
#include "core/jsonw.h"
#include "core/num.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#define PREFIX "fluksod_"

bool token_name_is_valid(const char *name)
{
    size_t n = strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-");

    return n > 0 && n <= TOKEN_NAME_MAX && !name[n] && *name != '.';
}

static struct token *find(struct tokens *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->v[i].name, name) == 0)
            return &t->v[i];
    return NULL;
}

static bool take_hash(const char *text, uint8_t hash[32])
{
    uint32_t byte;

    if (!text || strlen(text) != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        if (num_get_hex(text + 2 * i, 2, &byte) < 0)
            return false;
        hash[i] = (uint8_t)byte;
    }
    return true;
}

/* A member of the list, whose names are four and known. */
static bool take_member(struct tokens *t, const cJSON *o)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "name"));
    const cJSON *read_only = cJSON_GetObjectItemCaseSensitive(o, "read_only");
    const cJSON *created = cJSON_GetObjectItemCaseSensitive(o, "created_s");
    const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "sha256"));
    struct token x = {.read_only = cJSON_IsTrue(read_only)};

    if (!name || !token_name_is_valid(name) || find(t, name) || !take_hash(hash, x.sha256))
        return false;
    if (!cJSON_IsBool(read_only) || cJSON_GetArraySize(o) != 4)
        return false;
    if (!cJSON_IsNumber(created) || created->valuedouble < 0 || created->valuedouble > 1e15)
        return false;
    snprintf(x.name, sizeof x.name, "%s", name);
    x.created_s = (int64_t)created->valuedouble;
    t->v[t->n++] = x;
    return true;
}

int tokens_parse(struct tokens *t, const char *text, size_t len)
{
    struct jsonc_error error;
    cJSON *tree = len > TOKEN_FILE_MAX ? NULL : jsonc_parse(text, len, &error);
    bool ok = cJSON_IsArray(tree) && cJSON_GetArraySize(tree) <= TOKEN_MAX;

    *t = (struct tokens){.n = 0};
    for (const cJSON *o = ok ? tree->child : NULL; o && ok; o = o->next)
        ok = take_member(t, o);
    cJSON_Delete(tree);
    if (!ok)
        *t = (struct tokens){.n = 0};
    return ok ? 0 : -1;
}

void tokens_format(const struct tokens *t, struct jsonw *w)
{
    jsonw_open(w, NULL, '[');
    for (size_t i = 0; i < t->n; i++) {
        const struct token *x = &t->v[i];
        char hex[65], *p = hex;
        for (size_t k = 0; k < 32; k++)
            p = num_put_hex(p, x->sha256[k], 2);
        *p = '\0';
        jsonw_open(w, NULL, '{');
        jsonw_str(w, "name", x->name);
        jsonw_str(w, "sha256", hex);
        jsonw_bool(w, "read_only", x->read_only);
        jsonw_int(w, "created_s", x->created_s);
        jsonw_close(w, '}');
    }
    jsonw_close(w, ']');
    jsonw_raw(w, "\n", 1);
}

const struct token *token_check(const struct tokens *t, const char *text, size_t len)
{
    const struct token *found = NULL;
    uint8_t hash[32];

    if (len != TOKEN_TEXT)
        return NULL;
    SHA256((const unsigned char *)text, len, hash);
    for (size_t i = 0; i < t->n; i++)
        if (CRYPTO_memcmp(t->v[i].sha256, hash, sizeof hash) == 0)
            found = &t->v[i];
    return found;
}

int token_add(struct tokens *t, const char *name, bool read_only, int64_t created_s, const uint8_t random[TOKEN_RANDOM],
              char text[TOKEN_TEXT + 1])
{
    char *p = text + sizeof PREFIX - 1;

    if (!token_name_is_valid(name))
        return -EINVAL;
    if (find(t, name))
        return -EEXIST;
    if (t->n == TOKEN_MAX)
        return -ENOSPC;
    memcpy(text, PREFIX, sizeof PREFIX - 1);
    for (size_t i = 0; i < TOKEN_RANDOM; i++)
        p = num_put_hex(p, random[i], 2);
    *p = '\0';
    struct token *x = &t->v[t->n++];
    *x = (struct token){.read_only = read_only, .created_s = created_s > 0 ? created_s : 0};
    snprintf(x->name, sizeof x->name, "%s", name);
    SHA256((const unsigned char *)text, TOKEN_TEXT, x->sha256);
    return 0;
}

bool token_remove(struct tokens *t, const char *name)
{
    struct token *x = find(t, name);

    if (!x)
        return false;
    memmove(x, x + 1, (size_t)(t->v + t->n - (x + 1)) * sizeof *x);
    t->n--;
    return true;
}
