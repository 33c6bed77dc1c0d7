/* Libraries that are seldom needed, loaded when they are: their functions fill a struct of pointers. It never unloads
 * one that was loaded whole. */
#ifndef IO_LOAD_H
#define IO_LOAD_H

#include <stddef.h>

struct load_function {
    const char *name;
    size_t offset; /* of the pointer in the struct */
};

/* Load the library with this soname and set n pointers in *table. The library's handle; or NULL, with the reason in
 * *error (a text of the loader's). */
void *load_library(const char *soname, const struct load_function *functions, size_t n, void *table,
                   const char **error);

#endif
