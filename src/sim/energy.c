#include "sim/energy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/bus.h"
#include "sim/eeprom.h"
#include "sim/options.h"
#include "sim/tele.h"

#define HEAD "fluksosim energy 1\n"
#define END  "end\n"

#define FILE_MAX (4 << 20)

static void write_meter(FILE *out, size_t bus, const struct bus_meter *m)
{
    fprintf(out, "%zu %u %s", bus + 1, m->unit, m->model->id);
    for (int e = 0; e < METER_ENERGIES; e++)
        for (int s = 0; s < METER_SUFFIXES; s++)
            fprintf(out, " %" PRId64, m->uj[e][s]);
    fputc('\n', out);
}

static void write_line(FILE *out, size_t number, const struct tele *l)
{
    fprintf(out, "line %zu %s", number, l->opt->kind->protocol);
    tele_meter_keep(&l->meter, out);
    fputc('\n', out);
}

void energy_keep(const struct buses *b, const struct teles *t, const char *path)
{
    char *text = NULL;
    size_t len = 0;

    FILE *out = must(open_memstream(&text, &len));
    fputs(HEAD, out);
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->bus[i].n_meters; k++)
            write_meter(out, i, &b->bus[i].meters[k]);
    for (size_t i = 0; i < t->n; i++)
        write_line(out, i + 1, &t->line[i]);
    fputs(END, out);
    if (fclose(out) != 0)
        abort();
    if (eeprom_write(path, text, len) < 0)
        fprintf(stderr, "fluksosim: cannot save %s: %s\n", path, strerror(errno));
    free(text);
}

/* The numbers of a line into a meter. False when they are not all there. */
static bool read_energies(struct bus_meter *m, const char *text)
{
    int64_t uj[METER_ENERGIES][METER_SUFFIXES];
    char *end;

    for (int e = 0; e < METER_ENERGIES; e++) {
        for (int s = 0; s < METER_SUFFIXES; s++) {
            uj[e][s] = strtoll(text, &end, 10);
            if (end == text || uj[e][s] < 0)
                return false;
            text = end;
        }
    }
    if (*text != '\0')
        return false;
    if (m)
        memcpy(m->uj, uj, sizeof uj);
    return true;
}

/* A meter that is not there any more, or is of another model now, is passed over. */
static bool read_meter(struct buses *b, const char *line)
{
    char name[24], model[METER_MODEL_ID];
    unsigned bus, unit;
    int used = 0;

    if (sscanf(line, "%u %u %47s%n", &bus, &unit, model, &used) != 3 || !used)
        return false;
    snprintf(name, sizeof name, "%u/%u", bus, unit);
    struct bus_meter *m = buses_find(b, name);
    return read_energies(m && strcmp(m->model->id, model) == 0 ? m : NULL, line + used);
}

/* As read_meter(). */
static bool read_line(struct teles *t, const char *line)
{
    char protocol[24];
    struct tele_meter nobodys = {0};
    unsigned number;
    int used = 0;

    if (sscanf(line, "line %u %23s%n", &number, protocol, &used) != 2 || !used)
        return false;
    bool ours = number >= 1 && number <= t->n && strcmp(t->line[number - 1].opt->kind->protocol, protocol) == 0;
    return tele_meter_restore(ours ? &t->line[number - 1].meter : &nobodys, line + used);
}

static bool read_all(struct buses *b, struct teles *t, char *text)
{
    char *line;

    if (strncmp(text, HEAD, strlen(HEAD)) != 0)
        return false;
    text += strlen(HEAD);
    while ((line = strsep(&text, "\n")) != NULL && text) {
        if (strcmp(line, "end") == 0)
            return *text == '\0';
        if (strncmp(line, "line ", 5) == 0 ? !read_line(t, line) : !read_meter(b, line))
            return false;
    }
    return false;
}

int energy_load(struct buses *b, struct teles *t, const char *path)
{
    char *text = must(malloc(FILE_MAX));
    ssize_t n = eeprom_read(path, text, FILE_MAX - 1);
    int rc = 0;
    if (n < 0 && errno != ENOENT) {
        fprintf(stderr, "fluksosim: cannot read %s: %s\n", path, strerror(errno));
        rc = -1;
    } else if (n >= 0) {
        text[n] = '\0';
        if (!read_all(b, t, text)) {
            fprintf(stderr, "fluksosim: %s is damaged or no file of energies\n", path);
            rc = -1;
        }
    }
    free(text);
    return rc;
}
