/* What stands behind `bus scan` and `bus read` on the command line: which line is meant, lists of numbers, addresses.
 * It never calls anybody. */
#ifndef CTL_BUS_WORDS_H
#define CTL_BUS_WORDS_H

#include "core/util.h"

#include <stdbool.h>

#include <cjson/cJSON.h>

/* Put the line that a word names into a body: "bus" (a key), "device" (a path) or "tcp" (HOST:PORT, [ADDRESS]:PORT).
 * Returns whether it is a bus of the settings. */
bool bus_words_line(cJSON *body, const char *word);

/* A number within limits ("0x10" as well when hex), 0, or -1. */
int bus_words_number(const char *word, bool hex, double min, double max, double *out) MUSTCHECK;

/* "all" as it is, else "9600,19200" as a list of numbers or texts, put into the body under this name. 0, or -1: one is
 * none. */
int bus_words_list(cJSON *body, const char *name, const char *words, bool numbers) MUSTCHECK;

#endif
