/* The RS-485 lines of the simulator: each a pseudo-terminal with meters on it that answer Modbus RTU. It reads no
 * clock: milliseconds are handed to it. A line is silent for BUS_SILENCE_MS before what was not a frame is forgotten.
 */
#ifndef SIM_BUS_H
#define SIM_BUS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/bus_meter.h"
#include "sim/bus_wire.h"
#include "sim/pty.h"

#define BUSES_MAX      64
#define BUS_UNIT_MAX   247
#define BUS_ANSWERS    32 /* on their way; more are lost */
#define BUS_SILENCE_MS 20

struct options;

struct bus_answer {
    int64_t due_ms;
    size_t len;
    char bytes[BUS_FRAME_MAX + FAULTS_GARBAGE_MAX];
};

struct bus {
    struct pty pty;
    const char *link;
    struct bus_meter *meters;
    size_t n_meters;
    uint8_t in[BUS_FRAME_MAX]; /* bytes that are no whole frame yet */
    size_t in_len;
    int64_t in_ms; /* when the last of them came */
    struct bus_answer way[BUS_ANSWERS];
    unsigned n_way;
    uint64_t requests, strange, bad; /* whole ones; to units that are not there; bytes that were none */
};

struct buses {
    const struct options *opt;
    struct bus *bus;
    size_t n;
    struct meter_model **models; /* each that is used, once */
    size_t n_models;
    int64_t now_ms; /* set by the owner before anything else */
};

/* The buses of the command line, then their lines. 0, or -1 with the reason printed. */
int buses_start(struct buses *b, const struct options *opt, int64_t now_ms) MUSTCHECK;
int buses_plug(struct buses *b) MUSTCHECK;

/* Take the lines away. */
void buses_stop(struct buses *b);

/* The meters measure ms more of this second of the household. */
void buses_run(struct buses *b, int64_t ms, const struct board_input *in);

/* Two entries for poll() for each bus; serve what poll() found. */
void buses_fds(const struct buses *b, struct pollfd *fds);
void buses_receive(struct buses *b, const struct pollfd *fds);

/* Send what is due. */
void buses_send(struct buses *b);

/* When buses_send() wants to be called: ms, or -1. */
int64_t buses_deadline(const struct buses *b);

/* The meter that an order names, "3", or "2/3" of the second bus (the first bus that has the unit else); or NULL. */
struct bus_meter *buses_find(struct buses *b, const char *text);

/* "buses":[…] */
void buses_stats(const struct buses *b, FILE *out);

/* A member for each thing that is true of a meter, all within {}. With the truth of all its registers. */
void bus_meter_stats(const struct bus_meter *m, bool truth, FILE *out);

#endif
