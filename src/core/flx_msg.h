/* Messages of the FLX board (board-flx.md, "Types"): payloads to structs and back.
 * It never allocates and counts nothing: who calls it counts what it refuses. */
#ifndef CORE_FLX_MSG_H
#define CORE_FLX_MSG_H

#include "core/util.h"

#include <stddef.h>
#include <stdint.h>

enum flx_type {
    FLX_PING,
    FLX_PONG,
    FLX_PORT_CONFIG,
    FLX_TIME_STAMP,
    FLX_TIME_STEP,
    FLX_TIME_SLEW,
    FLX_VOLTAGE,
    FLX_CURRENT,
    FLX_CT,
    FLX_PULSE,
    FLX_KUBE,
    FLX_KUBE_CONTROL,
    FLX_DEBUG,
    FLX_SAR,
    FLX_SDADC,
    FLX_RFM_DEBUG,
    FLX_EXIT,
    FLX_TYPES
};

#define FLX_PORTS         7
#define FLX_CLAMPS        3
#define FLX_PULSE_PORTS   3  /* 3..5 */
#define FLX_CT_COUNTERS   6  /* P+, P-, Q1 .. Q4 */
#define FLX_CT_GAUGES     12 /* those, Vrms, Irms, PF, Vthd, Ithd, alpha */
#define FLX_WAVE_SAMPLES  32
#define FLX_CONFIG_LENGTH 60

struct flx_ct {
    uint32_t s; /* of the second after the one measured */
    uint16_t ms;
    uint8_t port;                           /* 0..2 */
    int64_t counter_milli[FLX_CT_COUNTERS]; /* thousandths of Wh, VARh: the floor */
    int64_t gauge_milli[FLX_CT_GAUGES];     /* thousandths of W, VAR, V, A, 1, degree: rounded half away from 0 */
};

struct flx_pulse {
    uint32_t s;
    uint16_t ms;
    uint8_t port;          /* 3..5 */
    int64_t gauge_micro;   /* millionths of a unit a second; 0: none yet */
    int64_t counter_milli; /* thousandths of the unit */
};

struct flx_wave {
    uint32_t s;
    uint16_t ms;
    uint8_t index;                         /* current: 0..2 */
    int32_t rms, sample[FLX_WAVE_SAMPLES]; /* mV or mA */
};

struct flx_kube {
    uint32_t s;
    uint16_t ms;
    uint8_t rssi;
    const uint8_t *packet; /* in the payload that was given */
    size_t len;
};

struct flx_port {
    uint16_t constant, fraction; /* units and thousandths a pulse */
    uint8_t current;             /* 0: 50 A, 1: 100 A, 2: 250 A, 3: 500 A */
    uint8_t shift, enable, trigger;
};

struct flx_port_config {
    struct flx_port port[FLX_PORTS];
    uint8_t phase, led_mode, batch, math;
};

/* Each: 0, or -1 when the length or a field is none that a board may send. */
int flx_msg_u32(const uint8_t *p, size_t n, uint32_t *out) MUSTCHECK; /* ping, pong, time stamp */
int flx_msg_ct(const uint8_t *p, size_t n, struct flx_ct *out) MUSTCHECK;
int flx_msg_pulse(const uint8_t *p, size_t n, struct flx_pulse *out) MUSTCHECK;
int flx_msg_voltage(const uint8_t *p, size_t n, struct flx_wave *out) MUSTCHECK;
int flx_msg_current(const uint8_t *p, size_t n, struct flx_wave *out) MUSTCHECK;
int flx_msg_kube(const uint8_t *p, size_t n, struct flx_kube *out) MUSTCHECK;

/* "ping", "pong" ... for counts by type; "unknown" from FLX_TYPES on. */
const char *flx_type_name(unsigned type);

void flx_put_port_config(uint8_t out[FLX_CONFIG_LENGTH], const struct flx_port_config *c);
void flx_put_u32(uint8_t out[4], uint32_t v);

#endif
