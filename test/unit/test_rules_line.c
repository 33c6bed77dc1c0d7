/* What lines with telegrams are judged by. */
#include "unit.h"

#include "meters_house.h"

#define P1 "'protocol':'p1'"

static const struct {
    const char *text, *want;
} rules[] = {
    {"{'lines':[{'device':'/dev/a','name':'x'," P1 "}]}", "lines[0].key: is missing\n"},
    {"{'lines':[{'key':'A','device':'/dev/a','name':'x'," P1 "}]}",
     "lines[0].key: \"A\" is not a key of a-z, 0-9, '_' and '-'\n"},
    {"{'lines':[{'key':'a','device':'/dev/a','name':'x'}]}", "lines[0].protocol: is missing\n"},
    {"{'lines':[{'key':'a','device':'/dev/a','name':'x','protocol':'sml'}]}",
     "lines[0].protocol: \"sml\" is not one of p1, d0, tic, tic-historique\n"},
    {"{'lines':[{'key':'a','name':'x'," P1 "}]}",
     "lines[0].device: is missing: the path of a serial line, or tcp of a host that passes its bytes on, or board\n"},
    {"{'lines':[{'key':'a','name':'x','board':false," P1 "}]}",
     "lines[0].device: is missing: the path of a serial line, or tcp of a host that passes its bytes on, or board\n"},
    {"{'lines':[{'key':'a','name':'x','device':'a'," P1 "}]}", "lines[0].device: \"a\" is not an absolute path\n"},
    {"{'lines':[{'key':'a','name':'x','tcp':{'host':'h'}," P1 "}]}", "lines[0].tcp.port: is missing\n"},
    {"{'lines':[{'key':'a','name':'x','tcp':{'host':'h','port':1},'device':'/dev/a'," P1 "}]}",
     "lines[0].tcp: is given beside device: one of the ways\n"},
    {"{'board':{'protocol':'flm02','device':'/dev/b'},"
     "'lines':[{'key':'a','name':'x','tcp':{'host':'h','port':1},'board':true," P1 "}]}",
     "lines[0].board: is given beside tcp: one of the ways\n"},
    {"{'lines':[{'key':'a','name':'x','tcp':{'host':'h','port':1},'baud':9600,'format':'8N1'," P1 "}]}",
     "lines[0].baud: a line with tcp has none\nlines[0].format: a line with tcp has none\n"},
    {"{'board':{'protocol':'flm02','device':'/dev/b'},'lines':[{'key':'a','name':'x','board':true,'baud':9600," P1
     "}]}",
     "lines[0].baud: a line with board has none\n"},
    {"{'lines':[{'key':'a','device':'/dev/a'," P1 "}]}", "lines[0].name: is missing: an enabled line has one\n"},
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a','format':'7N1','baud':300," P1 "}]}",
     "lines[0].format: \"7N1\" is not one of 8N1, 7E1, 8E1, 7O1, 8N2\n"
     "lines[0].baud: 300 is not one of 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600\n"},
    /* twice */
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a'," P1 "},{'key':'a','name':'x','device':'/dev/a'," P1 "}]}",
     "lines[1].key: a is the key of lines[0] too\nlines[1].name: x is the name of lines[0] too\n"
     "lines[1].device: /dev/a is the device of lines[0] too\n"},
    {"{'board':{'protocol':'flx','device':'/dev/a'},'lines':[{'key':'a','name':'x','device':'/dev/a'," P1 "}]}",
     "lines[0].device: /dev/a is the board's\n"},
    {"{'buses':[{'key':'z','tcp':{'host':'h'}},{'key':'a','device':'/dev/a'}],"
     "'lines':[{'key':'a','name':'x','device':'/dev/a'," P1 "}]}",
     "lines[0].device: /dev/a is the device of buses[1] too\n"},
    {"{'sensors':[{'name':'x','ports':[1]}],'lines':[{'key':'a','name':'x','device':'/dev/a'," P1 "}]}",
     "lines[0].name: x is the name of sensors[0] too\n"},
    {"{'sensors':[{'name':'x gas','ports':[1]}],'lines':[{'key':'a','name':'x','device':'/dev/a'," P1 "}]}",
     "lines[0].name: x gas is the name of sensors[0] too\n"},
    /* the board's port */
    {"{'lines':[{'key':'a','name':'x','board':true," P1 "}]}",
     "lines[0].board: an flm02 board has a port for it, and board.protocol is none\n"},
    {"{'board':{'protocol':'flx','device':'/dev/b'},'lines':[{'key':'a','name':'x','board':true," P1 "}]}",
     "lines[0].board: an flm02 board has a port for it, and board.protocol is flx\n"},
    {"{'board':{'protocol':'flm','device':'/dev/b'},'lines':[{'key':'a','name':'x','board':true," P1 "}]}",
     "board.protocol: \"flm\" is not one of none, flm02, flx\n"},
    {"{'board':{'protocol':'flm02','device':'/dev/b'},'lines':[{'key':'a','name':'x','board':true,'enable':false," P1
     "},{'key':'b','name':'y','board':true," P1 "},{'key':'c','name':'z','board':true," P1 "}]}",
     "lines[2].board: lines[1] has the board's port\n"},
    /* turning it round */
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a','invert':true," P1 "}]}",
     "lines[0].invert: the driver of a serial port cannot; use an inverting cable\n"},
    {"{'lines':[{'key':'a','name':'x','tcp':{'host':'h','port':1},'invert':true," P1 "}]}",
     "lines[0].invert: a line with tcp has none: who passes its bytes on has to turn them\n"},
    /* asking */
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a','pull':true,'interval':60," P1 "}]}",
     "lines[0].pull: a line with protocol p1 has none\nlines[0].interval: a line with protocol p1 has none\n"},
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a','pull':true,'protocol':'tic'}]}",
     "lines[0].pull: a line with protocol tic has none\n"},
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a','interval':60,'protocol':'d0'}]}",
     "lines[0].interval: needs pull: a meter that is not asked sends when it likes\n"},
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a','pull':true,'interval':4,'protocol':'d0'}]}",
     "lines[0].interval: 4 is not in 5 to 3600\n"},
    {"{'board':{'protocol':'flm02','device':'/dev/b'},'lines':[{'key':'a','name':'x','board':true,'pull':true,"
     "'protocol':'d0'}]}",
     "lines[0].pull: nothing can be sent by the board's port\n"},
    {"{'lines':[{'key':'a','name':'x','device':'/dev/a','current':0," P1 "}]}",
     "lines[0].current: 0 is not in 1 to 10000\n"},
    {"{'lines':['x']}", "lines[0]: \"x\" is not an object\n"},
};

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        bad(rules[i].text, rules[i].want);
}

static void what_is_allowed(void **state)
{
    static const char *const texts[] = {
        "{'lines':[{'key':'a','device':'/dev/a'," P1 ",'enable':false}]}",
        /* what is off takes no device */
        "{'lines':[{'key':'a','name':'x','device':'/dev/a'," P1
        "},{'key':'b','name':'y','device':'/dev/a','enable':false," P1 "}]}",
        "{'buses':[{'key':'a','device':'/dev/a','enable':false}],'lines':[{'key':'a','name':'x','device':'/dev/a'," P1
        "}]}",
        /* two may come from one host, also by one port */
        "{'lines':[{'key':'a','name':'x','tcp':{'host':'h','port':23}," P1 "},"
        "{'key':'b','name':'y','tcp':{'host':'h','port':24}," P1 "}]}",
        /* the board's port may have a Modbus meter's sensor beside it: that one comes by a bus */
        "{'board':{'protocol':'flm02','device':'/dev/b'},'lines':[{'key':'a','name':'x','board':true,'invert':true," P1
        "}],'sensors':[{'name':'main','ports':[6],'meter':'m','enable':true}],"
        "'buses':[{'key':'a','device':'/dev/a','meters':[{'key':'m','name':'m','unit':1," SDM120 "}]}]}",
        /* kept for another board */
        "{'board':{'protocol':'flx','device':'/dev/b'},'lines':[{'key':'a','board':true,'enable':false," P1 "}]}",
        /* what says nothing may be said */
        "{'lines':[{'key':'a','name':'x','device':'/dev/a','board':false,'invert':false,'pull':false," P1 "}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        settings_free(good(texts[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_rule, setup),
        cmocka_unit_test_setup(what_is_allowed, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
