/* Bodies that hold secrets: read strictly, and wiped. */
#include "app/access_impl.h"

#include "core/jsonc.h"
#include "core/util.h"

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool is_known(const char *name, const char *const *members)
{
    for (; *members; members++)
        if (strcmp(*members, name) == 0)
            return true;
    return false;
}

struct cJSON *access_read(const struct http_request *q, struct http_reply *r, const char *const *members)
{
    struct jsonc_error error;
    cJSON *body = jsonc_parse(q->body, q->body_len, &error);
    char text[160];

    if (!body) {
        snprintf(text, sizeof text, "the body is no JSON: line %u, column %u: %s", error.line, error.column,
                 error.problem);
        http_error(r, 400, text);
        return NULL;
    }
    if (!cJSON_IsObject(body)) {
        http_error(r, 400, "the body is no JSON object");
        goto fail;
    }
    for (const cJSON *v = body->child; v; v = v->next) {
        if (is_known(v->string, members))
            continue;
        http_error(r, 400, "the body has a member that is not known here");
        goto fail;
    }
    return body;
fail:
    access_forget(body);
    return NULL;
}

const char *access_text(const struct cJSON *body, const char *member)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, member));
}

void access_forget(struct cJSON *body)
{
    for (cJSON *v = body ? body->child : NULL; v; v = v->next)
        if (cJSON_IsString(v) && v->valuestring)
            OPENSSL_cleanse(v->valuestring, strlen(v->valuestring));
    cJSON_Delete(body);
}

void access_wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void access_random(void *out, size_t size)
{
    if (getrandom(out, size, 0) != (ssize_t)size)
        abort();
}
