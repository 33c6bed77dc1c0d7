/* The simulated FLM02 sensor board: its settings, counters, EEPROM and commands, as the published firmware
 * keeps them. It never reads a clock, a line or a file: time, power, pulses and messages are handed to it,
 * its EEPROM is an image.
 *
 *   clamps ──(W, each second)──┐                                  ┌── message "gh93" in
 *   pulses ──(at ms)───────────┼→ counters, marks, EEPROM ←───────┤
 *   RS-485 ──(bytes)───────────┘                                  └─→ reply "lgh00020195.u" out
 */
#ifndef SIM_FLM02_H
#define SIM_FLM02_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLM02_IDS       6   /* logical sensors, and physical ports */
#define FLM02_CLAMPS    3   /* ports and ids 0..2 */
#define FLM02_UART_MAX  64  /* bytes from the RS-485 port that wait for the next reply; more are lost */
#define FLM02_REPLY_MAX 512 /* room for any reply: 6 records of 22 digits, 64 UART bytes of 2 */
#define FLM02_IMAGE_MAX 512 /* room for an EEPROM image */

/* The analog meter constant at which a clamp shows the household's own watts: floor(0.449 * 230 V * 50 A).
 * Any other constant c shows c/5163 of them. */
#define FLM02_TRUE_CONSTANT 5163

enum flm02_model { FLM02_2_0, FLM02_2_1, FLM02_2_2, FLM02_MODELS };

/* What the EEPROM holds; whole words, for the table of fields in flm02.c. */
struct flm02_store {
    uint32_t hardware, software;  /* major u16, minor u8; u8 u8 */
    uint32_t port_id[FLM02_IDS];  /* logical id of each physical port, 0xff: none */
    uint32_t enabled[FLM02_IDS];  /* 0 or 1 */
    uint32_t constant[FLM02_IDS]; /* clamp: scale; pulse input: whole units per pulse */
    uint32_t fraction[FLM02_IDS]; /* thousandths of a unit per pulse */
    uint32_t counter[FLM02_IDS];  /* Wh or units */
    uint32_t rest_ws[FLM02_IDS];  /* watt-seconds not yet a Wh */
    uint32_t milli[FLM02_IDS];    /* thousandths not yet a unit */
    uint32_t watchdogs, brownouts;
    uint32_t analog_rx_tx[3]; /* hardware 2.2: analog on, UART rx and tx inverted */
    uint32_t led, radio;
};

struct flm02 {
    enum flm02_model model;
    struct flm02_store live, saved;
    int64_t start_ms, tick_ms; /* household time of the start and of the next analog second */
    bool fresh[FLM02_IDS];     /* no power shown since it was enabled */
    bool marked[FLM02_IDS];    /* news for the next gd */
    uint32_t x[FLM02_IDS];     /* last power in W, or ms of the last pulse */
    uint8_t uart_in[FLM02_UART_MAX];
    size_t uart_in_len;
    uint8_t uart_out[FLM02_UART_MAX]; /* the last bytes sent to the RS-485 port */
    size_t uart_out_len;
    uint64_t saves; /* how often `saved` changed: write the image when it does */
    /* For the judge of a test; no command shows them. They never fall and survive a reset. */
    uint64_t truth_ws[FLM02_IDS], truth_milli[FLM02_IDS], pulses[FLM02_IDS];
    uint64_t gets[256], sets[256]; /* by second letter of the command */
    uint64_t total, deltas, commits, bad, unknown;
};

/* "2.1" and so on. */
const char *flm02_model_name(enum flm02_model m);

/* A board fresh from the factory, started at now_ms. */
void flm02_init(struct flm02 *b, enum flm02_model m, int64_t now_ms);

/* Start again from what the EEPROM holds: a watchdog reset. At a brown-out the counters are saved first. */
void flm02_reset(struct flm02 *b, int64_t now_ms);
void flm02_brownout(struct flm02 *b, int64_t now_ms);

/* Save settings and counters, as `ct` does. */
void flm02_commit(struct flm02 *b);

/* The EEPROM as text, with a check sum. Saving returns its length (dst: FLM02_IMAGE_MAX bytes). Loading is
 * for a board just made: 0, or -1 when the image is damaged or of another model; the board is then as before.
 */
size_t flm02_image(const struct flm02 *b, char *dst);
int flm02_load(struct flm02 *b, const char *image, size_t len);

/* Let the board's time run to now_ms with this power (W) on its clamps: each of its own seconds adds power x
 * 1 s. */
void flm02_run(struct flm02 *b, int64_t now_ms, const int32_t clamp_w[FLM02_CLAMPS]);

/* n pulses on physical port 0..5, the last at now_ms. Ports that are no pulse input ignore them. */
void flm02_pulse(struct flm02 *b, unsigned port, unsigned n, int64_t now_ms);

/* A byte comes in from, or goes out to, the RS-485 port. What goes out is heard back, as in the captured
 * firmware. */
void flm02_uart_in(struct flm02 *b, uint8_t byte);
void flm02_uart_out(struct flm02 *b, uint8_t byte);

/* A message without its `l` and `.`, and the whole reply from `l` on, into FLM02_REPLY_MAX bytes. Returns its
 * length; *records is how many gd records it holds. */
size_t flm02_message(struct flm02 *b, const char *text, size_t len, char *reply, unsigned *records);

/* The end of every reply: `u` and the bytes that wait from the RS-485 port. Returns the end of the text. */
char *flm02_put_uart(struct flm02 *b, char *p);

/* A sensor whose x is power, and whose counter counts Wh. */
bool flm02_is_analog(const struct flm02 *b, unsigned id);

/* Each command asked so far, by name. */
typedef void flm02_count_fn(void *ctx, const char *name, uint64_t n);
void flm02_each_command(const struct flm02 *b, flm02_count_fn *emit, void *ctx);

#endif
