/* Fuzzer: a backup from anywhere, restored on a machine with a file of its own. What is accepted makes settings and a
 * plan that reads back as it was written. */
#include "fuzz.h"

#include "core/jsonc.h"
#include "core/restore.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define NEW "fedcba9876543210fedcba9876543210"

static const char file[] = "{\"mqtt\":{\"host\":\"h\"},\"sensors\":[{\"ports\":[2],\"name\":\"two\",\"enable\":true}]}";

static void check_plan(const struct restore *r)
{
    struct settings_errors errors = {0};
    struct restore again;
    size_t len;
    char *text = restore_write(r, true, &len);

    if (restore_read(&again, text, len, &errors) < 0 || !cJSON_Compare(again.saved, r->saved, true) ||
        again.n_counters != r->n_counters ||
        memcmp(again.counters, r->counters, r->n_counters * sizeof *r->counters) != 0)
        abort();
    restore_free(&again);
    free(text);
}

static void restore(const struct backup *b, struct restore_how how)
{
    struct settings_errors errors = {0};
    struct settings *next;
    struct restore r;

    if (restore_settings(&r, &next, b, &how, &errors) == 0) {
        if (strcmp(next->device.id, r.device_id) != 0)
            abort();
        restore_leave(&r, next, next);
        check_plan(&r);
        settings_free(next);
    } else if (!errors.n) {
        abort();
    }
    restore_free(&r);
    settings_errors_free(&errors);
}

static void read_plan(const char *text, size_t size)
{
    struct settings_errors errors = {0};
    struct restore r;

    if ((restore_read(&r, text, size, &errors) < 0) != (errors.n > 0))
        abort();
    restore_free(&r);
    settings_errors_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1); /* exact, so that a byte too far is found */
    struct settings_errors errors = {0};
    struct jsonc_error error;
    struct backup b;

    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    cJSON *doc = jsonc_parse(text, size, &error), *here = cJSON_Parse(file);
    if (doc && backup_read(&b, doc, "backup", &errors) == 0) {
        restore(&b, (struct restore_how){.file = here, .storage_path = "/state", .new_id = NEW});
        restore(&b, (struct restore_how){.file = here, .storage_path = "/state", .new_id = NEW, .as_new = true});
        restore(&b, (struct restore_how){.file = here, .storage_path = "/state", .new_id = NEW, .new_board = true});
    }
    if (doc)
        backup_free(&b);
    read_plan(text, size);
    cJSON_Delete(doc);
    cJSON_Delete(here);
    settings_errors_free(&errors);
    free(text);
    return 0;
}
