/* The secrets in use, wherever they come from, for a backup: where each is found out on the loop, each read in the
 * pool. It never judges who may have them. */
#ifndef APP_SECRET_GATHER_H
#define APP_SECRET_GATHER_H

#include "core/secret.h"
#include "core/util.h"

#include <stdbool.h>

#define SECRET_GATHER_WHY 192

struct app;

struct secret_gather {
    struct {
        char *file; /* to be read; NULL: not in a file */
        char *text; /* of the settings themselves, or NULL */
        bool saved;
    } v[SECRETS];
};

/* Where each is now. On the loop. */
void secret_gather(struct secret_gather *g, const struct app *app);

/* The secret as it may be saved: 1 with *text, the caller's to secret_wipe(); 0: it is not set; -1 with the reason in
 * why. In the pool. */
int secret_gather_read(const struct secret_gather *g, enum secret s, char **text,
                       char why[SECRET_GATHER_WHY]) MUSTCHECK;

void secret_gather_free(struct secret_gather *g);

#endif
