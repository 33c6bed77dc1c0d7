#include "core/config_body.h"

#include "core/jsonw.h"
#include "core/ledger.h"
#include "core/num.h"

#include <string.h>

#define ENTRIES    128 /* of config/sensor: what a device of old has, and clients expect (mqtt.md) */
#define UART_FLM02 6   /* the serial port of a board, by which meters are announced */
#define UART_FLX   7
#define HALF_TURN  3 /* of shifts by 60 degrees: all six are a whole one */

bool config_body_announced(const struct sensor_settings *s)
{
    static const bool yields[SENSOR_CLASSES] = {[SENSOR_ANALOG] = true, [SENSOR_PULSE] = true, [SENSOR_CT] = true,
                                                [SENSOR_METER] = true,  [SENSOR_LINE] = true,  [SENSOR_DERIVED] = true};
    static const bool known[SENSOR_TYPES] = {[SENSOR_ELECTRICITY] = true, [SENSOR_WATER] = true, [SENSOR_GAS] = true};
    const char *unit[READING_KINDS];

    if (s->made == MADE_LINE && !line_codes[s->code].known)
        return false;
    if (!s->enable || !(yields[s->class] || s->metered) || !known[s->type])
        return false;
    if (s->subtype)
        return true;
    sensor_settings_units(s, unit);
    return unit[READING_COUNTER] && (s->type != SENSOR_ELECTRICITY || strcmp(unit[READING_COUNTER], "Wh") == 0);
}

/* One per port where they differ, else a plain number as the device writes it. */
static void put_per_port(struct jsonw *w, const char *key, const int *v, size_t n)
{
    bool differ = false;

    for (size_t i = 1; i < n; i++)
        differ |= v[i] != v[0];
    if (!differ) {
        jsonw_int(w, key, v[0]);
        return;
    }
    jsonw_open(w, key, '[');
    for (size_t i = 0; i < n; i++)
        jsonw_int(w, NULL, v[i]);
    jsonw_close(w, ']');
}

/* ---- ports ---- */

/* Bit n: port n. */
static unsigned own_ports(const struct sensor_settings *x)
{
    unsigned ports = 0;

    for (size_t i = 0; i < x->n_ports; i++)
        ports |= 1u << x->ports[i];
    return ports;
}

/* Of a meter, on a bus or a line. */
static bool is_metered(const struct sensor_settings *x)
{
    return x->made == MADE_METER || x->made == MADE_LINE;
}

/* Of one that is measured; a meter comes by the board's serial port, as far as clients know. */
static unsigned measured_ports(const struct settings *s, const struct sensor_settings *x)
{
    if (is_metered(x))
        return 1u << (s->board.protocol == BOARD_FLX ? UART_FLX : UART_FLM02);
    return own_ports(x);
}

/* Of a derived sensor: those of its parts. Clients look for a name only where there is a port. */
static unsigned ports_of(const struct settings *s, const struct sensor_settings *x)
{
    unsigned ports = 0;

    if (x->made != MADE_DERIVE)
        return measured_ports(s, x);
    const struct derive_settings *d = &s->derive[x->made_of];
    for (size_t i = 0; i < d->n_of + d->n_minus; i++) {
        size_t part = i < d->n_of ? d->parts[i] : d->minuses[i - d->n_of];
        ports |= part < s->n_sensors ? measured_ports(s, &s->sensors[part]) : 0;
    }
    return ports;
}

static void put_ports(struct jsonw *w, unsigned ports)
{
    if (!ports)
        return;
    jsonw_open(w, "port", '[');
    for (int port = 0; ports; port++, ports >>= 1)
        if (ports & 1)
            jsonw_int(w, NULL, port);
    jsonw_close(w, ']');
}

/* ---- sensors ---- */

/* A client that takes this for a v3 device knows no electricity without a subtype (mqtt.md, rule 6). */
static const char *subtype_of(const struct settings *s, const struct sensor_settings *x)
{
    bool bare = x->subtype == SUBTYPE_NONE && x->type == SENSOR_ELECTRICITY;

    return sensor_subtype_name(bare && s->board.protocol == BOARD_FLX ? SUBTYPE_PPLUS : x->subtype);
}

static void put_details(struct jsonw *w, const struct settings *s, const struct sensor_settings *x)
{
    const char *unit[READING_KINDS], *subtype = subtype_of(s, x);

    sensor_settings_units(x, unit);
    jsonw_str(w, "type", sensor_type_name(x->type));
    if (subtype)
        jsonw_str(w, "subtype", subtype);
    jsonw_str(w, "class", sensor_class_name(is_metered(x) ? SENSOR_UART : x->class));
    if (x->made != MADE_PORT)
        jsonw_str(w, "function", x->name); /* of the others: the port's name, in config/flx */
    put_ports(w, ports_of(s, x));
    if (x->class == SENSOR_ANALOG) {
        put_per_port(w, "voltage", x->voltage, x->n_ports);
        put_per_port(w, "current", x->current, x->n_ports);
    } else if (x->class == SENSOR_PULSE) {
        jsonw_milli(w, "constant", x->constant_milli);
    }
    jsonw_str(w, "data_type", reading_kind_name(unit[READING_COUNTER] ? READING_COUNTER : READING_GAUGE));
    jsonw_int(w, "rid", x->rid);
}

static void put_sensor(struct jsonw *w, const struct settings *s, const struct sensor_settings *x)
{
    char key[NUM_MAX + 1];

    *num_put_int(key, sensor_settings_number(x)) = '\0';
    jsonw_open(w, key, '{');
    jsonw_str(w, "id", x->id);
    jsonw_int(w, "enable", config_body_announced(x));
    if (config_body_announced(x))
        put_details(w, s, x);
    jsonw_close(w, '}');
}

/* Of a meter's sensors those that clients cannot use are not there at all: with hundreds of meters they were most. Nor
 * is what a line's meter never told. */
static bool has_entry(const struct sensor_settings *x, const struct ledger *ledger)
{
    if (!is_metered(x))
        return true;
    return config_body_announced(x) && (x->made != MADE_LINE || ledger_knows(ledger, x->id));
}

size_t config_body_left_out(const struct settings *s, const struct ledger *ledger)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_sensors; i++)
        n += has_entry(&s->sensors[i], ledger);
    return n > ENTRIES ? n - ENTRIES : 0;
}

void config_body_sensors(struct jsonw *w, const struct settings *s, const struct ledger *ledger)
{
    size_t n = 0;

    jsonw_open(w, NULL, '{');
    for (int meters = 0; meters <= 1; meters++) /* theirs are last */
        for (size_t i = 0; i < s->n_sensors; i++)
            if (is_metered(&s->sensors[i]) == meters && has_entry(&s->sensors[i], ledger) && n++ < ENTRIES)
                put_sensor(w, s, &s->sensors[i]);
    jsonw_close(w, '}');
}

/* ---- an FLX board ---- */

static void put_port(struct jsonw *w, const struct port_settings *p)
{
    jsonw_int(w, "enable", p->enable);
    jsonw_str(w, "class", sensor_class_name(p->class));
    if (p->name)
        jsonw_str(w, "name", p->name);
    if (p->class == SENSOR_CT) {
        jsonw_int(w, "shift", (p->shift + (p->flip ? HALF_TURN : 0)) % (2 * HALF_TURN));
        jsonw_int(w, "current", p->current);
    } else if (p->class == SENSOR_PULSE) {
        jsonw_milli(w, "constant", p->constant_milli);
        jsonw_str(w, "trigger", p->trigger == TRIGGER_EDGE ? "edge" : "level");
    }
}

void config_body_flx(struct jsonw *w, const struct settings *s)
{
    jsonw_open(w, NULL, '{');
    for (size_t i = 0; i < s->n_port; i++) {
        const char key[] = {(char)('0' + s->port[i].port), '\0'}; /* 1 to 7 */

        jsonw_open(w, key, '{');
        put_port(w, &s->port[i]);
        jsonw_close(w, '}');
    }
    jsonw_open(w, "main", '{');
    jsonw_str(w, "phase", phase_name(s->phase));
    jsonw_int(w, "led_mode", s->board.led_mode);
    jsonw_close(w, '}');
    jsonw_close(w, '}');
}

void config_body_kube(struct jsonw *w)
{
    jsonw_open(w, NULL, '{');
    jsonw_open(w, "main", '{');
    jsonw_close(w, '}');
    jsonw_close(w, '}');
}
