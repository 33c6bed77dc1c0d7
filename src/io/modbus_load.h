/* libmodbus, loaded when the first serial line with meters is opened: who has none need not have it. It never unloads
 * it again. Any thread may call.
 *
 * For packagers: nothing links the library, so no tool finds this dependency. The package must name it (libmodbus5 in
 * Debian). */
#ifndef IO_MODBUS_LOAD_H
#define IO_MODBUS_LOAD_H

#include <modbus.h>

#define MODBUS_LOAD_SONAME "libmodbus.so.5"

/* The functions in use, without the prefix modbus_; their types are those of the library's header. */
#define MODBUS_LOAD_FUNCTIONS(X)                                                                                       \
    X(new_rtu)                                                                                                         \
    X(connect)                                                                                                         \
    X(close)                                                                                                           \
    X(free)                                                                                                            \
    X(flush)                                                                                                           \
    X(set_socket)                                                                                                      \
    X(get_socket)                                                                                                      \
    X(send_raw_request)                                                                                                \
    X(rtu_set_serial_mode)                                                                                             \
    X(rtu_set_rts)

struct modbus {
#define MODBUS_LOAD_FIELD(name) __typeof__(modbus_##name) *name;
    MODBUS_LOAD_FUNCTIONS(MODBUS_LOAD_FIELD)
#undef MODBUS_LOAD_FIELD
};

/* The library, loaded at the first call; or NULL, with the reason in *error (a text that stays). */
const struct modbus *modbus_load(const char **error);

#endif
