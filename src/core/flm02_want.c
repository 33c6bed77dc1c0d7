#include "core/flm02_want.h"

#include "core/num.h"
#include "core/settings.h"

#include <string.h>

#define LED_HEARTBEAT 0xff /* L4: the board blinks by itself at every poll */

unsigned flm02_analog_constant(int volts, int amps)
{
    return (unsigned)volts * (unsigned)amps * 449 / 1000;
}

const char *flm02_problem_text(enum flm02_problem p)
{
    switch (p) {
    case FLM02_NEEDS_FRACTION:
        return "its constant has decimals, which needs board hardware 2.1 or newer";
    case FLM02_NO_JOINED_PULSE:
        return "pulse ports cannot be joined on board hardware 2.2";
    default:
        return "";
    }
}

void flm02_want(struct flm02_picture *want, const struct settings *s)
{
    memset(want, 0, sizeof *want);
    memset(want->port_map, FLM02_NO_SENSOR, sizeof want->port_map);
    want->analog_enable = 1;
    want->led_mode = LED_HEARTBEAT;
    for (size_t i = 0; i < s->n_lines; i++)
        if (s->lines[i].enable && s->lines[i].way == LINE_BY_BOARD && s->lines[i].invert)
            want->rx_invert = 1;
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        if (!x->enable || x->made != MADE_GIVEN || x->metered)
            continue;
        uint8_t id = (uint8_t)(sensor_settings_number(x) - 1);
        for (size_t p = 0; p < x->n_ports; p++)
            want->port_map[x->ports[p] - 1] = id;
        want->sensor[id].enable = true;
        want->sensor[id].scaled = x->class != SENSOR_UART;
        if (x->class == SENSOR_ANALOG) {
            want->sensor[id].constant = (uint16_t)flm02_analog_constant(x->voltage[0], x->current[0]);
        } else if (x->class == SENSOR_PULSE) {
            want->sensor[id].constant = (uint16_t)(x->constant_milli / 1000);
            want->sensor[id].fraction = (uint16_t)(x->constant_milli % 1000);
        }
    }
}

void flm02_fit(struct flm02_picture *want, unsigned minor, enum flm02_problem problems[FLM02_SENSORS])
{
    unsigned pulse_ports[FLM02_SENSORS] = {0};

    for (unsigned p = 3; p <= 4; p++)
        if (want->port_map[p] < FLM02_SENSORS)
            pulse_ports[want->port_map[p]]++;
    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        problems[id] = minor < 1 && want->sensor[id].fraction ? FLM02_NEEDS_FRACTION
                       : minor >= 2 && pulse_ports[id] > 1    ? FLM02_NO_JOINED_PULSE
                                                              : FLM02_FITS;
        if (problems[id] == FLM02_FITS)
            continue;
        want->sensor[id].enable = false;
        for (unsigned p = 0; p < FLM02_PORTS; p++)
            if (want->port_map[p] == id)
                want->port_map[p] = FLM02_NO_SENSOR;
    }
}

static struct flm02_command *command(struct flm02_command *c, const char *letters)
{
    memcpy(c->letters, letters, 2);
    c->n_args = 0;
    return c;
}

static void arg(struct flm02_command *c, uint32_t v, unsigned digits)
{
    num_put_hex(c->args + c->n_args, v, digits);
    c->n_args = (uint8_t)(c->n_args + digits);
}

static void with_id(struct flm02_command *c, const char *letters, unsigned id, uint32_t v, unsigned digits)
{
    arg(command(c, letters), id, 2);
    arg(c, v, digits);
}

/* A port must change when its sensor is another than wanted. A port that no sensor wants may hold anything that
 * counts nothing: no sensor, or one that stays off. */
static bool port_holds(const struct flm02_picture *held, const struct flm02_picture *want, unsigned port)
{
    uint8_t now = held->port_map[port];

    if (want->port_map[port] != FLM02_NO_SENSOR)
        return now == want->port_map[port];
    return now >= FLM02_SENSORS || !want->sensor[now].enable;
}

static bool sensor_holds(const struct flm02_picture *held, const struct flm02_picture *want, unsigned id,
                         unsigned minor)
{
    if (held->sensor[id].enable != want->sensor[id].enable)
        return false;
    if (!want->sensor[id].enable || !want->sensor[id].scaled)
        return true;
    return held->sensor[id].constant == want->sensor[id].constant &&
           (minor < 1 || held->sensor[id].fraction == want->sensor[id].fraction);
}

/* Sensors that must be off while they change. Returns whether the port map must be written. */
static bool find_concerned(const struct flm02_picture *held, const struct flm02_picture *want, unsigned minor,
                           bool concerned[FLM02_SENSORS])
{
    bool map_differs = false;

    for (unsigned id = 0; id < FLM02_SENSORS; id++)
        concerned[id] = !sensor_holds(held, want, id, minor);
    for (unsigned p = 0; p < FLM02_PORTS; p++) {
        if (port_holds(held, want, p))
            continue;
        map_differs = true;
        if (held->port_map[p] < FLM02_SENSORS)
            concerned[held->port_map[p]] = true;
        if (want->port_map[p] < FLM02_SENSORS)
            concerned[want->port_map[p]] = true;
    }
    return map_differs;
}

static struct flm02_command *script_board(struct flm02_command *c, const struct flm02_picture *held,
                                          const struct flm02_picture *want, unsigned minor, bool map_differs)
{
    if (minor >= 2 && (held->analog_enable != want->analog_enable || held->rx_invert != want->rx_invert ||
                       held->tx_invert != want->tx_invert)) {
        arg(command(c, "sk"), want->analog_enable, 2);
        arg(c, want->rx_invert, 2);
        arg(c++, want->tx_invert, 2);
    }
    if (minor >= 2 && held->led_mode != want->led_mode)
        arg(command(c, "si"), want->led_mode, 2), c++;
    if (map_differs) {
        command(c, "sp");
        for (unsigned p = 0; p < FLM02_PORTS; p++)
            arg(c, want->port_map[p], 2);
        c++;
    }
    return c;
}

int flm02_script(const struct flm02_picture *held, const struct flm02_picture *want, unsigned minor,
                 struct flm02_command out[FLM02_SCRIPT_MAX], bool enabled[FLM02_SENSORS])
{
    struct flm02_command *c = out;
    bool concerned[FLM02_SENSORS];
    bool map_differs = find_concerned(held, want, minor, concerned);

    for (unsigned id = 0; id < FLM02_SENSORS; id++)
        if (concerned[id] && held->sensor[id].enable)
            with_id(c++, "se", id, 0, 2);
    c = script_board(c, held, want, minor, map_differs);
    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        if (!concerned[id] || !want->sensor[id].enable || !want->sensor[id].scaled)
            continue;
        with_id(c++, "sm", id, want->sensor[id].constant, 4);
        if (minor >= 1)
            with_id(c++, "sf", id, want->sensor[id].fraction, 4);
    }
    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        enabled[id] = concerned[id] && want->sensor[id].enable;
        if (enabled[id])
            with_id(c++, "se", id, 1, 2);
    }
    if (c > out)
        command(c++, "ct");
    return (int)(c - out);
}
