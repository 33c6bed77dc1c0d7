/* What an FLX board shall hold, from the settings: its port configuration and its radio group.
 * It never sends, and knows nothing of what a board holds: an FLX board tells none of it. */
#ifndef CORE_FLX_WANT_H
#define CORE_FLX_WANT_H

#include "core/flx_msg.h"

struct settings;
struct port_settings;

struct flx_picture {
    struct flx_port_config ports;
    uint8_t radio_group;
};

/* The picture that the settings ask for. A port that is off, or not named, is all zeros. */
void flx_want(struct flx_picture *want, const struct settings *s);

/* The phase shift that a clamp's port gets, 0..5: a clamp that is the wrong way round turns it by 180 degrees. */
uint8_t flx_shift(const struct port_settings *p);

#endif
