/* The HTTP server: our own listening sockets, libmicrohttpd behind them on the loop, limits, and a table of
 * routes. It never starts a thread, never takes a request's body, and does not know what its routes answer.
 *
 *   listener ── accept ──┐                        ┌→ route → handler → struct http_reply
 *   listener ── accept ──┴→ MHD_add_connection ─ MHD_run (epoll descriptor) ─┘
 *
 * The library is loaded when the first client comes; a server without a client costs neither memory nor
 * wake-ups. Each connection has a deadline of its own (the library knows only inactivity, which a client can
 * feign): by then its request must be whole, or its reply sent. */
#ifndef IO_HTTPD_H
#define IO_HTTPD_H

#include "core/stats.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#define HTTPD_ROUTES 32
#define HTTPD_MEMORY                                                                                                   \
    (16u << 10)                /* bytes a connection may use: bounds headers (431) and pieces of a reply               \
                                */
#define HTTPD_TARGET_MAX 2048  /* bytes of path and query (414) */
#define HTTPD_REQUEST_MS 10000 /* from connecting, or from the reply before, to the whole request */
#define HTTPD_REPLY_MS   30000 /* to the end of the reply */

struct httpd;
struct mhd;
struct MHD_Connection;

struct http_request {
    const char *method;    /* "GET"; a HEAD looks like the GET whose header it wants */
    const char *path;      /* decoded, "/sensor/0123" */
    const char *rest;      /* what follows the route's path: "0123", or "" */
    const char *query;     /* raw, behind the '?', or ""; see core/query.h */
    bool loopback;         /* the client is on this host */
    const struct mhd *mhd; /* this and the next are the server's own */
    struct MHD_Connection *connection;
};

/* Value of a request's header, or NULL. Valid as long as the request. */
const char *http_header(const struct http_request *q, const char *name);

/* Write the next piece of a body, at most size bytes, at dst. Returns its length, 0 at the end. */
typedef size_t (*http_more)(void *ctx, char *dst, size_t size);
typedef void (*http_done)(void *ctx);

/* An answer: a body in memory, or one that comes in pieces (more is set), each when the client has room for
 * it. */
struct http_reply {
    unsigned status;  /* 200 when the handler leaves it alone */
    const char *type; /* content type, static; NULL: plain text */
    char *body;       /* malloc()ed; the server frees it */
    size_t len;
    http_more more;
    http_done done; /* called once when no piece is wanted any more */
    void *ctx;      /* of more and done */
};

/* A short answer in plain text; a line end is added. */
void http_text(struct http_reply *r, unsigned status, const char *text);

typedef void (*http_handler)(void *ctx, const struct http_request *q, struct http_reply *r);

struct httpd *httpd_new(uv_loop_t *loop);

/* Answer method and path (static strings) by handler; a path that ends in '/' stands for all that begin so.
 * The first that matches is taken. "GET" answers HEAD as well. Too many routes abort. httpd_unroute() takes
 * back all of ctx. */
void httpd_route(struct httpd *h, const char *method, const char *path, http_handler handler, void *ctx);
void httpd_unroute(struct httpd *h, const void *ctx);

/* Listen on an address (IPv4 or IPv6; "::" takes IPv4 too). 0, or a negative errno. Stopping leaves the
 * connections that were accepted alone; an address that nobody listens on is no error. */
int httpd_listen(struct httpd *h, const struct sockaddr *address) MUSTCHECK;
void httpd_unlisten(struct httpd *h, const struct sockaddr *address);

/* A stats_fn. */
void httpd_stats(void *h, stat_emit emit, void *ctx);

/* The library's version, or NULL when it is not loaded (yet). */
const char *httpd_library_version(const struct httpd *h);

/* Drop all connections and addresses, for good: no handler, more or done is called any more. Not from within
 * one. */
void httpd_stop(struct httpd *h);

/* Stop, release what is left, call cb and free the server. */
void httpd_close(struct httpd *h, void (*cb)(void *ctx), void *ctx);

#endif
