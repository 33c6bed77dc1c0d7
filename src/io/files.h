/* Small files, whole: read with a limit, write so that a power cut leaves the old one or the new one.
 * It blocks on the disk: for start, reload and pool jobs, never for readings. */
#ifndef IO_FILES_H
#define IO_FILES_H

#include "core/util.h"

#include <stddef.h>

/* Read all of path, at most max bytes. *text is the caller's to free and has a zero behind its *len bytes.
 * 0, or negative errno (-EFBIG: longer than max, -EINVAL: no regular file). */
int files_read(const char *path, size_t max, char **text, size_t *len) MUSTCHECK;

/* Write path with this mode: a file beside it, fsync, rename, fsync of the directory. 0, or negative errno. */
int files_write(const char *path, const char *text, size_t len, unsigned mode) MUSTCHECK;

/* The same, and what stood there before is kept: /x/y.json as /x/y.1.json, what that was as /x/y.2.json, up to `keep`.
 * Wherever it is cut off, path is the old text or the new one. */
int files_save(const char *path, const char *text, size_t len, unsigned mode, unsigned keep) MUSTCHECK;

/* The path of the nth older one; of path itself when n is 0. -ENAMETOOLONG when it has no room. */
int files_older(char *out, size_t size, const char *path, unsigned n) MUSTCHECK;

#endif
