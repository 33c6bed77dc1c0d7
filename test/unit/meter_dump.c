/* Without arguments: all quantities, a line each, with unit and kind. With model files: a line each, the model as the
 * API tells it or {"id","error"}; then its registers as the program reads them. */
#include "core/jsonw.h"
#include "core/meter_model.h"
#include "core/models_body.h"

#include <stdio.h>
#include <string.h>

static void print_quantities(void)
{
    char name[QUANTITY_NAME];

    for (unsigned q = 0; q < QUANTITIES; q++)
        if (quantity_valid((uint8_t)q))
            printf("%s %s %s\n", quantity_name((uint8_t)q, name), reading_kind_name(quantity_kind((uint8_t)q)),
                   quantity_unit((uint8_t)q));
}

static void put_registers(struct jsonw *w, const struct meter_model *m)
{
    jsonw_open(w, NULL, '[');
    for (size_t i = 0; i < m->n_registers; i++) {
        const struct meter_register *r = &m->registers[i];
        jsonw_open(w, NULL, '[');
        jsonw_int(w, NULL, r->address);
        jsonw_int(w, NULL, r->words);
        jsonw_int(w, NULL, r->scale_micro);
        jsonw_close(w, ']');
    }
    jsonw_close(w, ']');
}

static int print_model(const char *path)
{
    static char text[METER_MODEL_TEXT_MAX + 1];
    char id[METER_MODEL_ID], error[METER_ERROR];
    FILE *f = fopen(path, "rb");
    struct jsonw w;

    if (!f) {
        perror(path);
        return 1;
    }
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(name, "."), name);
    struct meter_model *m = meter_model_parse(id, text, n, error);
    jsonw_init(&w);
    jsonw_open(&w, NULL, '[');
    if (m)
        models_body_whole(&w, m);
    else
        models_body_line(&w, id, NULL, error);
    if (m)
        put_registers(&w, m);
    jsonw_close(&w, ']');
    printf("%.*s\n", (int)w.len, w.buf);
    jsonw_free(&w);
    meter_model_free(m);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc == 1)
        print_quantities();
    for (int i = 1; i < argc; i++)
        failed |= print_model(argv[i]);
    return failed;
}
