/* The self-test's inside, shared by app/selftest*.c alone: the order of the checks there, the checks here. */
#ifndef APP_SELFTEST_IMPL_H
#define APP_SELFTEST_IMPL_H

#include "app/app.h"
#include "core/util.h"

#include <assert.h>
#include <stdbool.h>
#include <uv.h>

#define SELFTEST_CHECKS 8
#define SELFTEST_MS     10000 /* a check's time */
#define SELFTEST_TEXT   300

#define SELFTEST_TRIES    3    /* what may be coming up just now is looked at so often again, */
#define SELFTEST_AGAIN_MS 1000 /* after this */

enum selftest_verdict { SELFTEST_OK, SELFTEST_FAIL, SELFTEST_SKIP };

struct selftest_result {
    enum selftest_verdict verdict;
    char text[SELFTEST_TEXT];
};

struct selftest {
    struct app *app;
    job_handle job;
    bool running, waiting; /* a job is; for a check's verdict */
    size_t at, tries;      /* the check, and how often it was looked at again */
    struct selftest_result results[SELFTEST_CHECKS];
    uv_timer_t timer;
    struct selftest_lookup *lookup; /* one that is under way, maybe of an earlier job */
    struct selftest_disk *disk;     /* likewise */
    service_done done;
    void *done_ctx;
    int closing; /* what is open still; 0: not closing */
};

/* The verdict on the check that is at work; the next one follows. Ignored when none is. */
void selftest_verdict(struct selftest *t, enum selftest_verdict verdict, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* No verdict yet: the check begins once more in a second. False: that was tried often enough. */
bool selftest_again(struct selftest *t);

void selftest_closed_one(struct selftest *t);

/* The checks: each gives its verdict, from inside or later; drop leaves it be. */
void selftest_board(struct selftest *t);
void selftest_clock(struct selftest *t);
void selftest_network(struct selftest *t);
void selftest_name(struct selftest *t);
void selftest_name_drop(struct selftest *t);
void selftest_server(struct selftest *t);
void selftest_server_drop(struct selftest *t);
void selftest_broker(struct selftest *t);
void selftest_disk(struct selftest *t);
void selftest_disk_drop(struct selftest *t);
void selftest_memory(struct selftest *t);

#endif
