/* config/sensor: what it says of lines with telegrams. */
#include "unit.h"

#include "meters_house.h"

#include "core/config_body.h"
#include "core/jsonw.h"
#include "core/ledger.h"

static struct ledger ledger;

static const struct sensor_settings *named(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].name && strcmp(s->sensors[i].name, name) == 0)
            return &s->sensors[i];
    fail_msg("no sensor %s", name);
    return NULL;
}

/* Its counter was told once, be it in an earlier run. */
static void heard(const struct settings *s, const char *name)
{
    ledger_open(&ledger, named(s, name)->id, "line/p1:x")->meter.known = true;
}

static cJSON *written(const struct settings *s)
{
    struct jsonw w;

    jsonw_init(&w);
    config_body_sensors(&w, s, &ledger);
    cJSON *tree = cJSON_ParseWithLength(w.buf, w.len);
    assert_non_null(tree);
    jsonw_free(&w);
    return tree;
}

static void assert_entry(const cJSON *all, const struct sensor_settings *x, const char *want)
{
    char key[16], text[400];

    snprintf(key, sizeof key, "%d", x->number);
    const cJSON *entry = cJSON_GetObjectItem(all, key);
    assert_non_null(entry);
    snprintf(text, sizeof text, "{'id':'%s','enable':1,%s}", x->id, want);
    cJSON *expected = tree(text);
    if (!cJSON_Compare(entry, expected, true))
        fail_msg("%s is not %s", cJSON_PrintUnformatted(entry), text);
    cJSON_Delete(expected);
}

#define LINES                                                                                                          \
    "'lines':[{'key':'p1','name':'P','device':'/dev/p','protocol':'p1','rid':2},"                                      \
    "{'key':'t','name':'T','device':'/dev/t','protocol':'tic'}]"

/* Net (of TIC import), gas and water are announced, once the meter told them, and nothing else ever: clients know no
 * tariffs, and no heat (mqtt.md, rule 5). */
static void what_lines_told(void **state)
{
    static const struct {
        const char *name, *type;
        bool electricity;
    } want[] = {{"P", "electricity", true},
                {"T import", "electricity", true},
                {"P gas", "gas", false},
                {"P water 2", "water", false},
                {"P warm water", "water", false}};
    static const char *const never[] = {"P import", "P export", "P import T1", "P reactive import",
                                        "P heat",   "T export", "T EASF01",    "T ERQ1"};
    char text[300];

    (void)state;
    for (int flx = 0; flx <= 1; flx++) {
        struct settings *s = good(flx ? "{'board':{'protocol':'flx','device':'/dev/x'}," LINES "}"
                                      : "{'board':{'protocol':'flm02','device':'/dev/x'}," LINES "}");
        int others = flx ? 39 : 0;
        ledger_init(&ledger);
        for (size_t i = 0; i < ARRAY_LEN(never); i++)
            heard(s, never[i]);
        cJSON *all = written(s);
        assert_int_equal(cJSON_GetArraySize(all), others); /* what is not announced is not there at all */
        cJSON_Delete(all);
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
            const struct sensor_settings *x = named(s, want[i].name);
            heard(s, want[i].name);
            all = written(s);
            assert_int_equal(cJSON_GetArraySize(all), others + (int)i + 1);
            snprintf(text, sizeof text,
                     "'type':'%s',%s'class':'uart','function':'%s','port':[%d],'data_type':'counter','rid':%d",
                     want[i].type, flx && want[i].electricity ? "'subtype':'pplus'," : "", want[i].name, flx ? 7 : 6,
                     want[i].name[0] == 'P' ? 2 : 0);
            assert_entry(all, x, text);
            cJSON_Delete(all);
        }
        assert_int_equal(config_body_left_out(s, &ledger), 0);
        settings_free(s);
        ledger_fini(&ledger);
    }
}

/* A sum of what lines tell is announced as others are, where its parts are. */
static void a_sum_of_lines(void **state)
{
    struct settings *s = good("{" LINES ",'derive':[{'key':'d','name':'D','of':['P import','P export']}]}");

    (void)state;
    ledger_init(&ledger);
    cJSON *all = written(s);
    assert_int_equal(cJSON_GetArraySize(all), 1);
    assert_entry(all, named(s, "D"),
                 "'type':'electricity','class':'derived','function':'D','port':[6],'data_type':'counter','rid':0");
    cJSON_Delete(all);
    settings_free(s);
    ledger_fini(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_lines_told, setup),
        cmocka_unit_test_setup(a_sum_of_lines, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
