#include "io/mhd_load.h"

#include "core/util.h"
#include "io/load.h"

static const struct load_function functions[] = {
#define ROW(name) {"MHD_" #name, offsetof(struct mhd, name)},
    MHD_LOAD_FUNCTIONS(ROW)
#undef ROW
};

const struct mhd *mhd_load(const char **error)
{
    static struct mhd table;
    static void *library;

    if (!library)
        library = load_library(MHD_LOAD_SONAME, functions, ARRAY_LEN(functions), &table, error);
    return library ? &table : NULL;
}
