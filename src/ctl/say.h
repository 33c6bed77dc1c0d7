/* What people read: text without control characters, colours where they are wanted, times and amounts in words.
 * It never shows a byte of an answer that a terminal would take for an order. */
#ifndef CTL_SAY_H
#define CTL_SAY_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum say_colour { SAY_PLAIN, SAY_DIM, SAY_BOLD, SAY_RED, SAY_GREEN, SAY_YELLOW, SAY_COLOURS };

/* Looks once at the environment and at standard output: is it a terminal, are colours wanted (NO_COLOR, TERM), does it
 * show more than ASCII. Call it first. */
void say_init(void);

bool say_on_terminal(void);
bool say_utf8(void);

/* What a lack is shown as ("–"), and a cut ("…"). */
const char *say_none(void);
const char *say_cut(void);

/* The sequence that begins a colour, or "" where there are none; SAY_PLAIN ends it. */
const char *say_colour(enum say_colour c);

/* A line on standard error that begins "fluksoctl: ". */
void say_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* A line on standard output, cleaned. */
void say_line(enum say_colour c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A new text (free it): control characters and what is no UTF-8 become U+FFFD (or '?'), line ends and tabs a space. */
char *say_clean(const char *text);

/* As printf(), into new text, cleaned. */
char *say_format(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* How many columns a cleaned text takes. */
size_t say_width(const char *text);

/* The bytes of a cleaned text that fit into so many columns. */
size_t say_fit(const char *text, size_t columns);

#define SAY_WORDS 48

/* "12 s", "3 min", "2 h 5 min", "3 d 4 h" */
const char *say_span(char out[SAY_WORDS], double seconds);

/* "12:03:11" when it is today, else "2026-11-24 12:03"; the dash for 0. */
const char *say_time(char out[SAY_WORDS], double unix_s);

/* An amount with its unit: "213 W", "1.234 kWh", "12.345 m³"; the dash for NAN. */
const char *say_amount(char out[SAY_WORDS], double value, const char *unit);

/* "40 kB" */
const char *say_bytes(char out[SAY_WORDS], double bytes);

/* Is nobody there to read standard output any more? */
bool say_broken(void);

/* Lines of text as an answer has them, on standard output. */
void say_raw(const char *text, size_t len);

#endif
