/* The simulated FLX sensor board: its ports, its energy counters, its clock, its EEPROM, and what it says of them. It
 * never reads a clock, a line or a file: time, power, pulses and settings are handed to it, its frames go to a
 * callback.
 *
 *   clamps ──(mW, mVAR over ms)──┐                           ┌── port config, time step, ping, exit
 *   pulses ──(at ms)─────────────┼→ seconds of its clock ────┤
 *   household's ms ── drift ─────┘   counters, EEPROM        └─→ CT and pulse data, time stamps, waveforms, pong
 *
 *   OFF ──power──→ ASKS (pings once a second) ──port config──→ MEASURES
 */
#ifndef SIM_FLX_H
#define SIM_FLX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/board.h"
#include "sim/flx_wire.h"
#include "sim/mains.h"

#define FLX_CLAMPS       3
#define FLX_INPUTS       3 /* pulse inputs: ports 3..5 */
#define FLX_PORTS        7
#define FLX_CONFIG_BYTES 60

enum flx_energy { FLX_PPLUS, FLX_PMINUS, FLX_Q1, FLX_Q2, FLX_Q3, FLX_Q4, FLX_ENERGIES };

enum flx_state { FLX_OFF, FLX_ASKS, FLX_MEASURES };

/* As the host set it. */
struct flx_port {
    uint16_t constant, fraction; /* units per pulse, and thousandths */
    uint8_t current, shift, enable, trigger;
};

/* Whole Wh or VARh, and the rest of one in micro(VA)seconds; for pulses whole units and thousandths. */
struct flx_counter {
    uint32_t whole;
    uint64_t rest;
};

struct flx_clamp {
    int phase; /* that it sits on, 0..2 */
    bool reversed;
    bool given; /* power is as ordered, else the household's */
    int64_t given_w;
    struct mains_load load;   /* that flows now, on its phase */
    int64_t p_uj, q_uj, ms;   /* of the running second of the board's clock */
    struct mains_load second; /* mean of the last one */
    struct flx_counter counter[FLX_ENERGIES], saved[FLX_ENERGIES];
    uint64_t truth_uj[FLX_ENERGIES]; /* never falls, survives a reset */
};

struct flx_input {
    int64_t last_ms; /* of the household, of the last pulse since the start; -1: none */
    int32_t gauge;   /* Q20.11, units per second */
    struct flx_counter counter, saved;
    uint64_t truth_milli, pulses;
};

/* Unix time in us, which runs 1 + drift times as fast as the household's since both were at their base. */
struct flx_clock {
    int64_t base_us, base_house_ms;
    int32_t drift_ppm;
};

struct flx {
    enum flx_state state;
    struct flx_port port[FLX_PORTS];
    uint8_t phase, led_mode, batch, math, radio_group;
    struct flx_clamp clamp[FLX_CLAMPS];
    struct flx_input input[FLX_INPUTS];
    struct flx_clock clock;
    int64_t house_ms; /* lived so far */
    int64_t second_s; /* the second of its clock whose end is next */
    uint64_t mains_seed;
    int32_t mv;           /* of the mains now */
    unsigned waves_per_s; /* frames */
    unsigned wave_turn;   /* 0 voltage, 1.. clamps */
    int64_t wave_us;      /* when the next is due, on its clock */
    bool silent;          /* answers no ping */
    uint32_t pings;       /* its own, so far */
    uint64_t saves;
    uint64_t got[FRAME_TYPES], refused; /* frames by type; those that say what no board takes */
    uint64_t sent[FRAME_TYPES];
    void (*out)(void *ctx, enum flx_frame_type type, const uint8_t *payload, size_t len);
    void *ctx;
};

/* A board fresh from the factory and switched on, which has no port configuration yet. The caller has set mains_seed,
 * waves_per_s, out and ctx, and the clock's drift; all else is made here. */
void flx_init(struct flx *b, int64_t house_ms, int64_t unix_ms);

/* Switch off, saving the counters, and on again: the clock runs on, the port configuration is gone. */
void flx_off(struct flx *b);
void flx_on(struct flx *b);

/* Start again from the saved counters: a watchdog reset. forget: without the port configuration. */
void flx_reset(struct flx *b, bool forget);

void flx_save(struct flx *b);

/* As board_kind's. */
size_t flx_image(const struct flx *b, char *dst);
int flx_load(struct flx *b, const char *image, size_t len);

void flx_run(struct flx *b, int64_t house_ms, const struct board_input *in);
int64_t flx_house_due(const struct flx *b);
void flx_pulse(struct flx *b, unsigned port, unsigned n);

/* A frame from the host. */
void flx_take(struct flx *b, uint8_t type, const uint8_t *p, size_t len);

/* The clock: us of Unix time now, and set to the begin of a second. */
int64_t flx_unix_us(const struct flx *b);
void flx_set_clock(struct flx *b, uint32_t unix_s);

#endif
