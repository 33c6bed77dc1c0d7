/* The terminal: its size, a secret typed without echo, a screen that is redrawn in place.
 * It never leaves the terminal in another state than it found it in, signals included. */
#ifndef CTL_TERM_H
#define CTL_TERM_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

#define TERM_SECRET_MAX (64u << 10)

/* Columns and rows of standard output; 0 columns when it is no terminal. */
void term_size(size_t *columns, size_t *rows);

/* A secret into *out (terminated, *len bytes; wipe it by term_forget()). Standard input is a terminal: one line after
 * the prompt, without echo. Otherwise: `all` of standard input but a last line end, or its first line. 0, or -1 when
 * there is none (it has said why). A signal that ends programs puts the terminal right before it does. */
int term_secret(const char *prompt, bool all, char **out, size_t *len) MUSTCHECK;

/* The same, and on a terminal once more to compare; -1 when the two differ. */
int term_new_secret(const char *what, char **out, size_t *len) MUSTCHECK;

/* Ask for a yes or no on the terminal that standard input is: "y" or "yes" is yes, anything else is no, and so is no
 * terminal: then nobody is asked. */
bool term_yes(const char *question);

/* Wipe and free; NULL is nothing. */
void term_forget(char *secret);

/* A screen of its own, keys as they come (none when standard input is no terminal). term_leave() brings the old one
 * back and may be called twice. */
void term_enter(void);
void term_leave(void);

/* The descriptor from which keys are read, or -1. */
int term_keys(void);

#endif
