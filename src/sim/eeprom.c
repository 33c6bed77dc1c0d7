#include "sim/eeprom.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

ssize_t eeprom_read(const char *path, char *dst, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    ssize_t n = read(fd, dst, cap);
    int err = errno;
    close(fd);
    errno = err;
    return n;
}

int eeprom_write(const char *path, const char *image, size_t len)
{
    char beside[PATH_MAX];

    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    errno = ENOSPC; /* what a short write means */
    int rc = write(fd, image, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : -1;
    int err = errno;
    close(fd);
    if (rc == 0)
        return rename(beside, path);
    unlink(beside);
    errno = err;
    return -1;
}
