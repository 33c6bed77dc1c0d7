/* A library to preload that logs what a program does to the files below $FLUKSOD_WRITE_LOG_DIR, in order, into
 * $FLUKSOD_WRITE_LOG: what a power cut can take away again. Each record is a line "op file offset length", and after
 * "write" the bytes. Files are named by their last component. It changes nothing. */
#undef _FILE_OFFSET_BITS /* both names of a function are ours */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[FDS][64]; /* of the files that are watched */
static int log_fd = -1;

static int log_file(void)
{
    const char *path = getenv("FLUKSOD_WRITE_LOG");

    if (log_fd < 0 && path)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return log_fd;
}

static void put(const void *bytes, size_t n)
{
    if (syscall(SYS_write, log_file(), bytes, n) != (long)n)
        abort(); /* a log with a hole proves nothing */
}

static void record(const char *op, const char *file, long long offset, size_t length, const void *bytes)
{
    char line[160];
    int n = snprintf(line, sizeof line, "%s %s %lld %zu\n", op, file, offset, length);

    pthread_mutex_lock(&lock);
    put(line, (size_t)n);
    if (bytes)
        put(bytes, length);
    pthread_mutex_unlock(&lock);
}

static const char *last_name(const char *path)
{
    const char *dir = getenv("FLUKSOD_WRITE_LOG_DIR");
    const char *slash = strrchr(path, '/');

    return dir && slash && strncmp(path, dir, strlen(dir)) == 0 ? slash + 1 : NULL;
}

static const char *name_of(int fd)
{
    return fd >= 0 && fd < FDS && names[fd][0] ? names[fd] : NULL;
}

static int opened(int fd, const char *path, int flags)
{
    const char *name = last_name(path);

    if (fd < 0 || fd >= FDS)
        return fd;
    snprintf(names[fd], sizeof names[fd], "%s", name ? name : "");
    if (name && flags & O_TRUNC)
        record("truncate", name, 0, 0, NULL);
    return fd;
}

#define MODE(flags, mode)                                                                                              \
    if ((flags)&O_CREAT) {                                                                                             \
        va_list ap;                                                                                                    \
        va_start(ap, flags);                                                                                           \
        (mode) = va_arg(ap, mode_t);                                                                                   \
        va_end(ap);                                                                                                    \
    }

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE(flags, mode)
    return opened((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE(flags, mode)
    return opened((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path, flags);
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        names[fd][0] = '\0';
    return (int)syscall(SYS_close, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, n, offset);

    if (done > 0 && name_of(fd))
        record("write", name_of(fd), offset, (size_t)done, bytes);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset)
{
    return pwrite(fd, bytes, n, offset);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    off_t offset = name_of(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_write, fd, bytes, n);

    if (done > 0 && name_of(fd))
        record("write", name_of(fd), offset, (size_t)done, bytes);
    return done;
}

int ftruncate(int fd, off_t size)
{
    int rc = (int)syscall(SYS_ftruncate, fd, size);

    if (rc == 0 && name_of(fd))
        record("truncate", name_of(fd), size, 0, NULL);
    return rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

static int synced(int rc, int fd)
{
    if (rc == 0 && name_of(fd))
        record("sync", name_of(fd), 0, 0, NULL);
    return rc;
}

int fsync(int fd)
{
    return synced((int)syscall(SYS_fsync, fd), fd);
}

int fdatasync(int fd)
{
    return synced((int)syscall(SYS_fdatasync, fd), fd);
}

int unlink(const char *path)
{
    int rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);

    if (rc == 0 && last_name(path))
        record("unlink", last_name(path), 0, 0, NULL);
    return rc;
}
