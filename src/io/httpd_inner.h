/* What the files of the HTTP server share among themselves; nobody else includes it.
 *   httpd.c         the whole: deadlines, statistics, its end      httpd_conn.c   connections and their requests
 *   httpd_listen.c, httpd_socket.c  accepting                             httpd_answer.c target, route, gate, handler
 *   httpd_engine.c  the library's daemons on the loop              httpd_body.c   bodies of requests
 *   httpd_reply.c   replies as the library wants them              httpd_later.c, httpd_stream.c, httpd_pause.c,
 * httpd_linger.c
 *
 * A connection's state is what the library's next call means:
 *
 *   IDLE ─header─→ WHOLE ─────────────────┐
 *     └─header──→ BODY ─last byte─────────┼→ (handler) ─→ REPLYING ─reply sent─→ IDLE
 *                   └─too much─→ OVER ────┘      └→ LATER ─→ ANSWERED ─↑                                     */
#ifndef IO_HTTPD_INNER_H
#define IO_HTTPD_INNER_H

#include "core/address.h"
#include "io/httpd.h"
#include "io/mhd_load.h"

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#define HTTPD_ALLOW_MAX 64

/* The file of a Unix socket, known again when it shall be removed. */
struct httpd_socket_file {
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    dev_t dev;
    ino_t ino;
};

struct httpd_listener {
    uv_poll_t poll;
    struct httpd *h;
    struct httpd_listener *next;
    int fd;
    bool accepting;
    enum http_via via;
    struct sockaddr_storage address;
    struct httpd_engine *engine;   /* its own, of HTTP_TLS; else NULL */
    struct httpd_socket_file file; /* of HTTP_SOCKET */
};

/* A daemon of the library. */
struct httpd_engine {
    uv_poll_t poll; /* on the library's epoll descriptor */
    struct httpd *h;
    struct httpd_engine *next;
    struct MHD_Daemon *daemon;
    unsigned n_conns;
    bool retired; /* nobody listens for it any more: it ends with its last connection */
};

/* A client that is being handed to the library. */
struct httpd_arrival {
    int fd;
    enum http_via via;
    struct httpd_engine *engine;
    struct address_ip ip; /* all zero of HTTP_SOCKET */
    struct sockaddr_storage peer;
};

enum httpd_state { CONN_IDLE, CONN_WHOLE, CONN_BODY, CONN_OVER, CONN_LATER, CONN_ANSWERED, CONN_REPLYING };

struct httpd_body {
    char *buf;
    size_t len, cap, max; /* cap counts against HTTPD_BODIES_MAX */
    size_t dropped;       /* bytes of one that is OVER */
    unsigned refusal;     /* status, once it is OVER */
};

struct httpd_conn {
    struct httpd_conn *next, **link;
    struct httpd *h;
    struct MHD_Connection *mc;
    struct httpd_arrival from; /* its fd is the library's; we only shut it down */
    int64_t deadline_ms;
    enum httpd_state state;
    char *target; /* of the request in hand, as it came; NULL: none yet */
    bool api;     /* it is under /api/ */
    struct httpd_body body;
    char user[HTTP_USER_MAX];   /* the gate's word on the request in hand; "": none */
    struct http_later *later;   /* the promise of an answer */
    struct http_reply answer;   /* the promise kept, while ANSWERED */
    struct http_stream *stream; /* asked for in the handler that runs */
    bool paused;                /* suspended in the library */
    bool gone;                  /* the client closed meanwhile: let go of it */
    bool lingers;               /* refused before its body: see httpd_linger.c */
    bool waits, fresh;          /* of TLS, before its handshake: in the lobby, or let through it */
};

struct httpd_entry {
    struct http_route route;
    void *ctx;
};

struct httpd {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_idle_t again;           /* while the library has more to do at once */
    struct httpd_watch *watch; /* on clients of paused connections; NULL until the first client */
    const struct mhd *mhd;
    struct httpd_engine *engines, *plain; /* all; the one without TLS, NULL until the first client */
    struct httpd_listener *listeners;
    int64_t accept_at_ms; /* not before this */
    struct httpd_arrival arriving;
    struct httpd_conn *conns;
    unsigned n_waiting, n_fresh; /* those that wait, and are fresh */
    struct httpd_linger *lingers;
    unsigned n_lingers;
    bool wanted; /* httpd_run_soon() was called */
    bool stopped;
    unsigned n_conns, n_socket; /* all; those of HTTP_SOCKET */
    size_t body_bytes;          /* of all bodies */
    struct httpd_entry routes[HTTPD_ROUTES];
    size_t n_routes;
    http_gate gate;
    void *gate_ctx;
    uint64_t accepted, requests, refused, timed_out;
    unsigned n_handles; /* what httpd_close() waits for */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* ---- httpd.c ---- */

int64_t httpd_now_ms(const struct httpd *h);

/* Let the library work, then see to what it changed: who may be accepted, and when to wake up. */
void httpd_run(struct httpd *h);

/* A handle that was counted is closed. */
void httpd_handle_closed(struct httpd *h);

/* A turn of the library is wanted soon. */
void httpd_run_soon(struct httpd *h);

/* ---- httpd_engine.c ---- */

/* Negative when there is no library; logged. */
int httpd_load(struct httpd *h);

/* With TLS when there are a certificate and a key. NULL when the library does not start; logged. */
struct httpd_engine *httpd_engine_new(struct httpd *h, const char *cert_pem, const char *key_pem);

/* It shall end when its last connection does. */
void httpd_engine_retire(struct httpd_engine *e);

/* End those that shall; all. What is connected to them is dropped. Not from within a callback of the library. */
void httpd_engines_reap(struct httpd *h);
void httpd_engines_close(struct httpd *h);

/* ---- httpd_listen.c ---- */

/* While all places are taken, clients wait in the backlog. */
void httpd_update_accepting(struct httpd *h);
void httpd_close_listeners(struct httpd *h);

/* ---- httpd_socket.c ---- */

/* A listening Unix socket at path. The descriptor, or a negative errno. */
int httpd_socket_open(struct httpd_socket_file *f, const char *path) MUSTCHECK;

/* Remove its file, if it is still that one. */
void httpd_socket_remove(const struct httpd_socket_file *f);

/* ---- httpd_conn.c: the library's callbacks; ctx is the server ---- */

void httpd_on_connection(void *ctx, struct MHD_Connection *mc, void **context,
                         enum MHD_ConnectionNotificationCode code);
void *httpd_on_target(void *ctx, const char *target, struct MHD_Connection *mc);
enum MHD_Result httpd_on_request(void *ctx, struct MHD_Connection *mc, const char *url, const char *method,
                                 const char *version, const char *data, size_t *data_len, void **con_cls);
void httpd_on_completed(void *ctx, struct MHD_Connection *mc, void **con_cls, enum MHD_RequestTerminationCode code);

/* ---- httpd_pause.c: connections that the library shall leave alone ---- */

/* Ends of clients are watched from here to httpd_unwatch(). Negative errno. */
int httpd_watch(struct httpd *h) MUSTCHECK;
void httpd_unwatch(struct httpd *h);

/* The library calls nothing for the connection until it goes on. The client's end makes it go on as gone, unless it
 * waits in the lobby. */
void httpd_pause(struct httpd_conn *c);
void httpd_go_on(struct httpd_conn *c);

/* ---- httpd_lobby.c ---- */

/* A TLS connection was handed to the library: it waits. */
void httpd_lobby_enter(struct httpd_conn *c);

/* Its handshake is made, or it ends. */
void httpd_lobby_leave(struct httpd_conn *c);

/* Let through those for whom there is room; drop one whose time is over. */
void httpd_lobby_admit(struct httpd *h);
void httpd_lobby_expire(struct httpd_conn *c);

/* ---- httpd_linger.c ---- */

/* The library is about to close the connection, amid a body. */
void httpd_linger(struct httpd_conn *c);

/* When the next of them is due (INT64_MAX: none); end those that are due by then. */
int64_t httpd_lingers_due_ms(const struct httpd *h);
void httpd_lingers_end(struct httpd *h, int64_t until_ms);

/* ---- httpd_later.c ---- */

/* A handler promised an answer: wait for it. */
void httpd_later_wait(struct httpd_conn *c);

/* Its time is over: 504. */
void httpd_later_expire(struct httpd_conn *c);

/* Nobody waits any more. */
void httpd_later_end(struct httpd_conn *c);

/* ---- httpd_stream.c ---- */

/* The library's response for a reply in pieces, which it takes. */
struct MHD_Response *httpd_pieces(struct httpd_conn *c, const struct http_reply *r);

/* ---- httpd_body.c ---- */

/* What the header says of a body. */
enum httpd_framing { BODY_NONE, BODY_SIZED, BODY_CHUNKED, BODY_NONSENSE };
enum httpd_framing httpd_framing(const struct mhd *mhd, struct MHD_Connection *mc, uint64_t *size);

/* Make ready for a body of at most max bytes. 0, or the status that refuses it. */
unsigned httpd_body_begin(struct httpd_conn *c, enum httpd_framing framing, uint64_t size, size_t max);

/* Take some bytes of it. False: enough is enough, close the connection. */
bool httpd_body_take(struct httpd_conn *c, const char *data, size_t len);
void httpd_body_free(struct httpd_conn *c);

/* ---- httpd_answer.c ---- */

/* The header of a request with a body is whole: look up its route, ask the gate, make room; or refuse. */
enum MHD_Result httpd_admit(struct httpd_conn *c, struct MHD_Connection *mc, const char *method);

/* The request is whole: answer it. */
enum MHD_Result httpd_answer(struct httpd_conn *c, struct MHD_Connection *mc, const char *method);

/* ---- httpd_reply.c ---- */

/* The server's own errors: as text or JSON, as the path wants it. */
void httpd_refuse(const struct httpd_conn *c, struct http_reply *r, unsigned status, const char *text);

/* Release what a reply owns. */
void httpd_reply_drop(struct http_reply *r);

/* Hand a reply to the library, which takes what it owns; last: close the connection behind it. */
enum MHD_Result httpd_queue(struct httpd_conn *c, struct MHD_Connection *mc, struct http_reply *r, bool last);

#endif
