#include "app/record.h"

#include "core/num.h"
#include "core/util.h"
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct record {
    FILE *f;
    int64_t start_ms; /* -1: nothing yet */
    bool failed;
};

struct record *record_open(const char *path)
{
    struct record *r = must(calloc(1, sizeof *r));

    r->start_ms = -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0640); /* a FIFO must not stop us */
    r->f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!r->f) {
        log_error("record: %s: %s; going on without", path, strerror(errno));
        free(r);
        return NULL;
    }
    setvbuf(r->f, NULL, _IOLBF, 0); /* whole lines, also after a kill */
    log_info("record: writing to %s", path);
    return r;
}

void record_bytes(struct record *r, int64_t mono_ms, const char *way, const char *bytes, size_t n)
{
    struct timespec now;

    if (r->start_ms < 0) {
        r->start_ms = mono_ms;
        clock_gettime(CLOCK_REALTIME, &now);
        fprintf(r->f, "# fluksod record 1, started %lld.%03ld\n", (long long)now.tv_sec, now.tv_nsec / 1000000);
    }
    fprintf(r->f, "%lld %s ", (long long)(mono_ms - r->start_ms), way);
    for (size_t i = 0; i < n; i++) {
        char hex[2];
        num_put_hex(hex, (unsigned char)bytes[i], 2);
        fwrite(hex, 1, 2, r->f);
    }
    if (putc('\n', r->f) == EOF && !r->failed) {
        r->failed = true;
        log_error("record: %s; the recording has holes", strerror(errno));
    }
}

void record_close(struct record *r)
{
    if (!r)
        return;
    if (fclose(r->f) != 0)
        log_error("record: %s; its end is missing", strerror(errno));
    free(r);
}
