/* A client for HTTP and HTTPS: one POST at a time, over one connection that is kept alive between them.
 * It never blocks the loop, never skips a check of a certificate, never follows a redirect, uses no proxy, cookie or
 * .netrc, and never logs.
 *
 *            web_post()                     answer or failure -> done()
 *   IDLE ----------------> RUNNING ------------------------------------> IDLE
 *     \                       | web_cancel(): no done(), no connection ----^
 *      \---> DOOMED ----------+   (what cannot even start is told in the next turn of the loop)
 *
 * Without a request it has no timer and nothing to do: the connection that is kept is only watched for its end, and
 * closed as soon as the server closes or says something unasked. */
#ifndef IO_WEB_H
#define IO_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define WEB_BODY_MAX   65536 /* bytes of an answer's body */
#define WEB_HEADER_MAX 1024  /* bytes of a header's value that are kept; the rest is cut off */

#define WEB_CONNECT_MS 5000  /* for the look-up of the name, the connection and the TLS handshake, together */
#define WEB_STALL_MS   5000  /* without a byte sent or received (pitfall 11; the Flukso API's time-outs) */
#define WEB_TOTAL_MS   30000 /* for all of it: a server that drips must not hold the caller for ever */

struct web;

enum web_failure {
    WEB_NONE,
    WEB_NAME,          /* the name has no address, or nobody could be asked */
    WEB_CONNECT,       /* refused, no route */
    WEB_TIMEOUT,       /* any of the three above, the look-up included */
    WEB_TLS,           /* handshake failed, or certificate refused for another reason than the next two */
    WEB_NOT_YET_VALID, /* certificate: the host's clock may be behind (pitfall 18) */
    WEB_EXPIRED,       /* certificate: or the clock ahead */
    WEB_CUT,           /* connection lost before the answer was complete; the server may have done what was asked */
    WEB_TOO_LONG,      /* a body over WEB_BODY_MAX */
    WEB_OTHER          /* not to be sent at all, or an answer that is not HTTP */
};

enum web_header {
    WEB_WWW_AUTHENTICATE,
    WEB_DIGEST /* X-Digest */,
    WEB_DATE,
    WEB_RETRY_AFTER,
    WEB_CONTENT_TYPE,
    WEB_HEADERS
};

struct web_request {
    const char *url;            /* http or https, without user name or password */
    const char *const *headers; /* "Name: value" texts, n_headers of them */
    size_t n_headers;
    const char *user_agent; /* NULL: none */
    const char *ca_file;    /* PEM; NULL: the system's certificates (/etc/ssl/certs, or $SSL_CERT_DIR) */
    const void *body;       /* what is posted, len bytes; NULL if len is 0 */
    size_t len;
};

/* All texts are valid during the call of done() only. */
struct web_answer {
    int status;                      /* 200 to 599, of a complete answer; 0: none, then failure and error say why */
    enum web_failure failure;        /* WEB_NONE with a status */
    const char *error;               /* for people, one line, never NULL; "" with a status. It holds no header and no
                                        more of the URL than host and port */
    const char *header[WEB_HEADERS]; /* value of the last one of that name, or NULL */
    const char *body;                /* never NULL; a zero follows */
    size_t len;
};

/* From the loop, once per web_post(); web_post() and web_close() may be called from inside. */
typedef void (*web_done)(void *ctx, const struct web_answer *a);

/* An idle client. libcurl is loaded with the first request of the process. */
struct web *web_new(uv_loop_t *loop);

/* POST r, all of which is copied. done is never called from inside. Aborts when w is busy or closing: the caller sends
 * one after the other.
 *
 * A kept connection that turns out to be closed, with no byte of an answer, is no failure: the request goes out once
 * more on a new one. So a server may see the same request twice, as after any WEB_CUT. */
void web_post(struct web *w, const struct web_request *r, web_done done, void *ctx);

/* Is a request under way, its done() still to come? */
bool web_busy(const struct web *w);

/* Give the request up: no done() comes, its connection is closed. Nothing happens without one. */
void web_cancel(struct web *w);

/* Give all up; done, unless NULL, is called when w is gone. A look-up that hangs does not hold it up: its thread ends
 * by itself, later. */
void web_close(struct web *w, void (*done)(void *ctx), void *ctx);

#endif
