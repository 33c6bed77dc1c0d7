#include "io/curl_load.h"

#include "core/util.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define ROW(name) {"curl_" #name, offsetof(struct curl, name)},
    CURL_LOAD_FUNCTIONS(ROW)
#undef ROW
};

const struct curl *curl_load(const char **error)
{
    static struct curl table;
    static void *library;

    if (library)
        return &table;
    void *loaded = dlopen(CURL_LOAD_SONAME, RTLD_LAZY | RTLD_LOCAL);
    for (size_t i = 0; loaded && i < ARRAY_LEN(functions); i++) {
        void *f = dlsym(loaded, functions[i].name);
        if (!f) {
            *error = dlerror();
            dlclose(loaded);
            return NULL;
        }
        memcpy((char *)&table + functions[i].offset, &f, sizeof f);
    }
    if (!loaded) {
        *error = dlerror();
        return NULL;
    }
    if (table.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        *error = CURL_LOAD_SONAME ": cannot be initialised";
        dlclose(loaded);
        return NULL;
    }
    library = loaded;
    return &table;
}
