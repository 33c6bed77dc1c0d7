#include "unit.h"

#include "core/ident.h"
#include "core/settings.h"
#include "core/settings_merge.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define DEVICE "0123456789abcdef0123456789abcdef"

static const char file_text[] =
    "{'device':{'id':'" DEVICE "','name':'flukso'},"
    "'sensors':[{'ports':[1],'name':'main','enable':true},{'ports':[2],'name':'solar','current':100,'enable':true},"
    "{'ports':[4],'name':'water','type':'water','constant':1}],"
    "'mqtt':{'host':'broker','username':'u','tls':{'ca_file':'/ca'}},'http':{'port':9000}}";

static cJSON *file;

/* A tree of a text with ' for ". */
static cJSON *tree(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    cJSON *t = cJSON_Parse(copy);
    assert_non_null(t);
    free(copy);
    return t;
}

/* Both are released. */
static void same(cJSON *got, cJSON *want)
{
    if (!cJSON_Compare(got, want, true)) {
        char *a = cJSON_PrintUnformatted(got), *b = cJSON_PrintUnformatted(want);
        fail_msg("got  %s\nwant %s", a, b);
    }
    cJSON_Delete(got);
    cJSON_Delete(want);
}

static int setup(void **state)
{
    (void)state;
    file = tree(file_text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cJSON_Delete(file);
    return 0;
}

/* The whole that a tree says, ids derived. */
static cJSON *whole(const cJSON *t)
{
    struct settings_errors errors = {0};
    struct settings *s = settings_parse_tree(t, NULL, &errors, NULL);

    if (!s || settings_derive_ids(s, DEVICE, &errors) < 0)
        fail_msg("%s: %s", errors.v[0].path, errors.v[0].message);
    cJSON *w = settings_tree(s);
    settings_free(s);
    return w;
}

/* A member of the merged tree, as JSON. */
static void merges(const char *saved, const char *want)
{
    cJSON *layer = tree(saved), *w = tree(want), *merged = settings_merge(file, layer, NULL);

    for (const cJSON *v = w->child; v; v = v->next) {
        cJSON *got = cJSON_DetachItemFromObject(merged, v->string);
        same(got ? got : cJSON_CreateNull(), cJSON_Duplicate(v, true));
    }
    cJSON_Delete(merged);
    cJSON_Delete(layer);
    cJSON_Delete(w);
}

/* ---- merge ---- */

static void no_layer_is_the_file(void **state)
{
    (void)state;
    same(settings_merge(file, NULL, NULL), tree(file_text));
    merges("{}", file_text);
}

static void members_of_objects(void **state)
{
    (void)state;
    merges("{'mqtt':{'host':'other','port':1884}}",
           "{'mqtt':{'host':'other','username':'u','tls':{'ca_file':'/ca'},'port':1884},'http':{'port':9000}}");
    merges("{'mqtt':{'username':null,'tls':null}}", "{'mqtt':{'host':'broker'}}");
    merges("{'mqtt':null,'flukso':{'enable':false}}", "{'mqtt':null,'flukso':{'enable':false}}");
    merges("{'http':{'extra_listen':['127.0.0.1:1']}}",
           "{'http':{'port':9000,'extra_listen':['127.0.0.1:1']}}"); /* a list without keys is one value */
}

static void members_of_lists_by_key(void **state)
{
    (void)state;
    merges("{'sensors':{'2':{'name':'roof','current':null}}}",
           "{'sensors':[{'ports':[1],'name':'main','enable':true},{'ports':[2],'name':'roof','enable':true},"
           "{'ports':[4],'name':'water','type':'water','constant':1}]}");
    merges("{'sensors':{'1':null,'4':null}}", "{'sensors':[{'ports':[2],'name':'solar','current':100,'enable':true}]}");
    merges("{'sensors':{'3':{'ports':[3],'name':'boiler','enable':true},'1':null}}",
           "{'sensors':[{'ports':[2],'name':'solar','current':100,'enable':true},"
           "{'ports':[4],'name':'water','type':'water','constant':1},{'ports':[3],'name':'boiler','enable':true}]}");
}

/* The key is the lowest port, in whatever order they stand. */
static void the_lowest_port_is_the_key(void **state)
{
    cJSON *f = tree("{'sensors':[{'ports':[3,1,2]},{'ports':[6]}]}"), *layer = tree("{'sensors':{'1':{'name':'all'}}}");

    (void)state;
    same(settings_merge(f, layer, NULL), tree("{'sensors':[{'ports':[3,1,2],'name':'all'},{'ports':[6]}]}"));
    cJSON_Delete(f);
    cJSON_Delete(layer);
}

/* An edit of the administrator's file after a save of another member counts. */
static void later_edits_of_other_members_count(void **state)
{
    cJSON *edited = tree(file_text), *layer = tree("{'sensors':{'2':{'name':'roof'}},'http':{'port':8081}}");
    cJSON *second = cJSON_GetArrayItem(cJSON_GetObjectItem(edited, "sensors"), 1);

    (void)state;
    cJSON_ReplaceItemInObject(second, "current", cJSON_CreateNumber(250));
    cJSON *merged = settings_merge(edited, layer, NULL);
    second = cJSON_GetArrayItem(cJSON_GetObjectItem(merged, "sensors"), 1);
    assert_int_equal(cJSON_GetObjectItem(second, "current")->valueint, 250);
    assert_string_equal(cJSON_GetObjectItem(second, "name")->valuestring, "roof");
    cJSON_Delete(merged);
    cJSON_Delete(edited);
    cJSON_Delete(layer);
}

static void warned(const char *saved, const char *path, const char *message)
{
    struct settings_errors warnings = {0};
    cJSON *layer = tree(saved), *merged = settings_merge(file, layer, &warnings);

    assert_int_equal(warnings.n, 1);
    assert_string_equal(warnings.v[0].path, path);
    assert_string_equal(warnings.v[0].message, message);
    same(merged, tree(file_text));
    cJSON_Delete(layer);
    settings_errors_free(&warnings);
}

static void what_lost_its_base_is_ignored(void **state)
{
    static const char part[] = "is saved in part, and the file has no longer what it belongs to; it is ignored";

    (void)state;
    warned("{'sensors':{'3':{'name':'boiler'}}}", "sensors.3", part);
    warned("{'sensors':{'3':{'ports':[3],'enable':true}}}", "sensors.3", part); /* S2: enabled, without a name */
    warned("{'sensors':{'5':{'ports':null,'name':'x'}}}", "sensors.5", part);
    warned("{'sensors':{'5':7}}", "sensors.5", "is saved, but is no object; it is ignored");
    merges("{'sensors':{'3':null}}", file_text); /* what is gone may go */
}

static void what_only_the_file_says_is_ignored(void **state)
{
    static const char only[] = "is saved, but only the file may say it; it is ignored";

    (void)state;
    warned("{'storage':{'path':'/elsewhere'}}", "storage.path", only);
    warned("{'device':{'key':'0123456789abcdef0123456789abcdef'}}", "device.key", only);
    warned("{'device':{'id':'f'}}", "device.id", only);
    warned("{'version':2}", "version", only);
}

/* What the administrator wrote wrongly stays as it is, for the errors to name its place. */
static void a_wrong_file_is_left_alone(void **state)
{
    static const char *const files[] = {"[]",
                                        "7",
                                        "{'sensors':[7,{},{'ports':[1]},{'ports':[1]}]}",
                                        "{'sensors':7}",
                                        "{'sensors':{'1':{}}}",
                                        "{'mqtt':7}",
                                        "{'a':1,'a':2,'mqtt':null}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        cJSON *f = tree(files[i]), *layer = tree("{'http':{'port':1}}");
        cJSON *merged = settings_merge(f, layer, NULL);
        if (cJSON_IsObject(merged))
            cJSON_DeleteItemFromObject(merged, "http");
        char *got = cJSON_PrintUnformatted(merged), *want = cJSON_PrintUnformatted(f);
        assert_string_equal(got, want); /* with what is there twice, too */
        cJSON_free(got);
        cJSON_free(want);
        cJSON_Delete(merged);
        cJSON_Delete(f);
        cJSON_Delete(layer);
    }
}

/* ---- reduce ---- */

static void reduces(const char *to, const char *want)
{
    cJSON *t = tree(to), *layer = settings_reduce(file, t, DEVICE), *again = settings_merge(file, layer, NULL);

    same(layer, tree(want));
    same(whole(again), whole(t));
    cJSON_Delete(again);
    cJSON_Delete(t);
}

static void what_equals_the_file_is_not_kept(void **state)
{
    (void)state;
    reduces(file_text, "{}");
}

static void defaults_are_not_kept(void **state)
{
    cJSON *t = tree(file_text);

    (void)state;
    cJSON_AddItemToObject(t, "flukso", tree("{'enable':true,'interval':300,'url':'https://api.flukso.net/'}"));
    cJSON_AddItemToObject(t, "influx", tree("{}"));
    cJSON_AddStringToObject(t, "phase", "1p");
    cJSON *water = cJSON_GetArrayItem(cJSON_GetObjectItem(t, "sensors"), 2);
    cJSON_AddFalseToObject(water, "enable");
    cJSON_AddNumberToObject(water, "rid", 0);
    char *text = cJSON_PrintUnformatted(t);
    reduces(text, "{}");
    cJSON_free(text);
    /* but the default stays where the file says something else */
    cJSON_ReplaceItemInObject(cJSON_GetObjectItem(t, "http"), "port", cJSON_CreateNumber(8080));
    text = cJSON_PrintUnformatted(t);
    reduces(text, "{'http':{'port':8080}}");
    cJSON_free(text);
    cJSON_Delete(t);
}

static void the_derived_id_is_not_kept(void **state)
{
    char id[IDENT_LEN + 1];
    cJSON *t = tree(file_text), *first = cJSON_GetArrayItem(cJSON_GetObjectItem(t, "sensors"), 0);

    (void)state;
    ident_sensor(DEVICE, 1, id);
    cJSON_AddStringToObject(first, "id", id);
    cJSON *layer = settings_reduce(file, t, DEVICE);
    same(layer, tree("{}"));
    ident_sensor(DEVICE, 2, id);
    cJSON_ReplaceItemInObject(first, "id", cJSON_CreateString(id));
    layer = settings_reduce(file, t, DEVICE);
    assert_string_equal(
        cJSON_GetObjectItem(cJSON_GetObjectItem(cJSON_GetObjectItem(layer, "sensors"), "1"), "id")->valuestring, id);
    cJSON_Delete(layer);
    cJSON_Delete(t);
}

static void one_choice_has_one_meaning(void **state)
{
    cJSON *f = tree("{'phase':3}"), *t = tree("{'phase':'3p+n'}");

    (void)state;
    same(settings_reduce(f, t, DEVICE), tree("{}"));
    cJSON_Delete(f);
    cJSON_Delete(t);
}

static void what_is_gone_is_null(void **state)
{
    (void)state;
    reduces("{'device':{'id':'" DEVICE "','name':'flukso'},'sensors':[{'ports':[1],'name':'main','enable':true}],"
            "'http':{'port':9000}}",
            "{'sensors':{'2':null,'4':null},'mqtt':null}");
    reduces("{'device':{'id':'" DEVICE "'}}",
            "{'device':{'name':null},'sensors':{'1':null,'2':null,'4':null},'mqtt':null,'http':null}");
}

/* ---- compose ---- */

/* Patches one after another: the layer at the end, which says of the file what the patches did to the tree. */
static void composes(const char *const *patches, size_t n, const char *want)
{
    cJSON *layer = tree("{}"), *now = cJSON_Duplicate(file, true);

    for (size_t i = 0; i < n; i++) {
        cJSON *patch = tree(patches[i]), *next = settings_compose(file, layer, patch, DEVICE);
        cJSON *then = settings_patch(now, patch), *merged = settings_merge(file, next, NULL);
        same(whole(merged), whole(then));
        cJSON_Delete(merged);
        cJSON_Delete(layer);
        cJSON_Delete(now);
        cJSON_Delete(patch);
        layer = next;
        now = then;
    }
    cJSON_Delete(now);
    same(layer, tree(want));
}

static void patches_add_up(void **state)
{
    static const char *const patches[] = {"{'sensors':{'1':{'name':'grid'}}}", "{'sensors':{'1':{'current':100}}}",
                                          "{'http':{'port':8000}}", "{'mqtt':{'username':null}}",
                                          "{'sensors':{'1':{'name':'main'}}}"};

    (void)state;
    composes(patches, ARRAY_LEN(patches),
             "{'sensors':{'1':{'current':100}},'http':{'port':8000},'mqtt':{'username':null}}");
}

/* A member that was removed and is given anew has nothing of what the file says of it. */
static void removed_and_given_anew(void **state)
{
    static const char *const patches[] = {"{'sensors':{'2':null},'mqtt':null}",
                                          "{'sensors':{'2':{'ports':[2],'name':'new'}},'mqtt':{'port':1884}}"};

    (void)state;
    composes(patches, ARRAY_LEN(patches),
             "{'sensors':{'2':{'name':'new','current':null,'enable':null}},"
             "'mqtt':{'host':null,'username':null,'tls':null,'port':1884}}");
}

static void a_sensor_that_moves_is_another(void **state)
{
    static const char *const patches[] = {"{'sensors':{'4':{'ports':[5]}}}", "{'sensors':{'5':{'name':'gas'}}}"};
    static const char *const swap[] = {"{'sensors':{'1':{'ports':[2]},'2':{'ports':[1]}}}"};

    (void)state;
    composes(patches, ARRAY_LEN(patches), "{'sensors':{'5':{'ports':[5],'name':'gas','type':'water'},'4':null}}");
    composes(swap, 1, "{'sensors':{'2':{'name':'main','current':null},'1':{'name':'solar','current':100}}}");
}

/* ---- what a patch may hold ---- */

/* The patch as it goes on, or its first error as "path: message". */
static void checks(const char *patch, const char *want)
{
    struct settings_errors errors = {0};
    cJSON *p = tree(patch), *w = whole(file), *got = settings_patch_check(p, file, w, &errors);
    char text[512];

    if (got) {
        assert_int_equal(errors.n, 0);
        same(got, tree(want));
    } else {
        snprintf(text, sizeof text, "%s: %s", errors.v[0].path, errors.v[0].message);
        assert_string_equal(text, want);
    }
    settings_errors_free(&errors);
    cJSON_Delete(p);
    cJSON_Delete(w);
}

static void a_patch_of_a_list_becomes_one_by_key(void **state)
{
    char patch[256], id[IDENT_LEN + 1], want[256];

    (void)state;
    checks("{'sensors':[{'ports':[2],'name':'roof'}]}", "{'sensors':{'2':{'ports':[2],'name':'roof'}}}");
    checks("{'sensors':{'2':{'name':'roof'},'3':null}}", "{'sensors':{'2':{'name':'roof'},'3':null}}");
    ident_sensor(DEVICE, 2, id);
    snprintf(patch, sizeof patch, "{'sensors':[{'id':'%s','name':'roof'}]}", id);
    checks(patch, "{'sensors':{'2':{'name':'roof'}}}");
    /* it is found by its id, and keeps it although it moves */
    snprintf(patch, sizeof patch, "{'sensors':[{'id':'%s','ports':[3]}]}", id);
    snprintf(want, sizeof want, "{'sensors':{'2':{'id':'%s','ports':[3]}}}", id);
    checks(patch, want);
    checks("{'sensors':[{'name':'roof'}]}", "sensors[0]: has neither ports nor the id of one that is there");
    checks("{'sensors':[7]}", "sensors[0]: is no object");
    checks("{'sensors':{'1':7}}", "sensors.1: is no object");
    checks("{'sensors':[{'ports':[2]},{'ports':[2]}]}", "sensors[1]: is given twice");
    checks("{'sensors':{'a b':7}}", "sensors[\"a b\"]: is no object");
    /* all that there may be can go, and as many come; nobody looks at more */
    checks("{'sensors':{'a':7,'b':{},'c':{},'d':{},'e':{},'f':{},'g':{},'h':{},'i':{},'j':{},'k':{},'l':{},'m':{}}}",
           "sensors: 13 members are more than 12");
    checks("{'sensors':{'a':7,'b':{},'c':{},'d':{},'e':{},'f':{},'g':{},'h':{},'i':{},'j':{},'k':{},'l':{}}}",
           "sensors.a: is no object");
}

static void a_patch_may_repeat_what_is_so(void **state)
{
    cJSON *w = whole(file);
    char *text = cJSON_PrintUnformatted(w);
    struct settings_errors errors = {0};
    cJSON *p = settings_patch_check(w, file, w, &errors);
    cJSON *after = settings_patch(file, p);

    (void)state;
    same(whole(after), cJSON_Duplicate(w, true)); /* and it is as good as before */
    same(settings_reduce(file, after, DEVICE), tree("{}"));
    assert_null(strstr(text, "\"key\""));
    cJSON_free(text);
    cJSON_Delete(after);
    cJSON_Delete(p);
    cJSON_Delete(w);
}

/* The port follows from TLS; said beside a change of it, it is meant. */
static void what_follows_is_not_pinned(void **state)
{
    (void)state;
    checks("{'mqtt':{'port':8883,'host':'h'}}", "{'mqtt':{'host':'h'}}");
    checks("{'mqtt':{'port':8883,'tls':null}}", "{'mqtt':{'port':8883,'tls':null}}");
    checks("{'sensors':{'1':{'class':'analog','ports':[1],'voltage':231}}}",
           "{'sensors':{'1':{'ports':[1],'voltage':231}}}");
    checks("{'sensors':{'1':{'class':'analog','ports':[5]}}}", "{'sensors':{'1':{'class':'analog','ports':[5]}}}");
}

static void what_people_may_not_say(void **state)
{
    (void)state;
    checks("{'device':{'key':'0123456789abcdef0123456789abcdef'}}",
           "device.key: is a secret: use PUT /api/v1/secrets/device.key");
    checks("{'device':{'key':null}}", "device.key: is a secret: use PUT /api/v1/secrets/device.key");
    checks("{'mqtt':{'password_file':'/etc/shadow'}}",
           "mqtt.password_file: is said by the administrator's file alone; use PUT /api/v1/secrets/mqtt.password");
    checks("{'storage':{'path':'/elsewhere'}}", "storage.path: is said by the administrator's file alone");
    checks("{'version':null}", "version: is said by the administrator's file alone");
    checks("{'version':1,'device':{'id':'" DEVICE "'}}", "{'device':{}}");
    checks("{'device':{'id':'00000000000000000000000000000000'}}",
           "device.id: is said by the administrator's file alone");
    checks("{'nonsense':null}", "nonsense: unknown key");
    checks("{'mqtt':{'prot':1}}", "mqtt.prot: unknown key");
    checks("{'mqtt':{'password':'x'}}", "mqtt.password: is a secret: use PUT /api/v1/secrets/mqtt.password");
    checks("{'influx':{'token':'x'}}", "influx.token: is a secret: use PUT /api/v1/secrets/influx.token");
    checks("{'phase':'1p','phase':'3p-n'}", "phase: is given twice");
    checks("[]", "settings: is no object");
}

static void numbers_go_first(void **state)
{
    cJSON *t = tree("{'sensors':[{'name':'x'},{'ports':[5]},{'ports':[10]},7,{'ports':[6,4]}]}");

    (void)state;
    settings_sort(t);
    same(t, tree("{'sensors':[{'ports':[6,4]},{'ports':[5]},{'ports':[10]},{'name':'x'},7]}"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(no_layer_is_the_file),
        T(members_of_objects),
        T(members_of_lists_by_key),
        T(the_lowest_port_is_the_key),
        T(later_edits_of_other_members_count),
        T(what_lost_its_base_is_ignored),
        T(what_only_the_file_says_is_ignored),
        T(a_wrong_file_is_left_alone),
        T(what_equals_the_file_is_not_kept),
        T(defaults_are_not_kept),
        T(the_derived_id_is_not_kept),
        T(one_choice_has_one_meaning),
        T(what_is_gone_is_null),
        T(patches_add_up),
        T(removed_and_given_anew),
        T(a_sensor_that_moves_is_another),
        T(a_patch_of_a_list_becomes_one_by_key),
        T(a_patch_may_repeat_what_is_so),
        T(what_follows_is_not_pinned),
        T(what_people_may_not_say),
        T(numbers_go_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
