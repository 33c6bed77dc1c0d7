/* What other services may ask of the buses: one read on a line, behind its seconds, answered later. service_buses does
 * it; it never says what a value means, and never hands out a line itself. */
#ifndef APP_BUSES_H
#define APP_BUSES_H

#include "core/util.h"
#include "io/mb_link.h"
#include "io/mb_thread.h"

#include <stdint.h>

struct buses;

enum bus_state { BUS_UNKNOWN, BUS_OFF, BUS_OPENING, BUS_UP, BUS_DOWN };

/* Of the bus with this key, as it is now; *why: what is wrong with it ("" when nothing is), valid until the loop turns.
 */
enum bus_state buses_state(const struct buses *b, const char *key, const char **why);

/* "unknown", "off", "opening", "up", "down" */
const char *bus_state_name(enum bus_state s);

/* What became of an ask. Valid during the call. */
struct bus_answer {
    enum mb_outcome outcome;
    int exception;         /* with MB_EXCEPTION */
    const uint16_t *words; /* with MB_OK */
    size_t n_words;
    int64_t took_us; /* from request to answer, without waiting for its turn */
    const char *why; /* why it failed, for people; "" */
};

/* From the loop, once for each ask that was not forgotten, never from within buses_ask(). An ask whose bus stops is
 * answered with MB_GONE. */
typedef void (*bus_answer_cb)(void *ctx, const struct bus_answer *a);

/* Ask on the bus with this key; a->ticket is not looked at. The ask's number, or 0 with the reason in why: no such bus,
 * it is off, too many wait. */
uint64_t buses_ask(struct buses *b, const char *key, const struct mb_ask *a, bus_answer_cb cb, void *ctx,
                   char why[MB_LINK_ERROR]) MUSTCHECK;

/* Its answer is not wanted any more. One that is answered already, and 0, are nothing. */
void buses_forget(struct buses *b, uint64_t ask);

#define BUS_KEY 33 /* bytes of a key with its end: ^[a-z0-9_-]{1,32}$ */

/* Open a line that no bus of the settings has, for as long as a job needs it; it is copied. Its key, which no bus of
 * the settings can have, is set. 0, or -1 with the reason in why: a bus of the settings has that line, or too many are
 * open. */
int buses_borrow(struct buses *b, const struct mb_line *line, char key[BUS_KEY], char why[MB_LINK_ERROR]) MUSTCHECK;
void buses_return(struct buses *b, const char *key);

#endif
