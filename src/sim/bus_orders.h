/* The orders to meters on buses and to the buses. */
#ifndef SIM_BUS_ORDERS_H
#define SIM_BUS_ORDERS_H

struct call;

/* meter [BUS/]UNIT …; bus N …: as sim/orders.h has orders. */
const char *order_meter(struct call *c);
const char *order_bus(struct call *c);

#endif
