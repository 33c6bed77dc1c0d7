/* libmicrohttpd, loaded when the first client comes: with the GnuTLS that it pulls in it costs 0.4 MB of
 * private memory, which a gateway that only feeds a broker need not spend. It never unloads it again.
 *
 * For packagers: nothing links the library, so no tool finds this dependency. The package must name it
 * (libmicrohttpd12 in Debian). */
#ifndef IO_MHD_LOAD_H
#define IO_MHD_LOAD_H

#include <microhttpd.h>

#define MHD_LOAD_SONAME "libmicrohttpd.so.12"

/* The functions in use, without the prefix MHD_; their types are those of the library's header. */
#define MHD_LOAD_FUNCTIONS(X)                                                                                          \
    X(start_daemon)                                                                                                    \
    X(stop_daemon)                                                                                                     \
    X(run)                                                                                                             \
    X(get_timeout)                                                                                                     \
    X(get_daemon_info)                                                                                                 \
    X(get_connection_info)                                                                                             \
    X(get_version)                                                                                                     \
    X(add_connection)                                                                                                  \
    X(lookup_connection_value)                                                                                         \
    X(create_response_from_buffer)                                                                                     \
    X(create_response_from_callback)                                                                                   \
    X(add_response_header)                                                                                             \
    X(queue_response)                                                                                                  \
    X(suspend_connection)                                                                                              \
    X(resume_connection)                                                                                               \
    X(destroy_response)

struct mhd {
#define MHD_LOAD_FIELD(name) __typeof__(MHD_##name) *name;
    MHD_LOAD_FUNCTIONS(MHD_LOAD_FIELD)
#undef MHD_LOAD_FIELD
};

/* The library, loaded at the first call; or NULL, with the reason in *error (a static text of the loader's).
 */
const struct mhd *mhd_load(const char **error);

#endif
