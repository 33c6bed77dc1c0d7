#include "io/httpd_inner.h"

#include "core/limits.h"
#include "core/util.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void on_library_log(void *ctx, const char *fmt, va_list ap)
{
    char text[256];

    (void)ctx;
    vsnprintf(text, sizeof text, fmt, ap);
    log_detail("http: %s", text);
}

static void on_news(uv_poll_t *p, int status, int events)
{
    (void)status, (void)events;
    httpd_run(((struct httpd_engine *)p->data)->h);
}

struct httpd_engine *httpd_engine_new(struct httpd *h)
{
    struct httpd_engine *e = must(calloc(1, sizeof *e));

    e->h = h;
    e->daemon = h->mhd->start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        httpd_on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL, MHD_OPTION_CONNECTION_LIMIT,
        LIMIT_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTPD_MEMORY, MHD_OPTION_URI_LOG_CALLBACK,
        httpd_on_target, h, MHD_OPTION_NOTIFY_COMPLETED, httpd_on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        httpd_on_connection, h, MHD_OPTION_END);
    if (!e->daemon) {
        log_error("http: libmicrohttpd does not start: %s: no page can be served", strerror(errno));
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
void httpd_engine_close(struct httpd_engine **link)
{
    struct httpd_engine *e = *link;

    *link = e->next;
    uv_close((uv_handle_t *)&e->poll, on_engine_closed);
    e->h->mhd->stop_daemon(e->daemon);
}
