#include "unit.h"

#include "core/backup.h"
#include "core/jsonw.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define DEVICE "0123456789abcdef0123456789abcdef"
#define A      "0000000000000000000000000000000a"
#define B      "0000000000000000000000000000000b"
#define NOW_S  1800000000

static const struct meter_limits limits = {.wrap = (int64_t)1000 << 32, .rate_per_s = 6400, .slack = 100000};

/* ---- a ledger's entries there and back ---- */

static void feed(struct ledger_entry *e, int64_t raw, int64_t mono_ms)
{
    (void)!meter_feed(&e->meter, &limits, raw, mono_ms);
}

static void entries_are_copied(void **state)
{
    struct ledger l;
    struct ledger_saved s;

    (void)state;
    ledger_init(&l);
    struct ledger_entry *a = ledger_open(&l, A, "flm02:1");
    feed(a, 5000, 1000);
    ledger_copy(a, &s, 11000, NOW_S);
    assert_string_equal(s.id, A);
    assert_string_equal(s.source, "flm02:1");
    assert_true(s.known && !s.swapped && s.raw == 5000 && s.offset == 0 && s.unix_s == NOW_S - 10);
    ledger_open(&l, A, "flm02:2");
    ledger_copy(a, &s, 11000, 0);
    assert_true(!s.known && s.swapped && s.offset == 5000 && s.unix_s == 0);
    ledger_fini(&l);
}

/* Into an empty ledger: the counter goes on where it was, twice as once. */
static void entries_are_adopted(void **state)
{
    const struct ledger_saved s = {
        .id = A, .source = "flm02:1", .raw = 5000, .offset = 700, .known = true, .unix_s = NOW_S - 100};
    struct ledger_saved out[2];
    struct ledger l;
    int64_t milli;

    (void)state;
    ledger_init(&l);
    ledger_adopt(&l, &s, 1000, NOW_S);
    ledger_adopt(&l, &s, 1000, NOW_S);
    struct ledger_entry *a = ledger_open(&l, A, "flm02:1");
    assert_true(ledger_published(a, &milli) && milli == 5700);
    assert_int_equal(ledger_take(&l, out, 2, 1000, NOW_S), 1); /* it is to be saved */
    feed(a, 6000, 2000);
    assert_int_equal(meter_published(&a->meter), 6700);
    ledger_fini(&l);
}

/* Another board: what it counted before is nothing that this sensor measured. */
static void a_swapped_one_goes_on(void **state)
{
    const struct ledger_saved s = {.id = A, .source = "flm02:1", .offset = 5700, .swapped = true};
    struct ledger l;
    int64_t milli;

    (void)state;
    ledger_init(&l);
    ledger_adopt(&l, &s, 1000, 0);
    struct ledger_entry *a = ledger_open(&l, A, "flm02:1");
    assert_true(ledger_published(a, &milli) && milli == 5700);
    feed(a, 123456, 2000);
    assert_int_equal(meter_published(&a->meter), 5700);
    feed(a, 124456, 3000);
    assert_int_equal(meter_published(&a->meter), 6700);
    ledger_fini(&l);
}

/* What is published never falls by it. */
static void those_that_are_there_are_raised_only(void **state)
{
    struct ledger_saved s = {.id = A, .source = "flm02:1", .raw = 2000, .offset = 0, .known = true};
    struct ledger l;

    (void)state;
    ledger_init(&l);
    struct ledger_entry *a = ledger_open(&l, A, "flm02:1");
    feed(a, 5000, 1000);
    ledger_adopt(&l, &s, 1000, NOW_S);
    assert_int_equal(meter_published(&a->meter), 5000);
    s.offset = 98000;
    ledger_adopt(&l, &s, 1000, NOW_S);
    assert_int_equal(meter_published(&a->meter), 100000);
    feed(a, 6000, 2000);
    assert_int_equal(meter_published(&a->meter), 101000);
    ledger_adopt(&l, &s, 1000, NOW_S);
    assert_int_equal(meter_published(&a->meter), 101000);
    ledger_fini(&l);
}

/* ---- documents ---- */

static void read_fails(const char *text, const char *want)
{
    struct settings_errors errors = {0};
    struct backup b;
    cJSON *doc = cJSON_Parse(text);
    char got[512] = "";

    assert_non_null(doc);
    assert_int_equal(backup_read(&b, doc, "backup", &errors), -1);
    for (size_t i = 0; i < errors.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s: %s", i ? "; " : "", errors.v[i].path,
                 errors.v[i].message);
    assert_string_equal(got, want);
    backup_free(&b);
    settings_errors_free(&errors);
    cJSON_Delete(doc);
}

static struct settings *parse(const char *text, cJSON **tree)
{
    struct settings_errors errors = {0};

    *tree = settings_text(text, strlen(text), &errors);
    struct settings *s = settings_parse_tree(*tree, NULL, &errors, NULL);
    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, DEVICE, &errors), 0);
    settings_errors_free(&errors);
    return s;
}

static void there_and_back(void **state)
{
    static const char file[] =
        "{\"device\":{\"id\":\"" DEVICE "\",\"key\":\"0123456789abcdef0123456789abcdef\",\"name\":"
        "\"home\"},\"storage\":{\"path\":\"/x\"},\"mqtt\":{\"host\":\"h\",\"username\":\"u\",\"password_file\":\"/p\"},"
        "\"sensors\":[{\"ports\":[2],\"name\":\"two\",\"enable\":true},{\"ports\":[4]}]}";
    const struct ledger_saved counters[] = {
        {.id = B, .source = "flm02:2", .offset = 70, .swapped = true},
        {.id = A, .source = "flm02:1", .raw = 5, .offset = -2, .before = 9, .known = true, .unix_s = NOW_S, .seen = 2}};
    struct settings_errors errors = {0};
    struct jsonw w;
    struct backup b;
    cJSON *tree, *saved = cJSON_Parse("{\"phase\":\"3p+n\"}");
    struct settings *s = parse(file, &tree);

    (void)state;
    jsonw_init(&w);
    backup_open(&w, s, tree, saved, NOW_S);
    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        backup_put_counter(&w, &counters[i]);
    backup_close(&w, "c2VhbGVk");
    cJSON *doc = cJSON_ParseWithLength(w.buf, w.len);
    assert_non_null(doc);
    assert_int_equal(backup_read(&b, doc, "backup", &errors), 0);
    assert_string_equal(b.device_id, DEVICE);
    assert_string_equal(b.sealed, "c2VhbGVk");
    assert_true(b.made_s == NOW_S && b.n_counters == 2 && b.n_ids == 2);
    assert_string_equal(backup_id(&b, "2")->id, s->sensors[0].id);
    assert_string_equal(backup_id(&b, "4")->id, s->sensors[1].id);
    assert_null(backup_id(&b, "1"));
    assert_memory_equal(&b.counters[1], &counters[0], sizeof counters[0]); /* by id */
    assert_true(b.counters[0].raw == 5 && b.counters[0].offset == -2 && b.counters[0].before == 9 &&
                b.counters[0].known && b.counters[0].unix_s == NOW_S && b.counters[0].seen == 0);
    assert_true(cJSON_Compare(b.saved, saved, true));
    char *left = cJSON_PrintUnformatted(b.file);
    assert_string_equal(
        left,
        "{\"device\":{\"name\":\"home\"},\"mqtt\":{\"host\":\"h\",\"username\":\"u\"},\"sensors\":[{\"ports\":[2],"
        "\"name\":\"two\",\"enable\":true},{\"ports\":[4]}]}");
    cJSON_free(left);
    backup_free(&b);
    cJSON_Delete(doc);
    cJSON_Delete(tree);
    cJSON_Delete(saved);
    settings_free(s);
    jsonw_free(&w);
}

#define HEAD                                                                                                           \
    "{\"fluksod_backup\":1,\"version\":\"1\",\"made_s\":null,\"device_id\":\"" DEVICE "\",\"saved\":{},\"file\":{}"
#define IDS       ",\"ids\":{}"
#define COUNT(x)  HEAD IDS ",\"counters\":[" x "]}"
#define ENTRY(id) "{\"id\":\"" id "\",\"source\":\"flm02:1\",\"raw\":1,\"offset\":2}"

static void what_is_refused(void **state)
{
    (void)state;
    read_fails("[]", "backup: is no backup of fluksod");
    read_fails("{}", "backup: is no backup of fluksod");
    read_fails("{\"fluksod_backup\":2}",
               "backup.fluksod_backup: was made by a newer fluksod: take that one, or a newer one still");
    read_fails("{\"fluksod_backup\":1,\"nonsense\":1,\"saved\":{},\"saved\":{}}",
               "backup.nonsense: is not known here; backup.saved: is given twice");
    read_fails(HEAD "}",
               "backup.ids: is no object of at most 1024 ids; backup.counters: is no list of at most 16000 counters");
    read_fails(HEAD ",\"ids\":{\"1\":\"x\"},\"counters\":[]}", "backup.ids.1: is no id");
    read_fails(HEAD ",\"ids\":{\"1\":\"" A "\",\"1\":\"" B "\"},\"counters\":[]}",
               "backup.ids.1: names no sensor, or one of before");
    read_fails(COUNT("1"), "backup.counters[0]: is no object");
    read_fails(COUNT("{}"), "backup.counters[0].id: is no id");
    read_fails(COUNT(ENTRY(A) "," ENTRY(A)), "backup.counters: two have the id " A);
    read_fails(
        COUNT("{\"id\":\"" A "\",\"source\":\"a b\",\"raw\":-1,\"offset\":1.5,\"swapped\":1}"),
        "backup.counters[0].source: does not name what counts; backup.counters[0].swapped: is neither true nor "
        "false; backup.counters[0].raw: is no whole number from 0 to 9007199254740992; backup.counters[0].offset: "
        "is no whole number from -9007199254740992 to 9007199254740992");
    read_fails(COUNT("{\"id\":\"" A "\",\"source\":\"x\",\"raw\":1,\"offset\":-2}"),
               "backup.counters[0]: what it publishes, raw + offset, is out of range");
    read_fails(COUNT("{\"id\":\"" A "\",\"source\":\"x\",\"raw\":9007199254740992,\"offset\":9007199254740992}"),
               "backup.counters[0]: what it publishes, raw + offset, is out of range");
    read_fails(COUNT("{\"id\":\"" A "\",\"source\":\"x\",\"raw\":1,\"offset\":1,\"time_s\":0}"),
               "backup.counters[0].time_s: is no whole number from 1 to 253402300799");
    read_fails(
        "{\"fluksod_backup\":1,\"version\":1,\"made_s\":-1,\"device_id\":\"X\",\"saved\":[],\"file\":1,\"ids\":{},"
        "\"counters\":[],\"sealed\":1}",
        "backup.device_id: is no id; backup.made_s: is no whole number from 0 to 253402300799; backup.version: is "
        "no text; backup.sealed: is no text; backup.saved: is no object; backup.file: is no object");
}

/* As many as there may be, and one more. */
static void many_counters(void **state)
{
    struct settings_errors errors = {0};
    struct ledger_saved *counters, c = {.source = "flm02:1", .known = true, .raw = 1};
    struct jsonw w;
    size_t n;

    (void)state;
    for (int most = BACKUP_COUNTERS_MAX; most <= BACKUP_COUNTERS_MAX + 1; most++) {
        jsonw_init(&w);
        jsonw_open(&w, NULL, '[');
        for (int i = 0; i < most; i++) {
            snprintf(c.id, sizeof c.id, "%032x", most - i);
            backup_put_counter(&w, &c);
        }
        jsonw_close(&w, ']');
        cJSON *list = cJSON_ParseWithLength(w.buf, w.len);
        int rc = backup_read_counters(&counters, &n, list, "counters", &errors);
        assert_int_equal(rc, most > BACKUP_COUNTERS_MAX ? -1 : 0);
        if (rc == 0)
            free(counters);
        cJSON_Delete(list);
        jsonw_free(&w);
    }
    settings_errors_free(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_copied),    cmocka_unit_test(entries_are_adopted),
        cmocka_unit_test(a_swapped_one_goes_on), cmocka_unit_test(those_that_are_there_are_raised_only),
        cmocka_unit_test(there_and_back),        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(many_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
