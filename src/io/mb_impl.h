/* Inside of the bus threads: what io/mb_thread.c (starting, handing over, ending), io/mb_poll.c (what a thread does),
 * io/mb_line.c (its line) and io/mb_asks.c (what people ask) share. Nobody else includes it.
 *
 * Who may touch what: a bus's `lock` guards its asks, `stop`, and what mb_bus_stats() reads (statistics, plans); the
 * `lock` of all guards the list of parcels and what says which buses still want theirs. Neither is held while the other
 * is taken, nor during a call of the line. All else of a bus is its thread's from start to end. */
#ifndef IO_MB_IMPL_H
#define IO_MB_IMPL_H

#include "core/mb_plan.h"
#include "io/mb_names.h"
#include "io/mb_thread.h"

#include <pthread.h>

#define MB_PARCELS_PER_METER 8  /* results of a bus that may wait for the loop; beyond, its oldest goes */
#define MB_HUSHED            16 /* each failed for at least 20 ms, and is left alone for 750 ms or more */

/* A result on its way. */
struct mb_parcel {
    struct mb_parcel *next;
    struct mb_bus *bus;
    struct mb_result result; /* last: it is allocated to size */
};

struct mb_threads {
    uv_async_t async;
    uv_timer_t again;
    struct mb_bus *unborn; /* the loop's: for which there is no thread yet */
    mb_result_cb cb;
    void *ctx;
    size_t buses; /* the loop's: started, and not ended yet */
    void (*closed)(void *ctx);
    void *closed_ctx;
    pthread_mutex_t lock;
    struct mb_parcel *head, **tail;
    struct mb_bus *ended; /* threads that are to be joined */
};

/* A meter as its thread has it. */
struct mb_unit {
    int unit;
    struct meter_model model; /* of it, what decoding and re-planning look at */
    struct mb_plan plan;      /* the bus's lock */
    struct mb_stats stats;    /* likewise */
    unsigned longest;         /* words of the longest answer there ever was */
    unsigned too_long;        /* reads in a row without an answer that were longer than that */
    int64_t last_ms;          /* when it was asked last */
    bool strayed;             /* what came last was an answer to something else: it is asked again, once */
};

/* A unit that is no meter of the bus, and did not answer people. */
struct mb_hushed {
    int unit;
    int baud;         /* at another speed than this its late answer is no answer */
    int64_t until_ms; /* it is left alone until then; 0: there is none */
};

struct mb_bus {
    struct mb_threads *owner;
    struct mb_bus *next; /* of owner->ended, owner->unborn */
    pthread_t thread;
    bool running;
    uint32_t tag;
    char name[16]; /* the thread's */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, news; /* news: an ask came, or a name was looked up */
    struct mb_ask asks[MB_ASKS];
    size_t n_asks;

    /* owner->lock */
    bool dropped; /* mb_bus_stop() was called */
    size_t waiting;
    void (*done)(void *ctx);
    void *done_ctx;

    /* the thread's */
    struct mb_line line;
    bool named;                 /* host is a name */
    struct addrinfo *found;     /* the addresses that it led to last */
    struct mb_look_up *look_up; /* under way */
    struct mb_link *link;       /* NULL: the line is down */
    char words[MB_LINK_ERROR];  /* why, as it was said last; "": it was not said yet */
    unsigned attempts;          /* to open it, that failed in a row */
    int64_t open_ms;            /* when it is tried next */
    unsigned silent;            /* requests in a row that nobody answered */
    bool remarked[2];           /* on an echo, on noise */
    unsigned noisy;             /* answers in a row with something before them */
    struct mb_hushed hushed[MB_HUSHED];
    struct mb_round round;
    struct mb_meter *meters; /* of the round, n */
    struct mb_unit *units;   /* likewise */
    size_t n;
    struct mb_reading *readings; /* of the poll that runs: as many as the largest plan has */
    size_t n_readings;
};

/* What came of a request. */
struct mb_reply {
    enum mb_outcome outcome;
    int exception;
    uint16_t words[METER_READ_MAX];
};

/* ---- io/mb_line.c ---- */

int64_t mb_now_ms(void);

/* The meter that is this unit; b->n: none. */
size_t mb_meter_of(const struct mb_bus *b, int unit);

/* Until then, or until the bus is stopped, or (for_news) there is news. False: it is stopped. */
bool mb_rest(struct mb_bus *b, int64_t until_ms, bool for_news);

/* Begin to open the line, or go on with it; b->link is set when it is open. */
void mb_line_open(struct mb_bus *b);

/* Close it, tell why, and try again later. */
void mb_line_down(struct mb_bus *b, const char *words);

/* One request; the line may be down after it. */
void mb_line_request(struct mb_bus *b, int unit, const struct mb_read *x, int timeout_ms, struct mb_reply *y);

/* After a failure. Returns the bytes that nobody had asked for. */
size_t mb_line_settle(struct mb_bus *b, const struct mb_reply *y, int timeout_ms);

/* Why there is no answer, for people. seen: of the request, copied before the line was settled. */
void mb_line_words(const struct mb_bus *b, struct mb_result *r, int unit, int timeout_ms, int count,
                   const struct mb_link_seen *seen);

/* ---- io/mb_asks.c ---- */

/* The time-out of the first ask that may go out now, and its ticket; -1: there is none before *free_ms. */
int mb_asks_next(struct mb_bus *b, int64_t now, uint64_t *ticket, int64_t *free_ms);

/* Make the request, unless it was cancelled meanwhile, and answer. */
void mb_asks_turn(struct mb_bus *b, uint64_t ticket);

/* The line is down: answer all at once. */
void mb_asks_refuse(struct mb_bus *b);

/* ---- io/mb_poll.c, io/mb_thread.c ---- */

/* A thread's whole life. */
void *mb_poll_run(void *bus);

/* A result of this bus with room for n readings, to be filled in and posted. */
struct mb_result *mb_parcel_new(struct mb_bus *b, enum mb_result_kind kind, size_t n);

/* Hand it to the loop, or drop it when nobody wants it any more. */
void mb_parcel_post(struct mb_result *r);

#endif
