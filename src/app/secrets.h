/* The secrets that people save, one file each (0600) in the folder `secrets` of the state directory, for the
 * connections that use them. A saved one goes before what the settings say. It never keeps one in memory, logs one, or
 * gives one out but by the file that holds it. Where service_secrets does not run, none is saved. */
#ifndef APP_SECRETS_H
#define APP_SECRETS_H

#include "core/secret.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

#define SECRETS_FOLDER  "secrets"
#define SECRETS_WAITING 8 /* changes that wait behind the one at work */

struct app;
struct settings;

/* Where a secret comes from. */
enum secret_from { SECRET_NOWHERE, SECRET_SAVED, SECRET_FILE, SECRET_SETTINGS };
enum secret_from secret_from(const struct app *a, enum secret s, const struct settings *settings);

/* "saved", "file", "settings"; NULL for SECRET_NOWHERE. */
const char *secret_from_name(enum secret_from from);

/* The path of the file to read it from: the saved one, else the one that these settings name. NULL: there is none (it
 * may stand in the settings themselves). The caller frees it. */
char *secret_file(const struct app *a, enum secret s, const struct settings *settings);

/* Read the saved one into out, terminated. Its length; -ENOENT: none is saved; or another negative errno. It blocks on
 * the disk, so only for what is read once at each change. */
int secret_read(const struct app *a, enum secret s, char *out, size_t size) MUSTCHECK;

/* Who uses the secret: told, from the loop, when it was saved or removed. One for each secret, for good. */
typedef void (*secret_changed)(void *ctx);
void secret_watch(struct app *a, enum secret s, secret_changed changed, void *ctx);

/* Save a secret that secret_check() let pass, or remove one (value NULL); by pool jobs, one after the other. It is
 * copied, and the copy wiped behind. done, from the loop: 0, then it is on the disk and who uses it was told; -ENOENT:
 * there was none to remove; or another negative errno, and nothing changed. -EBUSY: too many wait, done is not called.
 */
typedef void (*secret_saved)(void *ctx, int status);
int secret_save(struct app *a, enum secret s, const char *value, size_t len, secret_saved done, void *ctx) MUSTCHECK;

#endif
