/* The files of the access service in the state directory. */
#include "app/access_impl.h"

#include "core/util.h"
#include "io/files.h"
#include "io/log.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void path_of(char out[PATH_MAX], const struct access *a, const char *file)
{
    snprintf(out, PATH_MAX, "%s/%s", a->dir, file);
}

static void load_password(struct access *a)
{
    char path[PATH_MAX], *text = NULL;
    size_t len;

    path_of(path, a, ACCESS_PASSWORD_FILE);
    int err = files_read(path, SCRYPT_LINE_MAX + 1, &text, &len);
    a->state = PASSWORD_UNREADABLE;
    if (err == 0 && scrypt_line_parse(&a->line, text, len) == 0)
        a->state = PASSWORD_SET;
    else if (err == -ENOENT)
        a->state = PASSWORD_NONE;
    else
        log_error("access: %s: %s: nobody can log in until 'fluksoctl passwd' sets another password", path,
                  err < 0 ? strerror(-err) : "this is no password's line");
    a->generation++;
    free(text);
}

static void load_tokens(struct access *a)
{
    char path[PATH_MAX], *text = NULL;
    size_t len;

    path_of(path, a, ACCESS_TOKENS_FILE);
    int err = files_read(path, TOKEN_FILE_MAX, &text, &len);
    a->tokens.n = 0;
    if (err < 0 && err != -ENOENT)
        log_error("access: %s: %s: no token opens anything", path, strerror(-err));
    else if (err == 0 && tokens_parse(&a->tokens, text, len) < 0)
        log_error("access: %s: not a list of tokens: none opens anything", path);
    free(text);
}

void access_load(struct access *a)
{
    session_end_all(&a->sessions);
    load_password(a);
    load_tokens(a);
}

/* In a thread of the pool. */
static void run(uv_work_t *work)
{
    struct access_save *s = work->data;

    s->status = files_write(s->path, s->text, strlen(s->text), 0600);
}

static void on_ran(uv_work_t *work, int status)
{
    struct access_save *s = work->data;
    access_saved done = s->done;
    struct access *a = s->a;

    s->busy = false;
    if (status == 0 && s->status < 0)
        log_error("access: %s cannot be written: %s", s->path, strerror(-s->status));
    free(s->path);
    access_wipe(s->text);
    done(s->ctx, status < 0 ? status : s->status);
    if (a->done)
        access_part_closed(a);
}

int access_save_begin(struct access_save *s, const char *file, char *text, access_saved done, void *ctx)
{
    char path[PATH_MAX];

    if (s->busy)
        return -EBUSY;
    path_of(path, s->a, file);
    s->busy = true;
    s->path = must(strdup(path));
    s->text = text;
    s->done = done;
    s->ctx = ctx;
    s->work.data = s;
    if (s->a->done)
        s->a->open++; /* begun by a job that ended while close waited for it */
    if (uv_queue_work(s->a->app->loop, &s->work, run, on_ran) < 0)
        abort();
    return 0;
}
