#include "io/httpd_inner.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 32
#define MODE    0660

static int stream_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

/* 0 when nobody listens there, 1 when somebody does, or a negative errno. */
static int is_served(const struct sockaddr_un *a)
{
    int fd = stream_socket(), rc = 1;

    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 && errno != EAGAIN)
        rc = errno == ECONNREFUSED ? 0 : -errno;
    close(fd);
    return rc;
}

/* Remove a socket that was left behind, and nothing else. */
static int clear_way(const struct sockaddr_un *a)
{
    struct stat st;

    if (lstat(a->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    int served = S_ISSOCK(st.st_mode) ? is_served(a) : 1;
    if (served)
        return served < 0 ? served : -EADDRINUSE;
    return unlink(a->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The file comes into the world with its mode less the umask, never more; then it gets all of it. */
static int bind_file(int fd, struct httpd_socket_file *f, const struct sockaddr_un *a)
{
    struct stat st;

    if (fchmod(fd, MODE) < 0 || bind(fd, (const struct sockaddr *)a, sizeof *a) < 0)
        return -errno;
    if (lstat(f->path, &st) == 0) {
        f->dev = st.st_dev;
        f->ino = st.st_ino;
        if (chmod(f->path, MODE) == 0 && listen(fd, BACKLOG) == 0)
            return 0;
    }
    int rc = -errno;
    httpd_socket_remove(f);
    return rc;
}

int httpd_socket_open(struct httpd_socket_file *f, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    memset(f, 0, sizeof *f);
    if (path[0] == '\0') /* the kernel would invent a name */
        return -ENOENT;
    if (strlen(path) >= sizeof f->path)
        return -ENAMETOOLONG;
    memcpy(f->path, path, strlen(path));
    memcpy(a.sun_path, f->path, sizeof a.sun_path);
    int rc = clear_way(&a);
    int fd = rc < 0 ? rc : stream_socket();
    if (fd < 0)
        return fd;
    rc = bind_file(fd, f, &a);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

void httpd_socket_remove(const struct httpd_socket_file *f)
{
    struct stat st;

    if (lstat(f->path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino)
        unlink(f->path);
}
