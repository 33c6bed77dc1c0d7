/* The inside of the http service: its listeners beside the plain ones. Only http*.c include it. */
#ifndef APP_HTTP_IMPL_H
#define APP_HTTP_IMPL_H

#include "app/app.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* ---- http_tls.c ---- */

/* The listener with TLS. Certificate and key are read anew at each apply; a pair that cannot be used leaves the one in
 * use alone. */
struct http_tls {
    struct app *app;
    bool wanted;
    struct sockaddr_storage address;
    unsigned port; /* of the address */
    char *cert_file, *key_file;
    bool listening;
    struct sockaddr_storage at; /* where it listens, */
    uint8_t digest[32];         /* and SHA-256 of the pair that is in use there */
    char told[256];             /* what the log said last */
};

void http_tls_apply(struct http_tls *t, const struct settings *next);

/* Listen if it is wanted and not so yet. False: it is worth another try. */
bool http_tls_try(struct http_tls *t);

void http_tls_fini(struct http_tls *t);

/* ---- http_control.c ---- */

/* The Unix socket of the API. */
struct http_control {
    struct app *app;
    char *path;
    bool listening;
};

/* Listen where the settings say, tried once at each apply: without it the daemon goes on. */
void http_control_apply(struct http_control *c, const struct settings *next);
void http_control_fini(struct http_control *c);

#endif
