/* Secrets by name: the one table of those that people may save, and what each may be. It never keeps a secret, and no
 * text that it gives back holds one. */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 4096 /* bytes of any */

enum secret {
    SECRET_DEVICE_KEY,    /* "device.key": exactly 32 printable characters, shared with the Flukso server */
    SECRET_MQTT_PASSWORD, /* "mqtt.password": one line */
    SECRET_MQTT_TLS_KEY,  /* "mqtt.tls.key": a private key in PEM */
    SECRET_INFLUX_TOKEN,  /* "influx.token": a token, or user:password */
    SECRET_HTTP_TLS_KEY,  /* "http.tls.key": a private key in PEM */
    SECRETS
};

const char *secret_name(enum secret s);

/* The secret of this name, or -1. */
int secret_find(const char *name);

/* May it have several lines? Else it is the first line of a file. */
bool secret_has_lines(enum secret s);

/* Judge a value, which need not be terminated. One line end behind a secret of one line is no part of it: *len is then
 * without. NULL: it may be saved; else why not, for people (static). */
const char *secret_check(enum secret s, const char *value, size_t *len) MUSTCHECK;

struct cJSON;

/* Overwrite and free a text, or a tree with all its texts. NULL is allowed. */
void secret_wipe(char *text);
void secret_wipe_tree(struct cJSON *tree);

#endif
