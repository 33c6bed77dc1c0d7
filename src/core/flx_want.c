#include "core/flx_want.h"

#include "core/settings.h"

#include <string.h>

#define HALF_TURN 3 /* of six steps of 60 degrees */

uint8_t flx_shift(const struct port_settings *p)
{
    return (uint8_t)((p->shift + (p->flip ? HALF_TURN : 0)) % (2 * HALF_TURN));
}

static uint8_t current_code(int amps)
{
    static const int known[] = {50, 100, 250, 500};

    for (uint8_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] == amps)
            return i;
    return 0; /* the rules of the settings let no other through */
}

static void want_port(struct flx_port *out, const struct port_settings *p)
{
    out->enable = 1;
    if (p->class == SENSOR_CT) {
        out->current = current_code(p->current);
        out->shift = flx_shift(p);
    } else if (p->class == SENSOR_PULSE) {
        out->constant = (uint16_t)(p->constant_milli / 1000);
        out->fraction = (uint16_t)(p->constant_milli % 1000);
        out->trigger = p->trigger == TRIGGER_LEVEL;
    }
}

void flx_want(struct flx_picture *want, const struct settings *s)
{
    static const uint8_t phases[] = {[PHASE_1P] = 0, [PHASE_3PN] = 1, [PHASE_3P] = 2};

    memset(want, 0, sizeof *want);
    for (size_t i = 0; i < s->n_port; i++)
        if (s->port[i].enable)
            want_port(&want->ports.port[s->port[i].port - 1], &s->port[i]);
    want->ports.phase = phases[s->phase];
    want->ports.led_mode = (uint8_t)s->board.led_mode;
    want->radio_group = (uint8_t)s->board.radio_group;
    /* batch and math stay 0: sums are made on this side */
}
