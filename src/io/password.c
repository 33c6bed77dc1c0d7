#include "io/password.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

struct job {
    struct job *next;
    bool make;
    int result;
    char *text; /* owned; overwritten before it is freed */
    struct scrypt_line line;
    password_done done;
    void *ctx;
};

struct password {
    uv_loop_t *loop;
    uv_work_t work;
    struct job *jobs; /* the first is at work */
    size_t n;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct password *password_new(uv_loop_t *loop)
{
    struct password *p = must(calloc(1, sizeof *p));

    p->loop = loop;
    p->work.data = p;
    return p;
}

/* In a thread of the pool. */
static void run(uv_work_t *work)
{
    struct job *j = ((struct password *)work->data)->jobs;
    uint8_t salt[SCRYPT_SALT];

    memcpy(salt, j->line.salt, sizeof salt);
    if (j->make)
        j->result = scrypt_line_make(&j->line, j->text, salt) < 0 ? -ENOMEM : 1;
    else
        j->result = scrypt_line_check(&j->line, j->text);
    if (j->result < 0)
        j->result = -ENOMEM;
    malloc_trim(0); /* or the heap would keep 16 MB for the next one */
}

static void job_free(struct job *j)
{
    OPENSSL_cleanse(j->text, strlen(j->text));
    free(j->text);
    free(j);
}

static void on_ran(uv_work_t *work, int status);

static void start(struct password *p)
{
    if (p->jobs && uv_queue_work(p->loop, &p->work, run, on_ran) < 0)
        abort();
}

static void finish(struct password *p)
{
    void (*cb)(void *) = p->closed;
    void *ctx = p->closed_ctx;

    free(p);
    cb(ctx);
}

/* The next one begins before the callback, which may ask for one more. */
static void on_ran(uv_work_t *work, int status)
{
    struct password *p = work->data;
    struct job *j = p->jobs;

    p->jobs = j->next;
    p->n--;
    if (!p->closing)
        start(p);
    j->done(j->ctx, status < 0 ? status : j->result, &j->line);
    job_free(j);
    if (p->closing)
        finish(p);
}

static int submit(struct password *p, const struct job *wanted, const char *text)
{
    struct job **last = &p->jobs;

    if (p->closing || p->n > PASSWORD_WAITING)
        return -EBUSY;
    while (*last)
        last = &(*last)->next;
    *last = must(malloc(sizeof **last));
    **last = *wanted;
    (*last)->text = must(strdup(text));
    if (p->n++ == 0)
        start(p);
    return 0;
}

int password_check(struct password *p, const struct scrypt_line *line, const char *text, password_done done, void *ctx)
{
    return submit(p, &(struct job){.line = *line, .done = done, .ctx = ctx}, text);
}

int password_make(struct password *p, const uint8_t salt[SCRYPT_SALT], const char *text, password_done done, void *ctx)
{
    struct job j = {.make = true, .done = done, .ctx = ctx};

    memcpy(j.line.salt, salt, SCRYPT_SALT);
    return submit(p, &j, text);
}

void password_close(struct password *p, void (*cb)(void *ctx), void *ctx)
{
    p->closing = true;
    p->closed = cb;
    p->closed_ctx = ctx;
    if (!p->jobs) {
        finish(p);
        return;
    }
    while (p->jobs->next) {
        struct job *j = p->jobs->next;
        p->jobs->next = j->next;
        j->done(j->ctx, -ECANCELED, &j->line);
        job_free(j);
    }
    uv_cancel((uv_req_t *)&p->work); /* when it waits for a thread; on_ran comes in any case */
}
