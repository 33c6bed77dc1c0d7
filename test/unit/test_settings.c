#include "unit.h"

#include "core/ident.h"
#include "core/jsonc.h"
#include "core/settings.h"
#include "core/settings_table.h"
#include "core/utf8.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter_folder.h"

#define VECTORS "test/vectors/settings"
#define DEVICE  "0123456789abcdef0123456789abcdef"

static struct settings_errors errors;

static int setup(void **state)
{
    (void)state;
    settings_errors_free(&errors);
    return 0;
}

static struct settings *parse(const char *text)
{
    return settings_parse(text, strlen(text), &meter_folder, &errors, NULL);
}

/* The text is refused with this as its only error. */
static void refused(const char *text, size_t len, const char *path, const char *message)
{
    settings_errors_free(&errors);
    assert_null(settings_parse(text, len, &meter_folder, &errors, NULL));
    assert_int_equal(errors.n, 1);
    assert_string_equal(errors.v[0].path, path);
    assert_string_equal(errors.v[0].message, message);
    settings_errors_free(&errors);
}

/* A whole file, terminated. */
static char *read_file(const char *path, size_t *len)
{
    char *text = calloc(1, 65536);
    FILE *f = fopen(path, "rb");

    assert_non_null(text);
    assert_non_null(f);
    *len = fread(text, 1, 65535, f);
    fclose(f);
    return text;
}

/* One vector: the errors of x.json are the lines of x.txt. */
static bool vector_holds(const char *name)
{
    char path[512], got[65536] = "";
    size_t len, at = 0;

    snprintf(path, sizeof path, VECTORS "/%s", name);
    char *text = read_file(path, &len);
    struct settings *s = settings_parse(text, len, &meter_folder, &errors, NULL);
    if (s && settings_derive_ids(s, DEVICE, &errors) < 0)
        assert_true(errors.n > 0);
    settings_free(s);
    for (size_t i = 0; i < errors.n; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s: %s\n", errors.v[i].path, errors.v[i].message);
    settings_errors_free(&errors);
    free(text);

    snprintf(strrchr(path, '.'), 5, ".txt");
    char *want = read_file(path, &len);
    bool same = strcmp(got, want) == 0;
    if (!same)
        fprintf(stderr, "%s\n--- expected\n%s--- got\n%s", name, want, got);
    free(want);
    return same;
}

static void vectors(void **state)
{
    DIR *d = opendir(VECTORS);
    unsigned seen = 0, failed = 0;

    (void)state;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (!strstr(e->d_name, ".json"))
            continue;
        seen++;
        failed += !vector_holds(e->d_name);
    }
    closedir(d);
    assert_true(seen > 30);
    assert_int_equal(failed, 0);
}

static void default_settings_are_good(void **state)
{
    size_t len;
    char *text = read_file("conf/fluksod.json", &len);
    struct settings *s = settings_parse(text, len, &meter_folder, &errors, NULL);

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->board.protocol, BOARD_NONE);
    assert_int_equal(s->n_sensors, 4);
    assert_string_equal(s->sensors[0].name, "main");
    settings_free(s);
    free(text);
}

static void what_is_not_given_has_its_default(void **state)
{
    struct settings *s = parse("{\"sensors\": [{\"ports\": [1]}, {\"ports\": [5, 4]}, {\"ports\": [6]}]}");

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->version, SETTINGS_VERSION);
    assert_null(s->device.id);
    assert_int_equal(s->board.protocol, BOARD_NONE);
    assert_int_equal(s->board.baud, 115200); /* P4 */
    assert_int_equal(s->phase, PHASE_1P);
    assert_null(s->storage.path);
    assert_int_equal(s->storage.interval, 60);
    assert_int_equal(s->storage.max_size, 256);
    assert_int_equal(s->storage.max_age, 366);
    assert_true(s->flukso.enable); /* V1 */
    assert_string_equal(s->flukso.url, "https://api.flukso.net/");
    assert_null(s->flukso.ca_file);
    assert_int_equal(s->flukso.interval, 300); /* V3 */
    assert_null(s->influx.url);                /* off */
    assert_int_equal(s->influx.interval, 60);
    assert_string_equal(s->mqtt.host, "localhost");
    assert_int_equal(s->mqtt.port, 1883);
    assert_string_equal(s->http.listen, "0.0.0.0");
    assert_int_equal(s->http.port, 8080);
    assert_int_equal(s->http.n_extra_listen, 0);
    assert_false(s->local_api.enable);
    assert_false(s->sensors[0].enable);
    assert_true(s->sensors[0].report && s->sensors[1].report && s->sensors[2].report);
    assert_int_equal(s->sensors[0].class, SENSOR_ANALOG); /* P1: the class follows from the ports */
    assert_int_equal(s->sensors[0].voltage[0], 230);      /* P2 */
    assert_int_equal(s->sensors[0].current[0], 50);
    assert_int_equal(s->sensors[1].class, SENSOR_PULSE);
    assert_int_equal(s->sensors[1].type, SENSOR_ELECTRICITY);
    assert_int_equal(s->sensors[1].constant_milli, 1000);
    assert_int_equal(sensor_settings_number(&s->sensors[1]), 4);
    assert_int_equal(s->sensors[2].class, SENSOR_UART);
    settings_free(s);
}

static void what_is_given_arrives(void **state)
{
    struct settings *s = parse("{\"device\": {\"key\": \"0123456789abcdef0123456789ABCDEF\", \"name\": \"kWh été\"},"
                               "\"board\": {\"protocol\": \"flm02\", \"device\": \"/dev/ttyS1\", \"baud\": 4800},"
                               "\"mqtt\": {\"tls\": {\"ca_file\": \"/ca\"}}, \"local_api\": {\"enable\": true},"
                               "\"http\": {\"extra_listen\": [\"127.0.0.1:1\", \"[::1]:65535\"]},"
                               "\"sensors\": [{\"ports\": [4], \"constant\": 65535.999, \"type\": \"gas\"}]}");

    (void)state;
    assert_non_null(s);
    assert_string_equal(s->device.key, "0123456789abcdef0123456789ABCDEF");
    assert_string_equal(s->device.name, "kWh été");
    assert_int_equal(s->board.protocol, BOARD_FLM02);
    assert_string_equal(s->board.device, "/dev/ttyS1");
    assert_int_equal(s->board.baud, 4800);
    assert_int_equal(s->mqtt.port, 8883); /* TLS */
    assert_true(s->local_api.enable);
    assert_int_equal(s->http.n_extra_listen, 2);
    assert_string_equal(s->http.extra_listen[1], "[::1]:65535");
    assert_int_equal(s->sensors[0].constant_milli, 65535999);
    assert_int_equal(s->sensors[0].type, SENSOR_GAS);
    settings_free(s);
}

static void ports_ascend_and_take_their_values_along(void **state)
{
    struct settings *s = parse("{\"phase\": 3, \"sensors\": [{\"ports\": [3, 1, 2], \"voltage\": [233, 231, 232],"
                               "\"current\": [500, 50, 250]}]}");

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->phase, PHASE_3PN); /* 3 is taken for 3p+n */
    assert_int_equal(s->sensors[0].n_ports, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s->sensors[0].ports[i], i + 1);
        assert_int_equal(s->sensors[0].voltage[i], 231 + i);
    }
    assert_int_equal(s->sensors[0].current[0], 50);
    assert_int_equal(s->sensors[0].current[2], 500);
    settings_free(s);
}

/* 10 MB, whatever stands in them, and texts that are small but whose trees would not be. */
static void large_texts_are_refused(void **state)
{
    size_t size = 10u << 20;
    char *text = malloc(size);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', size);
    refused(text, size, "settings", "10485760 bytes are more than 8388608");
    text[0] = '[';
    for (size_t i = 1; i + 1 < size; i += 2)
        text[i] = '1', text[i + 1] = ',';
    refused(text, SETTINGS_TEXT_MAX, "line 1, column 200000", "too many values");
    free(text);
}

static void deep_nesting_is_refused(void **state)
{
    static char text[1 << 20];

    (void)state;
    memset(text, '[', sizeof text);
    refused(text, sizeof text, "line 1, column 33", "nested too deep");
    for (size_t i = 0; i < sizeof text / 5; i++)
        memcpy(text + i * 5, "{\"a\":", 5);
    refused(text, sizeof text, "line 1, column 161", "nested too deep");
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    refused("", 0, "line 1, column 1", "the text ends too early");
    refused("{}\n\0", 4, "line 2, column 1", "a NUL byte");
    refused("{\"device\": {\"name\": \"a\0b\"}}", 27, "line 1, column 23", "a NUL byte");
    refused("{// é\n\xc3\xa9 \xff\n}", 12, "line 2, column 3", "this is no valid UTF-8");
    refused("{}// \xed\xa0\x80", 8, "line 1, column 6", "this is no valid UTF-8"); /* a surrogate */
    refused("{}\x1b", 3, "line 1, column 3", "a control character");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    struct settings *s = parse("\xef\xbb\xbf{}");

    (void)state;
    assert_non_null(s);
    settings_free(s);
    refused("\xef\xbb\xbf!", 4, "line 1, column 1", "a value is missing");
}

/* A text need not be terminated: nothing behind its end is read (AddressSanitizer sees it). */
static void every_beginning_of_a_text_is_safe(void **state)
{
    static const char text[] = "{/**/\"device\":{\"name\":\"\\ud83d\\ude00\\n\"},//\n\"x\":-1.5e+3,\"y\":[true]}";

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n);
        assert_true(copy || n == 0);
        memcpy(copy, text, n);
        assert_null(settings_parse(copy, n, &meter_folder, &errors, NULL));
        assert_true(errors.n > 0);
        settings_errors_free(&errors);
        free(copy);
    }
}

static void errors_are_many_but_not_without_end(void **state)
{
    char text[2048] = "{";

    (void)state;
    for (int i = 0; i < 150; i++)
        snprintf(text + strlen(text), 16, "%s\"k%d\":0", i ? "," : "", i);
    strncat(text, "}", 2);
    assert_null(parse(text));
    assert_int_equal(errors.n, SETTINGS_ERRORS_MAX + 1);
    assert_string_equal(errors.v[0].path, "k0");
    assert_string_equal(errors.v[0].message, "unknown key");
    assert_string_equal(errors.v[SETTINGS_ERRORS_MAX].message, "more errors than these");
}

/* The last good settings lie in the state directory, which a broken file still names. */
static void storage_path_survives_other_errors(void **state)
{
    static const char broken[] = "{\"phase\": 7, \"storage\": {\"path\": \"/here\"}}";
    static const char bad[] = "{\"storage\": {\"path\": \"here\"}}";
    char *path = NULL;

    (void)state;
    assert_null(settings_parse(broken, strlen(broken), &meter_folder, &errors, &path));
    assert_string_equal(path, "/here");
    free(path);
    settings_errors_free(&errors);
    assert_null(settings_parse(bad, strlen(bad), &meter_folder, &errors, &path));
    assert_null(path);
    settings_errors_free(&errors);
    assert_null(settings_parse("{", 1, &meter_folder, &errors, &path));
    assert_null(path);
}

/* Secrets stay out of messages (pitfall 23). */
static void a_key_is_never_shown(void **state)
{
    static const char *const cases[][3] = {
        {"{\"device\": {\"key\": \"secret\"}}", "device.key", "the value is not 32 characters long"},
        {"{\"device\": {\"key\": 12345678}}", "device.key", "the value is not a string"},
        {"{\"mqtt\": {\"password\": \"secret\"}}", "mqtt.password", "unknown key"},
        {"{\"influx\": {\"token\": \"secret\"}}", "influx.token", "unknown key"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refused(cases[i][0], strlen(cases[i][0]), cases[i][1], cases[i][2]);
}

static void ids_derive_from_device_and_port(void **state)
{
    static const char text[] =
        "{\"sensors\": [{\"ports\": [4]}, {\"ports\": [1], \"id\": \"00000000000000000000000000000001\"}]}";
    struct settings *s = parse(text);

    (void)state;
    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, DEVICE, &errors), 0);
    assert_string_equal(s->device.id, DEVICE);
    /* printf 0123456789abcdef0123456789abcdef/port4 | sha256sum */
    assert_string_equal(s->sensors[0].id, "0cee5cea8397f8e3f90ebc68c4a3a20e");
    assert_string_equal(s->sensors[1].id, "00000000000000000000000000000001");
    settings_free(s);
}

static void a_derived_id_may_meet_a_given_one(void **state)
{
    char text[256], id[IDENT_LEN + 1];

    (void)state;
    ident_sensor(DEVICE, 1, id);
    snprintf(text, sizeof text, "{\"sensors\": [{\"ports\": [1]}, {\"ports\": [2], \"id\": \"%s\"}]}", id);
    struct settings *s = parse(text);
    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, DEVICE, &errors), -1);
    assert_int_equal(errors.n, 1);
    assert_string_equal(errors.v[0].path, "sensors[1].id");
    settings_free(s);

    settings_errors_free(&errors);
    s = parse("{\"sensors\": [{\"ports\": [2], \"id\": \"" DEVICE "\"}]}");
    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, DEVICE, &errors), -1); /* the device's id was not known before */
    assert_string_equal(errors.v[0].path, "sensors[0].id");
    settings_free(s);

    settings_errors_free(&errors);
    s = parse("{}");
    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, "garbage", &errors), -1);
    assert_string_equal(errors.v[0].path, "device.id");
    settings_free(s);
}

static void ident_forms(void **state)
{
    static const uint8_t random[16] = {0, 1, 0xab, [15] = 0xff};
    char id[IDENT_LEN + 1], client[IDENT_CLIENT_ID_LEN + 1];

    (void)state;
    ident_from_random(random, id);
    assert_string_equal(id, "0001ab000000000000000000000000ff");
    ident_client_id(DEVICE, client);
    assert_string_equal(client, "fluksod-0123456789ab");
}

/* The names of choices are those that the rest of the program uses. */
static void choices_are_named_as_elsewhere(void **state)
{
    (void)state;
    assert_string_equal(phase_name(PHASE_1P), "1p");
    assert_string_equal(phase_name(PHASE_3PN), "3p+n");
    assert_string_equal(phase_name(PHASE_3P), "3p-n");
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *r = &settings_table[i];
        for (const struct setting_choice *c = r->choices; c && c->text; c++) {
            if (strcmp(r->path, "sensors[*].class") == 0)
                assert_string_equal(c->text, sensor_class_name((enum sensor_class)c->value));
            if (strcmp(r->path, "sensors[*].type") == 0)
                assert_string_equal(c->text, sensor_type_name((enum sensor_type)c->value));
            if (c->number)
                assert_int_not_equal(strtol(c->text, NULL, 10), 0);
        }
    }
}

static void utf8_characters(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint32_t c;
    } cases[] = {
        {"A", 1, 'A'},
        {"\xc2\x80", 2, 0x80},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xc1\xbf", 0, 0},
        {"\xe0\x9f\xbf", 0, 0},
        {"\xf0\x8f\xbf\xbf", 0, 0},
        {"\xed\xa0\x80", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\x80", 0, 0},
        {"\xff", 0, 0},
        {"\xe2\x82", 0, 0},
        {"\xe2"
         "A\xac",
         0, 0},
    };
    uint32_t c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(utf8_next(cases[i].bytes, cases[i].bytes + strlen(cases[i].bytes), &c), cases[i].len);
        if (cases[i].len)
            assert_int_equal(c, cases[i].c);
    }
    assert_int_equal(utf8_next("", "", &c), 0);
    assert_int_equal(utf8_count("aé€"), 3);
    assert_int_equal(utf8_fit("aé€", 3), 3);
    assert_int_equal(utf8_fit("aé€", 5), 3);
    assert_int_equal(utf8_fit("aé€", 99), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(vectors, setup),
        cmocka_unit_test_setup(default_settings_are_good, setup),
        cmocka_unit_test_setup(what_is_not_given_has_its_default, setup),
        cmocka_unit_test_setup(what_is_given_arrives, setup),
        cmocka_unit_test_setup(ports_ascend_and_take_their_values_along, setup),
        cmocka_unit_test_setup(large_texts_are_refused, setup),
        cmocka_unit_test_setup(deep_nesting_is_refused, setup),
        cmocka_unit_test_setup(bytes_that_are_no_text_are_refused, setup),
        cmocka_unit_test_setup(a_byte_order_mark_is_skipped, setup),
        cmocka_unit_test_setup(every_beginning_of_a_text_is_safe, setup),
        cmocka_unit_test_setup(errors_are_many_but_not_without_end, setup),
        cmocka_unit_test_setup(storage_path_survives_other_errors, setup),
        cmocka_unit_test_setup(a_key_is_never_shown, setup),
        cmocka_unit_test_setup(ids_derive_from_device_and_port, setup),
        cmocka_unit_test_setup(a_derived_id_may_meet_a_given_one, setup),
        cmocka_unit_test_setup(ident_forms, setup),
        cmocka_unit_test(choices_are_named_as_elsewhere),
        cmocka_unit_test(utf8_characters),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    settings_errors_free(&errors);
    return failed;
}
