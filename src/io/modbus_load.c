#include "io/modbus_load.h"

#include "core/util.h"
#include "io/load.h"

#include <pthread.h>
#include <stdio.h>

static const struct load_function functions[] = {
#define ROW(name) {"modbus_" #name, offsetof(struct modbus, name)},
    MODBUS_LOAD_FUNCTIONS(ROW)
#undef ROW
};

/* The loader's own text is of the thread that called it. */
static char why[160];
static struct modbus table;
static void *library;

static void load(void)
{
    const char *error = NULL;

    library = load_library(MODBUS_LOAD_SONAME, functions, ARRAY_LEN(functions), &table, &error);
    if (!library)
        snprintf(why, sizeof why, "%s", error ? error : MODBUS_LOAD_SONAME);
}

const struct modbus *modbus_load(const char **error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    *error = why;
    return library ? &table : NULL;
}
