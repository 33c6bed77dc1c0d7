#include "core/settings_table.h"

#include "core/ident.h"
#include "core/settings.h"

#include <assert.h>
#include <stdlib.h>

static_assert(sizeof(enum phase) == sizeof(int) && sizeof(enum sensor_class) == sizeof(int) &&
                  sizeof(enum port_trigger) == sizeof(int) && sizeof(enum derive_kind) == sizeof(int) &&
                  sizeof(enum bus_line) == sizeof(int) && sizeof(enum bus_framing) == sizeof(int) &&
                  sizeof(enum bus_parity) == sizeof(int) && sizeof(enum bus_rs485) == sizeof(int) &&
                  sizeof(enum line_way) == sizeof(int) && sizeof(enum line_protocol) == sizeof(int) &&
                  sizeof(enum line_format) == sizeof(int),
              "choices are stored as int");

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
static const struct setting_choice derive_kinds[] = {
    {"sum", DERIVE_SUM, false}, {"net", DERIVE_NET, false}, {"peak", DERIVE_PEAK, false}, {0}};
static const struct setting_choice framings[] = {{"mbap", FRAMING_MBAP, false}, {"rtu", FRAMING_RTU, false}, {0}};
static const struct setting_choice parities[] = {
    {"N", PARITY_NONE, false}, {"E", PARITY_EVEN, false}, {"O", PARITY_ODD, false}, {0}};
static const struct setting_choice rs485_ways[] = {{"none", RS485_NONE, false},
                                                   {"kernel", RS485_KERNEL, false},
                                                   {"rts", RS485_RTS, false},
                                                   {"rts-low", RS485_RTS_LOW, false},
                                                   {0}};
static const struct setting_choice line_protocols[] = {{"p1", LINE_P1, false},
                                                       {"d0", LINE_D0, false},
                                                       {"tic", LINE_TIC, false},
                                                       {"tic-historique", LINE_TIC_HISTORIQUE, false},
                                                       {0}};
static const struct setting_choice line_formats[] = {{"8N1", LINE_8N1, false}, {"7E1", LINE_7E1, false},
                                                     {"8E1", LINE_8E1, false}, {"7O1", LINE_7O1, false},
                                                     {"8N2", LINE_8N2, false}, {0}};
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
static const struct setting_key by_key_or_unit = {{"key", "unit"}, NULL};

static const struct setting_choice bauds[] = {
    {"1200", 1200, true},     {"2400", 2400, true},     {"4800", 4800, true},     {"9600", 9600, true},
    {"19200", 19200, true},   {"38400", 38400, true},   {"57600", 57600, true},   {"115200", 115200, true},
    {"230400", 230400, true}, {"460800", 460800, true}, {"921600", 921600, true}, {0}};

#define FORMAT(name)   .format = &settings_format_##name
#define TOP(member)    .offset = offsetof(struct settings, member)
#define SENSOR(member) .offset = offsetof(struct sensor_settings, member)
#define PORT(member)   .offset = offsetof(struct port_settings, member)
#define DERIVE(member) .offset = offsetof(struct derive_settings, member)
#define BUS(member)    .offset = offsetof(struct bus_settings, member)
#define METER(member)  .offset = offsetof(struct meter_settings, member)
#define A_LINE(member) .offset = offsetof(struct line_settings, member)
#define A_PATH         .min = 1, .max = 1024, FORMAT(path)
#define A_NAME         .min = 1, .max = 64, FORMAT(name)
#define A_URL          .min = 1, .max = 256, FORMAT(url), .flags = SETTING_SECRET_IF_BAD
#define A_PORT         .min = 1, .max = 65535
#define A_SECRET(name) .instead = "PUT /api/v1/secrets/" name
#define AN_ID          .min = 32, .max = 32, FORMAT(an_id)

/* What the members of one class alone have. */
#define OF_SENSORS(name) .only = 1 + (name), .only_at = offsetof(struct sensor_settings, class)
#define OF_PORTS(name)   .only = 1 + (name), .only_at = offsetof(struct port_settings, class)
#define OF_BUSES(name)   .only = 1 + (name), .only_at = offsetof(struct bus_settings, line)
#define OF_LINES(name)   .only = 1 + (name), .only_at = offsetof(struct line_settings, way)
#define OF_D0            .only = 1 + LINE_D0, .only_at = offsetof(struct line_settings, protocol)
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
    {"device.id", SETTING_TEXT, TOP(device.id), .min = 32, .max = 32, FORMAT(an_id), .flags = SETTING_FILE_ONLY,
     .help = "Id of the device; drawn at first start and kept in the state directory when not given."},
    {"device.serial", SETTING_TEXT, TOP(device.serial), .min = 1, .max = 64, FORMAT(printable),
     .help = "Serial number on the case."},
    {"device.key", SETTING_TEXT, TOP(device.key), .min = 32, .max = 32, FORMAT(printable), .flags = SETTING_SECRET,
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
    {"sensors[*].id", SETTING_TEXT, SENSOR(id), .min = 32, .max = 32, FORMAT(an_id), .follows = "ports",
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
    {"sensors[*].meter", SETTING_TEXT, SENSOR(meter), .min = 1, .max = 32, FORMAT(a_key), OF_SENSORS(SENSOR_UART),
     .help = "Key of the meter on a bus whose power and energy it is; uart only."},
    {"sensors[*].enable", SETTING_BOOL, SENSOR(enable), .help = "Measure it."},
    {"sensors[*].report", SETTING_BOOL, SENSOR(report), .def = true,
     .help = "Report its counter to the Flukso server."},
    {"sensors[*].rid", SETTING_INT, SENSOR(rid), .min = 0, .max = 999999,
     .help =
         "How often it got a new meaning, which begins a new series; saving another type, port or meter raises it."},
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
    {"buses", SETTING_OBJECT, TOP(buses), .shape = SETTING_LIST, .count = offsetof(struct settings, n_buses),
     .list_max = SETTINGS_BUSES, .size = sizeof(struct bus_settings), .key = &by_key,
     .help = "Lines with Modbus meters: RS-485, or a gateway on the network."},
    {"buses[*].key", SETTING_TEXT, BUS(key), .flags = SETTING_REQUIRED, .min = 1, .max = 32, FORMAT(a_key),
     .help = "Key by which it is told from the others."},
    {"buses[*].device", SETTING_TEXT, BUS(device), A_PATH, OF_BUSES(BUS_SERIAL),
     .help = "Serial line, best by a name that does not move (/dev/serial/by-id/...); or tcp in its place."},
    {"buses[*].tcp", SETTING_OBJECT, OF_BUSES(BUS_TCP), .help = "A gateway on the network, in place of a serial line."},
    {"buses[*].tcp.host", SETTING_TEXT, BUS(tcp.host), .flags = SETTING_REQUIRED, .min = 1, .max = 253, FORMAT(host),
     .help = "Name or address of the gateway."},
    {"buses[*].tcp.port", SETTING_INT, BUS(tcp.port), A_PORT, .def = 502, .help = "Port of the gateway."},
    {"buses[*].tcp.framing", SETTING_CHOICE, BUS(tcp.framing), .choices = framings, .def = FRAMING_MBAP,
     .help = "What it speaks: mbap, as Modbus TCP says, or rtu, the frames of the serial line as they are."},
    {"buses[*].enable", SETTING_BOOL, BUS(enable), .def = true, .help = "Ask its meters."},
    {"buses[*].baud", SETTING_CHOICE, BUS(baud), .choices = bauds, .def = 115200, OF_BUSES(BUS_SERIAL),
     .help = "Speed of the serial line, the same for all of its meters."},
    {"buses[*].parity", SETTING_CHOICE, BUS(parity), .choices = parities, .def = PARITY_NONE, OF_BUSES(BUS_SERIAL),
     .help = "Parity of the serial line: none, even, odd."},
    {"buses[*].stop_bits", SETTING_INT, BUS(stop_bits), .min = 1, .max = 2, .def = 1, OF_BUSES(BUS_SERIAL),
     .help = "Stop bits of the serial line."},
    {"buses[*].rs485", SETTING_CHOICE, BUS(rs485), .choices = rs485_ways, .def = RS485_NONE, OF_BUSES(BUS_SERIAL),
     .help = "How the line is turned to sending: by the adapter itself (none), by the kernel's driver (kernel), by RTS "
             "that "
             "is high (rts) or low (rts-low) while sending."},
    {"buses[*].proxy", SETTING_OBJECT, .help = "A Modbus TCP server by which other programs read from this line."},
    {"buses[*].proxy.port", SETTING_INT, BUS(proxy.port), .min = 0, .max = 65535, .def = 0,
     .help = "Port to listen on; 0: none."},
    {"buses[*].proxy.listen", SETTING_TEXT, BUS(proxy.listen), .min = 1, .max = 45, FORMAT(address),
     .def_text = "127.0.0.1", .help = "Address to listen on."},
    {"buses[*].meters", SETTING_OBJECT, BUS(meters), .shape = SETTING_LIST,
     .count = offsetof(struct bus_settings, n_meters), .list_max = SETTINGS_METERS,
     .size = sizeof(struct meter_settings), .key = &by_key_or_unit, .help = "The meters on this line."},
    {"buses[*].meters[*].key", SETTING_TEXT, METER(key), .min = 1, .max = 32, FORMAT(a_key), .follows = "name",
     .help = "Key by which it is told from all others, and from which ids derive; made of the name when not given."},
    {"buses[*].meters[*].name", SETTING_TEXT, METER(name), A_NAME, .flags = SETTING_IF_ENABLED,
     .help = "Name of the meter, needed when it is enabled; its sensors are called by it."},
    {"buses[*].meters[*].unit", SETTING_INT, METER(unit), .flags = SETTING_REQUIRED, .min = 0, .max = 255,
     .def = SETTING_UNSET, .help = "Its unit id (slave address): 1 to 247, behind tcp 0 to 255."},
    {"buses[*].meters[*].model", SETTING_TEXT, METER(model_id), .flags = SETTING_REQUIRED, .min = 1,
     .max = METER_MODEL_ID - 1, FORMAT(model), .help = "What it is: the name of a file of models, without .json."},
    {"buses[*].meters[*].enable", SETTING_BOOL, METER(enable), .def = true, .help = "Ask it."},
    {"buses[*].meters[*].interval", SETTING_MILLI, METER(interval_ms), .min = 100, .max = 3600000, .def = 1000,
     .help = "Seconds between two readings."},
    {"buses[*].meters[*].timeout", SETTING_MILLI, METER(timeout_ms), .min = 20, .max = 10000, .def = SETTING_UNSET,
     .follows = "model", .help = "Seconds that an answer may take; what the model needs when not given, else 0.5."},
    {"buses[*].meters[*].pause", SETTING_MILLI, METER(pause_ms), .min = 0, .max = 5000, .def = SETTING_UNSET,
     .follows = "model",
     .help = "Seconds between two requests to it; what the model needs when not given, else 0.005."},
    {"buses[*].meters[*].quantities", SETTING_TEXT, METER(quantities), .shape = SETTING_LIST,
     .count = offsetof(struct meter_settings, n_quantities), .list_max = METER_REGISTERS_MAX, .min = 1,
     .max = QUANTITY_NAME - 1, FORMAT(quantity), .flags = SETTING_UNIQUE,
     .help =
         "What is read of it; when not given what the model has of power, energy in and out, frequency, and of each "
         "phase voltage, current and power."},
    {"buses[*].meters[*].ratio", SETTING_MILLI, METER(ratio_milli), .min = 1, .max = 10000000, .def = 1000,
     .help = "What its current, power and energy are multiplied by: the ratio of transformers that it does not know."},
    {"buses[*].meters[*].current", SETTING_INT, METER(current), .min = 1, .max = 10000, .def = SETTING_UNSET,
     .follows = "model",
     .help = "A per phase of the connection, which readings cannot exceed by far; what the model takes when not given, "
             "else "
             "1000."},
    {"buses[*].meters[*].id", SETTING_TEXT, METER(id), AN_ID,
     .help = "Id of the sensor of its power and energy; derived from the device's id and the key when not given."},
    {"buses[*].meters[*].rid", SETTING_INT, METER(rid), .min = 0, .max = 999999,
     .help = "How often it got a new meaning, which begins a new series."},
    {"lines", SETTING_OBJECT, TOP(lines), .shape = SETTING_LIST, .count = offsetof(struct settings, n_lines),
     .list_max = SETTINGS_LINES, .size = sizeof(struct line_settings), .key = &by_key,
     .help = "Lines by which meters send telegrams: P1 ports, D0 heads, TIC."},
    {"lines[*].key", SETTING_TEXT, A_LINE(key), .flags = SETTING_REQUIRED, .min = 1, .max = 32, FORMAT(a_key),
     .help = "Key by which it is told from the others, and from which ids derive."},
    {"lines[*].name", SETTING_TEXT, A_LINE(name), A_NAME, .flags = SETTING_IF_ENABLED,
     .help = "Name of the line, needed when it is enabled; its sensors are called by it."},
    {"lines[*].enable", SETTING_BOOL, A_LINE(enable), .def = true, .help = "Read it."},
    {"lines[*].device", SETTING_TEXT, A_LINE(device), A_PATH, OF_LINES(LINE_BY_DEVICE),
     .help = "Serial line, best by a name that does not move (/dev/serial/by-id/...); or tcp or board in its place."},
    {"lines[*].tcp", SETTING_OBJECT, OF_LINES(LINE_BY_TCP),
     .help = "Who passes its bytes on over the network: ser2net, a P1 dongle."},
    {"lines[*].tcp.host", SETTING_TEXT, A_LINE(tcp.host), .flags = SETTING_REQUIRED, .min = 1, .max = 253, FORMAT(host),
     .help = "Name or address of that host."},
    {"lines[*].tcp.port", SETTING_INT, A_LINE(tcp.port), A_PORT, .flags = SETTING_REQUIRED, .def = SETTING_UNSET,
     .help = "Its port."},
    {"lines[*].board", SETTING_BOOL, A_LINE(board), OF_LINES(LINE_BY_BOARD),
     .help = "It is the RS-485 port of the board (flm02 only)."},
    {"lines[*].protocol", SETTING_CHOICE, A_LINE(protocol), .choices = line_protocols, .flags = SETTING_REQUIRED,
     .def = SETTING_UNSET,
     .help = "What the meter sends: p1 (DSMR, eMUCS), d0 (IEC 62056-21), tic (standard) or tic-historique (Linky)."},
    {"lines[*].baud", SETTING_CHOICE, A_LINE(baud), .choices = bauds, .def = SETTING_UNSET, .follows = "protocol",
     OF_LINES(LINE_BY_DEVICE),
     .help = "Speed of the serial line; when not given 115200 of p1, 9600 of d0 and tic, 1200 of tic-historique."},
    {"lines[*].format", SETTING_CHOICE, A_LINE(format), .choices = line_formats, .def = SETTING_UNSET,
     .follows = "protocol", OF_LINES(LINE_BY_DEVICE),
     .help = "Data bits, parity and stop bits of the serial line; when not given 8N1 of p1, else 7E1."},
    {"lines[*].invert", SETTING_BOOL, A_LINE(invert), OF_LINES(LINE_BY_BOARD),
     .help = "What comes in is upside down, as a P1 port sends it (hardware 2.2 of an flm02 board only)."},
    {"lines[*].pull", SETTING_BOOL, A_LINE(pull), OF_D0,
     .help = "The meter says nothing by itself: it is asked, at 300 baud, then at the speed that it offers (d0 only)."},
    {"lines[*].interval", SETTING_INT, A_LINE(interval), .min = 5, .max = 3600, .def = SETTING_UNSET, .follows = "pull",
     OF_D0, .help = "Seconds between two questions, with pull; 60 when not given."},
    {"lines[*].report", SETTING_BOOL, A_LINE(report),
     .help = "Report its net counter (of tic import), gas and water to the Flukso server."},
    {"lines[*].current", SETTING_INT, A_LINE(current), .min = 1, .max = 10000, .def = 100,
     .help = "A per phase of the connection, which readings cannot exceed by far."},
    {"lines[*].id", SETTING_TEXT, A_LINE(id), AN_ID,
     .help = "Id of its net sensor (of tic import); derived from the device's id and the key when not given."},
    {"lines[*].rid", SETTING_INT, A_LINE(rid), .min = 0, .max = 999999,
     .help = "How often it got a new meaning, which begins a new series; saving another protocol raises it."},
    {"derive", SETTING_OBJECT, TOP(derive), .shape = SETTING_LIST, .count = offsetof(struct settings, n_derive),
     .list_max = SETTINGS_DERIVE, .size = sizeof(struct derive_settings), .key = &by_key,
     .help =
         "Sensors that are made of others; three phases on an flx board make one by themselves, with the key grid."},
    {"derive[*].key", SETTING_TEXT, DERIVE(key), .flags = SETTING_REQUIRED, .min = 1, .max = 32, FORMAT(a_key),
     .help = "Key by which it is told from the others, and from which its ids derive."},
    {"derive[*].name", SETTING_TEXT, DERIVE(name), A_NAME, .flags = SETTING_IF_ENABLED,
     .help = "Name, needed when it is enabled; of net the two sensors are called by it, with import and export, of "
             "peak the "
             "three, with quarter, forecast and month peak."},
    {"derive[*].kind", SETTING_CHOICE, DERIVE(kind), .choices = derive_kinds, .def = SETTING_UNSET, .follows = "key",
     .help = "sum: the sum of its parts; net: import and export as a meter of several phases counts; peak: the average "
             "power "
             "of its part by the quarter hour. When not given: net with the key grid, else sum."},
    {"derive[*].enable", SETTING_BOOL, DERIVE(enable), .def = true, .help = "Make it."},
    {"derive[*].of", SETTING_TEXT, DERIVE(of), .shape = SETTING_LIST, .count = offsetof(struct derive_settings, n_of),
     .list_max = SETTINGS_PARTS, .min = 1, .max = 96, FORMAT(name), .flags = SETTING_UNIQUE, .follows = "key",
     .help = "Its parts: names or ids of sensors; of peak one."},
    {"derive[*].factors", SETTING_MILLI, DERIVE(factor_milli), .shape = SETTING_ONE_OR_LIST,
     .per = offsetof(struct derive_settings, n_of), .list_max = SETTINGS_PARTS, .min = -1000000, .max = 1000000,
     .def = 1000, OF_DERIVE(DERIVE_SUM),
     .help = "What its parts are multiplied by, one for all or one for each; sum only."},
    {"derive[*].minus", SETTING_TEXT, DERIVE(minus), .shape = SETTING_LIST,
     .count = offsetof(struct derive_settings, n_minus), .list_max = SETTINGS_PARTS, .min = 1, .max = 96, FORMAT(name),
     .flags = SETTING_UNIQUE, .follows = "key", OF_DERIVE(DERIVE_NET),
     .help = "Parts that are taken away, the export sides: names or ids of sensors; net only."},
    {"derive[*].report", SETTING_BOOL, DERIVE(report), .help = "Report its counters to the Flukso server."},
    {"derive[*].rid", SETTING_INT, DERIVE(rid), .min = 0, .max = 999999,
     .help = "How often it got a new meaning, which begins a new series; saving other parts raises it."},
    {"derive[*].ids", SETTING_OBJECT, .help = "Ids of its sensors; derived from the device's id when not given."},
    {"derive[*].ids.sum", SETTING_TEXT, DERIVE(ids[DERIVED_SUM]), AN_ID, OF_DERIVE(DERIVE_SUM), .help = "Id of a sum."},
    {"derive[*].ids.import", SETTING_TEXT, DERIVE(ids[DERIVED_IMPORT]), AN_ID, OF_DERIVE(DERIVE_NET),
     .help = "Id of the import side of a net pair."},
    {"derive[*].ids.export", SETTING_TEXT, DERIVE(ids[DERIVED_EXPORT]), AN_ID, OF_DERIVE(DERIVE_NET),
     .help = "Id of the export side of a net pair."},
    {"derive[*].ids.quarter", SETTING_TEXT, DERIVE(ids[DERIVED_QUARTER]), AN_ID, OF_DERIVE(DERIVE_PEAK),
     .help = "Id of the average of a peak's quarter hour."},
    {"derive[*].ids.forecast", SETTING_TEXT, DERIVE(ids[DERIVED_FORECAST]), AN_ID, OF_DERIVE(DERIVE_PEAK),
     .help = "Id of the forecast of a peak's quarter hour."},
    {"derive[*].ids.month_peak", SETTING_TEXT, DERIVE(ids[DERIVED_MONTH]), AN_ID, OF_DERIVE(DERIVE_PEAK),
     .help = "Id of a peak's month peak."},
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
    {"influx.db", SETTING_TEXT, TOP(influx.db), .min = 1, .max = 128, FORMAT(printable),
     .help = "Database to write to (version 1, /write)."},
    {"influx.org", SETTING_TEXT, TOP(influx.org), .min = 1, .max = 128, FORMAT(printable),
     .help = "Organization of the bucket (version 2, /api/v2/write)."},
    {"influx.bucket", SETTING_TEXT, TOP(influx.bucket), .min = 1, .max = 128, FORMAT(printable),
     .help = "Bucket to write to (version 2)."},
    {"influx.interval", SETTING_INT, TOP(influx.interval), .min = 10, .max = 3600, .def = 60,
     .help = "Seconds between two writes."},
    {"mqtt", SETTING_OBJECT, .help = "The MQTT broker that readings are published to."},
    {"mqtt.host", SETTING_TEXT, TOP(mqtt.host), .min = 1, .max = 253, FORMAT(host), .def_text = "localhost",
     .help = "Name or address of the broker."},
    {"mqtt.port", SETTING_INT, TOP(mqtt.port), A_PORT, .def = SETTING_UNSET, .follows = "tls",
     .help = "Port of the broker; 8883 with tls.ca_file, else 1883, when not given."},
    {"mqtt.client_id", SETTING_TEXT, TOP(mqtt.client_id), .min = 1, .max = 64, FORMAT(printable),
     .help = "Client id, which no other client may use; derived from the device's id when not given."},
    {"mqtt.username", SETTING_TEXT, TOP(mqtt.username), .min = 1, .max = 255, FORMAT(printable),
     .help = "User name for the broker."},
    {"mqtt.password_file", SETTING_TEXT, TOP(mqtt.password_file), A_PATH, .flags = SETTING_FILE_ONLY,
     A_SECRET("mqtt.password"), .help = "File that holds the password."},
    {"mqtt.tls", SETTING_OBJECT, .help = "TLS to the broker; on as soon as ca_file is given."},
    {"mqtt.tls.ca_file", SETTING_TEXT, TOP(mqtt.tls.ca_file), A_PATH,
     .help = "Certificates that the broker's must descend from."},
    {"mqtt.tls.cert_file", SETTING_TEXT, TOP(mqtt.tls.cert_file), A_PATH, .help = "Certificate of this client."},
    {"mqtt.tls.key_file", SETTING_TEXT, TOP(mqtt.tls.key_file), A_PATH, .help = "Private key of this client."},
    {"http", SETTING_OBJECT, .help = "The one HTTP server for all that the daemon serves."},
    {"http.listen", SETTING_TEXT, TOP(http.listen), .min = 1, .max = 45, FORMAT(address), .def_text = "0.0.0.0",
     .help = "Address to listen on."},
    {"http.port", SETTING_INT, TOP(http.port), A_PORT, .def = 8080, .help = "Port to listen on."},
    {"http.extra_listen", SETTING_TEXT, TOP(http.extra_listen), .shape = SETTING_LIST,
     .count = offsetof(struct settings, http.n_extra_listen), .list_max = 8, .min = 1, .max = 53, FORMAT(endpoint),
     .flags = SETTING_UNIQUE, .help = "More addresses with their ports: 127.0.0.1:8081, [::1]:8081."},
    {"http.tls_port", SETTING_INT, TOP(http.tls_port), .min = 0, .max = 65535, .def = 0,
     .help = "Port to listen on with TLS; with it nobody logs in without TLS. 0: none."},
    {"http.tls_cert_file", SETTING_TEXT, TOP(http.tls_cert_file), A_PATH,
     .help = "Certificate of this server, and those between it and its authority."},
    {"http.tls_key_file", SETTING_TEXT, TOP(http.tls_key_file), A_PATH, .help = "Private key of this server."},
    {"http.hosts", SETTING_TEXT, TOP(http.hosts), .shape = SETTING_LIST,
     .count = offsetof(struct settings, http.n_hosts), .list_max = 16, .min = 1, .max = 253, FORMAT(host_name),
     .flags = SETTING_UNIQUE, .help = "More names by which browsers reach this server, without a port."},
    {"control", SETTING_OBJECT, .help = "The management API for programs on this host."},
    {"control.socket", SETTING_TEXT, TOP(control.socket), .min = 1, .max = 107, FORMAT(path),
     .flags = SETTING_FILE_ONLY,
     .help = "Unix socket of the API; control.sock in $RUNTIME_DIRECTORY, else in /run/fluksod, when not given."},
    {"local_api", SETTING_OBJECT, .help = "The local JSON/REST API (GET /sensor/<id>)."},
    {"local_api.enable", SETTING_BOOL, TOP(local_api.enable), .help = "Serve it."},
};

const size_t settings_table_len = ARRAY_LEN(settings_table);
