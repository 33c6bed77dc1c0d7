/* The buses and meters of the command line. */
#include "sim/options.h"

#include <stdio.h>
#include <string.h>

#include "sim/bus.h"

int options_bus(struct options *o, const char *link)
{
    if (o->n_buses == BUSES_MAX) {
        fprintf(stderr, "fluksosim: --bus: there can be %d\n", BUSES_MAX);
        return -1;
    }
    o->buses = grown(o->buses, o->n_buses, sizeof *o->buses);
    o->buses[o->n_buses++] = link;
    return 0;
}

static bool taken(const struct options *o, size_t bus, int unit)
{
    for (size_t i = 0; i < o->n_meters; i++)
        if (o->meter[i].bus == bus && o->meter[i].unit == unit)
            return true;
    return false;
}

/* A role or a speed. */
static int take_word(struct option_meter *m, const char *word)
{
    int role = meter_role_find(word);
    int64_t baud;

    if (role >= 0)
        m->role = (enum meter_role)role;
    else if (option_int(word, 300, 460800, &baud) == 0)
        m->baud = (int)baud;
    else
        return -1;
    return 0;
}

/* "3:eastron-sdm630:solar:9600" in pieces; text is changed. */
static int take_words(struct option_meter *m, char *text)
{
    char *unit = strsep(&text, ":"), *model = strsep(&text, ":"), *word;
    int64_t n;

    if (option_int(unit, 1, BUS_UNIT_MAX, &n) < 0 || !model || !meter_model_id_valid(model))
        return -1;
    while ((word = strsep(&text, ":")) != NULL)
        if (take_word(m, word) < 0)
            return -1;
    m->unit = (uint8_t)n;
    m->model = must(strdup(model));
    return 0;
}

int options_meter(struct options *o, const char *text)
{
    struct option_meter m = {.bus = o->n_buses - 1, .role = ROLE_MAIN};
    char *copy = must(strdup(text));
    int rc = -1;

    if (o->n_buses == 0)
        fputs("fluksosim: --meter: there is no --bus before it\n", stderr);
    else if (take_words(&m, copy) < 0)
        fprintf(stderr, "fluksosim: --meter: '%s' is not UNIT:MODEL[:ROLE][:BAUD], unit 1..247\n", text);
    else if (taken(o, m.bus, m.unit))
        fprintf(stderr, "fluksosim: --meter: unit %u is on that bus already\n", m.unit);
    else
        rc = 0;
    free(copy);
    if (rc < 0) {
        free(m.model);
        return -1;
    }
    o->meter = grown(o->meter, o->n_meters, sizeof *o->meter);
    o->meter[o->n_meters++] = m;
    return 0;
}

void options_free(struct options *o)
{
    for (size_t i = 0; i < o->n_meters; i++)
        free(o->meter[i].model);
    options_free_lines(o);
    free(o->meter);
    free(o->buses);
    o->meter = NULL;
    o->buses = NULL;
    o->n_meters = o->n_buses = 0;
}
