/* A screen of our own until a key or a signal ends it. It never draws: that is its owner's. */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include <signal.h>
#include <stdbool.h>

struct screen {
    bool on;     /* it is shown */
    int signals; /* a descriptor: readable when one has come */
    sigset_t before;
};

/* From now on signals that end programs come here. */
void screen_open(struct screen *s);

/* Show it; the terminal's own comes back with screen_leave(), screen_close(), and while the program is stopped. Both
 * may be called twice. */
void screen_enter(struct screen *s);
void screen_leave(struct screen *s);

/* Signals do what they did before; signum, when not 0, ends the program. */
void screen_close(struct screen *s, int signum);

/* Has a key or a signal come that ends it? *signum is the signal, 0: a key, or none. *redraw is set when the picture is
 * not what it was any more. */
bool screen_ended(struct screen *s, int *signum, bool *redraw);

/* Wait until a key or a signal comes, or for so many milliseconds. */
void screen_wait(const struct screen *s, int timeout_ms);

/* Is there a signal or a key to look at? For whoever is busy with something longer. */
bool screen_wants(const struct screen *s);

/* Until when to wait with the next picture: milliseconds from now_s. */
int screen_pause_ms(double due_s, double now_s);

#endif
