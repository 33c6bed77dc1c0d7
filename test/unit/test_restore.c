#include "unit.h"

#include "core/ident.h"
#include "core/restore.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter_folder.h"

#include <cjson/cJSON.h>

#define OLD "0123456789abcdef0123456789abcdef"
#define NEW "fedcba9876543210fedcba9876543210"
#define A   "0000000000000000000000000000000a"
#define B   "0000000000000000000000000000000b"

static struct settings_errors errors;
static struct backup backup;
static struct restore plan;
static struct settings *next;

static int setup(void **state)
{
    (void)state;
    errors = (struct settings_errors){0};
    plan = (struct restore){.saved = NULL};
    backup = (struct backup){.made_s = 0};
    next = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    settings_errors_free(&errors);
    backup_free(&backup);
    restore_free(&plan);
    settings_free(next);
    return 0;
}

static cJSON *json(const char *text)
{
    cJSON *tree = cJSON_Parse(text);

    assert_non_null(tree);
    return tree;
}

/* A backup of a device with these trees; ids by number. */
static void made(const char *file, const char *saved, const char *ids)
{
    char text[2048];

    snprintf(text, sizeof text,
             "{\"fluksod_backup\":1,\"version\":\"1\",\"made_s\":1,\"device_id\":\"" OLD "\",\"saved\":%s,\"file\":%s,"
             "\"ids\":%s,\"counters\":[{\"id\":\"" A "\",\"source\":\"flm02:1\",\"raw\":5,\"offset\":7,\"before\":9},"
             "{\"id\":\"" B "\",\"source\":\"flm02:2\",\"raw\":0,\"offset\":3,\"swapped\":true}]}",
             saved, file, ids);
    cJSON *doc = json(text);
    assert_int_equal(backup_read(&backup, doc, "backup", &errors), 0);
    cJSON_Delete(doc);
}

static int restore(const char *file, struct restore_how how)
{
    cJSON *tree = json(file);

    how.file = tree;
    how.storage_path = "/state";
    how.new_id = NEW;
    int rc = restore_settings(&plan, &next, &backup, &how, &errors);
    cJSON_Delete(tree);
    return rc;
}

static void layer_is(const char *want)
{
    char *got = cJSON_PrintUnformatted(plan.saved);
    cJSON *tree = json(want);

    if (!cJSON_Compare(tree, plan.saved, true)) /* the order of members says nothing */
        assert_string_equal(got, want);
    cJSON_free(got);
    cJSON_Delete(tree);
}

static const char *derived(const char *device, int number)
{
    static char id[IDENT_LEN + 1];

    ident_sensor(device, number, id);
    return id;
}

#define TWO "{\"ports\":[2],\"name\":\"two\",\"enable\":true}"

/* On a machine with the same file the layer is the one that was. */
static void the_same_file(void **state)
{
    static const char file[] = "{\"sensors\":[" TWO "],\"mqtt\":{\"host\":\"h\"}}";
    static const char saved[] =
        "{\"sensors\":{\"2\":{\"name\":\"zwei\"},\"4\":{\"ports\":[4],\"name\":\"gas\",\"type\":"
        "\"gas\",\"enable\":true,\"rid\":3}},\"flukso\":{\"interval\":600}}";
    cJSON *was = json(saved);

    (void)state;
    made(file, saved, "{}");
    assert_int_equal(restore(file, (struct restore_how){.as_new = false}), 0);
    assert_true(cJSON_Compare(plan.saved, was, true));
    assert_string_equal(plan.device_id, OLD);
    assert_string_equal(next->device.id, OLD);
    assert_string_equal(next->storage.path, "/state");
    assert_int_equal(next->n_sensors, 2);
    assert_string_equal(next->sensors[0].id, derived(OLD, 2));
    assert_int_equal(next->sensors[1].rid, 3);
    assert_int_equal(plan.n_counters, 2);
    cJSON_Delete(was);
}

/* On one without sensors in its file all that the old file said comes along, but where this one says something. */
static void another_file(void **state)
{
    (void)state;
    made("{\"sensors\":[" TWO "],\"mqtt\":{\"host\":\"old\",\"port\":1000},\"board\":{\"device\":\"/dev/old\"}}",
         "{\"flukso\":{\"interval\":600},\"sensors\":{\"2\":{\"name\":\"zwei\"}}}", "{\"2\":\"" A "\"}");
    assert_int_equal(restore("{\"storage\":{\"path\":\"/elsewhere\"},\"mqtt\":{\"port\":2000},\"board\":{\"device\":"
                             "\"/dev/new\",\"protocol\":\"flm02\"}}",
                             (struct restore_how){.as_new = false}),
                     0);
    layer_is("{\"mqtt\":{\"host\":\"old\"},\"flukso\":{\"interval\":600},\"sensors\":{\"2\":{\"ports\":[2],\"name\":"
             "\"zwei\","
             "\"enable\":true,\"id\":\"" A "\"}}}");
    assert_string_equal(next->mqtt.host, "old");
    assert_int_equal(next->mqtt.port, 2000);
    assert_string_equal(next->board.device, "/dev/new");
    assert_string_equal(next->storage.path, "/elsewhere");
    assert_string_equal(next->sensors[0].id, A);
}

/* A sensor's id that this file gives otherwise is the backup's again. */
static void ids_stay(void **state)
{
    (void)state;
    made("{\"sensors\":[" TWO "]}", "{}", "{\"2\":\"" A "\"}");
    assert_int_equal(restore("{\"sensors\":[{\"ports\":[2],\"name\":\"two\",\"enable\":true,\"id\":\"" B "\"},"
                             "{\"ports\":[4]}]}",
                             (struct restore_how){.as_new = false}),
                     0);
    assert_string_equal(next->sensors[0].id, A);
    assert_string_equal(next->sensors[1].id, derived(OLD, 4));
    layer_is("{\"sensors\":{\"2\":{\"id\":\"" A "\"}}}");
}

static const char flx_file[] = "{\"board\":{\"protocol\":\"flx\",\"device\":\"/dev/x\"},\"ports\":[{\"port\":4,"
                               "\"name\":\"gas\",\"enable\":true,\"ids\":{\"pulse\":\"" A "\"}}]}";
static const char flx_saved[] = "{\"derive\":{\"k\":{\"key\":\"k\",\"name\":\"k\",\"of\":[\"gas\"],"
                                "\"ids\":{\"sum\":\"" B "\"}}}}";

/* Ids of ports and derived sensors go with their device. */
static void ids_of_ports_stay(void **state)
{
    char id[IDENT_LEN + 1];

    (void)state;
    made(flx_file, flx_saved, "{}");
    assert_int_equal(restore("{}", (struct restore_how){.as_new = false}), 0);
    assert_string_equal(next->sensors[36].id, A);
    assert_string_equal(next->sensors[39].id, B);
    ident_derive(OLD, "flx/1/pplus", id);
    assert_string_equal(next->sensors[0].id, id);
}

static void ids_of_ports_of_a_new_one(void **state)
{
    char id[IDENT_LEN + 1];

    (void)state;
    made(flx_file, flx_saved, "{}");
    assert_int_equal(restore("{}", (struct restore_how){.as_new = true}), 0);
    ident_derive(NEW, "flx/4/pulse", id);
    assert_string_equal(next->sensors[36].id, id);
    ident_derive(NEW, "derive/k/sum", id);
    assert_string_equal(next->sensors[39].id, id);
}

static void as_new(void **state)
{
    (void)state;
    made("{\"sensors\":[{\"ports\":[2],\"name\":\"two\",\"enable\":true,\"id\":\"" A
         "\"}],\"device\":{\"serial\":\"FL1\","
         "\"name\":\"home\"}}",
         "{\"sensors\":{\"4\":{\"ports\":[4],\"id\":\"" B "\"}},\"mqtt\":{\"client_id\":\"mine\",\"host\":\"h\"}}",
         "{\"2\":\"" A "\",\"4\":\"" B "\"}");
    assert_int_equal(restore("{}", (struct restore_how){.as_new = true}), 0);
    assert_string_equal(plan.device_id, NEW);
    assert_string_equal(next->sensors[0].id, derived(NEW, 2));
    assert_string_equal(next->sensors[1].id, derived(NEW, 4));
    assert_null(next->mqtt.client_id);
    assert_null(next->device.serial);
    assert_string_equal(next->device.name, "home");
    assert_int_equal(plan.n_counters, 0);
}

/* Meters keep their ids, which derive from their keys or are given; as another device they have new ones. The file here
 * may have other buses. */
static void meters_and_their_ids(void **state)
{
    char id[IDENT_LEN + 1];

    (void)state;
    for (int as_new = 0; as_new <= 1; as_new++) {
        made("{\"buses\":[{\"key\":\"l\",\"device\":\"/dev/l\",\"meters\":[{\"key\":\"a\",\"name\":\"a\",\"unit\":1,"
             "\"model\":\"abb-b23\",\"quantities\":[\"power\"],\"id\":\"" A "\"}]}]}",
             "{\"buses\":{\"l\":{\"meters\":{\"a\":{\"unit\":7},\"b\":{\"key\":\"b\",\"name\":\"b\",\"unit\":2,"
             "\"model\":\"abb-b23\",\"quantities\":[\"power\"],\"id\":\"" B "\"},\"c\":{\"key\":\"c\",\"name\":\"c\","
             "\"unit\":3,\"model\":\"abb-b23\",\"quantities\":[\"power\"]}}}}}",
             "{}");
        assert_int_equal(restore("{\"buses\":[{\"key\":\"m\",\"device\":\"/dev/m\"}]}",
                                 (struct restore_how){.as_new = as_new, .meters = &meter_folder}),
                         0);
        assert_int_equal(next->n_buses, 2);
        assert_int_equal(next->n_sensors, 3);
        assert_int_equal(next->buses[1].meters[0].unit, 7);
        ident_derive(NEW, "meter/a/power", id);
        assert_string_equal(next->sensors[0].id, as_new ? id : A);
        ident_derive(NEW, "meter/b/power", id);
        assert_string_equal(next->sensors[1].id, as_new ? id : B);
        ident_derive(as_new ? NEW : OLD, "meter/c/power", id);
        assert_string_equal(next->sensors[2].id, id);
        settings_free(next);
        next = NULL;
        restore_free(&plan);
        plan = (struct restore){.saved = NULL};
        backup_free(&backup);
        backup = (struct backup){.made_s = 0};
    }
}

/* Likewise lines. */
static void lines_and_their_ids(void **state)
{
    char id[IDENT_LEN + 1];

    (void)state;
    for (int as_new = 0; as_new <= 1; as_new++) {
        made("{\"lines\":[{\"key\":\"p1\",\"name\":\"m\",\"device\":\"/dev/l\",\"protocol\":\"p1\",\"id\":\"" A "\"}]}",
             "{}", "{}");
        assert_int_equal(restore("{}", (struct restore_how){.as_new = as_new}), 0);
        assert_int_equal(next->n_lines, 1);
        ident_derive(NEW, "line/p1/net", id);
        assert_string_equal(next->sensors[0].id, as_new ? id : A);
        ident_derive(as_new ? NEW : OLD, "line/p1/import", id);
        assert_string_equal(next->sensors[1].id, id);
        settings_free(next);
        next = NULL;
        restore_free(&plan);
        plan = (struct restore){.saved = NULL};
        backup_free(&backup);
        backup = (struct backup){.made_s = 0};
    }
}

static void failed_with(const char *want)
{
    assert_int_equal(errors.n, 1);
    char got[256];
    snprintf(got, sizeof got, "%s: %s", errors.v[0].path, errors.v[0].message);
    assert_string_equal(got, want);
    settings_errors_free(&errors);
    errors = (struct settings_errors){0};
    restore_free(&plan);
}

static void the_file_has_an_id(void **state)
{
    (void)state;
    made("{}", "{}", "{}");
    assert_int_equal(restore("{\"device\":{\"id\":\"" NEW "\"}}", (struct restore_how){.as_new = false}), -1);
    failed_with(
        "device.id: stands in the administrator's file and is not the backup's: take it out there, or restore as a "
        "new device");
    assert_int_equal(restore("{\"device\":{\"id\":\"" OLD "\"}}", (struct restore_how){.as_new = true}), -1);
    failed_with("device.id: stands in the administrator's file and is the backup's: take it out there first");
    assert_int_equal(restore("{\"device\":{\"id\":\"" OLD "\"}}", (struct restore_how){.as_new = false}), 0);
    assert_string_equal(plan.device_id, OLD);
    restore_free(&plan);
    settings_free(next);
    assert_int_equal(restore("{\"device\":{\"id\":\"" A "\"}}", (struct restore_how){.as_new = true}), 0);
    assert_string_equal(plan.device_id, A);
}

static void settings_that_are_none(void **state)
{
    (void)state;
    made("{}", "{\"mqtt\":{\"port\":99999}}", "{}");
    assert_int_equal(restore("{}", (struct restore_how){.as_new = false}), -1);
    assert_int_equal(errors.n, 1);
    assert_string_equal(errors.v[0].path, "mqtt.port");
}

/* Secrets and what only a file may say are left out, whoever wrote them in. */
static void what_a_backup_may_not_say(void **state)
{
    (void)state;
    made("{\"device\":{\"key\":\"0123456789abcdef0123456789abcdef\"},\"storage\":{\"path\":\"/evil\",\"interval\":30}}",
         "{\"device\":{\"id\":\"" B "\"},\"mqtt\":{\"username\":\"u\",\"password_file\":\"/etc/shadow\"}}", "{}");
    assert_int_equal(restore("{}", (struct restore_how){.as_new = false}), 0);
    layer_is("{\"storage\":{\"interval\":30},\"mqtt\":{\"username\":\"u\"}}");
    assert_string_equal(next->storage.path, "/state");
    assert_string_equal(next->device.id, OLD);
}

static void another_board(void **state)
{
    (void)state;
    made("{}", "{}", "{}");
    assert_int_equal(restore("{}", (struct restore_how){.new_board = true}), 0);
    assert_int_equal(plan.n_counters, 2);
    assert_true(plan.counters[0].swapped && !plan.counters[0].known && plan.counters[0].offset == 12 &&
                plan.counters[0].raw == 0 && plan.counters[0].before == 0);
    assert_true(plan.counters[1].swapped && plan.counters[1].offset == 3);
}

/* ---- secrets ---- */

static int secrets(const char *text, bool new)
{
    return restore_secrets(&plan, text, strlen(text), new, &errors);
}

static void secrets_are_taken(void **state)
{
    static const char text[] = "{\"device.key\":\"0123456789abcdef0123456789abcdef\",\"mqtt.password\":\"p\\n\"}";

    (void)state;
    assert_int_equal(secrets(text, false), 0);
    assert_string_equal(plan.secrets[SECRET_DEVICE_KEY], OLD);
    assert_string_equal(plan.secrets[SECRET_MQTT_PASSWORD], "p");
    assert_null(plan.secrets[SECRET_INFLUX_TOKEN]);
    restore_free(&plan);
    assert_int_equal(secrets(text, true), 0);
    assert_null(plan.secrets[SECRET_DEVICE_KEY]);
    assert_string_equal(plan.secrets[SECRET_MQTT_PASSWORD], "p");
    restore_free(&plan);
    assert_int_equal(secrets("[]", false), -1);
    failed_with("backup.sealed: does not hold secrets");
    assert_int_equal(secrets("", false), -1);
    failed_with("backup.sealed: does not hold secrets");
    assert_int_equal(secrets("{\"x\":\"y\"}", false), -1);
    failed_with("backup.sealed: holds a secret that is not known here");
    assert_int_equal(secrets("{\"mqtt.password\":1}", false), -1);
    failed_with("backup.sealed: holds a secret that is no text");
    assert_int_equal(secrets("{\"mqtt.password\":\"a\",\"mqtt.password\":\"b\"}", false), -1);
    failed_with("backup.sealed: holds a secret twice");
    assert_int_equal(secrets("{\"device.key\":\"SECRET\"}", false), -1);
    failed_with("backup.sealed: a device key has exactly 32 printable characters");
}

/* ---- the plan ---- */

static struct settings *settings_of(const char *text, const char *device)
{
    struct settings *s = settings_parse(text, strlen(text), NULL, &errors, NULL);

    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, device, &errors), 0);
    return s;
}

static void the_plan_there_and_back(void **state)
{
    struct settings *now = settings_of("{\"sensors\":[" TWO ",{\"ports\":[4]}]}", NEW);
    struct restore again;
    size_t len;

    (void)state;
    made("{\"sensors\":[" TWO "]}", "{}", "{\"2\":\"" A "\"}");
    assert_int_equal(restore("{}", (struct restore_how){.as_new = false}), 0);
    assert_int_equal(secrets("{\"mqtt.password\":\"p \\\"ü\\\"\"}", false), 0);
    restore_leave(&plan, now, next);
    for (int with = 0; with < 2; with++) {
        char *text = restore_write(&plan, with, &len);
        assert_int_equal(strlen(text), len);
        assert_int_equal(text[len - 1], '\n');
        assert_true(!strstr(text, "p \\\"ü") == !with);
        assert_int_equal(restore_read(&again, text, len, &errors), 0);
        assert_string_equal(again.device_id, OLD);
        assert_string_equal(again.leaves, NEW);
        assert_int_equal(again.n_leaves_sensors, 1);
        assert_string_equal(again.leaves_sensors[0], derived(NEW, 2));
        assert_true(cJSON_Compare(again.saved, plan.saved, true));
        assert_int_equal(again.n_counters, 2);
        assert_memory_equal(again.counters, plan.counters, 2 * sizeof *plan.counters);
        if (with)
            assert_string_equal(again.secrets[SECRET_MQTT_PASSWORD], "p \"ü\"");
        else
            assert_null(again.secrets[SECRET_MQTT_PASSWORD]);
        restore_free(&again);
        free(text);
    }
    settings_free(now);
}

/* The same device leaves nothing behind but what its settings do not have any more. */
static void the_same_device_leaves_little(void **state)
{
    struct settings *now = settings_of("{\"sensors\":[" TWO ",{\"ports\":[4],\"name\":\"x\",\"enable\":true}]}", OLD);

    (void)state;
    made("{}", "{\"sensors\":{\"4\":{\"ports\":[4],\"name\":\"x\",\"enable\":true}}}", "{}");
    assert_int_equal(restore("{}", (struct restore_how){.as_new = false}), 0);
    restore_leave(&plan, now, next);
    assert_string_equal(plan.leaves, "");
    assert_int_equal(plan.n_leaves_sensors, 1);
    assert_string_equal(plan.leaves_sensors[0], derived(OLD, 2));
    settings_free(now);
}

static void plans_that_are_none(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"fluksod_restore\":2}",
        "{\"fluksod_restore\":1}",
        "{\"fluksod_restore\":1,\"device_id\":\"" OLD "\"}",
        "{\"fluksod_restore\":1,\"device_id\":\"" OLD "\",\"saved\":{},\"leaves_sensors\":[],\"counters\":{}}",
        "{\"fluksod_restore\":1,\"device_id\":\"" OLD "\",\"saved\":{},\"leaves_sensors\":[1],\"counters\":[]}",
        "{\"fluksod_restore\":1,\"device_id\":\"" OLD
        "\",\"saved\":{},\"leaves_sensors\":[],\"counters\":[],\"more\":1}",
        "{\"fluksod_restore\":1,\"device_id\":\"" OLD
        "\",\"saved\":{},\"leaves_sensors\":[],\"counters\":[],\"secrets\":1}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(restore_read(&plan, texts[i], strlen(texts[i]), &errors), -1);
        assert_true(errors.n > 0);
        settings_errors_free(&errors);
        errors = (struct settings_errors){0};
        restore_free(&plan);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_file),
        TEST(another_file),
        TEST(ids_stay),
        TEST(ids_of_ports_stay),
        TEST(ids_of_ports_of_a_new_one),
        TEST(as_new),
        TEST(lines_and_their_ids),
        TEST(meters_and_their_ids),
        TEST(the_file_has_an_id),
        TEST(settings_that_are_none),
        TEST(what_a_backup_may_not_say),
        TEST(another_board),
        TEST(secrets_are_taken),
        TEST(the_plan_there_and_back),
        TEST(the_same_device_leaves_little),
        TEST(plans_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
