#include "core/flm02_readback.h"

#include "core/num.h"

#include <string.h>

static struct flm02_command *add(struct flm02_command *c, const char *letters)
{
    memcpy(c->letters, letters, 2);
    c->n_args = 0;
    return c + 1;
}

static struct flm02_command *add_id(struct flm02_command *c, const char *letters, unsigned id)
{
    add(c, letters);
    num_put_hex(c->args, id, 2);
    c->n_args = 2;
    return c + 1;
}

int flm02_readback_script(const struct flm02_picture *want, unsigned minor, struct flm02_command out[FLM02_SCRIPT_MAX])
{
    struct flm02_command *c = add(out, "gp");

    for (unsigned id = 0; id < FLM02_SENSORS; id++)
        c = add_id(c, "ge", id);
    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        if (!want->sensor[id].enable || !want->sensor[id].scaled)
            continue;
        c = add_id(c, "gm", id);
        if (minor >= 1)
            c = add_id(c, "gf", id);
    }
    if (minor >= 2)
        c = add(add(c, "gk"), "gi");
    c = add(add(c, "gw"), "gb");
    return (int)(c - out);
}

/* The fields of a reply, one after the other. */
struct fields {
    const char *at;
    unsigned id;
};

static uint32_t field(struct fields *f, unsigned digits)
{
    uint32_t v = num_hex(f->at, digits);

    f->at += digits;
    return v;
}

static void take_port_map(struct flm02_picture *held, struct fields *f)
{
    for (unsigned p = 0; p < FLM02_PORTS; p++)
        held->port_map[p] = (uint8_t)field(f, 2);
}

static void take_enable(struct flm02_picture *held, struct fields *f)
{
    held->sensor[f->id].enable = field(f, 2) != 0;
}

static void take_constant(struct flm02_picture *held, struct fields *f)
{
    held->sensor[f->id].constant = (uint16_t)field(f, 4);
}

static void take_fraction(struct flm02_picture *held, struct fields *f)
{
    held->sensor[f->id].fraction = (uint16_t)field(f, 4);
}

static void take_analog(struct flm02_picture *held, struct fields *f)
{
    held->analog_enable = (uint8_t)field(f, 2);
    held->rx_invert = (uint8_t)field(f, 2);
    held->tx_invert = (uint8_t)field(f, 2);
}

static void take_led(struct flm02_picture *held, struct fields *f)
{
    held->led_mode = (uint8_t)field(f, 2);
}

static void take_watchdog(struct flm02_picture *held, struct fields *f)
{
    held->watchdog_resets = (uint16_t)field(f, 4);
}

static void take_brown_outs(struct flm02_picture *held, struct fields *f)
{
    held->brown_outs = (uint16_t)field(f, 4);
}

static const struct {
    char letters[3];
    uint8_t digits; /* of the whole reply */
    void (*take)(struct flm02_picture *held, struct fields *f);
} replies[] = {
    {"gp", 12, take_port_map}, {"ge", 4, take_enable}, {"gm", 6, take_constant}, {"gf", 6, take_fraction},
    {"gk", 6, take_analog},    {"gi", 2, take_led},    {"gw", 4, take_watchdog}, {"gb", 4, take_brown_outs},
};

int flm02_readback_take(const struct flm02_command *asked, const char *args, size_t n, struct flm02_picture *held)
{
    struct fields f = {.at = args};

    if (n < asked->n_args || memcmp(args, asked->args, asked->n_args) != 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        if (memcmp(asked->letters, replies[i].letters, 2) != 0 || n != replies[i].digits)
            continue;
        if (asked->n_args)
            f.id = field(&f, 2);
        if (f.id >= FLM02_SENSORS)
            return -1;
        replies[i].take(held, &f);
        return 0;
    }
    return -1;
}
