#include "ctl/json.h"

#include <string.h>

const cJSON *json_get(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_IsObject(o) ? cJSON_GetObjectItemCaseSensitive(o, name) : NULL;

    return cJSON_IsNull(v) ? NULL : v;
}

const cJSON *json_at(const cJSON *o, const char *path)
{
    char name[64];

    while (o && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof name)
            return NULL;
        memcpy(name, path, n);
        name[n] = '\0';
        o = json_get(o, name);
        path += n + (path[n] == '.');
    }
    return o;
}

const char *json_text(const cJSON *o, const char *path, const char *otherwise)
{
    const cJSON *v = json_at(o, path);

    return cJSON_IsString(v) ? v->valuestring : otherwise;
}

double json_number(const cJSON *o, const char *path, double otherwise)
{
    const cJSON *v = json_at(o, path);

    return cJSON_IsNumber(v) ? v->valuedouble : otherwise;
}

bool json_true(const cJSON *o, const char *path)
{
    return cJSON_IsTrue(json_at(o, path));
}
