#include "io/httpd_inner.h"

#include "core/util.h"

#include <stdlib.h>
#include <string.h>

static void conn_add(struct httpd *h, struct MHD_Connection *mc, void **context)
{
    struct httpd_conn *c = must(calloc(1, sizeof *c));

    c->h = h;
    c->mc = mc;
    c->from = h->arriving;
    c->deadline_ms = httpd_now_ms(h) + HTTPD_REQUEST_MS;
    c->next = h->conns;
    if (c->next)
        c->next->link = &c->next;
    c->link = &h->conns;
    h->conns = c;
    h->n_conns++;
    h->n_socket += c->from.via == HTTP_SOCKET;
    c->from.engine->n_conns++;
    h->accepted++;
    *context = c;
}

/* All that belongs to the request in hand goes. */
static void request_end(struct httpd_conn *c)
{
    free(c->target);
    c->target = NULL;
    c->api = false;
    c->user[0] = '\0';
    httpd_body_free(c);
    httpd_later_end(c);
    c->state = CONN_IDLE;
}

static void conn_remove(struct httpd_conn *c)
{
    request_end(c);
    httpd_lobby_leave(c);
    if (c->lingers)
        httpd_linger(c);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->h->n_conns--;
    c->h->n_socket -= c->from.via == HTTP_SOCKET;
    c->from.engine->n_conns--;
    free(c);
}

void httpd_on_connection(void *ctx, struct MHD_Connection *mc, void **context, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        conn_add(ctx, mc, context);
    else
        conn_remove(*context);
}

/* The request line is there. The library takes the text apart in place, and in its own way: keep a copy. */
void *httpd_on_target(void *ctx, const char *target, struct MHD_Connection *mc)
{
    struct httpd *h = ctx;
    struct httpd_conn *c = h->mhd->get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    request_end(c);
    c->target = must(strndup(target, HTTPD_TARGET_MAX + 1));
    return c;
}

/* The header is whole. What refuses a request without a body waits for the library's next call: it closes the
 * connection behind an answer that it gets at this one. */
static enum MHD_Result on_header(struct httpd_conn *c, struct MHD_Connection *mc, const char *method)
{
    uint64_t size;

    if (httpd_framing(c->h->mhd, mc, &size) != BODY_NONE)
        return httpd_admit(c, mc, method);
    c->state = CONN_WHOLE;
    return MHD_YES;
}

/* Called when the header is whole, for each piece of a body, and for the answer. */
enum MHD_Result httpd_on_request(void *ctx, struct MHD_Connection *mc, const char *url, const char *method,
                                 const char *version, const char *data, size_t *data_len, void **con_cls)
{
    struct httpd_conn *c = *con_cls;
    size_t len = *data_len;

    (void)ctx, (void)url, (void)version;
    *data_len = 0;
    if (c->gone)
        return MHD_NO;
    if (c->state == CONN_IDLE)
        return on_header(c, mc, method);
    if (len > 0)
        return httpd_body_take(c, data, len) ? MHD_YES : MHD_NO;
    if (c->state == CONN_LATER)
        return MHD_YES;
    return httpd_answer(c, mc, method);
}

void httpd_on_completed(void *ctx, struct MHD_Connection *mc, void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct httpd_conn *c = *con_cls;

    (void)ctx, (void)mc, (void)code;
    request_end(c);
    c->deadline_ms = httpd_now_ms(c->h) + HTTPD_REQUEST_MS;
}
