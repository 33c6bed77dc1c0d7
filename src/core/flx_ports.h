/* The ports of an FLX board and the sensors that they make: twelve of each clamp, one of each pulse input, all there
 * whether they are on or off. It judges nothing (rules_flx.c does).
 *
 *   port      1       2       3      4    5    6    7
 *   class     ct      ct      ct     pulse          uart
 *   sensors   1-12    13-24   25-36  37   38   39   none */
#ifndef CORE_FLX_PORTS_H
#define CORE_FLX_PORTS_H

#include "core/ident.h"
#include "core/sensors.h"

#include <stdbool.h>

#define FLX_CLAMPS     3
#define FLX_PULSES     3
#define FLX_QUANTITIES 12 /* of a clamp: pplus … alpha, in the order of enum sensor_subtype */
#define FLX_SENSORS    (FLX_CLAMPS * FLX_QUANTITIES + FLX_PULSES)

struct settings;

/* Of ports 1 to 7. */
enum sensor_class flx_port_class(int port);

/* A sensor's number, the key in config/sensor; subtype: SUBTYPE_NONE of a pulse port. */
int flx_sensor_number(int port, enum sensor_subtype subtype);

/* The name of the sensor among its port's: "pplus" …, "pulse". */
const char *flx_sensor_name(enum sensor_subtype subtype);

/* The id that derives for it. */
void flx_sensor_ident(const char *device_id, int port, enum sensor_subtype subtype, char id[IDENT_LEN + 1]);

/* The ports that are on where no list of ports is given: their number; 1 to it. */
#define FLX_PORTS_ON FLX_CLAMPS

/* Make s->port all seven ports in their order: those that were given, and others, which are off; where no list was
 * given the clamps are on. What is given twice or has no number is dropped. */
void flx_ports_fill(struct settings *s, bool given);

/* Make s->sensors the sensors of the ports, which are filled; what it held is dropped. */
void flx_ports_make(struct settings *s);

#endif
