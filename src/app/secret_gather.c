#include "app/secret_gather.h"

#include "app/app.h"
#include "app/secrets.h"
#include "core/settings.h"
#include "io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void secret_gather(struct secret_gather *g, const struct app *app)
{
    for (int i = 0; i < SECRETS; i++) {
        enum secret s = (enum secret)i;
        enum secret_from from = secret_from(app, s, app->settings);
        g->v[i].saved = from == SECRET_SAVED;
        g->v[i].file = from == SECRET_SETTINGS ? NULL : secret_file(app, s, app->settings);
        g->v[i].text = from == SECRET_SETTINGS ? must(strdup(app->settings->device.key)) : NULL;
    }
}

/* Of a secret of one line the file's first line counts, as for those who use it. */
static int read_file(const char *file, enum secret s, char **text, char why[SECRET_GATHER_WHY])
{
    size_t len;
    int err = files_read(file, SECRET_MAX + 1, text, &len);

    if (err < 0) {
        snprintf(why, SECRET_GATHER_WHY, "%s cannot be read: %s", secret_name(s), strerror(-err));
        return -1;
    }
    if (!secret_has_lines(s)) {
        size_t line = strcspn(*text, "\r\n");
        OPENSSL_cleanse(*text + line, len - line);
    }
    return 1;
}

int secret_gather_read(const struct secret_gather *g, enum secret s, char **text, char why[SECRET_GATHER_WHY])
{
    const char *problem;
    size_t len;
    int rc = 1;

    *text = NULL;
    if (g->v[s].text)
        *text = must(strdup(g->v[s].text));
    else
        rc = g->v[s].file ? read_file(g->v[s].file, s, text, why) : 0;
    if (rc <= 0)
        return rc;
    len = strlen(*text);
    problem = secret_check(s, *text, &len);
    if (!problem) {
        (*text)[len] = '\0';
        return 1;
    }
    snprintf(why, SECRET_GATHER_WHY, "%s: %s", secret_name(s), problem);
    secret_wipe(*text);
    *text = NULL;
    return -1;
}

void secret_gather_free(struct secret_gather *g)
{
    for (int i = 0; i < SECRETS; i++) {
        free(g->v[i].file);
        secret_wipe(g->v[i].text);
    }
}
