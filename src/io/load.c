#include "io/load.h"

#include <dlfcn.h>
#include <string.h>

void *load_library(const char *soname, const struct load_function *functions, size_t n, void *table, const char **error)
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);

    for (size_t i = 0; library && i < n; i++) {
        void *f = dlsym(library, functions[i].name);
        if (!f) {
            *error = dlerror();
            dlclose(library);
            return NULL;
        }
        memcpy((char *)table + functions[i].offset, &f, sizeof f);
    }
    if (!library)
        *error = dlerror();
    return library;
}
