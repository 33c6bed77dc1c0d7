/* The buses of the command line: their lines, their meters, the files of the models. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "sim/bus.h"
#include "sim/eeprom.h"
#include "sim/options.h"
#include "sim/rng.h"

static struct meter_model *load_model(const char *dir, const char *id)
{
    char path[PATH_MAX], error[METER_ERROR];
    char *text = must(malloc(METER_MODEL_TEXT_MAX));
    struct meter_model *m = NULL;

    snprintf(path, sizeof path, "%s/%s.json", dir, id);
    ssize_t n = eeprom_read(path, text, METER_MODEL_TEXT_MAX);
    if (n < 0)
        fprintf(stderr, "fluksosim: cannot read %s: %s\n", path, strerror(errno));
    else if (!(m = meter_model_parse(id, text, (size_t)n, error)))
        fprintf(stderr, "fluksosim: %s: %s\n", path, error);
    free(text);
    return m;
}

/* The model of that id, read when it is the first of it; NULL with the reason printed. */
static const struct meter_model *model(struct buses *b, const char *id)
{
    for (size_t i = 0; i < b->n_models; i++)
        if (strcmp(b->models[i]->id, id) == 0)
            return b->models[i];
    struct meter_model *m = load_model(b->opt->meters, id);
    if (!m)
        return NULL;
    b->models = grown(b->models, b->n_models, sizeof(struct meter_model *));
    b->models[b->n_models++] = m;
    return m;
}

static int add_meter(struct buses *b, const struct option_meter *o)
{
    const struct meter_model *m = model(b, o->model);
    struct bus *bus = &b->bus[o->bus];

    if (!m)
        return -1;
    bus->meters = grown(bus->meters, bus->n_meters, sizeof *bus->meters);
    struct bus_meter *meter = &bus->meters[bus->n_meters++];
    *meter = (struct bus_meter){.model = m, .unit = o->unit, .role = o->role, .baud = o->baud, .seed = b->opt->seed};
    meter->faults = b->opt->faults;
    meter->faults.binary = true;
    faults_seed(&meter->faults, rng_mix(b->opt->seed + o->bus * 256 + o->unit));
    return 0;
}

int buses_plug(struct buses *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct bus *bus = &b->bus[i];
        if (pty_plug(&bus->pty, bus->link) == 0)
            continue;
        fprintf(stderr, "fluksosim: cannot open a terminal linked at %s: %s\n", bus->link, strerror(errno));
        return -1;
    }
    return 0;
}

void buses_stop(struct buses *b)
{
    for (size_t i = 0; i < b->n; i++) {
        pty_unplug(&b->bus[i].pty);
        free(b->bus[i].meters);
    }
    for (size_t i = 0; i < b->n_models; i++)
        meter_model_free(b->models[i]);
    free(b->models);
    free(b->bus);
    *b = (struct buses){0};
}

int buses_start(struct buses *b, const struct options *opt, int64_t now_ms)
{
    *b = (struct buses){.opt = opt, .n = opt->n_buses, .now_ms = now_ms};
    b->bus = opt->n_buses ? must(calloc(opt->n_buses, sizeof *b->bus)) : NULL;
    for (size_t i = 0; i < b->n; i++) {
        b->bus[i].link = opt->buses[i];
        b->bus[i].pty.master = b->bus[i].pty.slave = b->bus[i].pty.watch = -1;
    }
    for (size_t i = 0; i < opt->n_meters; i++) {
        if (add_meter(b, &opt->meter[i]) < 0) {
            buses_stop(b);
            return -1;
        }
    }
    return 0;
}
