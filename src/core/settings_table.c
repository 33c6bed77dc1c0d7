#include "core/settings_table.h"

#include "core/ident.h"
#include "core/settings.h"
#include "core/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

static_assert(sizeof(enum phase) == sizeof(int) && sizeof(enum sensor_class) == sizeof(int) &&
                  sizeof(enum port_trigger) == sizeof(int) && sizeof(enum derive_kind) == sizeof(int),
              "choices are stored as int");

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static bool is_key(const char *text)
{
    return text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz_-")] == '\0';
}

static bool is_path(const char *text)
{
    if (*text != '/')
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ')
            return false;
    return true;
}

#define DIGITS          "0123456789"
#define HOST_CHARACTERS DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-"
#define PATH_CHARACTERS HOST_CHARACTERS "/%~+@"

static bool is_host(const char *text)
{
    return text[strspn(text, HOST_CHARACTERS ":%")] == '\0';
}

static bool is_host_name(const char *text)
{
    return text[strspn(text, HOST_CHARACTERS)] == '\0';
}

static bool is_ipv6(const char *text)
{
    struct in6_addr a;

    return inet_pton(AF_INET6, text, &a) == 1;
}

static bool is_ipv4_or_localhost(const char *text)
{
    struct in_addr a;

    return strcmp(text, "localhost") == 0 || inet_pton(AF_INET, text, &a) == 1;
}

static bool is_address(const char *text)
{
    return is_ipv4_or_localhost(text) || is_ipv6(text);
}

/* The first n characters of a text that goes on with no digit. */
static bool is_port(const char *text, size_t n)
{
    return n > 0 && n <= 5 && *text != '0' && strspn(text, DIGITS) == n && strtoul(text, NULL, 10) <= 65535;
}

/* "127.0.0.1:8080", "[::1]:8080" */
static bool is_endpoint(const char *text)
{
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    size_t n = colon ? (size_t)(colon - text) : 0;

    if (n == 0 || n >= sizeof host || !is_port(colon + 1, strlen(colon + 1)))
        return false;
    memcpy(host, text, n);
    if (host[0] != '[' || host[n - 1] != ']')
        return is_ipv4_or_localhost(host);
    host[n - 1] = '\0';
    return is_ipv6(host + 1);
}

/* The host that a text begins with, a name or an address, of IPv6 in brackets: its length, 0 when it is none. */
static size_t host_length(const char *text)
{
    char inside[INET6_ADDRSTRLEN] = "";
    size_t n = strcspn(text, "]");

    if (*text != '[')
        return strspn(text, HOST_CHARACTERS);
    if (text[n] != ']' || n > sizeof inside)
        return 0;
    memcpy(inside, text + 1, n - 1);
    return is_ipv6(inside) ? n + 1 : 0;
}

/* What follows is put together from other settings: no query and no fragment. A user's password has its file. */
static bool is_url(const char *text)
{
    const char *p = text + (strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0);
    size_t n = host_length(p);

    if (p == text || n == 0)
        return false;
    p += n;
    if (*p == ':') {
        n = strspn(++p, DIGITS);
        if (!is_port(p, n))
            return false;
        p += n;
    }
    return *p == '\0' || (*p == '/' && p[strspn(p, PATH_CHARACTERS)] == '\0');
}

/* S2: letters of any language, digits, `_`, space, `-`. Above ASCII all counts as a letter (marks and symbols
 * of all scripts too) but for what cannot be seen or breaks a line: C1 controls, spaces, format characters,
 * the block "general punctuation", private use, non-characters, tags. */
static bool is_name(const char *text)
{
    static const uint32_t refused[][2] = {{0x80, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},     {0x1680, 0x1680},
                                          {0x180e, 0x180e}, {0x2000, 0x206f}, {0x3000, 0x3000},   {0xe000, 0xf8ff},
                                          {0xfeff, 0xfeff}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff}};
    const char *end = text + strlen(text);
    uint32_t c;

    for (size_t n; text < end; text += n) {
        n = utf8_next(text, end, &c);
        if (n == 0)
            return false;
        if (c < 0x80 && !(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !strchr("_ -", (int)c))
            return false;
        for (size_t i = 0; i < ARRAY_LEN(refused); i++)
            if (c >= refused[i][0] && c <= refused[i][1])
                return false;
    }
    return true;
}

static const struct setting_format an_id = {"32 lower-case hex digits", sensor_id_valid, "^[0-9a-f]{32}$"};
static const struct setting_format a_key = {"a key of a-z, 0-9, '_' and '-'", is_key, "^[0-9a-z_-]*$"};
static const struct setting_format printable = {"a text of printable ASCII characters", is_printable, "^[ -~]*$"};
static const struct setting_format path = {"an absolute path", is_path, "^/[^\\u0000-\\u001f]*$"};
static const struct setting_format host = {"a host name or address", is_host, "^[0-9A-Za-z.:_%-]*$"};
static const struct setting_format host_name = {"a host name or IPv4 address, without a port", is_host_name,
                                                "^[0-9A-Za-z._-]*$"};
static const struct setting_format address = {
    "an IPv4 or IPv6 address or localhost", is_address,
    "^([0-9]+([.][0-9]+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|localhost)$"};

#define IPV6_PATTERN "\\[[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\\]"
#define PORT_PATTERN ":([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

static const struct setting_format endpoint = {"an address and a port (127.0.0.1:8081, [::1]:8081)", is_endpoint,
                                               "^([0-9]+([.][0-9]+){3}|" IPV6_PATTERN "|localhost)" PORT_PATTERN "$"};
static const struct setting_format url = {
    "http or https, host, perhaps port and path (https://host:8086/path), without user or query", is_url,
    "^https?://([0-9A-Za-z._-]+|" IPV6_PATTERN ")(" PORT_PATTERN ")?(/[0-9A-Za-z._/%~+@-]*)?$"};
static const struct setting_format name = {
    "a name of letters, digits, '_', spaces and '-'", is_name,
    "^([0-9A-Za-z_ -]|[^\\u0000-\\u00a0\\u00ad\\u061c\\u1680\\u180e\\u2000-\\u206f\\u3000"
    "\\ue000-\\uf8ff\\ufeff\\ufff0-\\uffff\U000e0000-\U0010ffff])*$"};

static const struct setting_choice versions[] = {{"1", SETTINGS_VERSION, true}, {0}};
const struct setting_choice settings_protocols[] = {
    {"none", BOARD_NONE, false}, {"flm02", BOARD_FLM02, false}, {"flx", BOARD_FLX, false}, {0}};
/* S3. 1 and 3 is what the historical device kept. */
const struct setting_choice settings_phases[] = {{"1p", PHASE_1P, false},   {"3p+n", PHASE_3PN, false},
                                                 {"3p-n", PHASE_3P, false}, {"1", PHASE_1P, true},
                                                 {"3", PHASE_3PN, true},    {0}};
static const struct setting_choice classes[] = {
    {"analog", SENSOR_ANALOG, false}, {"pulse", SENSOR_PULSE, false}, {"uart", SENSOR_UART, false}, {0}};
static const struct setting_choice port_classes[] = {
    {"ct", SENSOR_CT, false}, {"pulse", SENSOR_PULSE, false}, {"uart", SENSOR_UART, false}, {0}};
static const struct setting_choice triggers[] = {{"edge", TRIGGER_EDGE, false}, {"level", TRIGGER_LEVEL, false}, {0}};
static const struct setting_choice derive_kinds[] = {{"sum", DERIVE_SUM, false}, {"net", DERIVE_NET, false}, {0}};
static const struct setting_choice types[] = {{"electricity", SENSOR_ELECTRICITY, false},
                                              {"water", SENSOR_WATER, false},
                                              {"gas", SENSOR_GAS, false},
                                              {"heat", SENSOR_HEAT, false},
                                              {"fuel", SENSOR_FUEL, false},
                                              {"pellet", SENSOR_PELLET, false},
                                              {"other", SENSOR_OTHER, false},
                                              {0}};
static const struct setting_choice clamps[] = {
    {"50", 50, true}, {"100", 100, true}, {"250", 250, true}, {"500", 500, true}, {0}};
static void derive_sensor_id(const char *device_id, const char *key, char id[33])
{
    ident_sensor(device_id, (int)strtol(key, NULL, 10), id);
}

/* S4: a sensor's number is its lowest port. */
static const struct setting_key lowest_port = {{"ports"}, derive_sensor_id};
static const struct setting_key by_port = {{"port"}, NULL};
static const struct setting_key by_key = {{"key"}, NULL};

static const struct setting_choice bauds[] = {
    {"1200", 1200, true},     {"2400", 2400, true},     {"4800", 4800, true},     {"9600", 9600, true},
    {"19200", 19200, true},   {"38400", 38400, true},   {"57600", 57600, true},   {"115200", 115200, true},
    {"230400", 230400, true}, {"460800", 460800, true}, {"921600", 921600, true}, {0}};

#define TOP(member)    .offset = offsetof(struct settings, member)
#define SENSOR(member) .offset = offsetof(struct sensor_settings, member)
#define PORT(member)   .offset = offsetof(struct port_settings, member)
#define DERIVE(member) .offset = offsetof(struct derive_settings, member)
#define A_PATH         .min = 1, .max = 1024, .format = &path
#define A_NAME         .min = 1, .max = 64, .format = &name
#define A_URL          .min = 1, .max = 256, .format = &url, .flags = SETTING_SECRET_IF_BAD
#define A_PORT         .min = 1, .max = 65535
#define A_SECRET(name) .instead = "PUT /api/v1/secrets/" name
#define AN_ID          .min = 32, .max = 32, .format = &an_id

/* What the members of one class alone have. */
#define OF_SENSORS(name) .only = 1 + (name), .only_at = offsetof(struct sensor_settings, class)
#define OF_PORTS(name)   .only = 1 + (name), .only_at = offsetof(struct port_settings, class)
#define OF_DERIVE(name)  .only = 1 + (name), .only_at = offsetof(struct derive_settings, kind)

/* The id of one of the sensors that a clamp makes. */
#define CLAMP_ID(name, subtype)                                                                                        \
    {                                                                                                                  \
        "ports[*].ids." name, SETTING_TEXT, PORT(ids[subtype]), AN_ID, OF_PORTS(SENSOR_CT),                            \
            .help = "Id of the port's sensor " name "."                                                                \
    }

const struct setting settings_table[] = {
    {"version", SETTING_CHOICE, TOP(version), .choices = versions, .def = SETTINGS_VERSION, .flags = SETTING_FILE_ONLY,
     .help = "Version of the form of these settings."},
    {"device", SETTING_OBJECT, .help = "The gateway itself."},
    {"device.id", SETTING_TEXT, TOP(device.id), .min = 32, .max = 32, .format = &an_id, .flags = SETTING_FILE_ONLY,
     .help = "Id of the device; drawn at first start and kept in the state directory when not given."},
    {"device.serial", SETTING_TEXT, TOP(device.serial), .min = 1, .max = 64, .format = &printable,
     .help = "Serial number on the case."},
    {"device.key", SETTING_TEXT, TOP(device.key), .min = 32, .max = 32, .format = &printable, .flags = SETTING_SECRET,
     A_SECRET("device.key"), .help = "Secret that the device and the Flukso server share."},
    {"device.key_file", SETTING_TEXT, TOP(device.key_file), A_PATH, .flags = SETTING_FILE_ONLY, A_SECRET("device.key"),
     .help = "File that holds the key."},
    {"device.name", SETTING_TEXT, TOP(device.name), A_NAME, .help = "Name of the device."},
    {"board", SETTING_OBJECT, .help = "The sensor board."},
    {"board.protocol", SETTING_CHOICE, TOP(board.protocol), .choices = settings_protocols, .def = BOARD_NONE,
     .help = "What the board speaks; none: there is no board."},
    {"board.device", SETTING_TEXT, TOP(board.device), A_PATH,
     .help = "Serial line of the board, best by a name that does not move (/dev/serial/by-id/...)."},
    {"board.baud", SETTING_CHOICE, TOP(board.baud), .choices = bauds, .def = SETTING_UNSET, .follows = "protocol",
     .help = "Speed of the line; 460800 with protocol flx, else 115200, when not given."},
    {"board.led_mode", SETTING_INT, TOP(board.led_mode), .min = 0, .max = 255, .def = 255,
     .help = "How the board's heartbeat LED blinks (flx only)."},
    {"board.radio_group", SETTING_INT, TOP(board.radio_group), .min = 0, .max = 255, .def = 174,
     .help = "Group of the board's radio (flx only)."},
    {"board.set_host_clock", SETTING_BOOL, TOP(board.set_host_clock),
     .help = "The board's clock may set this machine's as long as no other has (flx only)."},
    {"board.waveforms", SETTING_BOOL, TOP(board.waveforms),
     .help = "Publish the board's samples of voltage and currents (flx only)."},
    {"phase", SETTING_CHOICE, TOP(phase), .choices = settings_phases, .def = PHASE_1P,
     .help = "Phases of the connection: single (1p, 1), three with neutral (3p+n, 3), three without (3p-n)."},
    {"sensors", SETTING_OBJECT, TOP(sensors), .shape = SETTING_LIST, .count = offsetof(struct settings, n_sensors),
     .list_max = SETTINGS_PORTS, .size = sizeof(struct sensor_settings), .key = &lowest_port,
     .help = "What is measured with protocol flm02; a sensor's number is its lowest port."},
    {"sensors[*].id", SETTING_TEXT, SENSOR(id), .min = 32, .max = 32, .format = &an_id, .follows = "ports",
     .help = "Id of the sensor; derived from the device's id and the sensor's number when not given."},
    {"sensors[*].name", SETTING_TEXT, SENSOR(name), A_NAME, .flags = SETTING_IF_ENABLED,
     .help = "Name of the sensor, needed when it is enabled; main is total consumption, solar production."},
    {"sensors[*].class", SETTING_CHOICE, SENSOR(class), .choices = classes, .def = SETTING_UNSET, .follows = "ports",
     .help = "Class of the ports; follows from the ports (1-3 analog, 4-5 pulse, 6 uart) when not given."},
    {"sensors[*].type", SETTING_CHOICE, SENSOR(type), .choices = types, .def = SENSOR_ELECTRICITY,
     .help = "What is measured; other than electricity on pulse ports only."},
    {"sensors[*].ports", SETTING_INT, SENSOR(ports), .shape = SETTING_LIST,
     .count = offsetof(struct sensor_settings, n_ports), .list_max = SETTINGS_PORTS,
     .flags = SETTING_REQUIRED | SETTING_UNIQUE, .min = 1, .max = SETTINGS_PORTS,
     .help = "Ports of the board, all of one class."},
    {"sensors[*].voltage", SETTING_INT, SENSOR(voltage), .shape = SETTING_ONE_OR_LIST, .list_max = SETTINGS_PORTS,
     .per = offsetof(struct sensor_settings, n_ports), .min = 1, .max = 999, .def = 230, OF_SENSORS(SENSOR_ANALOG),
     .help = "Line voltage in V, one for all ports or one per port; analog only."},
    {"sensors[*].current", SETTING_CHOICE, SENSOR(current), .shape = SETTING_ONE_OR_LIST, .list_max = SETTINGS_PORTS,
     .per = offsetof(struct sensor_settings, n_ports), .choices = clamps, .def = 50, OF_SENSORS(SENSOR_ANALOG),
     .help = "Clamp in A, one for all ports or one per port; analog only."},
    {"sensors[*].constant", SETTING_MILLI, SENSOR(constant_milli), .min = 1, .max = 65535999, .def = 1000,
     OF_SENSORS(SENSOR_PULSE),
     .help = "Wh or litres that one pulse stands for, with at most three decimals; pulse only."},
    {"sensors[*].enable", SETTING_BOOL, SENSOR(enable), .help = "Measure it."},
    {"sensors[*].report", SETTING_BOOL, SENSOR(report), .def = true,
     .help = "Report its counter to the Flukso server."},
    {"sensors[*].rid", SETTING_INT, SENSOR(rid), .min = 0, .max = 999999,
     .help = "How often it got a new meaning, which begins a new series; saving another type or port raises it."},
    {"ports", SETTING_OBJECT, TOP(port), .shape = SETTING_LIST, .count = offsetof(struct settings, n_port),
     .list_max = SETTINGS_FLX_PORTS, .size = sizeof(struct port_settings), .key = &by_port, .flags = SETTING_STANDS,
     .help = "Ports of the board with protocol flx, which make its sensors; without it the clamps 1-3 are on."},
    {"ports[*].port", SETTING_INT, PORT(port), .flags = SETTING_REQUIRED, .min = 1, .max = SETTINGS_FLX_PORTS,
     .def = SETTING_UNSET, .help = "Number of the port: 1-3 take clamps, 4-6 pulses, 7 is the serial port."},
    {"ports[*].name", SETTING_TEXT, PORT(name), A_NAME, .flags = SETTING_IF_ENABLED,
     .help = "Name of the port, needed when it is enabled; its sensors are called by it."},
    {"ports[*].class", SETTING_CHOICE, PORT(class), .choices = port_classes, .def = SETTING_UNSET, .follows = "port",
     .help = "Class of the port; follows from its number (1-3 ct, 4-6 pulse, 7 uart) when not given."},
    {"ports[*].type", SETTING_CHOICE, PORT(type), .choices = types, .def = SENSOR_ELECTRICITY, OF_PORTS(SENSOR_PULSE),
     .help = "What is measured; other than electricity on pulse ports only."},
    {"ports[*].enable", SETTING_BOOL, PORT(enable), .help = "Measure it."},
    {"ports[*].current", SETTING_CHOICE, PORT(current), .choices = clamps, .def = 50, OF_PORTS(SENSOR_CT),
     .help = "Clamp in A; ct only."},
    {"ports[*].constant", SETTING_MILLI, PORT(constant_milli), .min = 1, .max = 65535999, .def = 1000,
     OF_PORTS(SENSOR_PULSE),
     .help = "Wh, litres, ... that one pulse stands for, with at most three decimals; pulse only."},
    {"ports[*].trigger", SETTING_CHOICE, PORT(trigger), .choices = triggers, .def = TRIGGER_EDGE,
     OF_PORTS(SENSOR_PULSE), .help = "What makes a pulse: an edge, or a level; pulse only."},
    {"ports[*].shift", SETTING_INT, PORT(shift), .min = 0, .max = 5, OF_PORTS(SENSOR_CT),
     .help = "Phase of the clamp, in steps of 60 degrees after the voltage that the board measures; ct only."},
    {"ports[*].flip", SETTING_BOOL, PORT(flip), OF_PORTS(SENSOR_CT),
     .help = "The clamp is the wrong way round; ct only."},
    {"ports[*].report", SETTING_BOOL, PORT(report), .def = true,
     .help = "Report its counters (of a clamp pplus and pminus) to the Flukso server."},
    {"ports[*].rid", SETTING_INT, PORT(rid), .min = 0, .max = 999999,
     .help = "How often it got a new meaning, which begins a new series; saving another type raises it."},
    {"ports[*].ids", SETTING_OBJECT, .help = "Ids of the port's sensors; derived from the device's id when not given."},
    CLAMP_ID("pplus", SUBTYPE_PPLUS),
    CLAMP_ID("pminus", SUBTYPE_PMINUS),
    CLAMP_ID("q1", SUBTYPE_Q1),
    CLAMP_ID("q2", SUBTYPE_Q2),
    CLAMP_ID("q3", SUBTYPE_Q3),
    CLAMP_ID("q4", SUBTYPE_Q4),
    CLAMP_ID("vrms", SUBTYPE_VRMS),
    CLAMP_ID("irms", SUBTYPE_IRMS),
    CLAMP_ID("pf", SUBTYPE_PF),
    CLAMP_ID("vthd", SUBTYPE_VTHD),
    CLAMP_ID("ithd", SUBTYPE_ITHD),
    CLAMP_ID("alpha", SUBTYPE_ALPHA),
    {"ports[*].ids.pulse", SETTING_TEXT, PORT(ids[SUBTYPE_NONE]), AN_ID, OF_PORTS(SENSOR_PULSE),
     .help = "Id of a pulse port's sensor."},
    {"derive", SETTING_OBJECT, TOP(derive), .shape = SETTING_LIST, .count = offsetof(struct settings, n_derive),
     .list_max = SETTINGS_DERIVE, .size = sizeof(struct derive_settings), .key = &by_key,
     .help =
         "Sensors that are made of others; three phases on an flx board make one by themselves, with the key grid."},
    {"derive[*].key", SETTING_TEXT, DERIVE(key), .flags = SETTING_REQUIRED, .min = 1, .max = 32, .format = &a_key,
     .help = "Key by which it is told from the others, and from which its ids derive."},
    {"derive[*].name", SETTING_TEXT, DERIVE(name), A_NAME, .flags = SETTING_IF_ENABLED,
     .help = "Name, needed when it is enabled; of net the two sensors are called by it, with import and export."},
    {"derive[*].kind", SETTING_CHOICE, DERIVE(kind), .choices = derive_kinds, .def = SETTING_UNSET, .follows = "key",
     .help =
         "sum: the sum of its parts; net: import and export as a meter of several phases counts. When not given: net "
         "with the key grid, else sum."},
    {"derive[*].enable", SETTING_BOOL, DERIVE(enable), .def = true, .help = "Make it."},
    {"derive[*].of", SETTING_TEXT, DERIVE(of), .shape = SETTING_LIST, .count = offsetof(struct derive_settings, n_of),
     .list_max = SETTINGS_PARTS, .min = 1, .max = 96, .format = &name, .flags = SETTING_UNIQUE, .follows = "key",
     .help = "Its parts: names or ids of sensors."},
    {"derive[*].factors", SETTING_MILLI, DERIVE(factor_milli), .shape = SETTING_ONE_OR_LIST,
     .per = offsetof(struct derive_settings, n_of), .list_max = SETTINGS_PARTS, .min = -1000000, .max = 1000000,
     .def = 1000, OF_DERIVE(DERIVE_SUM),
     .help = "What its parts are multiplied by, one for all or one for each; sum only."},
    {"derive[*].minus", SETTING_TEXT, DERIVE(minus), .shape = SETTING_LIST,
     .count = offsetof(struct derive_settings, n_minus), .list_max = SETTINGS_PARTS, .min = 1, .max = 96,
     .format = &name, .flags = SETTING_UNIQUE, .follows = "key", OF_DERIVE(DERIVE_NET),
     .help = "Parts that are taken away, the export sides: names or ids of sensors; net only."},
    {"derive[*].report", SETTING_BOOL, DERIVE(report), .help = "Report its counters to the Flukso server."},
    {"derive[*].rid", SETTING_INT, DERIVE(rid), .min = 0, .max = 999999,
     .help = "How often it got a new meaning, which begins a new series; saving other parts raises it."},
    {"derive[*].ids", SETTING_OBJECT, .help = "Ids of its sensors; derived from the device's id when not given."},
    {"derive[*].ids.sum", SETTING_TEXT, DERIVE(ids[0]), AN_ID, OF_DERIVE(DERIVE_SUM), .help = "Id of a sum."},
    {"derive[*].ids.import", SETTING_TEXT, DERIVE(ids[1]), AN_ID, OF_DERIVE(DERIVE_NET),
     .help = "Id of the import side of a net pair."},
    {"derive[*].ids.export", SETTING_TEXT, DERIVE(ids[2]), AN_ID, OF_DERIVE(DERIVE_NET),
     .help = "Id of the export side of a net pair."},
    {"storage", SETTING_OBJECT, .help = "What must survive a restart."},
    {"storage.path", SETTING_TEXT, TOP(storage.path), A_PATH, .flags = SETTING_FILE_ONLY,
     .help = "State directory; $STATE_DIRECTORY, else /var/lib/fluksod, when not given."},
    {"storage.interval", SETTING_INT, TOP(storage.interval), .min = 10, .max = 3600, .def = 60,
     .help = "Seconds between two writes to the disk; a power cut loses at most so much resolution, never energy."},
    {"storage.max_size", SETTING_INT, TOP(storage.max_size), .min = 8, .max = 100000, .def = 256,
     .help = "MB that rows waiting for a server may take; beyond it they are thinned further."},
    {"storage.max_age", SETTING_INT, TOP(storage.max_age), .min = 3, .max = 3650, .def = 366,
     .help = "Days that rows wait for a server; of older ones only the first and the last of a series are kept."},
    {"flukso", SETTING_OBJECT, .help = "Reports to the Flukso server; they need device.key."},
    {"flukso.enable", SETTING_BOOL, TOP(flukso.enable), .def = true, .help = "Report; off: no call is made."},
    {"flukso.url", SETTING_TEXT, TOP(flukso.url), A_URL, .def_text = "https://api.flukso.net/",
     .help = "Address of the server: https, or http on this host."},
    {"flukso.ca_file", SETTING_TEXT, TOP(flukso.ca_file), A_PATH,
     .help = "Certificates that the server's must descend from; the system's when not given."},
    {"flukso.interval", SETTING_INT, TOP(flukso.interval), .min = 60, .max = 3600, .def = 300,
     .help = "Seconds between two reports."},
    {"influx", SETTING_OBJECT,
     .help = "Rows for a database that takes InfluxDB's line protocol; on as soon as url is given."},
    {"influx.url", SETTING_TEXT, TOP(influx.url), A_URL, .help = "Address of the database: http://host:8086."},
    {"influx.ca_file", SETTING_TEXT, TOP(influx.ca_file), A_PATH,
     .help = "Certificates that the database's must descend from; the system's when not given."},
    {"influx.token_file", SETTING_TEXT, TOP(influx.token_file), A_PATH, .flags = SETTING_FILE_ONLY,
     A_SECRET("influx.token"), .help = "File that holds the token (for version 1: user:password)."},
    {"influx.db", SETTING_TEXT, TOP(influx.db), .min = 1, .max = 128, .format = &printable,
     .help = "Database to write to (version 1, /write)."},
    {"influx.org", SETTING_TEXT, TOP(influx.org), .min = 1, .max = 128, .format = &printable,
     .help = "Organization of the bucket (version 2, /api/v2/write)."},
    {"influx.bucket", SETTING_TEXT, TOP(influx.bucket), .min = 1, .max = 128, .format = &printable,
     .help = "Bucket to write to (version 2)."},
    {"influx.interval", SETTING_INT, TOP(influx.interval), .min = 10, .max = 3600, .def = 60,
     .help = "Seconds between two writes."},
    {"mqtt", SETTING_OBJECT, .help = "The MQTT broker that readings are published to."},
    {"mqtt.host", SETTING_TEXT, TOP(mqtt.host), .min = 1, .max = 253, .format = &host, .def_text = "localhost",
     .help = "Name or address of the broker."},
    {"mqtt.port", SETTING_INT, TOP(mqtt.port), A_PORT, .def = SETTING_UNSET, .follows = "tls",
     .help = "Port of the broker; 8883 with tls.ca_file, else 1883, when not given."},
    {"mqtt.client_id", SETTING_TEXT, TOP(mqtt.client_id), .min = 1, .max = 64, .format = &printable,
     .help = "Client id, which no other client may use; derived from the device's id when not given."},
    {"mqtt.username", SETTING_TEXT, TOP(mqtt.username), .min = 1, .max = 255, .format = &printable,
     .help = "User name for the broker."},
    {"mqtt.password_file", SETTING_TEXT, TOP(mqtt.password_file), A_PATH, .flags = SETTING_FILE_ONLY,
     A_SECRET("mqtt.password"), .help = "File that holds the password."},
    {"mqtt.tls", SETTING_OBJECT, .help = "TLS to the broker; on as soon as ca_file is given."},
    {"mqtt.tls.ca_file", SETTING_TEXT, TOP(mqtt.tls.ca_file), A_PATH,
     .help = "Certificates that the broker's must descend from."},
    {"mqtt.tls.cert_file", SETTING_TEXT, TOP(mqtt.tls.cert_file), A_PATH, .help = "Certificate of this client."},
    {"mqtt.tls.key_file", SETTING_TEXT, TOP(mqtt.tls.key_file), A_PATH, .help = "Private key of this client."},
    {"http", SETTING_OBJECT, .help = "The one HTTP server for all that the daemon serves."},
    {"http.listen", SETTING_TEXT, TOP(http.listen), .min = 1, .max = 45, .format = &address, .def_text = "0.0.0.0",
     .help = "Address to listen on."},
    {"http.port", SETTING_INT, TOP(http.port), A_PORT, .def = 8080, .help = "Port to listen on."},
    {"http.extra_listen", SETTING_TEXT, TOP(http.extra_listen), .shape = SETTING_LIST,
     .count = offsetof(struct settings, http.n_extra_listen), .list_max = 8, .min = 1, .max = 53, .format = &endpoint,
     .flags = SETTING_UNIQUE, .help = "More addresses with their ports: 127.0.0.1:8081, [::1]:8081."},
    {"http.tls_port", SETTING_INT, TOP(http.tls_port), .min = 0, .max = 65535, .def = 0,
     .help = "Port to listen on with TLS; with it nobody logs in without TLS. 0: none."},
    {"http.tls_cert_file", SETTING_TEXT, TOP(http.tls_cert_file), A_PATH,
     .help = "Certificate of this server, and those between it and its authority."},
    {"http.tls_key_file", SETTING_TEXT, TOP(http.tls_key_file), A_PATH, .help = "Private key of this server."},
    {"http.hosts", SETTING_TEXT, TOP(http.hosts), .shape = SETTING_LIST,
     .count = offsetof(struct settings, http.n_hosts), .list_max = 16, .min = 1, .max = 253, .format = &host_name,
     .flags = SETTING_UNIQUE, .help = "More names by which browsers reach this server, without a port."},
    {"control", SETTING_OBJECT, .help = "The management API for programs on this host."},
    {"control.socket", SETTING_TEXT, TOP(control.socket), .min = 1, .max = 107, .format = &path,
     .flags = SETTING_FILE_ONLY,
     .help = "Unix socket of the API; control.sock in $RUNTIME_DIRECTORY, else in /run/fluksod, when not given."},
    {"local_api", SETTING_OBJECT, .help = "The local JSON/REST API (GET /sensor/<id>)."},
    {"local_api.enable", SETTING_BOOL, TOP(local_api.enable), .help = "Serve it."},
};

const size_t settings_table_len = ARRAY_LEN(settings_table);
