/* Answers of any length, written a piece at a time while they are sent, so that the loop goes on however many sensors
 * there are and however many ask. It never knows what is in them. */
#ifndef APP_PIECES_H
#define APP_PIECES_H

#include <stdbool.h>
#include <stddef.h>

struct app;
struct http_reply;
struct jsonw;

/* Append the next piece; false at the end. state: the answer's own, zeroed at first: where the writing stands. */
typedef bool (*pieces_write)(struct app *app, void *state, struct jsonw *w);

/* What a service keeps of its answers. Zeroed memory of the caller's, with app set; it outlives them. */
struct pieces {
    struct app *app;
    size_t answers; /* on their way */
};

/* Answer 200 with what write() makes, state_size bytes being its state. A piece visits at most piece_sensors of all
 * `sensors`. False: with one answer more a turn of the loop would visit too many sensors; nothing is in *r. */
bool pieces_answer(struct pieces *p, struct http_reply *r, const char *type, pieces_write write, size_t state_size,
                   size_t sensors, size_t piece_sensors);

/* What people are told then, with 503. */
extern const char pieces_busy[];

#endif
