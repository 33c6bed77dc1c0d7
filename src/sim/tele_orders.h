/* The orders to telegram lines. */
#ifndef SIM_TELE_ORDERS_H
#define SIM_TELE_ORDERS_H

struct call;

/* line [N] ORDER [ARGUMENT]: as sim/orders.h has orders. */
const char *order_line(struct call *c);

#endif
