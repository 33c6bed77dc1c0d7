#include "unit.h"

#include "core/jsonc.h"
#include "core/settings.h"
#include "core/settings_change.h"
#include "core/settings_merge.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#define DEVICE "0123456789abcdef0123456789abcdef"
#define STATE  "/var/lib/fluksod"

/* What the desk keeps. */
struct house {
    cJSON *file, *saved, *whole;
    struct settings *now;
    int board_minor;
};

static cJSON *tree(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    cJSON *t = cJSON_Parse(copy);
    if (!t)
        fail_msg("no JSON: %s", text);
    free(copy);
    return t;
}

/* What a start makes of file and layer, read from their texts. NULL when they have errors. */
static struct settings *restart(const cJSON *file, const cJSON *saved)
{
    char *texts[] = {cJSON_Print(file), cJSON_Print(saved)};
    struct settings_errors errors = {0};
    cJSON *f = settings_text(texts[0], strlen(texts[0]), &errors);
    cJSON *l = settings_text(texts[1], strlen(texts[1]), &errors);
    cJSON *merged = settings_merge(f, l, NULL);
    struct settings *s = settings_parse_tree(merged, &errors, NULL);

    if (s && !s->storage.path)
        s->storage.path = strdup(STATE);
    if (s && settings_derive_ids(s, DEVICE, &errors) < 0) {
        settings_free(s);
        s = NULL;
    }
    settings_errors_free(&errors);
    cJSON_Delete(merged);
    cJSON_Delete(f);
    cJSON_Delete(l);
    cJSON_free(texts[0]);
    cJSON_free(texts[1]);
    return s;
}

static struct house house(const char *file)
{
    struct house h = {.file = tree(file), .saved = cJSON_CreateObject(), .board_minor = -1};

    h.now = restart(h.file, h.saved);
    assert_non_null(h.now);
    h.whole = settings_tree(h.now);
    return h;
}

static void demolish(struct house *h)
{
    settings_free(h->now);
    cJSON_Delete(h->file);
    cJSON_Delete(h->saved);
    cJSON_Delete(h->whole);
}

static struct settings_base base_of(const struct house *h)
{
    return (struct settings_base){h->file, h->saved, h->now, h->whole, h->board_minor};
}

static void take(struct house *h, struct settings_change *c)
{
    settings_free(h->now);
    cJSON_Delete(h->saved);
    cJSON_Delete(h->whole);
    h->now = c->next;
    h->saved = c->saved;
    h->whole = settings_tree(h->now);
}

/* Patch it; false when it is refused, and then nothing has changed. */
static bool patch(struct house *h, const cJSON *p)
{
    struct settings_base base = base_of(h);
    struct settings_errors errors = {0};
    struct settings_change c;
    int result = settings_change_patch(&c, &base, p, &errors);

    assert_true((result == 0) == (errors.n == 0));
    settings_errors_free(&errors);
    if (result == 0)
        take(h, &c);
    return result == 0;
}

/* It is refused, with this as its first error. */
static void refused(struct house *h, const char *text, const char *error)
{
    struct settings_base base = base_of(h);
    struct settings_errors errors = {0};
    struct settings_change c;
    cJSON *p = tree(text);
    char got[512];

    assert_int_equal(settings_change_patch(&c, &base, p, &errors), -1);
    snprintf(got, sizeof got, "%s: %s", errors.v[0].path, errors.v[0].message);
    assert_string_equal(got, error);
    settings_errors_free(&errors);
    cJSON_Delete(p);
}

static void taken(struct house *h, const char *text, const char *saved)
{
    cJSON *p = tree(text), *want = tree(saved);

    assert_true(patch(h, p));
    if (!cJSON_Compare(h->saved, want, true)) {
        char *got = cJSON_PrintUnformatted(h->saved);
        fail_msg("%s: the layer is %s", text, got);
    }
    cJSON_Delete(p);
    cJSON_Delete(want);
}

static const char plain[] = "{'sensors':[{'ports':[4],'name':'water','type':'water','enable':true},"
                            "{'ports':[1],'name':'main','enable':true},{'ports':[2],'name':'solar','enable':true}]}";

static void errors_count_sensors_by_number(void **state)
{
    struct house h = house(plain);

    (void)state;
    refused(&h, "{'sensors':{'4':{'constant':0}}}", "sensors[2].constant: 0 is not in 0.001 to 65535.999");
    refused(&h, "{'sensors':{'3':{'name':'x'}}}", "sensors[3].ports: is missing");
    refused(&h, "{'sensors':{'2':{'name':'main'}}}", "sensors[1].name: main is the name of sensors[0] too");
    refused(&h, "{'mqtt':{'port':0}}", "mqtt.port: 0 is not in 1 to 65535");
    demolish(&h);
}

static void what_is_allowed_is_said(void **state)
{
    static const char *const cases[][2] = {
        {"{'sensors':{'1':{'current':60}}}", "one of 50, 100, 250, 500"},
        {"{'sensors':{'1':{'voltage':0}}}", "1 to 999"},
        {"{'sensors':{'4':{'constant':0}}}", "0.001 to 65535.999"},
        {"{'sensors':{'1':{'name':''}}}", "1 to 64 characters long"},
        {"{'sensors':{'1':{'enable':1}}}", "true or false"},
        {"{'sensors':7}", "a list"},
        {"{'sensors':[7]}", "an object"},
        {"{'device':{'key':'x'}}", "PUT /api/v1/secrets/device.key"},
        {"7", "an object"},
        {"{'sensors':{'2':{'name':'main'}}}", NULL},
    };
    struct house h = house(plain);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct settings_base base = base_of(&h);
        struct settings_errors errors = {0};
        struct settings_change c;
        cJSON *p = tree(cases[i][0]);
        assert_int_equal(settings_change_patch(&c, &base, p, &errors), -1);
        if (cases[i][1])
            assert_string_equal(errors.v[0].allowed, cases[i][1]);
        else
            assert_null(errors.v[0].allowed);
        settings_errors_free(&errors);
        cJSON_Delete(p);
    }
    demolish(&h);
}

static void nothing_changed_is_the_same(void **state)
{
    struct house h = house(plain);
    struct settings_base base = base_of(&h);
    struct settings_errors errors = {0};
    struct settings_change c;

    (void)state;
    assert_int_equal(settings_change_patch(&c, &base, h.whole, &errors), 0); /* all that there is, sent back */
    assert_true(c.same);
    settings_change_free(&c);
    cJSON *p = tree("{'sensors':{'1':{'voltage':231}}}");
    assert_int_equal(settings_change_patch(&c, &base, p, &errors), 0);
    assert_false(c.same);
    settings_change_free(&c);
    cJSON_Delete(p);
    demolish(&h);
}

/* S3 and rid, as they come out of the whole. */
static void saving_adds_what_goes_with_it(void **state)
{
    struct house h = house(plain);

    (void)state;
    taken(&h, "{'phase':'3p+n'}", "{'phase':'3p+n','sensors':{'1':{'ports':[1,2,3],'rid':1},'2':{'enable':false}}}");
    taken(&h, "{'phase':'1p'}", "{'sensors':{'1':{'rid':2},'2':{'enable':false}}}");
    taken(&h, "{'sensors':{'2':{'enable':true},'4':{'type':'gas'}}}",
          "{'sensors':{'1':{'rid':2},'4':{'type':'gas','rid':1}}}");
    demolish(&h);
}

static void s1_the_board_at_hand_counts(void **state)
{
    static const char joined[] = "{'sensors':{'4':{'ports':[4,5]}}}";
    struct house h = house(plain);

    (void)state;
    h.board_minor = 2;
    refused(&h, joined, "sensors[2].ports: pulse ports cannot be joined on board hardware 2.2");
    h.board_minor = 1;
    taken(&h, joined, "{'sensors':{'4':{'ports':[4,5],'rid':1}}}");
    h.board_minor = 2; /* another board, which leaves this sensor off: other changes go on */
    taken(&h, "{'sensors':{'1':{'voltage':240}}}", "{'sensors':{'1':{'voltage':240},'4':{'ports':[4,5],'rid':1}}}");
    demolish(&h);
}

/* A layer cannot say what it means where two sensors of the file have one key. */
static void two_of_one_number_in_the_file(void **state)
{
    struct house h = house("{'sensors':[{'ports':[1],'name':'a'},{'ports':[2],'name':'b'}]}");

    (void)state;
    cJSON_AddItemToArray(cJSON_GetObjectItem(h.file, "sensors"), tree("{'ports':[1],'name':'c'}"));
    refused(&h, "{'sensors':{'2':{'name':'x'}}}",
            "sensors[1].ports: 1 is the lowest port of sensors[0] too, and so the number of both");
    demolish(&h);
}

static void another_layer(void **state)
{
    struct house h = house(plain);
    struct settings_base base = base_of(&h);
    struct settings_errors errors = {0};
    struct settings_change c;
    cJSON *layer = tree("{'phase':'1p','sensors':{'3':{'ports':[3],'name':'x'},'5':{'name':'lost'}},"
                        "'storage':{'path':'/elsewhere'}}");
    cJSON *want = tree("{'sensors':{'3':{'ports':[3],'name':'x'}}}");

    (void)state;
    assert_int_equal(settings_change_layer(&c, &base, layer, &errors), 0);
    assert_true(cJSON_Compare(c.saved, want, true));
    assert_string_equal(c.next->storage.path, STATE);
    settings_change_free(&c);
    cJSON *list = cJSON_CreateArray();
    assert_int_equal(settings_change_layer(&c, &base, list, &errors), -1);
    settings_errors_free(&errors);
    cJSON_Delete(list);
    cJSON_Delete(layer);
    cJSON_Delete(want);
    demolish(&h);
}

/* ---- any sequence of patches ---- */

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static const char *pick(unsigned *seed, const char *const *v, size_t n)
{
    return v[next_random(seed) % n];
}

/* Values for the members of a sensor, and of the rest: mostly good ones. */
static const char *const members[][7] = {
    {"'name':", "'a'", "'b'", "'c'", "'Küche'", "null", "'/'"},
    {"'ports':", "[1]", "[2]", "[4]", "[5]", "[1,2,3]", "[4,5]"},
    {"'type':", "'electricity'", "'water'", "'gas'", "null", "'pellet'", "'gas'"},
    {"'current':", "50", "100", "[50]", "null", "250", "[100,100,100]"},
    {"'voltage':", "230", "231", "240", "null", "230", "1000"},
    {"'constant':", "1", "0.5", "10", "null", "1", "0"},
    {"'enable':", "true", "true", "false", "null", "false", "true"},
    {"'report':", "true", "false", "null", "false", "true", "true"},
    {"'id':", "null", "'00000000000000000000000000000001'", "'00000000000000000000000000000002'", "null", "null", "7"},
    {"'rid':", "0", "5", "null", "1", "7", "-1"},
    {"'class':", "'analog'", "'pulse'", "null", "null", "'analog'", "'uart'"},
};
static const char *const others[] = {
    "'phase':'1p'",
    "'phase':'3p+n'",
    "'phase':'3p-n'",
    "'phase':null",
    "'mqtt':{'port':1883}",
    "'mqtt':{'port':null}",
    "'mqtt':{'tls':{'ca_file':'/ca'}}",
    "'mqtt':{'tls':null}",
    "'mqtt':null",
    "'mqtt':{'username':'u'}",
    "'influx':{'url':'http://h','db':'d'}",
    "'influx':null",
    "'influx':{'interval':60}",
    "'http':{'extra_listen':[]}",
    "'http':{'extra_listen':['127.0.0.1:1']}",
    "'local_api':{'enable':true}",
    "'storage':{'interval':10}",
    "'storage':{'path':'/x'}",
    "'device':{'name':'Zähler'}",
    "'sensors':null",
    "'sensors':[]",
    "'flukso':{}",
    "'board':{'protocol':'flm02','device':'/dev/x'}",
    "'board':{'protocol':null}",
    "'nonsense':1",
};

static size_t put_sensor(char *to, size_t room, unsigned *seed)
{
    size_t len = (size_t)snprintf(to, room, "{");

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (next_random(seed) % 5 == 0)
            len += (size_t)snprintf(to + len, room - len, "%s%s%s", len > 1 ? "," : "", members[i][0],
                                    pick(seed, members[i] + 1, next_random(seed) % 8 ? 4 : 6));
    return len + (size_t)snprintf(to + len, room - len, "}");
}

static cJSON *random_patch(unsigned *seed)
{
    char text[2048] = "{";
    size_t len = 1;
    unsigned sensors = next_random(seed) % 4;

    if (sensors) {
        len += (size_t)snprintf(text + len, sizeof text - len, "'sensors':{");
        for (unsigned i = 0, key = 1 + next_random(seed) % 5; i < sensors && key <= 6; i++, key++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s'%u':", i ? "," : "", key);
            len += next_random(seed) % 12 ? put_sensor(text + len, sizeof text - len, seed)
                                          : (size_t)snprintf(text + len, sizeof text - len, "null");
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "}");
    }
    if (!sensors || next_random(seed) % 3 == 0)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", sensors ? "," : "",
                                pick(seed, others, ARRAY_LEN(others)));
    snprintf(text + len, sizeof text - len, "}");
    return tree(text);
}

/* A start makes of file and layer what is in force. */
static void restart_is_equal(const struct house *h, unsigned seed)
{
    struct settings *again = restart(h->file, h->saved);

    if (!again)
        fail_msg("seed %u: what was taken is refused at the next start", seed);
    cJSON *w = settings_tree(again);
    if (!cJSON_Compare(w, h->whole, true)) {
        char *a = cJSON_PrintUnformatted(w), *b = cJSON_PrintUnformatted(h->whole);
        fail_msg("seed %u: restarted %s\nin force %s", seed, a, b);
    }
    cJSON_Delete(w);
    settings_free(again);
    /* and the layer holds nothing that it need not */
    cJSON *merged = settings_merge(h->file, h->saved, NULL), *least = settings_reduce(h->file, merged, DEVICE);
    if (!cJSON_Compare(least, h->saved, true))
        fail_msg("seed %u: the layer is not the smallest", seed);
    cJSON_Delete(merged);
    cJSON_Delete(least);
}

static void any_patches_and_a_restart(void **state)
{
    static const char *const files[] = {
        "{}", plain,
        "{'phase':'3p+n','sensors':[{'ports':[1,2,3],'name':'main','current':[100,100,100],'enable':true},"
        "{'ports':[2],'name':'b'},{'ports':[4],'name':'gas','type':'gas','enable':true,'rid':4}],"
        "'mqtt':{'host':'h','tls':{'ca_file':'/ca'}},'influx':{'url':'http://h','db':'d','interval':10}}"};
    const char *given = getenv("FLUKSOD_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL), good = 0, bad = 0;

    (void)state;
    print_message("seed %u (FLUKSOD_SEED)\n", seed);
    for (unsigned round = 0; round < 30; round++) {
        unsigned own = seed + round;
        struct house h = house(files[round % ARRAY_LEN(files)]);
        h.board_minor = (int)(round % 4) - 1;
        for (unsigned i = 0; i < 60; i++) {
            cJSON *p = random_patch(&own);
            cJSON *before = cJSON_Duplicate(h.saved, true);
            bool ok = patch(&h, p);
            *(ok ? &good : &bad) += 1;
            if (ok)
                restart_is_equal(&h, seed + round);
            else
                assert_true(cJSON_Compare(before, h.saved, true));
            assert_true(patch(&h, h.whole)); /* what people get they may send back */
            restart_is_equal(&h, seed + round);
            cJSON_Delete(before);
            cJSON_Delete(p);
        }
        demolish(&h);
    }
    print_message("%u taken, %u refused\n", good, bad);
    assert_true(good > 150 && bad > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_count_sensors_by_number),
        cmocka_unit_test(what_is_allowed_is_said),
        cmocka_unit_test(nothing_changed_is_the_same),
        cmocka_unit_test(saving_adds_what_goes_with_it),
        cmocka_unit_test(s1_the_board_at_hand_counts),
        cmocka_unit_test(two_of_one_number_in_the_file),
        cmocka_unit_test(another_layer),
        cmocka_unit_test(any_patches_and_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
