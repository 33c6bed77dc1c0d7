/* libcurl, loaded when the first request is made: with the twenty libraries that it pulls in it costs private
 * memory (see README, Figures), which a gateway that calls nobody need not spend. It never unloads it again.
 *
 * For packagers: nothing links the library, so no tool finds this dependency. The package must name it
 * (libcurl4 in Debian). */
#ifndef IO_CURL_LOAD_H
#define IO_CURL_LOAD_H

#include <curl/curl.h>

#define CURL_LOAD_SONAME "libcurl.so.4"

/* The functions in use, without the prefix curl_; their types are those of the library's header. */
#define CURL_LOAD_FUNCTIONS(X)                                                                                         \
    X(global_init)                                                                                                     \
    X(easy_init)                                                                                                       \
    X(easy_setopt)                                                                                                     \
    X(easy_getinfo)                                                                                                    \
    X(easy_strerror)                                                                                                   \
    X(easy_cleanup)                                                                                                    \
    X(multi_init)                                                                                                      \
    X(multi_setopt)                                                                                                    \
    X(multi_add_handle)                                                                                                \
    X(multi_remove_handle)                                                                                             \
    X(multi_socket_action)                                                                                             \
    X(multi_info_read)                                                                                                 \
    X(multi_cleanup)                                                                                                   \
    X(slist_append)                                                                                                    \
    X(slist_free_all)                                                                                                  \
    X(url)                                                                                                             \
    X(url_set)                                                                                                         \
    X(url_get)                                                                                                         \
    X(url_cleanup)                                                                                                     \
    X(url_strerror)                                                                                                    \
    X(free)

struct curl {
#define CURL_LOAD_FIELD(name) __typeof__(curl_##name) *name;
    CURL_LOAD_FUNCTIONS(CURL_LOAD_FIELD)
#undef CURL_LOAD_FIELD
};

/* The library, loaded and initialised at the first call that can; or NULL, with the reason in *error (a static text).
 */
const struct curl *curl_load(const char **error);

#endif
