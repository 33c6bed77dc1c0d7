/* The inside of the forwarder to an InfluxDB, shared by app/influx*.c alone. */
#ifndef APP_INFLUX_IMPL_H
#define APP_INFLUX_IMPL_H

#include "app/app.h"
#include "core/answer.h"
#include "core/influx_auth.h"
#include "core/influx_batch.h"
#include "io/store.h"
#include "io/web.h"

#define INFLUX_URL 1280 /* what settings allow, with each byte of the names as %XX */

/* Who is behind the numbers of series: a copy that pool jobs may read. Counted on the loop; never changed. */
struct influx_names {
    unsigned users;
    unsigned generation; /* of the store's numbers */
    size_t n;
    char *device;
    struct influx_series series[]; /* n; sensor NULL: none of ours */
};

/* Of all enabled sensors, with the store told that their rows are wanted. */
struct influx_names *influx_names_new(struct app *app);
void influx_names_release(struct influx_names *n); /* NULL too */

/* A row in memory: with the stamp of its key, and the true one. */
struct influx_unwritten {
    struct store_row row;
    int64_t unix_s;
};

struct influx_read;

/* On the loop. status 1: there may be more, 0: that was all, or an error of the store. The read is the callee's. */
typedef void (*influx_read_done)(void *ctx, struct influx_read *r, int status);

/* Up to STORE_ROWS rows that wait, as a batch of lines. Belongs to the pool job while that runs, to the loop else. */
struct influx_read {
    struct store_job job;
    influx_read_done done; /* NULL: nobody wants it any more */
    void *ctx;
    struct influx_names *names;
    char *token_file;
    bool version_1;
    uint32_t era; /* the running one: rows of it later than late_s are left */
    int64_t late_s;
    bool ended;                         /* at such a row */
    struct store_key at;                /* how far it read */
    struct influx_unwritten *unwritten; /* rows that the disk does not take, of the running era */
    size_t n_unwritten;
    struct store_row *rows; /* while it is read; then they are the batch's */
    size_t n;               /* rows of ours up to `at` */
    struct influx_batch batch;
    char auth[INFLUX_AUTH];  /* the header; "" none */
    char error[ANSWER_TEXT]; /* of the token; "" none */
};

/* Read on from the reader's place. token_file may be NULL. */
struct influx_read *influx_read_start(struct app *app, struct influx_names *names, const char *token_file,
                                      bool version_1, influx_read_done done, void *ctx);
void influx_read_drop(struct influx_read *r); /* no done comes; it frees itself */
void influx_read_free(struct influx_read *r);

enum influx_state { INFLUX_OFF, INFLUX_WAITING, INFLUX_FLUSHING, INFLUX_READING, INFLUX_POSTING };

struct influx_flush;

struct influx {
    struct app *app;
    struct web *web;
    uv_timer_t timer;
    enum influx_state state;
    char *ca_file, *token_file, *shown; /* shown: the address for people, as it was set */
    char url[INFLUX_URL];
    bool version_1;
    int64_t interval_ms;
    struct influx_names *names;
    struct influx_flush *flush; /* FLUSHING */
    struct influx_read *read;   /* READING, POSTING */
    bool more;                  /* rows behind it */
    int64_t begun_ms, next_ms;
    unsigned failures;              /* in a row */
    bool stopped;                   /* until people mend something, or an hour is over */
    int64_t purge_ms;               /* not before this */
    bool tidy;                      /* rows were passed since the last purge */
    char trouble[ANSWER_TEXT + 64]; /* why rows wait; "" nothing */
    /* refused rows */
    int64_t said_ms; /* 0: never */
    uint64_t unsaid;
    char said[ANSWER_TEXT];
    /* statistics */
    uint64_t posts, failed, rows_sent, rows_quarantined;
    int64_t last_ok_s;
    char last_error[ANSWER_TEXT];
};

/* Wait until then, with nothing under way (app/influx_post.c). */
void influx_wait(struct influx *f, int64_t at_ms);

/* Give up what is under way; OFF. */
void influx_drop(struct influx *f);

#endif
