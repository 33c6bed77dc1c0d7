/* An order to set a counter, as people give it after a swap of the meter: {"set":n} or {"offset":n}, in the counter's
 * unit with at most three decimals. It judges the order and never carries it out: ledger_set() does. */
#ifndef CORE_COUNTER_ORDER_H
#define CORE_COUNTER_ORDER_H

#include "core/settings.h"

/* What is published stays below this, in thousandths: nine billion units; a board's own counter wraps at half of it. */
#define COUNTER_ORDER_END ((int64_t)9000000000000)

/* What is published after the order, in thousandths, out of what is published now: never less. Negative, with at least
 * one error in *errors (empty before), when the order is none. */
int64_t counter_order(const struct cJSON *order, int64_t published, const char *unit,
                      struct settings_errors *errors) MUSTCHECK;

#endif
