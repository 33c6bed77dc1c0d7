/* Small helps that every layer uses. None has state. */
#ifndef CORE_UTIL_H
#define CORE_UTIL_H

#include <stdlib.h>

#define MUSTCHECK         __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

/* Memory that was asked for, or the end: a service that runs out of memory is started again. */
static inline void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* The array v of n members with room for one more. It doubles, so that adding many one by one stays cheap. */
static inline void *grown(void *v, size_t n, size_t size)
{
    return n & (n - 1) ? v : must(realloc(v, (n ? 2 * n : 1) * size));
}

#endif
