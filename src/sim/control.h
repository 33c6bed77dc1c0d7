/* The Unix socket that takes orders: a line in, a line out, several clients.
 * It never waits for a client: one that does not read its answers is dropped. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"

#define CONTROL_CLIENTS 8
#define CONTROL_FDS     (CONTROL_CLIENTS + 1)
#define CONTROL_LINE    256

struct sim;

struct control_client {
    int fd; /* -1: free */
    size_t len;
    char line[CONTROL_LINE];
};

struct control {
    int listener; /* -1: none */
    const char *path;
    struct control_client clients[CONTROL_CLIENTS];
};

/* Listen at path (NULL: no control). A socket left behind by a dead simulator is replaced. 0, or -1 with
 * errno. */
MUSTCHECK int control_start(struct control *c, const char *path);

/* Fill CONTROL_FDS entries for poll(), and serve what poll() found. */
void control_fds(const struct control *c, struct pollfd *fds);
void control_serve(struct control *c, const struct pollfd *fds, struct sim *s, int64_t now_ms);

void control_stop(struct control *c);

#endif
