#include "io/mb_names.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (1024 * 1024)
#else
#define STACK_SIZE (256 * 1024) /* what the system's modules for names take is theirs to say */
#endif

struct mb_look_up {
    pthread_mutex_t lock;
    char *host;
    int port;
    void (*woken)(void *ctx); /* NULL: nobody waits any more */
    void *ctx;
    bool done;
    int error; /* of getaddrinfo() */
    int errnum;
    struct addrinfo *list;
};

static void destroy(struct mb_look_up *l)
{
    if (l->list)
        freeaddrinfo(l->list);
    pthread_mutex_destroy(&l->lock);
    free(l->host);
    free(l);
}

static void look_up(struct mb_look_up *l)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG}, *list = NULL;
    char service[12];

    snprintf(service, sizeof service, "%d", l->port);
    int error = getaddrinfo(l->host, service, &hints, &list), errnum = errno;
    pthread_mutex_lock(&l->lock);
    l->done = true;
    l->error = error;
    l->errnum = errnum;
    l->list = error == 0 ? list : NULL;
    bool wanted = l->woken;
    if (wanted)
        l->woken(l->ctx);
    pthread_mutex_unlock(&l->lock);
    if (!wanted)
        destroy(l);
}

static void *run(void *l)
{
    pthread_setname_np(pthread_self(), "mb-name");
    look_up(l);
    return NULL;
}

struct mb_look_up *mb_look_up_new(const char *host, int port, void (*woken)(void *ctx), void *ctx)
{
    struct mb_look_up *l = must(calloc(1, sizeof *l));
    pthread_attr_t attr;
    pthread_t thread;

    pthread_mutex_init(&l->lock, NULL);
    l->host = must(strdup(host));
    l->port = port;
    l->woken = woken;
    l->ctx = ctx;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    int e = pthread_create(&thread, &attr, run, l); /* signals are blocked, as they are in the bus thread */
    pthread_attr_destroy(&attr);
    if (e != 0) {
        l->done = true;
        l->error = EAI_SYSTEM;
        l->errnum = e;
    }
    return l;
}

int mb_look_up_take(struct mb_look_up *l, struct addrinfo **list, char error[MB_LINK_ERROR])
{
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    if (l->done && l->error != 0) {
        rc = -EHOSTUNREACH;
        snprintf(error, MB_LINK_ERROR, "%.100s: %s", l->host,
                 l->error == EAI_SYSTEM ? strerror(l->errnum) : gai_strerror(l->error));
    } else if (l->done) {
        rc = 1;
        *list = l->list;
        l->list = NULL;
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

void mb_look_up_free(struct mb_look_up *l)
{
    pthread_mutex_lock(&l->lock);
    bool done = l->done;
    l->woken = NULL;
    pthread_mutex_unlock(&l->lock);
    if (done)
        destroy(l);
}
