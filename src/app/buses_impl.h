/* The inside of service_buses, for its own files: the buses that run, and what is known of their meters.
 *
 *   buses.c          settings to threads: start, stop, what changed alone; the service
 *   buses_config.c   a bus of the settings as a thread wants it
 *   buses_results.c  what threads say: readings to the hub, states, the log
 *   buses_ask.c      asks of others (app/buses.h), borrowed lines
 *   buses_show.c     status, metrics, /api/v1/buses */
#ifndef APP_BUSES_IMPL_H
#define APP_BUSES_IMPL_H

#include "app/app.h"
#include "app/buses.h"
#include "app/pieces.h"
#include "core/mb_measure.h"
#include "core/settings.h"

#define BUSES_BORROWED 8 /* lines of jobs, at most */
#define BUSES_SLOTS    (SETTINGS_BUSES + BUSES_BORROWED)
#define BUS_PACE       10 /* seconds over which polls are counted */

/* A meter that is asked: in the order in which the thread knows them. */
struct bus_meter {
    size_t at; /* in the bus's meters of the settings in force */
    enum mb_state state;
    int64_t since_ms, last_ms; /* monotonic: of its state; of its last answer, 0: none yet */
    uint64_t missed;
    uint64_t failed;              /* polls since it last answered */
    bool refuses;                 /* it answers with exceptions alone */
    char *why;                    /* "" when nothing is wrong */
    struct mb_measured *measured; /* what its values become */
};

struct bus_ask; /* of buses_ask.c */

struct bus {
    struct buses *owner;
    char key[BUS_KEY];
    size_t at;             /* in settings.buses; of no meaning with a borrowed one */
    uint32_t slot;         /* what its thread's results are tagged with */
    char *line;            /* what is opened: "/dev/ttyUSB0", "10.0.0.5:502" */
    struct mb_line own;    /* borrowed: what is opened; the texts are ours */
    bool borrowed, waits;  /* waits: for a thread that still has its line */
    struct mb_bus *thread; /* NULL: none runs */
    enum bus_state state;
    int64_t since_ms;
    char *why;
    struct bus_meter *meters;
    size_t n_meters;
    struct bus_ask *asks;
    int64_t pace_s; /* monotonic second of the newest */
    unsigned pace[BUS_PACE];
};

/* A thread that was told to end, and has its line until then. */
struct bus_leaving {
    struct bus_leaving *next;
    struct buses *owner;
    char *line;
};

struct buses {
    struct app *app;
    struct mb_threads *threads;
    struct mb_measure measure;
    struct bus **v; /* in the order of the settings, then borrowed ones */
    size_t n;
    struct bus *slots[BUSES_SLOTS];
    struct bus_leaving *leaving;
    struct bus_ask *lost; /* of buses that stopped: to be answered */
    uint64_t last_ask;
    struct pieces pieces;
    bool stopped;
    service_done done;
    void *done_ctx;
};

/* ---- buses.c ---- */

struct bus *bus_find(const struct buses *b, const char *key);

/* Of the settings in force; not of a borrowed bus. */
const struct bus_settings *bus_settings_of(const struct bus *x);
const struct meter_settings *bus_meter_settings_of(const struct bus *x, const struct bus_meter *m);

/* A new bus behind the others, without a thread; NULL: there is no slot. */
struct bus *bus_add(struct buses *b, const char *key);

/* Its thread ends, who waits for an answer gets one later, and it is forgotten. */
void bus_remove(struct buses *b, struct bus *x);

/* Start what waits and need not wait any longer. */
void buses_start_waiting(struct buses *b);

void bus_set_state(struct bus *x, enum bus_state state, const char *why);

/* Replace a text of ours. */
void bus_say(char **text, const char *words);

/* ---- buses_config.c ---- */

/* Is the thread of a still right for b? Names, ratios and whom it feeds do not matter to it. */
bool bus_same(const struct bus_settings *a, const struct bus_settings *b);

/* The line that it opens. Strings are the settings'. */
struct mb_line bus_mb_line(const struct bus_settings *s);

/* What that is called: "/dev/ttyUSB0", "10.0.0.5:502". The caller frees it. */
char *bus_line_name(const struct mb_line *line);

/* Start its thread: with meters for the enabled ones of its settings, a borrowed one without. */
void bus_start(struct bus *x);

/* ---- buses_results.c ---- */

void buses_on_result(void *buses, struct mb_result *r);

/* Polls a second of late, in thousandths. */
int64_t bus_polls_milli(const struct bus *x, int64_t mono_ms);

/* ---- buses_ask.c ---- */

void bus_asks_answered(struct bus *x, const struct mb_result *r);

/* All that wait, to be answered by buses_answer_lost(). */
void bus_asks_lost(struct bus *x);
void buses_answer_lost(struct buses *b);

/* ---- buses_show.c ---- */

void buses_show_new(struct buses *b);
void buses_show_stop(struct buses *b);

#endif
