#include "app/secrets.h"

#include "app/app.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/files.h"
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

struct change {
    struct change *next;
    enum secret secret;
    char *dir, *value; /* value NULL: remove it */
    size_t len;
    int status;
    secret_saved done;
    void *ctx;
};

struct secrets {
    struct app *app;
    char *dir;
    bool saved[SECRETS];
    struct {
        secret_changed changed;
        void *ctx;
    } users[SECRETS];
    struct change *first; /* at work; those behind it wait */
    size_t n;
    uv_work_t work;
    bool stopped;
    service_done closed;
    void *closed_ctx;
};

/* ---- where they are ---- */

static int path_of(char out[PATH_MAX], const char *dir, enum secret s)
{
    return snprintf(out, PATH_MAX, "%s/" SECRETS_FOLDER "/%s", dir, secret_name(s)) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static const char *file_of(const struct settings *s, enum secret secret)
{
    switch (secret) {
    case SECRET_DEVICE_KEY:
        return s->device.key_file;
    case SECRET_MQTT_PASSWORD:
        return s->mqtt.password_file;
    case SECRET_MQTT_TLS_KEY:
        return s->mqtt.tls.key_file;
    case SECRET_INFLUX_TOKEN:
        return s->influx.token_file;
    case SECRET_HTTP_TLS_KEY:
        return s->http.tls_key_file;
    default:
        return NULL;
    }
}

static bool is_saved(const struct app *a, enum secret s)
{
    return a->secrets && s < SECRETS && a->secrets->saved[s];
}

enum secret_from secret_from(const struct app *a, enum secret s, const struct settings *settings)
{
    if (is_saved(a, s))
        return SECRET_SAVED;
    if (s == SECRET_DEVICE_KEY && settings->device.key)
        return SECRET_SETTINGS;
    return file_of(settings, s) ? SECRET_FILE : SECRET_NOWHERE;
}

const char *secret_from_name(enum secret_from from)
{
    static const char *const names[] = {
        [SECRET_SAVED] = "saved", [SECRET_FILE] = "file", [SECRET_SETTINGS] = "settings"};

    return names[from];
}

char *secret_file(const struct app *a, enum secret s, const struct settings *settings)
{
    const char *file = file_of(settings, s);
    char path[PATH_MAX];

    if (is_saved(a, s) && path_of(path, a->secrets->dir, s) == 0)
        file = path;
    return file ? must(strdup(file)) : NULL;
}

int secret_read(const struct app *a, enum secret s, char *out, size_t size)
{
    char path[PATH_MAX];
    int fd = -1, err = is_saved(a, s) ? path_of(path, a->secrets->dir, s) : -ENOENT;
    ssize_t n;

    if (err < 0 || (fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)) < 0)
        return err < 0 ? err : -errno;
    n = read(fd, out, size);
    err = n < 0 ? -errno : (size_t)n == size ? -EFBIG : (int)n;
    close(fd);
    out[err < 0 ? 0 : n] = '\0';
    return err;
}

void secret_watch(struct app *a, enum secret s, secret_changed changed, void *ctx)
{
    if (!a->secrets)
        return;
    a->secrets->users[s].changed = changed;
    a->secrets->users[s].ctx = ctx;
}

/* ---- changes ---- */

static int forget(const char *path, const char *folder)
{
    int fd;

    if (unlink(path) < 0)
        return -errno;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return err;
}

/* In the pool: nothing but the change is touched. */
static void run(uv_work_t *work)
{
    struct change *c = ((struct secrets *)work->data)->first;
    char folder[PATH_MAX], path[PATH_MAX];

    c->status = path_of(path, c->dir, c->secret);
    if (c->status < 0)
        return;
    snprintf(folder, sizeof folder, "%s/" SECRETS_FOLDER, c->dir);
    if (!c->value) {
        c->status = forget(path, folder);
        return;
    }
    mkdir(c->dir, 0750);
    mkdir(folder, 0700);
    c->status = files_write(path, c->value, c->len, 0600);
}

static void change_free(struct change *c)
{
    if (c->value)
        OPENSSL_cleanse(c->value, c->len);
    free(c->value);
    free(c->dir);
    free(c);
}

static void close_if_done(struct secrets *s);
static void begin(struct secrets *s);

/* It is as it was asked for: who uses it takes it up. */
static void took(struct secrets *s, const struct change *c)
{
    if (strcmp(c->dir, s->dir) != 0)
        return; /* the state directory is another by now */
    s->saved[c->secret] = c->value != NULL;
    if (s->users[c->secret].changed && !s->stopped)
        s->users[c->secret].changed(s->users[c->secret].ctx);
}

static void on_ran(uv_work_t *work, int status)
{
    struct secrets *s = work->data;
    struct change *c = s->first;

    (void)status; /* nobody cancels it */
    s->first = c->next;
    s->n--;
    bool gone = !c->value && c->status == -ENOENT && s->saved[c->secret]; /* without us */
    if (c->status == 0 || gone)
        took(s, c);
    else if (c->status != -ENOENT)
        log_error("secrets: %s: %s", secret_name(c->secret), strerror(-c->status));
    c->done(c->ctx, c->status);
    change_free(c);
    if (s->first)
        begin(s);
    close_if_done(s);
}

static void begin(struct secrets *s)
{
    uv_queue_work(s->app->loop, &s->work, run, on_ran);
}

int secret_save(struct app *a, enum secret secret, const char *value, size_t len, secret_saved done, void *ctx)
{
    struct secrets *s = a->secrets;
    struct change *c, **end = &s->first;

    if (!s || s->stopped || s->n > SECRETS_WAITING)
        return -EBUSY;
    c = must(calloc(1, sizeof *c));
    c->secret = secret;
    c->dir = must(strdup(s->dir));
    if (value) {
        c->value = memcpy(must(malloc(len + 1)), value, len);
        c->len = len;
    }
    c->done = done;
    c->ctx = ctx;
    while (*end)
        end = &(*end)->next;
    *end = c;
    if (s->n++ == 0)
        begin(s);
    return 0;
}

/* ---- the service ---- */

static void *secrets_new(struct app *app)
{
    struct secrets *s = must(calloc(1, sizeof *s));

    s->app = app;
    s->work.data = s;
    app->secrets = s;
    return s;
}

/* Which are saved: looked at each time, as people may have put a file there. */
static void secrets_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct secrets *s = self;
    char path[PATH_MAX];
    struct stat st;

    (void)old;
    free(s->dir);
    s->dir = must(strdup(next->storage.path));
    for (int i = 0; i < SECRETS; i++)
        s->saved[i] = path_of(path, s->dir, (enum secret)i) == 0 && lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* What waits is not begun any more. */
static void secrets_stop(void *self)
{
    struct secrets *s = self;
    struct change *c, *waiting = s->first ? s->first->next : NULL;

    s->stopped = true;
    if (s->first)
        s->first->next = NULL;
    while ((c = waiting)) {
        waiting = c->next;
        s->n--;
        c->done(c->ctx, -ECANCELED);
        change_free(c);
    }
}

static void close_if_done(struct secrets *s)
{
    service_done closed = s->closed;
    void *ctx = s->closed_ctx;

    if (!closed || s->first)
        return;
    s->app->secrets = NULL;
    free(s->dir);
    free(s);
    closed(ctx);
}

static void secrets_close(void *self, service_done done, void *ctx)
{
    struct secrets *s = self;

    s->closed = done;
    s->closed_ctx = ctx;
    close_if_done(s);
}

const struct service service_secrets = {
    .name = "secrets",
    .new = secrets_new,
    .apply = secrets_apply,
    .stop = secrets_stop,
    .close = secrets_close,
};
