#include "io/files.h"

#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
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

/* The new text, whole and on the disk, beside where it goes. */
static int write_beside(const char *beside, const char *text, size_t len, unsigned mode)
{
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode), err;

    if (fd < 0)
        return -errno;
    err = write_all(fd, text, len);
    if (close(fd) < 0 && !err)
        err = -errno;
    return err;
}

int files_older(char *out, size_t size, const char *path, unsigned n)
{
    const char *name = strrchr(path, '/'), *dot = strrchr(path, '.');
    size_t stem = dot && dot > (name ? name : path) ? (size_t)(dot - path) : strlen(path);
    int len = n ? snprintf(out, size, "%.*s.%u%s", (int)stem, path, n, path + stem) : snprintf(out, size, "%s", path);

    return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int move(const char *from, const char *to)
{
    return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

/* A second name for a file, or where the file system has no such thing a copy. */
static int name_too(const char *path, const char *second, unsigned mode)
{
    char *text;
    size_t len;
    int err;

    if (link(path, second) == 0 || errno == ENOENT)
        return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
        return -errno;
    err = files_read(path, SIZE_MAX - 1, &text, &len);
    if (err < 0)
        return err == -ENOENT ? 0 : err;
    err = files_write(second, text, len, mode);
    free(text);
    return err;
}

/* Each older one moves on by one, the oldest first; then path gets a second name as the newest of them. path itself is
 * not touched. (rename() does nothing when both names are of one file, as a cut-off save may leave them.) */
static int rotate(const char *path, unsigned mode, unsigned keep)
{
    char from[PATH_MAX], to[PATH_MAX];
    int err = 0;

    for (unsigned n = keep; n-- > 1 && !err;) {
        err = files_older(from, sizeof from, path, n);
        if (!err)
            err = files_older(to, sizeof to, path, n + 1);
        if (!err)
            err = move(from, to);
    }
    if (!err)
        err = files_older(to, sizeof to, path, 1);
    if (!err && unlink(to) < 0 && errno != ENOENT)
        err = -errno;
    return err ? err : name_too(path, to, mode);
}

static int put(const char *path, const char *text, size_t len, unsigned mode, unsigned keep)
{
    char beside[PATH_MAX];
    int err;

    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return -ENAMETOOLONG;
    err = write_beside(beside, text, len, mode);
    if (!err && keep)
        err = rotate(path, mode, keep);
    if (!err && rename(beside, path) < 0)
        err = -errno;
    if (err) {
        unlink(beside);
        return err;
    }
    return sync_dir_of(path);
}

int files_write(const char *path, const char *text, size_t len, unsigned mode)
{
    return put(path, text, len, mode, 0);
}

int files_save(const char *path, const char *text, size_t len, unsigned mode, unsigned keep)
{
    return keep ? put(path, text, len, mode, keep) : -EINVAL;
}
