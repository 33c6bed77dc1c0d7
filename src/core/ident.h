/* Identity: how every id derives from the device's own and a stable key, so that no id moves when lists are
 * reordered. It never draws random bits: the caller hands them in. */
#ifndef CORE_IDENT_H
#define CORE_IDENT_H

#include <stdint.h>

#define IDENT_LEN           32          /* hex digits of an id */
#define IDENT_FILE          "device.id" /* the device's own, in the state directory: a line */
#define IDENT_CLIENT_ID_LEN 20          /* "fluksod-" and 12 hex digits */

/* The id of what `key` names on this device: the first 32 hex digits of SHA-256("<device id>/<key>"). */
void ident_derive(const char *device_id, const char *key, char out[IDENT_LEN + 1]);

/* The id of the sensor with this number: its key is "port<number>". */
void ident_sensor(const char *device_id, int number, char out[IDENT_LEN + 1]);

/* The MQTT client id of a device (pitfall 2: no other device has it). */
void ident_client_id(const char *device_id, char out[IDENT_CLIENT_ID_LEN + 1]);

/* 128 random bits as an id. */
void ident_from_random(const uint8_t r[16], char out[IDENT_LEN + 1]);

#endif
