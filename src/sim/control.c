#include "sim/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/orders.h"

int control_start(struct control *c, const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;

    *c = (struct control){.listener = -1, .path = path};
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        c->clients[i].fd = -1;
    if (!path)
        return 0;
    if (strlen(path) >= sizeof addr.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path));
    if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0) {
        if (listen(fd, CONTROL_CLIENTS) == 0) {
            c->listener = fd;
            return 0;
        }
    }
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

void control_fds(const struct control *c, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = c->listener, .events = POLLIN};
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        fds[i + 1] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
}

static void drop(struct control_client *cl)
{
    close(cl->fd);
    cl->fd = -1;
}

static int answer(struct control_client *cl, struct sim *s, int64_t now_ms)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        abort();
    order(s, now_ms, cl->line, out);
    if (fclose(out) != 0)
        abort();
    ssize_t sent = send(cl->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    free(text);
    return sent == (ssize_t)len ? 0 : -1;
}

/* The whole lines in the buffer. 0, or -1: the client is to go. */
static int serve_lines(struct control_client *cl, struct sim *s, int64_t now_ms)
{
    char *end;

    while ((end = memchr(cl->line, '\n', cl->len)) != NULL) {
        size_t used = (size_t)(end - cl->line) + 1;
        *end = '\0';
        if (answer(cl, s, now_ms) < 0)
            return -1;
        cl->len -= used;
        memmove(cl->line, cl->line + used, cl->len);
    }
    return cl->len == sizeof cl->line ? -1 : 0; /* no order is so long */
}

static void serve(struct control_client *cl, struct sim *s, int64_t now_ms)
{
    ssize_t n = recv(cl->fd, cl->line + cl->len, sizeof cl->line - cl->len, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        drop(cl);
        return;
    }
    cl->len += (size_t)n;
    if (serve_lines(cl, s, now_ms) < 0)
        drop(cl);
}

static void accept_one(struct control *c)
{
    int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        if (c->clients[i].fd < 0) {
            c->clients[i].fd = fd;
            c->clients[i].len = 0;
            return;
        }
    }
    close(fd);
}

void control_serve(struct control *c, const struct pollfd *fds, struct sim *s, int64_t now_ms)
{
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (fds[i + 1].revents)
            serve(&c->clients[i], s, now_ms);
    if (fds[0].revents)
        accept_one(c);
}

void control_stop(struct control *c)
{
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (c->clients[i].fd >= 0)
            drop(&c->clients[i]);
    if (c->listener < 0)
        return;
    close(c->listener);
    c->listener = -1;
    unlink(c->path);
}
