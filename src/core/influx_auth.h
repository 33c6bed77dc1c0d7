/* The header that shows an InfluxDB who is writing. It never logs or keeps a token: whoever calls wipes its copy. */
#ifndef CORE_INFLUX_AUTH_H
#define CORE_INFLUX_AUTH_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

#define INFLUX_TOKEN_MAX 1024
#define INFLUX_AUTH      (2 * INFLUX_TOKEN_MAX) /* room for the header */

/* Write "Authorization: …" for the first line of a text: "Token <line>", or "Basic <base64 of it>" when it is
 * user:password and the database is of version 1 (1.6 knows no other way). 0, or -1: the line is empty or has other
 * than printable ASCII characters (what a header may not hold), or is too long; of a user and a password any byte but a
 * control character will do. */
int influx_auth(const char *text, size_t len, bool version_1, char out[INFLUX_AUTH]) MUSTCHECK;

#endif
