/* Facts: the few states of the gateway that LEDs, status and availability show, each with a reason and a time.
 * Setting a fact only latches it; watchers run when the owner calls facts_deliver(), once per turn of the loop. */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

enum fact {
    FACT_BOARD,     /* the sensor board answers and is configured */
    FACT_HEARTBEAT, /* L4: polls are answered; off as soon as the board is lost */
    FACT_BROKER,    /* connected to the MQTT broker */
    FACT_SETTINGS,  /* the settings in force are those of the file */
    FACT_SERVER,    /* L3: the Flukso server is reached; a pulse for each call that it answered with success */
    FACT_COUNT
};

#define FACT_REASON   160
#define FACT_WATCHERS 8

struct fact_value {
    bool on;
    bool changed;             /* not delivered yet */
    int64_t since_ms;         /* monotonic, of the last change of `on` */
    uint64_t pulses;          /* how often it happened anew while on: what an LED blinks at */
    char reason[FACT_REASON]; /* why it is off, or what it is connected to; may be "" */
};

typedef void (*fact_cb)(void *ctx, enum fact f, const struct fact_value *v);

struct facts {
    struct fact_value v[FACT_COUNT];
    bool pending;
    struct {
        fact_cb cb;
        void *ctx;
    } watchers[FACT_WATCHERS];
    unsigned n_watchers;
};

void facts_init(struct facts *f, int64_t mono_ms);

/* Add a watcher; it is shown the present state of every fact at once. 0, or -1 when there are too many. */
int facts_watch(struct facts *f, fact_cb cb, void *ctx);

/* Latch a fact. reason is copied and cut at FACT_REASON - 1 bytes; NULL stands for "". */
void facts_set(struct facts *f, enum fact which, bool on, const char *reason, int64_t mono_ms);

/* It is on, and it happened once more. */
void facts_pulse(struct facts *f, enum fact which, const char *reason, int64_t mono_ms);

/* Tell the watchers what changed since the last call. */
void facts_deliver(struct facts *f);

const char *fact_name(enum fact f);

#endif
