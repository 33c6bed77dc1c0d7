#include "core/flx_ports.h"

#include "core/settings.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(SUBTYPE_PPLUS == 1 && SUBTYPE_ALPHA == FLX_QUANTITIES, "the numbers of a clamp's sensors follow it");

enum sensor_class flx_port_class(int port)
{
    return port <= FLX_CLAMPS ? SENSOR_CT : port <= FLX_CLAMPS + FLX_PULSES ? SENSOR_PULSE : SENSOR_UART;
}

int flx_sensor_number(int port, enum sensor_subtype subtype)
{
    return port <= FLX_CLAMPS ? FLX_QUANTITIES * (port - 1) + (int)subtype
                              : FLX_QUANTITIES * FLX_CLAMPS + port - FLX_CLAMPS;
}

const char *flx_sensor_name(enum sensor_subtype subtype)
{
    return subtype == SUBTYPE_NONE ? "pulse" : sensor_subtype_name(subtype);
}

void flx_sensor_ident(const char *device_id, int port, enum sensor_subtype subtype, char id[IDENT_LEN + 1])
{
    char key[32];

    snprintf(key, sizeof key, "flx/%d/%s", port, flx_sensor_name(subtype));
    ident_derive(device_id, key, id);
}

static char *text(const char *fmt, ...) PRINTF_LIKE(1, 2);

static char *text(const char *fmt, ...)
{
    va_list ap;
    char *out;

    va_start(ap, fmt);
    if (vasprintf(&out, fmt, ap) < 0)
        abort();
    va_end(ap);
    return out;
}

static struct port_settings port_default(int port, bool on)
{
    return (struct port_settings){.port = port,
                                  .place = -1,
                                  .name = on ? text("port %d", port) : NULL,
                                  .class = flx_port_class(port),
                                  .enable = on,
                                  .current = 50,
                                  .constant_milli = 1000,
                                  .report = true};
}

void flx_ports_fill(struct settings *s, bool given)
{
    struct port_settings *all = must(calloc(SETTINGS_FLX_PORTS, sizeof *all));

    for (size_t i = 0; i < s->n_port; i++) {
        int port = s->port[i].port;
        if (port < 1 || port > SETTINGS_FLX_PORTS || all[port - 1].port)
            continue;
        all[port - 1] = s->port[i];
        all[port - 1].place = (int)i;
        memset(&s->port[i], 0, sizeof s->port[i]);
    }
    for (int port = 1; port <= SETTINGS_FLX_PORTS; port++)
        if (!all[port - 1].port)
            all[port - 1] = port_default(port, !given && port <= FLX_PORTS_ON);
    settings_drop_list(s, "ports");
    s->port = all;
    s->n_port = SETTINGS_FLX_PORTS;
}

static void make(struct sensor_settings *x, const struct port_settings *p, enum sensor_subtype subtype)
{
    const char *id = p->ids[subtype];

    *x = (struct sensor_settings){.id = id ? must(strdup(id)) : NULL,
                                  .class = p->class,
                                  .type = p->class == SENSOR_CT ? SENSOR_ELECTRICITY : p->type,
                                  .ports = {p->port},
                                  .n_ports = 1,
                                  .enable = p->enable,
                                  .rid = p->rid,
                                  .made = MADE_PORT,
                                  .made_of = (size_t)p->port - 1,
                                  .number = flx_sensor_number(p->port, subtype),
                                  .subtype = subtype};
    if (p->name)
        x->name = subtype ? text("%s %s", p->name, flx_sensor_name(subtype)) : text("%s", p->name);
    if (p->class == SENSOR_CT)
        x->current[0] = p->current;
    else
        x->constant_milli = p->constant_milli;
    x->report = p->report && sensor_settings_reportable(x);
}

void flx_ports_make(struct settings *s)
{
    size_t n = 0;

    settings_drop_list(s, "sensors");
    s->sensors = must(calloc(FLX_SENSORS, sizeof *s->sensors));
    for (size_t i = 0; i < s->n_port; i++) {
        if (flx_port_class(s->port[i].port) == SENSOR_PULSE)
            make(&s->sensors[n++], &s->port[i], SUBTYPE_NONE);
        for (int k = SUBTYPE_PPLUS; flx_port_class(s->port[i].port) == SENSOR_CT && k < SUBTYPES; k++)
            make(&s->sensors[n++], &s->port[i], (enum sensor_subtype)k);
    }
    s->n_sensors = n;
}
