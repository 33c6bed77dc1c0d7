/* Orders to the simulator, one a line: faults, pulses, loads, resets, and what is true (`stats`).
 * It never waits: each order is done, and its answer written, before it returns. */
#ifndef SIM_ORDERS_H
#define SIM_ORDERS_H

#include <stdint.h>
#include <stdio.h>

#define ORDER_ARGS 4
#define WATTS_MAX  1000000

struct sim;

struct call {
    struct sim *s;
    void *board; /* the board's self */
    int argc;
    char *argv[ORDER_ARGS + 1];
    int64_t n[ORDER_ARGS]; /* the arguments as numbers, where the order's form says so; 0 for one left out */
    FILE *out;
};

/* Each does its order and returns NULL, or what is wrong. An order that answers itself returns "". */
typedef const char *order_fn(struct call *c);

struct order {
    const char *name;
    const char *form; /* one letter per argument: n number, s text; capital: may be left out */
    int64_t min[ORDER_ARGS], max[ORDER_ARGS], preset[ORDER_ARGS];
    order_fn *run;
    const char *help;
};

/* Do the order in line (changed in place) and write one answer to out: "ok", a JSON object, or "error: ...".
 */
void order(struct sim *s, int64_t now_ms, char *line, FILE *out);

/* A clamp's power as the orders of both boards give it: watts from min on, or "auto", which leaves *w as it is. 0, 1
 * for "auto", or -1. */
int order_watts(const char *text, int64_t min, int64_t *w);

#endif
