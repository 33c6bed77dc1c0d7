/* Without arguments: the table of settings keys as JSON, a list of rows. With files: for each, how many
 * errors the parser finds in it, one line a file. It runs where conf/meters is. */
#include "core/jsonw.h"
#include "core/settings.h"
#include "core/settings_table.h"

#include <stdio.h>
#include <string.h>

#include "meter_folder.h"

static void put_choices(struct jsonw *w, const struct setting *r)
{
    jsonw_open(w, "choices", '[');
    for (const struct setting_choice *c = r->choices; c && c->text; c++) {
        if (c->number)
            jsonw_int(w, NULL, strtol(c->text, NULL, 10));
        else
            jsonw_str(w, NULL, c->text);
    }
    jsonw_close(w, ']');
}

static void put_default(struct jsonw *w, const struct setting *r)
{
    if (r->kind == SETTING_BOOL)
        jsonw_bool(w, "default", r->def);
    else if (r->kind == SETTING_TEXT && r->def_text)
        jsonw_str(w, "default", r->def_text);
    else if (r->kind == SETTING_MILLI && (r->def != SETTING_UNSET || r->min < 0))
        jsonw_milli(w, "default", r->def);
    else if (r->kind == SETTING_INT && r->def != SETTING_UNSET && r->shape != SETTING_LIST)
        jsonw_int(w, "default", r->def);
    for (const struct setting_choice *c = r->choices; c && c->text; c++) {
        if (c->value != r->def)
            continue;
        if (c->number)
            jsonw_int(w, "default", c->value);
        else
            jsonw_str(w, "default", c->text);
        break;
    }
}

static void put_row(struct jsonw *w, const struct setting *r)
{
    static const char *const kinds[] = {"object", "bool", "int", "milli", "choice", "text"};
    static const char *const shapes[] = {"one", "list", "one or list"};
    void (*put)(struct jsonw *, const char *, int64_t) = r->kind == SETTING_MILLI ? jsonw_milli : jsonw_int;

    jsonw_open(w, NULL, '{');
    jsonw_str(w, "path", r->path);
    jsonw_str(w, "kind", kinds[r->kind]);
    jsonw_str(w, "shape", shapes[r->shape]);
    jsonw_bool(w, "required", r->flags & SETTING_REQUIRED);
    jsonw_bool(w, "unique", r->flags & SETTING_UNIQUE);
    jsonw_bool(w, "file_only", r->flags & SETTING_FILE_ONLY);
    jsonw_bool(w, "secret", r->flags & SETTING_SECRET);
    jsonw_int(w, "list_max", r->list_max);
    put(w, "min", r->min);
    put(w, "max", r->max);
    put_choices(w, r);
    put_default(w, r);
    if (r->format)
        jsonw_str(w, "pattern", r->format->pattern);
    jsonw_str(w, "help", r->help);
    jsonw_close(w, '}');
}

static void dump_table(void)
{
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '[');
    for (size_t i = 0; i < settings_table_len; i++)
        put_row(&w, &settings_table[i]);
    jsonw_close(&w, ']');
    fwrite(w.buf, 1, w.len, stdout);
    jsonw_free(&w);
}

static int count_errors(const char *path)
{
    static char text[1 << 20];
    struct settings_errors errors = {0};
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        return -1;
    }
    struct settings *s = settings_parse(text, fread(text, 1, sizeof text, f), &meter_folder, &errors, NULL);
    fclose(f);
    printf("%zu\n", errors.n);
    settings_free(s);
    settings_errors_free(&errors);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        dump_table();
    for (int i = 1; i < argc; i++)
        if (count_errors(argv[i]) < 0)
            return 1;
    return 0;
}
