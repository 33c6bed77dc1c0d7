/* The parts of fluksoctl that need no gateway: assignments, tables, events, words. */
#include "unit.h"

#include "ctl/ctl.h"
#include "ctl/patch.h"
#include "ctl/say.h"
#include "ctl/events.h"
#include "ctl/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- path=value ---- */

/* The patch that these assignments make, as text; "" when one is refused. */
static const char *patched(const char *prefix, const char *a, const char *b)
{
    static char text[512];
    cJSON *patch = cJSON_CreateObject();
    char why[PATCH_WHY] = "", *json;
    int rc = patch_add(patch, prefix, a, why);

    if (rc == 0 && b)
        rc = patch_add(patch, prefix, b, why);
    assert_int_equal(rc < 0, *why != '\0');
    json = cJSON_PrintUnformatted(patch);
    snprintf(text, sizeof text, "%s", rc < 0 ? "" : json);
    cJSON_free(json);
    cJSON_Delete(patch);
    return text;
}

static void assignments_nest(void **state)
{
    (void)state;
    assert_string_equal(patched("", "mqtt.host=broker.lan", "mqtt.tls.ca_file=/a=b"),
                        "{\"mqtt\":{\"host\":\"broker.lan\",\"tls\":{\"ca_file\":\"/a=b\"}}}");
    assert_string_equal(patched("", "sensors.1.name=main", "sensors.2.name=sun"),
                        "{\"sensors\":{\"1\":{\"name\":\"main\"},\"2\":{\"name\":\"sun\"}}}");
}

static void values_follow_the_table(void **state)
{
    static const char *const cases[][2] = {
        {"name=2", "{\"name\":\"2\"}"},
        {"name=true", "{\"name\":\"true\"}"},
        {"name=\"2\"", "{\"name\":\"2\"}"},
        {"name=", "{\"name\":\"\"}"},
        {"name=null", "{\"name\":null}"},
        {"id=12345678901234567890123456789012", "{\"id\":\"12345678901234567890123456789012\"}"},
        {"ports=1,2,3", "{\"ports\":[1,2,3]}"},
        {"ports=[1, 2]", "{\"ports\":[1,2]}"},
        {"ports=4", "{\"ports\":[4]}"},
        {"current=100", "{\"current\":100}"},
        {"current=60", "{\"current\":60}"}, /* no clamp: that is said of a number */
        {"current=50,100", "{\"current\":[50,100]}"},
        {"voltage=240", "{\"voltage\":240}"},
        {"voltage=high", "{\"voltage\":\"high\"}"},
        {"constant=0.5", "{\"constant\":0.5}"},
        {"enable=on", "{\"enable\":true}"},
        {"enable=false", "{\"enable\":false}"},
        {"enable=perhaps", "{\"enable\":\"perhaps\"}"},
        {"type=water", "{\"type\":\"water\"}"},
        {"unheard_of=1", "{\"unheard_of\":1}"},
        {"unheard_of=a b", "{\"unheard_of\":\"a b\"}"},
        {"unheard_of={\"a\":[1]}", "{\"unheard_of\":{\"a\":[1]}}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(patched("sensors.1", cases[i][0], NULL), cases[i][1]);
    assert_string_equal(patched("", "phase=3p+n", NULL), "{\"phase\":\"3p+n\"}");
    assert_string_equal(patched("", "phase=3", NULL), "{\"phase\":3}");
    assert_string_equal(patched("", "http.extra_listen=127.0.0.1:1,[::1]:2", NULL),
                        "{\"http\":{\"extra_listen\":[\"127.0.0.1:1\",\"[::1]:2\"]}}");
}

static void bad_assignments(void **state)
{
    static const char *const bad[][2] = {
        {"name", NULL},
        {"=1", NULL},
        {"a..b=1", NULL},
        {".a=1", NULL},
        {"a.=1", NULL},
        {"sensors[0].name=a"},
        {"device.key=secret", NULL},
        {"a=1", "a=2"},
        {"a=1", "a.b=2"},
        {"a.b=2", "a=1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_string_equal(patched("", bad[i][0], bad[i][1]), "");
}

static void paths_lead_into_lists(void **state)
{
    cJSON *s =
        cJSON_Parse("{\"sensors\":[{\"id\":\"x\",\"ports\":[3,2],\"name\":\"b\"},{\"ports\":[1],\"name\":\"a\"}],"
                    "\"buses\":[{\"key\":\"k\",\"baud\":9600}],\"lines\":[{\"baud\":1}],\"one\":{\"a.b\":1}}");

    (void)state;
    assert_string_equal(patch_find(s, "sensors.1.name")->valuestring, "a");
    assert_string_equal(patch_find(s, "sensors.2.name")->valuestring, "b");
    assert_int_equal(patch_find(s, "buses.k.baud")->valueint, 9600);
    assert_int_equal(patch_find(s, "lines.1.baud")->valueint, 1);
    assert_ptr_equal(patch_find(s, ""), s);
    assert_null(patch_find(s, "sensors.3"));
    assert_null(patch_find(s, "sensors.1.name.x"));
    cJSON_Delete(s);
}

/* ---- tables ---- */

/* What a table of two rows prints. */
static char *printed(const struct table_column *columns, size_t n, const char *const *cells, size_t n_cells,
                     size_t width)
{
    struct table t;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    table_init(&t, columns, n);
    for (size_t i = 0; i < n_cells; i++)
        table_cell(&t, SAY_PLAIN, "%s", cells[i]);
    table_print(&t, out, width, 0, "\n");
    fclose(out);
    table_free(&t);
    return text;
}

static void columns_line_up(void **state)
{
    static const struct table_column columns[] = {{"name", TABLE_SHRINK}, {"now", TABLE_RIGHT}, {"", TABLE_LEFT}};
    static const char *const cells[] = {"Zähler", "1 W", "a", "日本", "22222 W", "b", "e\xcc\x81", "-", "c"};
    char *text = printed(columns, 3, cells, ARRAY_LEN(cells), 0);

    (void)state;
    assert_string_equal(text, "name        now\n"
                              "Zähler      1 W  a\n"
                              "日本    22222 W  b\n"
                              "e\xcc\x81             -  c\n");
    free(text);
}

static void wide_cells_are_cut(void **state)
{
    static const struct table_column columns[] = {{"name", TABLE_SHRINK}, {"now", TABLE_RIGHT}};
    static const char *const cells[] = {"日本語の名前", "1 W", "a name that is too long", "22 W"};
    char *text = printed(columns, 2, cells, ARRAY_LEN(cells), 16);

    (void)state;
    assert_string_equal(text, "name         now\n"
                              "日本語の…    1 W\n" /* of ten columns nine: each character takes two */
                              "a name th…  22 W\n");
    free(text);
}

static void orders_for_the_terminal_are_harmless(void **state)
{
    char *clean = say_clean("a\x1b[31mb\r\n\tc\x9b\xc2\x9b"
                            "d\xff");

    (void)state;
    assert_string_equal(clean, "a\xef\xbf\xbd[31mb   c\xef\xbf\xbd\xef\xbf\xbd"
                               "d\xef\xbf\xbd");
    free(clean);
}

/* ---- events ---- */

static char heard[512];

static void on_event(void *ctx, const char *name, const char *data, size_t len)
{
    (void)ctx;
    assert_int_equal(strlen(data), len);
    size_t n = strlen(heard);
    snprintf(heard + n, sizeof heard - n, "[%s|%s]", name, data);
}

static void events_in_any_pieces(void **state)
{
    static const char stream[] = ": hello\nevent: reading\ndata: {\"a\":1}\n\ndata:x\r\ndata: y\r\n\r\n"
                                 "event: empty\n\nid: 7\nretry: 1\ndata\n\ndata: last\n";

    (void)state;
    for (size_t piece = 1; piece < sizeof stream; piece++) {
        struct events s;
        heard[0] = '\0';
        events_init(&s, on_event, NULL);
        for (size_t i = 0; i < sizeof stream - 1; i += piece)
            events_feed(&s, stream + i, i + piece < sizeof stream ? piece : sizeof stream - 1 - i);
        events_fini(&s);
        assert_string_equal(heard, "[reading|{\"a\":1}][message|x\ny][message|]");
    }
}

static void long_events_are_left_out(void **state)
{
    struct events s;

    (void)state;
    heard[0] = '\0';
    events_init(&s, on_event, NULL);
    for (int lines = 0; lines < 2; lines++) {
        events_feed(&s, "data: ", 6);
        for (unsigned i = 0; i < EVENTS_DATA_MAX - 16; i++)
            events_feed(&s, "x", 1);
        events_feed(&s, "\n", 1);
    }
    events_feed(&s, "\nevent: a\ndata: b\n\n", 19);
    events_fini(&s);
    assert_string_equal(heard, "[a|b]");
}

/* ---- words ---- */

static void times_and_amounts(void **state)
{
    char w[SAY_WORDS];

    (void)state;
    assert_string_equal(say_span(w, 0.4), "0 s");
    assert_string_equal(say_span(w, 119), "119 s");
    assert_string_equal(say_span(w, 3599), "59 min");
    assert_string_equal(say_span(w, 2 * 3600 + 300), "2 h 5 min");
    assert_string_equal(say_span(w, 3 * 86400 + 4 * 3600), "3 d 4 h");
    assert_string_equal(say_span(w, -5), "0 s");
    assert_string_equal(say_amount(w, 213, "W"), "213 W");
    assert_string_equal(say_amount(w, -0.5, "W"), "-0.500 W");
    assert_string_equal(say_amount(w, 12345, "Wh"), "12.345 kWh");
    assert_string_equal(say_amount(w, 7, ""), "7");
    assert_string_equal(say_amount(w, NAN, "W"), say_none());
    assert_string_equal(say_bytes(w, 999), "999 B");
    assert_string_equal(say_bytes(w, 40960), "41 kB");
    assert_string_equal(say_bytes(w, 1500000), "1.5 MB");
}

static void options_stand_anywhere(void **state)
{
    static const struct verb v = {.name = "x", .args = ""};
    bool on = false, other = false;
    const char *value = NULL;
    const struct verb_option options[] = {{"on", 0, &on, NULL}, {"off", 'f', &other, NULL}, {"n", 'n', NULL, &value}};
    char line[] = "a --on -n 5 b=-1 -- -f", *rest = line, *argv[7];
    int argc = 0;

    (void)state;
    while (rest)
        argv[argc++] = strsep(&rest, " ");
    assert_int_equal(verb_words(&v, &argc, argv, options, ARRAY_LEN(options), 0, 9), CTL_OK);
    assert_true(on);
    assert_false(other);
    assert_string_equal(value, "5");
    assert_int_equal(argc, 3);
    assert_string_equal(argv[0], "a");
    assert_string_equal(argv[1], "b=-1");
    assert_string_equal(argv[2], "-f");
}

static int start(void **state)
{
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    say_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assignments_nest),
        cmocka_unit_test(values_follow_the_table),
        cmocka_unit_test(bad_assignments),
        cmocka_unit_test(paths_lead_into_lists),
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(wide_cells_are_cut),
        cmocka_unit_test(orders_for_the_terminal_are_harmless),
        cmocka_unit_test(events_in_any_pieces),
        cmocka_unit_test(long_events_are_left_out),
        cmocka_unit_test(times_and_amounts),
        cmocka_unit_test(options_stand_anywhere),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
