/* The Flukso reporter's inside, shared by app/flukso*.c alone. */
#ifndef APP_FLUKSO_IMPL_H
#define APP_FLUKSO_IMPL_H

#include "app/app.h"
#include "app/heard.h"
#include "core/answer.h"
#include "core/flukso_batch.h"
#include "core/jsonw.h"
#include "core/settings.h"
#include "io/store.h"
#include "io/web.h"

#define FLUKSO_KEY       32
#define FLUKSO_URL       320
#define FLUKSO_BEAT_MS   3600000 /* between two heartbeats */
#define FLUKSO_SLOW_MS   3600000 /* what people must mend is tried so often */
#define FLUKSO_BASE_MS   5000    /* ceiling of the first wait after a failure; it doubles up to the interval */
#define FLUKSO_SEARCH_MS 1000    /* between two tries in the search for a row that the server refuses */
#define FLUKSO_REFUSALS  3       /* rows quarantined in a row before their search slows down */
#define FLUKSO_UNKNOWN   (-1000) /* no counter has this value */

enum flukso_config { FLUKSO_CONFIG_DUE, FLUKSO_CONFIG_OK, FLUKSO_CONFIG_FAILED };

/* A sensor that is reported. */
struct flukso_sensor {
    char id[SENSOR_ID_LEN + 1];
    char *name;
    uint32_t series;
    /* its rows */
    struct flukso_batch batch;  /* done: nothing to send at the moment */
    struct store_key seen;      /* how far the store was read for the batch */
    int64_t passed;             /* rows of the store that the batch stands for */
    bool more;                  /* the batch was full, or is old: there is more */
    bool stopped;               /* 400 or 401: tried slowly until people mend it */
    unsigned failures;          /* answers in a row that kept its rows */
    unsigned refusals;          /* rows quarantined in a row, none taken between them */
    int64_t retry_ms;           /* not before this (monotonic) */
    int64_t sent_s, sent_milli; /* the last row that the server took; 0: none since the start */
    char text[ANSWER_TEXT];     /* what is wrong; "" nothing */
    /* its configuration */
    struct jsonw config_body;
    enum flukso_config config;
    int64_t config_ms; /* when it is tried again */
    unsigned config_failures;
    char config_text[ANSWER_TEXT];
    bool sync; /* it is still to be sent for the errand */
};

enum flukso_call { FLUKSO_CALL_NONE, FLUKSO_CALL_BEAT, FLUKSO_CALL_CONFIG, FLUKSO_CALL_ROWS };

struct flukso_round;

struct flukso {
    struct app *app;
    struct web *web;
    uv_timer_t timer;
    struct heard heard;
    bool on;
    const char *why_off; /* static text */
    const char *said;    /* the one that was logged last */
    char key[FLUKSO_KEY + 1], *url, *ca_file;
    int64_t interval_ms;
    struct flukso_sensor *sensors;
    size_t n_sensors, turn, config_turn; /* whose turn it is */
    /* the call under way */
    enum flukso_call call;
    size_t at; /* the sensor it is about */
    /* all calls: back-off */
    unsigned failures;
    int64_t not_before_ms;
    enum flukso_call failed_call; /* the kind of call that failed last; NONE: one succeeded since */
    bool was_agreed;              /* the time was, at the last step */
    /* heartbeat */
    int64_t beat_ms;
    unsigned beat_failures;
    bool reset; /* the first one since the start is still to come */
    char beat_text[ANSWER_TEXT];
    int64_t upgrade; /* what the last one offered; never taken */
    /* reports */
    int64_t report_ms;
    struct flukso_round *round; /* rows are being read */
    uint64_t others_ok;         /* calls that show that the server works */
    bool ahead_said;
    bool purge_due; /* rows were passed since the last purge */
    /* errands */
    struct errand_told sync_told, call_told;
    bool syncing, calling; /* somebody is to be told */
    size_t to_sync;        /* configurations that are still to be sent */
    int sync_code;         /* of the first configuration that was not taken */
    char sync_text[2 * ANSWER_TEXT];
    /* statistics */
    uint64_t calls, failed, rows_sent, rows_thinned, rows_quarantined, rows_stale;
    int64_t last_ok_s;
    char last_error[ANSWER_TEXT];
    bool failing; /* no call has succeeded since that error */
    service_done done;
    void *done_ctx;
};

/* The sensors that are reported (app/flukso_sensors.c), by these settings and what lines have told; what is known of
 * those that stay is kept. */
void flukso_sensors_set(struct flukso *f, const struct settings *next);
void flukso_sensors_free(struct flukso *f);

/* The same sensors are reported, with the same configuration. */
bool flukso_sensors_same(const struct flukso *f, const struct settings *next);

/* Do what is due next, or set the timer for it. */
void flukso_step(struct flukso *f);

/* Calls (app/flukso_calls.c): each begins one; its answer leads to flukso_step(). */
void flukso_call_heartbeat(struct flukso *f);
void flukso_call_config(struct flukso *f, size_t sensor);
void flukso_call_rows(struct flukso *f, size_t sensor);

/* Read the rows that wait for sensors whose batch is done (app/flukso_round.c); leads to flukso_step(). */
void flukso_round_start(struct flukso *f);
void flukso_round_drop(struct flukso *f); /* what it reads is not wanted any more */

/* Move the sensor's place in the store to what its batch has done. newest_s and newest_milli: the server's last row;
 * second 0: that is what it was. */
void flukso_sensor_moved(struct flukso *f, struct flukso_sensor *s, int64_t newest_s, int64_t newest_milli);

/* What the server took ahead of the time is waited out, and said. */
void flukso_say_ahead(struct flukso *f, struct flukso_sensor *s, int64_t ahead_s);

/* Is a row looked for that the server refuses? The batch must stay as it is until it is found. */
bool flukso_searching(const struct flukso_sensor *s);

/* Milliseconds to wait after so many failures in a row: full jitter, at most the interval. */
int64_t flukso_wait_ms(const struct flukso *f, unsigned failures);

/* Errands (app/flukso_errands.c): what they wait for came. status: of HTTP, 0 none; error: "" none. */
void flukso_errand_config(struct flukso *f, struct flukso_sensor *s, int status, const char *text);
void flukso_errand_beat(struct flukso *f, int status, const char *error);
void flukso_errand_outage(struct flukso *f, int status, const char *text);
void flukso_errand_settings(struct flukso *f); /* others are in force; after the timer was set */
void flukso_errands_offer(struct flukso *f);
void flukso_errands_drop(struct flukso *f);

/* Status and metrics (app/flukso_status.c). */
void flukso_stats(void *self, stat_emit emit, void *ctx);
void flukso_status_top(void *self, struct jsonw *w);
void flukso_status_sensor(void *self, const struct sensor *s, struct jsonw *w);

#endif
