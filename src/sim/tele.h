/* The telegram lines of the simulator: each a pseudo-terminal on which a smart meter speaks by itself, or when it is
 * asked (D0 pull). It reads no clock: milliseconds are handed to it.
 *
 *   A meter that is asked: IDLE ─ "/?!" at 300 baud ─► IDENT ─► ACK ─ "06 0 z 0" ─► DATA at the speed z ─► IDLE
 *                                                                └─ none within TELE_ACK_MS: data at 300 baud
 *
 * A reader whose line has another speed reads noise. */
#ifndef SIM_TELE_H
#define SIM_TELE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/pty.h"
#include "sim/tele_say.h"

#define TELES_MAX      32
#define TELE_NOISE_MAX 64
#define TELE_REPLY_MS  200 /* until a meter that is asked answers */
#define TELE_ACK_MS    1500
#define TELE_IN        32

/* What becomes of a telegram on its way; the first four spoil it. GLUE takes the start of the next one along. */
enum tele_fault { TELE_CUT, TELE_GLUE, TELE_FLIP, TELE_OVERRUN, TELE_DROP, TELE_PARITY, TELE_NOISE, TELE_FAULTS };

enum tele_step { TELE_IDLE, TELE_IDENT, TELE_ACK, TELE_DATA };

struct options;
struct option_line;

struct tele {
    struct pty pty;
    const struct option_line *opt;
    struct tele_meter meter;
    struct tele_says says;
    bool parity, silent;
    int64_t clock_s; /* its clock is so far ahead */
    struct tele_now now;
    unsigned ordered[TELE_FAULTS];
    uint64_t rng;
    bool head_lost; /* of the next one */

    /* on its way */
    char out[TELE_MAX + TELE_NOISE_MAX];
    size_t len, sent;
    bool telegram; /* it is one, and said is what is true of it */
    struct tele_now said;
    int fault; /* -1: none */
    bool misread;
    int64_t out_ms; /* since */
    int speed;

    /* asked */
    enum tele_step step;
    int64_t step_ms; /* when the step is over */
    char in[TELE_IN];
    size_t in_len;

    uint64_t told, good, unread, asked, misreads, done[TELE_FAULTS]; /* unread: nobody took them */
};

struct teles {
    const struct options *opt;
    struct tele *line;
    size_t n;
    FILE *truth;
    int64_t now_ms;         /* set by the owner before anything else */
    int64_t unix_ms, at_ms; /* what Unix time it was when the household's clock was there */
};

/* The lines of the command line; house_ms is unix_ms. 0, or -1 with the reason printed. */
int teles_start(struct teles *t, const struct options *opt, int64_t house_ms, int64_t unix_ms) MUSTCHECK;
int teles_plug(struct teles *t) MUSTCHECK;
void teles_stop(struct teles *t);

/* The meters measure ms more of this second of the household; it ended at house_ms: they tell. */
void teles_run(struct teles *t, int64_t ms, const struct board_input *in);
void teles_second(struct teles *t, int64_t house_ms);

/* What they would say at house_ms; they do not say it. */
void teles_look(struct teles *t, int64_t house_ms);

/* Two entries for poll() for each line; serve what poll() found. */
void teles_fds(const struct teles *t, struct pollfd *fds);
void teles_receive(struct teles *t, const struct pollfd *fds);

/* Send what is due, and when that is: ms, or -1. */
void teles_send(struct teles *t);
int64_t teles_deadline(const struct teles *t);

/* "lines":[…] */
void teles_stats(const struct teles *t, FILE *out);
void tele_stats(const struct tele *l, FILE *out);

/* A telegram, or part of a conversation, enters a free line (tele_wire.c). */
void tele_put(struct tele *l, const struct tele_text *text, const struct tele_now *said,
              const double rates[TELE_FAULTS]);
/* Write what the line's speed (paced) and its reader allow; true: all of it is out. */
bool tele_write_some(struct tele *l, int64_t now_ms, bool paced);
/* The telegram on its way is over: count it and write down what was true of it. taken: the line had it whole. */
void tele_over(struct tele *l, bool taken, FILE *truth, size_t number);
static inline bool tele_busy(const struct tele *l)
{
    return l->sent < l->len;
}

const char *tele_fault_name(int fault);
/* Rates of faults: "cut=0.01,flip=0.02". 0, or -1 when it is not of that form. */
int tele_rates_parse(double rates[TELE_FAULTS], const char *text) MUSTCHECK;

#endif
