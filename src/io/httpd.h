/* The HTTP server: our own listening sockets, libmicrohttpd behind them on the loop, limits, and a table of
 * routes. It never starts a thread, and does not know what its routes answer or who may ask (the gate does).
 *
 *   TCP, Unix socket ── accept ─→ plain daemon ┐   routes → gate → body → handler ─┬→ struct http_reply
 *   TCP with TLS ────── accept ─→ TLS daemon ──┴→                                  ├→ http_later … http_answer
 *                       MHD_run (one epoll descriptor each)                        └→ http_stream … http_wake
 *
 * The library is loaded when the first client comes, or for TLS; a server without a client costs neither memory
 * nor wake-ups. Each connection has a deadline of its own (the library knows only inactivity, which a client can
 * feign): by then its request must be whole, body included, or its reply sent. A client that closes its sending half
 * while it waits is taken to be gone.
 *
 * What the server itself answers (404, 405, 413, 414, 503 and the like) is plain text; {"error":text} for paths
 * under /api/, whose answers all say that nobody may keep them. */
#ifndef IO_HTTPD_H
#define IO_HTTPD_H

#include "core/stats.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#define HTTPD_ROUTES     64
#define HTTPD_MEMORY     (16u << 10) /* bytes a connection may use: bounds headers (431) and pieces of a reply */
#define HTTPD_TARGET_MAX 2048        /* bytes of path and query (414) */
#define HTTPD_BODIES_MAX (4u << 20)  /* bytes of all bodies in memory together (503) */
#define HTTPD_REQUEST_MS 10000       /* from connecting, or from the reply before, to the whole request */
#define HTTPD_REPLY_MS   30000       /* to the end of the reply; of a stream: for the client to take one piece */
#define HTTP_LATER_MS    60000       /* to a later answer (504) */
#define HTTP_HEADERS     4           /* of a reply, beside those that the server sets */
#define HTTP_USER_MAX    96          /* bytes of a user's name, with its end */

struct httpd;
struct httpd_conn;
struct mhd;
struct MHD_Connection;

/* The kind of listener by which the client came. */
enum http_via { HTTP_TCP, HTTP_TLS, HTTP_SOCKET };

/* What a route needs. OPEN: nothing, the gate is not asked. LOGIN: no credentials, but the gate's checks against
 * other sites. READ: a right to read. WRITE: all rights. */
enum http_need { HTTP_OPEN, HTTP_LOGIN, HTTP_READ, HTTP_WRITE };

/* Valid until the handler returns. */
struct http_request {
    const char *method; /* "GET"; a HEAD looks like the GET whose header it wants */
    const char *path;   /* decoded, "/sensor/0123" */
    const char *rest;   /* what follows the route's path, "0123" or ""; or what its star stands for */
    const char *query;  /* raw, behind the '?', or ""; see core/query.h */
    bool loopback;      /* the client is on this host; so are all of the Unix socket */
    enum http_via via;
    const struct sockaddr *peer; /* NULL for HTTP_SOCKET */
    const char *body;            /* whole, and terminated; "" when there is none, and while the gate is asked */
    size_t body_len;
    const char *user;      /* who it is, for logs: "session", "token NAME"; set by the gate, NULL on open routes */
    const struct mhd *mhd; /* this and the next are the server's own */
    struct MHD_Connection *connection;
    struct httpd_conn *conn;
};

/* Value of a request's header, or NULL. Valid as long as the request. */
const char *http_header(const struct http_request *q, const char *name);

/* Write the next piece of a body, at most size bytes, at dst. Returns its length, 0 at the end; a stream may also
 * say HTTP_WAIT. */
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
    http_done done; /* called once when no piece is wanted any more; may be NULL */
    void *ctx;      /* of more and done */
    struct {
        const char *name;
        char *value; /* malloc()ed; the server frees it */
    } headers[HTTP_HEADERS];
    size_t n_headers;
};

/* One header more: a static name, a value that is copied. Too many abort; a value that is empty or has control bytes
 * is left out, and logged. */
void http_header_add(struct http_reply *r, const char *name, const char *value);

/* A short answer in plain text; a line end is added. */
void http_text(struct http_reply *r, unsigned status, const char *text);

/* An answer in JSON, of len bytes; the server frees the body. */
void http_json(struct http_reply *r, unsigned status, char *body, size_t len);

/* What an error looks like everywhere under /api/: {"error":text}. */
void http_error(struct http_reply *r, unsigned status, const char *text);

typedef void (*http_handler)(void *ctx, const struct http_request *q, struct http_reply *r);

/* ---- answers that come later, and streams ---- */

/* In a handler that then returns with *r untouched: the connection waits, at most HTTP_LATER_MS. */
struct http_later *http_later(const struct http_request *q);

/* Exactly once for each http_later(), from the loop, also when the client is gone or the server stopped or freed by
 * then: then the reply is released and nothing else happens. Takes what the reply owns, and frees l. */
void http_answer(struct http_later *l, struct http_reply *r);

/* In a handler whose reply has more and done: more may then return HTTP_WAIT when it has nothing to say yet, and is
 * not called again before http_wake(). The handle is valid until done was called. A stream may last for ever, but a
 * client that takes no piece within HTTPD_REPLY_MS is cut; its owner should have something to say (a comment) each
 * 15 s, because a client that silently went is noticed by sending only. */
#define HTTP_WAIT ((size_t)-1)
struct http_stream *http_stream(const struct http_request *q);

/* From the loop, a handler or more itself; cheap when the stream does not wait. more is called in a later turn. */
void http_wake(struct http_stream *s);

/* ---- the server ---- */

struct httpd *httpd_new(uv_loop_t *loop);

/* A path that ends in '/' stands for all that begin so; one '*' stands for a member of the path ("/a/" "*" "/b"),
 * not empty, without '/'. body_max: bytes of body at most, 0 takes none (413). "GET" answers HEAD as well. */
struct http_route {
    const char *method, *path; /* static */
    enum http_need need;
    size_t body_max;
    http_handler handler;
};

/* Add routes, which are copied; the first that matches is taken. Too many abort. httpd_unroute() takes back all of
 * ctx; an answer or stream on its way goes on. */
void httpd_routes(struct httpd *h, const struct http_route *routes, size_t n, void *ctx);
void httpd_route(struct httpd *h, const char *method, const char *path, http_handler handler, void *ctx); /* open */
void httpd_unroute(struct httpd *h, const void *ctx);

/* The nth route, in the order in which they came; NULL: there are no more. */
const struct http_route *httpd_nth_route(const struct httpd *h, size_t n);

/* Asked for each request of a route that is not HTTP_OPEN, once its header is whole and before any byte of its body
 * is taken. True: go on, as q->user (copied behind the gate, so no local of it; cut at HTTP_USER_MAX). False: *r is
 * the answer, at once. */
typedef bool (*http_gate)(void *ctx, struct http_request *q, enum http_need need, struct http_reply *r);

/* A right was taken back: cut the answers on their way, streams above all, of requests that came as this user. An
 * answer that is still to come (http_later) comes. */
void httpd_drop_user(struct httpd *h, const char *user);

/* Without a gate (NULL), HTTP_READ and HTTP_WRITE are for clients on this host. */
void httpd_set_gate(struct httpd *h, http_gate gate, void *ctx);

/* Listen on an address (IPv4 or IPv6; "::" takes IPv4 too). 0, or a negative errno. Stopping leaves the
 * connections that were accepted alone; an address that nobody listens on is no error. */
int httpd_listen(struct httpd *h, const struct sockaddr *address) MUSTCHECK;
void httpd_unlisten(struct httpd *h, const struct sockaddr *address);

/* The same with TLS; certificate (the chain, the server's own first) and key are PEM texts, which are not kept.
 * -EINVAL: they are no pair; -ELIBACC: there is no library; the log says why. Where TLS listens already, new
 * connections get the new pair, and when that cannot be used all stays as it is. */
int httpd_listen_tls(struct httpd *h, const struct sockaddr *address, const char *cert_pem,
                     const char *key_pem) MUSTCHECK;

/* Listen on a Unix socket that its user and group may use (0660). One that nobody listens on any more is replaced;
 * -EADDRINUSE when somebody does, or when the path is no socket; -ENAMETOOLONG. It is removed at the end. */
int httpd_listen_socket(struct httpd *h, const char *path) MUSTCHECK;
void httpd_unlisten_socket(struct httpd *h, const char *path);

/* A stats_fn. */
void httpd_stats(void *h, stat_emit emit, void *ctx);

/* The library's version, or NULL when it is not loaded (yet). */
const char *httpd_library_version(const struct httpd *h);

/* Drop all connections and addresses, for good: no handler, gate or more is called any more, done of each reply on
 * its way is called before this returns. Not from within one. */
void httpd_stop(struct httpd *h);

/* Stop, release what is left, call cb and free the server. */
void httpd_close(struct httpd *h, void (*cb)(void *ctx), void *ctx);

#endif
