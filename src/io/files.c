#include "io/files.h"

#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 for a regular file, else a negative errno that says what is the matter. */
static int regular(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
}

int files_read(const char *path, size_t max, char **text, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO must not stop us */
    size_t cap = 4096, n = 0;
    char *buf = NULL;
    int err = 0;

    if (fd < 0)
        return -errno;
    if ((err = regular(fd)) < 0) {
        close(fd);
        return err;
    }
    for (;;) {
        if (!buf || n == cap) {
            cap = buf ? cap * 2 : cap;
            buf = must(realloc(buf, cap + 1));
        }
        ssize_t got = read(fd, buf + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            err = got < 0 ? -errno : 0;
            break;
        }
        n += (size_t)got;
        if (n > max) {
            err = -EFBIG;
            break;
        }
    }
    close(fd);
    if (err < 0) {
        free(buf);
        return err;
    }
    buf[n] = '\0';
    *text = buf;
    *len = n;
    return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int sync_dir_of(const char *path)
{
    char copy[PATH_MAX];
    int fd, err;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    err = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return err;
}

int files_write(const char *path, const char *text, size_t len, unsigned mode)
{
    char beside[PATH_MAX];
    int fd, err;

    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return -ENAMETOOLONG;
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -errno;
    err = write_all(fd, text, len);
    if (close(fd) < 0 && !err)
        err = -errno;
    if (!err && rename(beside, path) < 0)
        err = -errno;
    if (err) {
        unlink(beside);
        return err;
    }
    return sync_dir_of(path);
}
