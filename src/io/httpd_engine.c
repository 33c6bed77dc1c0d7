#include "io/httpd_inner.h"

#include "core/limits.h"
#include "core/util.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

int httpd_load(struct httpd *h)
{
    const char *error;

    if (!h->mhd)
        h->mhd = mhd_load(&error);
    if (h->mhd)
        return 0;
    log_error("http: %s: no page can be served", error);
    return -1;
}

/* What it says of clients is for who looks for it; why it does not start, for all. */
static void on_library_log(void *ctx, const char *fmt, va_list ap)
{
    const struct httpd_engine *e = ctx;
    char text[256];

    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    if (e->daemon)
        log_detail("http: %s", text);
    else
        log_error("http: libmicrohttpd: %s", text);
}

static void on_news(uv_poll_t *p, int status, int events)
{
    (void)status, (void)events;
    httpd_run(((struct httpd_engine *)p->data)->h);
}

static struct MHD_Daemon *start(struct httpd_engine *e, const char *cert_pem, const char *key_pem)
{
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert_pem},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key_pem},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, tls_priorities},
                                   {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    return e->h->mhd->start_daemon(flags | (cert_pem ? MHD_USE_TLS : 0), 0, NULL, NULL, httpd_on_request, e->h,
                                   MHD_OPTION_EXTERNAL_LOGGER, on_library_log, e, MHD_OPTION_CONNECTION_LIMIT,
                                   LIMIT_HTTP_CONNECTIONS + LIMIT_HTTP_SOCKET, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                   (size_t)HTTPD_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, httpd_on_target, e->h,
                                   MHD_OPTION_NOTIFY_COMPLETED, httpd_on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
                                   httpd_on_connection, e->h, MHD_OPTION_ARRAY, cert_pem ? tls : plain, MHD_OPTION_END);
}

struct httpd_engine *httpd_engine_new(struct httpd *h, const char *cert_pem, const char *key_pem)
{
    int rc = h->watch ? 0 : httpd_watch(h);
    struct httpd_engine *e = must(calloc(1, sizeof *e));

    e->h = h;
    errno = -rc;
    if (rc == 0)
        e->daemon = start(e, cert_pem, key_pem);
    if (!e->daemon) {
        log_error("http: libmicrohttpd does not start: %s: no page can be served%s",
                  errno ? strerror(errno) : "see above", cert_pem ? " with TLS" : "");
        free(e);
        return NULL;
    }
    uv_poll_init(h->loop, &e->poll, h->mhd->get_daemon_info(e->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    e->poll.data = e;
    h->n_handles++;
    uv_poll_start(&e->poll, UV_READABLE, on_news);
    e->next = h->engines;
    h->engines = e;
    return e;
}

static void on_engine_closed(uv_handle_t *handle)
{
    struct httpd_engine *e = handle->data;
    struct httpd *h = e->h;

    free(e);
    httpd_handle_closed(h);
}

/* libuv lets go of the epoll descriptor before the library closes it. */
static void engine_close(struct httpd_engine **link)
{
    struct httpd_engine *e = *link;

    *link = e->next;
    uv_close((uv_handle_t *)&e->poll, on_engine_closed);
    e->h->mhd->stop_daemon(e->daemon);
}

void httpd_engine_retire(struct httpd_engine *e)
{
    e->retired = true;
    httpd_run_soon(e->h);
}

void httpd_engines_reap(struct httpd *h)
{
    struct httpd_engine **link = &h->engines;

    while (*link) {
        if ((*link)->retired && (*link)->n_conns == 0)
            engine_close(link);
        else
            link = &(*link)->next;
    }
}

void httpd_engines_close(struct httpd *h)
{
    while (h->engines)
        engine_close(&h->engines);
    h->plain = NULL;
}
