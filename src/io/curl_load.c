#include "io/curl_load.h"

#include "core/util.h"
#include "io/load.h"

#include <stdbool.h>

static const struct load_function functions[] = {
#define ROW(name) {"curl_" #name, offsetof(struct curl, name)},
    CURL_LOAD_FUNCTIONS(ROW)
#undef ROW
};

const struct curl *curl_load(const char **error)
{
    static struct curl table;
    static void *library;
    static bool ready;

    if (!library)
        library = load_library(CURL_LOAD_SONAME, functions, ARRAY_LEN(functions), &table, error);
    if (library && !ready)
        ready = table.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (library && !ready)
        *error = CURL_LOAD_SONAME ": cannot be initialised";
    return ready ? &table : NULL;
}
