/* Who wants to know when a counter of a line's meter tells its first value ever: until then nobody is shown its sensor
 * (core/settings_lines.h). It never looks at a value. */
#ifndef APP_HEARD_H
#define APP_HEARD_H

#include "app/app.h"

#include <stdint.h>

#define HEARD_MS 3000 /* the other counters of the meter come with the first one */

struct heard {
    struct app *app;
    uv_timer_t timer;
    bool *told; /* by slot of app->sensors: this sensor's counter is known */
    size_t n;
    void (*came)(void *ctx);
    void (*closed)(void *ctx);
    void *ctx;
};

/* came(ctx) is called once for all that came within HEARD_MS. */
void heard_init(struct heard *h, struct app *app, void (*came)(void *ctx), void *ctx);

/* The sensors are others than before; the ledger is restored. */
void heard_apply(struct heard *h);

void heard_stop(struct heard *h);

/* Release all; then call closed(ctx). */
void heard_close(struct heard *h, void (*closed)(void *ctx), void *ctx);

#endif
