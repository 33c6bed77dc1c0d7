/* Any sequence of patches: what a restart makes of file and layer is what is in force, and the layer is the smallest.
 */
#include "unit.h"

#include "settings_house.h"

#include <time.h>

static const char plain[] = "{'sensors':[{'ports':[4],'name':'water','type':'water','enable':true},"
                            "{'ports':[1],'name':'main','enable':true},{'ports':[2],'name':'solar','enable':true}]}";

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
static const char *const sensors[][7] = {
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
static const char *const ports[][7] = {
    {"'name':", "'a'", "'b'", "'c'", "'port 2'", "null", "'/'"},
    {"'port':", "1", "2", "4", "5", "null", "8"},
    {"'class':", "'ct'", "'pulse'", "null", "null", "'uart'", "'analog'"},
    {"'type':", "'electricity'", "'water'", "'pellet'", "null", "'gas'", "'x'"},
    {"'enable':", "true", "true", "false", "null", "true", "true"},
    {"'current':", "50", "100", "250", "null", "500", "60"},
    {"'constant':", "1", "0.5", "10", "null", "1", "0"},
    {"'trigger':", "'edge'", "'level'", "null", "'edge'", "'level'", "1"},
    {"'shift':", "0", "3", "5", "null", "1", "6"},
    {"'flip':", "true", "false", "null", "true", "false", "0"},
    {"'report':", "true", "false", "null", "false", "true", "true"},
    {"'rid':", "0", "5", "null", "1", "7", "-1"},
    {"'ids':", "{}", "{'pplus':'00000000000000000000000000000001'}", "{'pulse':'00000000000000000000000000000003'}",
     "null", "{'pplus':null}", "{'x':null}"},
};
static const char *const derives[][7] = {
    {"'name':", "'d'", "'e'", "'f'", "'grid'", "null", "'/'"},
    {"'key':", "'k1'", "'grid'", "'k2'", "'k3'", "null", "'K'"},
    {"'kind':", "'sum'", "'net'", "null", "'net'", "'sum'", "'x'"},
    {"'enable':", "true", "false", "null", "true", "false", "1"},
    {"'of':", "['port 1 pplus']", "['a','b']", "['port 1 pplus','port 3 pplus']", "null", "['port 2 irms']", "[1]"},
    {"'factors':", "1", "[1,-0.001]", "-2.5", "null", "[1]", "2000"},
    {"'minus':", "['port 1 pminus']", "[]", "null", "['b']", "['port 3 pminus']", "['']"},
    {"'report':", "true", "false", "null", "false", "true", "true"},
    {"'rid':", "0", "5", "null", "1", "7", "-1"},
    {"'ids':", "{}", "{'sum':'00000000000000000000000000000004'}", "{'import':'00000000000000000000000000000005'}",
     "null", "{'sum':null}", "{'x':null}"},
};

static const char *const buses[][7] = {
    {"'key':", "'line1'", "'gw'", "'line2'", "null", "'k'", "'K'"},
    {"'device':", "'/dev/a'", "'/dev/b'", "null", "'/dev/c'", "'/dev/x'", "1"},
    {"'tcp':", "{'host':'h'}", "null", "{'host':'h','port':503}", "{'framing':'rtu'}", "{'host':null}", "{'x':1}"},
    {"'enable':", "true", "false", "null", "true", "false", "1"},
    {"'baud':", "9600", "115200", "null", "19200", "9600", "1"},
    {"'parity':", "'N'", "'E'", "null", "'O'", "'N'", "'none'"},
    {"'proxy':", "{'port':5020}", "null", "{'listen':'::1'}", "{'port':0}", "{'port':8080}", "{}"},
    {"'meters':", "{'boiler':{'unit':1,'name':'x','model':'eastron-sdm120'}}",
     "[{'unit':2,'name':'y','model':'abb-b23'},{'unit':4,'name':'\u00c9'}]",
     "{'boiler':{'interval':2,'name':'Kettle'},'x':null}", "{'boiler':{'quantities':['power']},'2':{'timeout':1}}",
     "{'boiler':{'key':null,'name':'\u00e9'},'y':{'enable':false}}",
     "{'boiler':{'model':'eastron-sdm630','rid':4},'y':{'key':'boiler'}}"},
    {"'meters':", "{'1':{'name':'z'},'boiler':{'id':'00000000000000000000000000000004'}}", "null",
     "[{'key':'y','unit':3,'model':'eastron-sdm120','name':'e'}]", "{'boiler':null}", "{'x':{'unit':1}}",
     "{'boiler':{'timeout':0.5,'current':1000,'pause':0.005}}"},
};

static const char *const lines[][7] = {
    {"'name':", "'a'", "'meter'", "'x'", "'y'", "'port 1'", "''"},
    {"'device':", "'/dev/p'", "'/dev/q'", "'/dev/r'", "'/dev/s'", "'/dev/x'", "1"},
    {"'tcp':", "null", "{'host':'h','port':23}", "null", "{'port':24}", "null", "{'host':null}"},
    {"'board':", "false", "null", "false", "true", "null", "1"},
    {"'protocol':", "'p1'", "'d0'", "'tic'", "'tic-historique'", "'d0'", "'sml'"},
    {"'enable':", "true", "false", "null", "true", "false", "1"},
    {"'baud':", "9600", "115200", "null", "1200", "2400", "1"},
    {"'format':", "'7E1'", "'8N1'", "null", "'8E1'", "'7O1'", "'8n1'"},
    {"'invert':", "false", "null", "true", "false", "null", "1"},
    {"'pull':", "false", "true", "null", "true", "false", "'yes'"},
    {"'interval':", "60", "5", "null", "3600", "null", "4"},
    {"'report':", "true", "false", "null", "false", "true", "1"},
    {"'current':", "100", "40", "null", "1", "100", "0"},
    {"'id':", "null", "'00000000000000000000000000000006'", "'00000000000000000000000000000001'", "null", "null", "7"},
    {"'rid':", "0", "5", "null", "1", "7", "-1"},
};

/* The lists of objects: how a patch of one may look. */
static const struct list {
    const char *path;
    const char *const (*members)[7];
    size_t n_members;
    const char *const keys[7];
} lists[] = {
    {"sensors", sensors, ARRAY_LEN(sensors), {"1", "2", "3", "4", "5", "6", "1"}},
    {"ports", ports, ARRAY_LEN(ports), {"1", "2", "3", "4", "5", "6", "7"}},
    {"derive", derives, ARRAY_LEN(derives), {"grid", "k1", "k2", "k3", "grid", "k1", "k2"}},
    {"lines", lines, ARRAY_LEN(lines), {"p1", "linky", "heat", "p1", "x", "heat", "linky"}},
    {"buses", buses, ARRAY_LEN(buses), {"line1", "line2", "gw", "line1", "gw", "line1", "line2"}},
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
    "'ports':[]",
    "'ports':null",
    "'ports':{'1':null,'2':null,'3':null}",
    "'derive':null",
    "'derive':[]",
    "'flukso':{}",
    "'board':{'protocol':'flm02','device':'/dev/x'}",
    "'board':{'protocol':null}",
    "'board':{'protocol':'flx','device':'/dev/x'}",
    "'board':{'waveforms':true,'led_mode':7}",
    "'board':{'baud':null}",
    "'buses':null",
    "'buses':[]",
    "'buses':{'line1':{'meters':[]}}",
    "'buses':{'line1':{'meters':{'boiler':{'unit':6,'key':'boiler'}}}}",
    "'buses':{'line1':{'device':null,'tcp':{'host':'h'},'baud':null,'parity':null}}",
    "'buses':{'line2':{'device':'/dev/b','meters':{'solar':{'unit':1,'name':'s','model':'abb-b23'}}}}",
    "'sensors':{'6':{'ports':[6],'name':'f','meter':'boiler','enable':true}}",
    "'sensors':{'6':{'meter':'solar'}}",
    "'sensors':{'6':{'meter':null}}",
    "'nonsense':1",
};

static size_t put_member(char *to, size_t room, const struct list *l, unsigned *seed)
{
    size_t len = (size_t)snprintf(to, room, "{");

    for (size_t i = 0; i < l->n_members; i++)
        if (next_random(seed) % 5 == 0)
            len += (size_t)snprintf(to + len, room - len, "%s%s%s", len > 1 ? "," : "", l->members[i][0],
                                    pick(seed, l->members[i] + 1, next_random(seed) % 8 ? 4 : 6));
    return len + (size_t)snprintf(to + len, room - len, "}");
}

static size_t put_list(char *to, size_t room, const struct list *l, unsigned *seed)
{
    unsigned n = 1 + next_random(seed) % 3, first = next_random(seed) % ARRAY_LEN(l->keys);
    size_t len = (size_t)snprintf(to, room, "'%s':{", l->path);

    for (unsigned i = 0; i < n && first + i < ARRAY_LEN(l->keys) - 1; i++) {
        len += (size_t)snprintf(to + len, room - len, "%s'%s':", i ? "," : "", l->keys[first + i]);
        len += next_random(seed) % 12 ? put_member(to + len, room - len, l, seed)
                                      : (size_t)snprintf(to + len, room - len, "null");
    }
    return len + (size_t)snprintf(to + len, room - len, "}");
}

static cJSON *random_patch(unsigned *seed)
{
    char text[4096] = "{";
    size_t len = 1;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (next_random(seed) % 5 > 1)
            continue;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", len > 1 ? "," : "");
        len += put_list(text + len, sizeof text - len, &lists[i], seed);
    }
    if (len == 1 || next_random(seed) % 3 == 0)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len > 1 ? "," : "",
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
    if (!cJSON_Compare(least, h->saved, true)) {
        char *a = cJSON_PrintUnformatted(h->saved), *b = cJSON_PrintUnformatted(least);
        fail_msg("seed %u: the layer is %s\nthe smallest %s", seed, a, b);
    }
    cJSON_Delete(merged);
    cJSON_Delete(least);
}

/* The list member of this key in what is in force, by its own key; NULL: it is not there, or another was moved to it.
 */
static const cJSON *in_force(const cJSON *list, const cJSON *part, const char *key)
{
    static const char *const keys[] = {"port", "key", "ports"};

    for (const cJSON *v = list ? list->child : NULL; v; v = v->next) {
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            const cJSON *k = cJSON_GetObjectItem(v, keys[i]), *one = cJSON_IsArray(k) ? k->child : k;
            char text[32] = "";
            if (cJSON_IsNumber(one))
                snprintf(text, sizeof text, "%d", one->valueint);
            else if (cJSON_IsString(one))
                snprintf(text, sizeof text, "%s", one->valuestring);
            if (strcmp(text, key) == 0 && !cJSON_GetObjectItem(part, keys[i]))
                return v;
        }
    }
    return NULL;
}

/* What was taken is in force, where it is of the board at hand. */
static size_t is_said(const struct house *h, const cJSON *patch, unsigned seed)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const cJSON *list = cJSON_GetObjectItem(h->whole, lists[i].path),
                    *parts = cJSON_GetObjectItem(patch, lists[i].path);
        for (const cJSON *p = parts ? parts->child : NULL; p; p = p->next) {
            const cJSON *now = in_force(list, p, p->string);
            for (const cJSON *v = now ? p->child : NULL; v; v = v->next) {
                const cJSON *is = cJSON_GetObjectItem(now, v->string);
                if (!is || cJSON_IsNull(v) || cJSON_IsObject(v) || cJSON_IsArray(v) != cJSON_IsArray(is) ||
                    (cJSON_IsArray(v) && (!v->child || cJSON_IsObject(v->child))))
                    continue;
                if (strcmp(v->string, "rid") != 0 && !cJSON_Compare(is, v, true)) /* rid is raised beside a type */
                    fail_msg("seed %u: %s.%s.%s is not what was said", seed, lists[i].path, p->string, v->string);
                n++;
            }
        }
    }
    return n;
}

static void any_patches_and_a_restart(void **state)
{
    static const char *const files[] = {
        "{}",
        plain,
        "{'board':{'protocol':'flx','device':'/dev/x'}}",
        "{'board':{'protocol':'flx','device':'/dev/x','baud':460800},'phase':'3p+n','ports':[{'port':4,'name':'b',"
        "'type':'water'},{'port':1,'name':'a','enable':true,'ids':{'pplus':'00000000000000000000000000000009'}},"
        "{'port':3,'name':'port 3','enable':true}],'derive':[{'key':'k1','name':'d','of':['a pplus','port 3 pplus'],"
        "'factors':[1,-0.001]}]}",
        "{'board':{'protocol':'flx','device':'/dev/x'},'phase':'3p-n','ports':[]}",
        "{'phase':'3p+n','sensors':[{'ports':[1,2,3],'name':'main','current':[100,100,100],'enable':true},"
        "{'ports':[2],'name':'b'},{'ports':[4],'name':'gas','type':'gas','enable':true,'rid':4}],"
        "'mqtt':{'host':'h','tls':{'ca_file':'/ca'}},'influx':{'url':'http://h','db':'d','interval':10}}",
        "{'buses':[{'key':'line1','device':'/dev/a','meters':[{'name':'Boiler','unit':1,'model':'eastron-sdm120'},"
        "{'unit':9,'model':'abb-b23','enable':false},{'key':'z','name':'z','unit':4,'model':'eastron-sdm630',"
        "'quantities':['power','energy_total'],'timeout':0.4}]},{'key':'gw','tcp':{'host':'h'}}],"
        "'sensors':[{'ports':[6],'name':'main','meter':'boiler','enable':true}]}",
        "{'board':{'protocol':'flx','device':'/dev/x'},'buses':[{'key':'line1','device':'/dev/"
        "a','parity':'E','meters':["
        "{'key':'boiler','name':'b','unit':1,'model':'orno-we516-517','id':'00000000000000000000000000000008'}]}]}",
        "{'board':{'protocol':'flm02','device':'/dev/x'},'lines':[{'key':'p1','name':'meter','board':true,"
        "'invert':true,'protocol':'p1','report':true,'id':'00000000000000000000000000000007'},"
        "{'key':'heat','name':'heat','device':'/dev/p','protocol':'d0','pull':true,'interval':300},"
        "{'key':'linky','name':'linky','device':'/dev/q','protocol':'tic-historique'}]}"};
    const char *given = getenv("FLUKSOD_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL), good = 0, bad = 0;
    size_t said = 0;

    (void)state;
    print_message("seed %u (FLUKSOD_SEED)\n", seed);
    for (unsigned round = 0; round < 36; round++) {
        unsigned own = seed + round;
        struct house h = house(files[round % ARRAY_LEN(files)]);
        h.board_minor = (int)(round % 4) - 1;
        for (unsigned i = 0; i < 60; i++) {
            cJSON *p = random_patch(&own);
            cJSON *before = cJSON_Duplicate(h.saved, true);
            bool ok = patch(&h, p);
            *(ok ? &good : &bad) += 1;
            said += ok ? is_said(&h, p, seed + round) : 0;
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
    print_message("%u taken, %u refused, %zu members in force\n", good, bad, said);
    assert_true(good > 150 && bad > 150 && said > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_patches_and_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
