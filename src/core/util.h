/* Small macros that every layer uses. It holds no function with state. */
#ifndef CORE_UTIL_H
#define CORE_UTIL_H

#define MUSTCHECK         __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

#endif
