#include "core/settings_lines.h"

#include "core/settings.h"
#include "core/util.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_read(const struct line_settings *l)
{
    return l->enable && l->key && (int)l->protocol >= 0;
}

static char *name_of(const struct line_settings *l, const char *words)
{
    char *name = NULL;

    if (l->name && asprintf(&name, "%s%s%s", l->name, *words ? " " : "", words) < 0)
        abort();
    return name;
}

static int number_behind(const struct settings *s)
{
    const struct sensor_settings *last = s->n_sensors ? &s->sensors[s->n_sensors - 1] : NULL;

    return last && (last->made == MADE_METER || last->made == MADE_LINE) ? last->number + 1 : SETTINGS_METERED;
}

static void add(struct settings *s, size_t line, size_t code)
{
    const struct line_settings *l = &s->lines[line];
    const struct line_code *c = &line_codes[code];
    struct sensor_settings x = {.class = SENSOR_LINE,
                                .type = (enum sensor_type)c->type,
                                .enable = true,
                                .rid = l->rid,
                                .made = MADE_LINE,
                                .made_of = line,
                                .quantity = {QUANTITY_NONE, QUANTITY_NONE},
                                .side = METER_OTHER,
                                .code = (uint8_t)code,
                                .number = number_behind(s)};

    x.id = c->main && l->id ? must(strdup(l->id)) : NULL;
    x.name = name_of(l, c->words);
    x.report = c->known && l->report;
    memcpy(x.unit, c->unit, sizeof x.unit);
    s->sensors[s->n_sensors++] = x;
}

void settings_lines_make(struct settings *s)
{
    if (!s->n_lines)
        return;
    s->sensors = must(realloc(s->sensors, (s->n_sensors + s->n_lines * line_codes_len) * sizeof *s->sensors));
    for (size_t i = 0; i < s->n_lines; i++)
        for (size_t code = 0; code < line_codes_len && is_read(&s->lines[i]); code++)
            if (line_code_has(code, s->lines[i].protocol))
                add(s, i, code);
}

void settings_lines_ident(const char *device_id, const struct settings *s, const struct sensor_settings *x,
                          char id[IDENT_LEN + 1])
{
    char key[128];

    snprintf(key, sizeof key, "line/%s/%s", s->lines[x->made_of].key, line_codes[x->code].code);
    ident_derive(device_id, key, id);
}
