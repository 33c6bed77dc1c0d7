/* complete: what may stand next, a line each, for the shell's completion. It says nothing when there is no gateway. */
#include "core/settings_table.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/patch.h"
#include "ctl/verbs.h"

#include <stdio.h>
#include <string.h>

static void print_verbs(struct ctl *c)
{
    (void)c;
    for (unsigned i = 0; i < verbs_len; i++)
        if (verbs[i].help)
            puts(verbs[i].name);
}

/* Each text member of a list in an answer. */
static void print_members(struct ctl *c, const char *path, const char *list, const char *member)
{
    struct answer a;
    const cJSON *one;

    if (call_quietly(c, "GET", path, NULL, &a) == CTL_OK)
        for (one = json_first(json_get(a.json, list)); one; one = one->next)
            if (json_text(one, member, NULL))
                puts(json_text(one, member, NULL));
    answer_free(&a);
}

static void print_sensors(struct ctl *c)
{
    print_members(c, "/api/v1/sensors", "sensors", "name");
}

/* Of an FLX board's ports those with a clamp. */
static void print_clamps(struct ctl *c)
{
    struct answer a;
    const cJSON *port;

    if (call_quietly(c, "GET", "/api/v1/settings", NULL, &a) == CTL_OK)
        for (port = json_first(json_get(a.json, "ports")); port; port = port->next)
            if (strcmp(json_text(port, "class", ""), "ct") == 0 && json_text(port, "name", NULL))
                puts(json_text(port, "name", ""));
    answer_free(&a);
}

static void print_buses(struct ctl *c)
{
    print_members(c, "/api/v1/buses", "buses", "key");
}

static void print_lines(struct ctl *c)
{
    print_members(c, "/api/v1/lines", "lines", "key");
}

static void print_meters(struct ctl *c)
{
    struct answer a;

    if (call_quietly(c, "GET", "/api/v1/buses", NULL, &a) == CTL_OK)
        for (const cJSON *bus = json_first(json_get(a.json, "buses")); bus; bus = bus->next)
            for (const cJSON *m = json_first(json_get(bus, "meters")); m; m = m->next)
                if (json_text(m, "key", NULL))
                    puts(json_text(m, "key", ""));
    answer_free(&a);
}

static void print_models(struct ctl *c)
{
    print_members(c, "/api/v1/models", "models", "id");
}

static void print_tokens(struct ctl *c)
{
    print_members(c, "/api/v1/tokens", "tokens", "name");
}

static void print_secrets(struct ctl *c)
{
    print_members(c, "/api/v1/secrets", "secrets", "name");
}

static void print_key(void *ctx, const char *path, const char *value)
{
    (void)ctx;
    (void)value;
    puts(path);
}

/* Those in force, and what the table has beyond them. */
static void print_settings(struct ctl *c)
{
    struct answer a;

    if (call_quietly(c, "GET", "/api/v1/settings", NULL, &a) == CTL_OK)
        patch_lines(a.json, "", print_key, NULL);
    answer_free(&a);
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *row = &settings_table[i];
        if (row->kind != SETTING_OBJECT && !(row->flags & SETTING_SECRET) && !strchr(row->path, '['))
            puts(row->path);
    }
}

static void print_sensor_keys(struct ctl *c)
{
    static const char prefix[] = "sensors[*].";

    (void)c;
    for (size_t i = 0; i < settings_table_len; i++)
        if (strncmp(settings_table[i].path, prefix, sizeof prefix - 1) == 0)
            puts(settings_table[i].path + sizeof prefix - 1);
}

/* What a setting may be, where these are few. */
static void print_values(const char *path)
{
    const struct setting *row = patch_row(path);

    if (row && row->kind == SETTING_BOOL)
        puts("true\nfalse");
    for (const struct setting_choice *x = row && row->kind == SETTING_CHOICE ? row->choices : NULL; x && x->text; x++)
        puts(x->text);
}

int verb_complete(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static const struct {
        const char *what;
        void (*print)(struct ctl *c);
    } kinds[] = {
        {"verbs", print_verbs},       {"sensors", print_sensors}, {"sensor-keys", print_sensor_keys},
        {"settings", print_settings}, {"tokens", print_tokens},   {"secrets", print_secrets},
        {"clamps", print_clamps},     {"buses", print_buses},     {"meters", print_meters},
        {"models", print_models},     {"lines", print_lines},
    };
    int rc = verb_words(v, &argc, argv, NULL, 0, 1, 2);

    if (rc != CTL_OK)
        return rc;
    if (argc == 2 && strcmp(argv[0], "values") == 0) {
        print_values(argv[1]);
        return CTL_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(argv[0], kinds[i].what) == 0) {
            kinds[i].print(c);
            return CTL_OK;
        }
    }
    return verb_usage(v, "'%s' is nothing to complete", argv[0]);
}
