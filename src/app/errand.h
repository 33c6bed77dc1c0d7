/* Errands: what one service does for another on request, since services do not include each other. Who can do one says
 * so in struct app, in its new; who wants it done hands over whom to tell. One at a time of each kind.
 *
 *   start ─► step, item … ─► end        cancel ─► nothing more is told; what is under way may go on */
#ifndef APP_ERRAND_H
#define APP_ERRAND_H

#include <stdbool.h>

enum errand_kind {
    ERRAND_BOARD_SYNC,  /* read the sensor board back, and write what differs from the settings (S6) */
    ERRAND_SERVER_SYNC, /* send each reported sensor's configuration to the Flukso server; an item for each */
    ERRAND_SERVER_CALL, /* call the Flukso server: a heartbeat */
    ERRANDS
};

/* How an errand ended. The board's are those that Fluksometers' fsync has shown to people. */
enum {
    ERRAND_NONE = -1,    /* nothing was to be done */
    ERRAND_OK = 0,       /* all went well */
    ERRAND_AWAY = 1,     /* the server: no answer; what did answer wrongly is told by its HTTP status */
    ERRAND_BOARD = 3,    /* the board: not reached, or it does not hold its settings */
    ERRAND_HARDWARE = 4, /* the board: its hardware is not known, or cannot do what the settings ask for */
};

/* Whom to tell. Texts are for people, and valid during the call only. */
struct errand_told {
    void *ctx;
    void (*step)(void *ctx, int percent, const char *line); /* how far it is; line: what was done, or NULL */
    void (*item)(void *ctx, const char *id, const char *name, bool ok,
                 const char *text);                       /* a sensor's part; may be NULL */
    void (*end)(void *ctx, int code, const char *detail); /* once, and last; may come from inside start */
};

struct errand {
    void (*start)(void *self, const struct errand_told *told); /* copied. NULL: nobody can do it */
    void (*cancel)(void *self);
    const char *(*idle)(void *self); /* why there is nothing to do; NULL: there is */
    void *self;
};

#endif
