#include "io/httpd_inner.h"

#include "core/jsonw.h"
#include "core/util.h"
#include "io/log.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_header_add(struct http_reply *r, const char *name, const char *value)
{
    if (r->n_headers == HTTP_HEADERS)
        abort();
    r->headers[r->n_headers].name = name;
    r->headers[r->n_headers++].value = must(strdup(value));
}

void http_text(struct http_reply *r, unsigned status, const char *text)
{
    r->status = status;
    r->len = strlen(text) + 1;
    r->body = must(malloc(r->len));
    memcpy(r->body, text, r->len - 1);
    r->body[r->len - 1] = '\n';
}

void http_json(struct http_reply *r, unsigned status, char *body, size_t len)
{
    r->status = status;
    r->type = "application/json";
    r->body = body;
    r->len = len;
}

void http_error(struct http_reply *r, unsigned status, const char *text)
{
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "error", text);
    jsonw_close(&w, '}');
    http_json(r, status, w.buf, w.len);
}

void httpd_refuse(const struct httpd_conn *c, struct http_reply *r, unsigned status, const char *text)
{
    if (c->api)
        http_error(r, status, text);
    else
        http_text(r, status, text);
}

static void drop_headers(struct http_reply *r)
{
    for (size_t i = 0; i < r->n_headers; i++)
        free(r->headers[i].value);
    r->n_headers = 0;
}

void httpd_reply_drop(struct http_reply *r)
{
    drop_headers(r);
    free(r->body);
    if (r->more && r->done)
        r->done(r->ctx);
    *r = (struct http_reply){.status = MHD_HTTP_OK};
}

static void add_header(const struct mhd *mhd, struct MHD_Response *resp, const char *name, const char *value)
{
    if (mhd->add_response_header(resp, name, value) != MHD_YES)
        log_error("http: the header %s cannot be sent with its value", name);
}

static bool has_header(const struct http_reply *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return true;
    return false;
}

static void add_headers(struct httpd_conn *c, struct MHD_Response *resp, struct http_reply *r)
{
    const struct mhd *mhd = c->h->mhd;

    if (r->status != MHD_HTTP_NO_CONTENT)
        add_header(mhd, resp, "Content-Type", r->type ? r->type : "text/plain; charset=utf-8");
    if (c->api) {
        add_header(mhd, resp, "X-Content-Type-Options", "nosniff");
        if (!has_header(r, "Cache-Control"))
            add_header(mhd, resp, "Cache-Control", "no-store");
    }
    for (size_t i = 0; i < r->n_headers; i++)
        add_header(mhd, resp, r->headers[i].name, r->headers[i].value);
    drop_headers(r);
}

enum MHD_Result httpd_queue(struct httpd_conn *c, struct MHD_Connection *mc, struct http_reply *r, bool last)
{
    const struct mhd *mhd = c->h->mhd;
    struct MHD_Response *resp =
        r->more ? httpd_pieces(c, r) : mhd->create_response_from_buffer(r->len, r->body, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result rc;

    if (!resp)
        abort();
    if (!r->status)
        r->status = MHD_HTTP_OK;
    add_headers(c, resp, r);
    if (last)
        add_header(mhd, resp, "Connection", "close");
    c->h->requests++;
    c->deadline_ms = httpd_now_ms(c->h) + HTTPD_REPLY_MS;
    c->state = CONN_REPLYING;
    rc = mhd->queue_response(mc, r->status, resp);
    mhd->destroy_response(resp);
    return rc;
}
