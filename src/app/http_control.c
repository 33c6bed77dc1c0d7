#include "app/http_impl.h"

#include "core/settings.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_DIR "/run/fluksod"
#define FILE_NAME   "control.sock"

/* The settings' path, else one in the first folder of $RUNTIME_DIRECTORY, which may hold several, between colons. */
static char *path_of(const struct settings *s)
{
    const char *dir = getenv("RUNTIME_DIRECTORY");
    char *path;

    if (s->control.socket)
        return must(strdup(s->control.socket));
    if (!dir || !*dir)
        dir = DEFAULT_DIR;
    if (asprintf(&path, "%.*s/" FILE_NAME, (int)strcspn(dir, ":"), dir) < 0)
        abort();
    return path;
}

/* Its folder may have to be made, the ones above it not. */
static int make_folder(const char *path)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof copy, "%s", path);
    return mkdir(dirname(copy), 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static void unlisten(struct http_control *c)
{
    if (c->listening)
        httpd_unlisten_socket(c->app->httpd, c->path);
    c->listening = false;
}

void http_control_apply(struct http_control *c, const struct settings *next)
{
    char *path = path_of(next);

    if (c->listening && strcmp(path, c->path) == 0) {
        free(path);
        return;
    }
    unlisten(c);
    free(c->path);
    c->path = path;
    int rc = make_folder(path);
    if (rc == 0)
        rc = httpd_listen_socket(c->app->httpd, path);
    c->listening = rc == 0;
    if (rc == 0)
        log_info("http: %s: listening", path);
    else
        log_warn("http: %s: %s; going on without it, fluksoctl will not find this daemon (control.socket)", path,
                 rc == -EADDRINUSE ? "another program listens there" : strerror(-rc));
}

void http_control_fini(struct http_control *c)
{
    free(c->path);
}
