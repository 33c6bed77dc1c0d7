/* Settings: an immutable snapshot, parsed from JSON with comments by one table of keys.
 * It never touches a file and never changes a snapshot: a change is a new one with a higher generation. */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include "core/line_codes.h"
#include "core/meter_model.h"
#include "core/sensors.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

#define SETTINGS_VERSION   1
#define SETTINGS_PORTS     6 /* P1: ports of an FLM02 board */
#define SETTINGS_FLX_PORTS 7
#define SETTINGS_DERIVE    32  /* derived sensors, at most */
#define SETTINGS_DERIVED   101 /* the number of the first one */
#define SETTINGS_PARTS     32  /* of a derived sensor, at most */
#define SETTINGS_BUSES     512 /* each has a thread and a descriptor (core/limits.h) */
#define SETTINGS_METERS    247 /* of a bus, at most: the units of a serial line */
#define SETTINGS_METERED   201 /* the number of the first sensor of a meter; those of lines follow */
#define SETTINGS_LINES     64  /* with telegrams; each has a descriptor (core/limits.h) */

enum board_protocol { BOARD_NONE, BOARD_FLM02, BOARD_FLX };
enum phase { PHASE_1P, PHASE_3PN, PHASE_3P }; /* "1p", "3p+n", "3p-n" (S3) */

/* Where a sensor comes from: the list `sensors`, or made of a member of `ports` (FLX), of a bus's `meters`, of `lines`
 * or of `derive`. */
enum sensor_made { MADE_GIVEN, MADE_PORT, MADE_METER, MADE_LINE, MADE_DERIVE };

/* What a sensor of a meter is: its power and energy, what it gives back, or one other quantity. */
enum meter_side { METER_MAIN, METER_EXPORT, METER_OTHER };

/* What a derived sensor is among those of its member of `derive`: of a sum, of a net pair, of a peak. */
enum derived_side {
    DERIVED_SUM,
    DERIVED_IMPORT,
    DERIVED_EXPORT,
    DERIVED_QUARTER,
    DERIVED_FORECAST,
    DERIVED_MONTH,
    DERIVED_SIDES
};

struct sensor_settings {
    char *id; /* 32 lower-case hex; NULL until settings_derive_ids() */
    char *name;
    enum sensor_class class;
    enum sensor_type type;
    int ports[SETTINGS_PORTS]; /* 1..6, ascending */
    size_t n_ports;
    int voltage[SETTINGS_PORTS]; /* analog: V, one per port (P2) */
    int current[SETTINGS_PORTS]; /* analog: A of the clamp, one per port: 50, 100, 250 or 500 (P2) */
    int constant_milli;          /* pulse: thousandths of Wh or L per pulse (P3) */
    bool enable;
    bool report; /* its counter goes to the Flukso server */
    int rid;     /* raised when it gets a new meaning */
    /* of those that are made: */
    enum sensor_made made;
    size_t made_of;  /* index in settings.port, .lines or .derive; what a meter feeds: in settings.buses */
    size_t meter_at; /* what a meter feeds: index in the bus's meters */
    uint8_t quantity[READING_KINDS]; /* likewise: what it is of the meter (core/meter_quantity.h); QUANTITY_NONE */
    enum meter_side side;            /* MADE_METER */
    enum derived_side derived;       /* MADE_DERIVE */
    bool metered;                    /* a meter feeds it: MADE_METER, or class uart with `meter` (S4) */
    char *meter;                     /* given, class uart: the key of that meter; NULL */
    uint8_t code;                    /* MADE_LINE: index in line_codes */
    int number; /* FLX: 12 x clamp + quantity, or 36 + port - 3 (board-flx.md); derived: SETTINGS_DERIVED … */
    enum sensor_subtype subtype;
    const char *unit[READING_KINDS]; /* static strings, of MADE_METER, MADE_LINE and, of its parts, of MADE_DERIVE */
};

enum port_trigger { TRIGGER_EDGE, TRIGGER_LEVEL };

/* A port of an FLX board. */
struct port_settings {
    int port;  /* 1..7: 1-3 clamps, 4-6 pulse inputs, 7 the serial port */
    int place; /* in the list as it was given; -1: not given */
    char *name;
    enum sensor_class class;
    enum sensor_type type; /* of what a pulse port counts */
    bool enable;
    int current;        /* clamp: A */
    int constant_milli; /* pulse: thousandths of Wh, L … per pulse */
    enum port_trigger trigger;
    int shift; /* clamp: multiples of 60 degrees, 0..5 */
    bool flip; /* the clamp is the wrong way round */
    bool report;
    int rid;
    char *ids[SUBTYPES]; /* given ids by subtype; [SUBTYPE_NONE]: of a pulse port's sensor */
};

enum derive_kind { DERIVE_SUM, DERIVE_NET, DERIVE_PEAK };

/* Sensors that are made of others: a sum makes one, net two, peak three. */
struct derive_settings {
    char *key;
    char *name;
    enum derive_kind kind;
    bool enable;
    char **of, **minus; /* names or ids of sensors; minus: net only, the export sides */
    size_t n_of, n_minus;
    int factor_milli[SETTINGS_PARTS]; /* sum only, one per member of `of` */
    bool report;
    int rid;
    char *ids[DERIVED_SIDES];       /* given ids */
    size_t parts[SETTINGS_PARTS];   /* of, as indices in settings.sensors, when all is valid */
    size_t minuses[SETTINGS_PARTS]; /* likewise */
};

enum bus_line { BUS_SERIAL, BUS_TCP };
enum bus_framing { FRAMING_MBAP, FRAMING_RTU };
enum bus_parity { PARITY_NONE, PARITY_EVEN, PARITY_ODD };
enum bus_rs485 { RS485_NONE, RS485_KERNEL, RS485_RTS, RS485_RTS_LOW };

/* A meter on a bus. */
struct meter_settings {
    char *key; /* given, or made of the name; unique over all buses: ids derive from it */
    char *name;
    char *model_id;
    int unit;
    bool enable;
    int interval_ms;          /* between two readings */
    int timeout_ms, pause_ms; /* complete: the model's, or MB_TIMEOUT_MS, MB_PAUSE_MS, where not given */
    char **quantities;        /* names; none given: the default ones */
    size_t n_quantities;
    int ratio_milli; /* of outer current (and voltage) transformers: A, W, VA, VAR, Wh and VARh are times this */
    int current;     /* of the connection, A per phase: what it can never exceed by far */
    char *id;        /* given, of the sensor of its power and energy; NULL */
    int rid;
    /* complete when all is valid: */
    const struct meter_model *model; /* in settings.models */
    uint8_t *wanted;                 /* quantities that are read, in the order of the model's registers */
    size_t n_wanted;
};

/* A line with meters. */
struct bus_settings {
    char *key;
    enum bus_line line;
    char *device; /* path of a serial port; NULL: TCP */
    struct {
        char *host; /* NULL: a serial port */
        int port;
        enum bus_framing framing;
    } tcp;
    bool enable;
    int baud;
    enum bus_parity parity;
    int stop_bits;
    enum bus_rs485 rs485;
    struct {
        int port; /* 0: no proxy */
        char *listen;
    } proxy;
    struct meter_settings *meters;
    size_t n_meters;
};

enum line_way { LINE_BY_DEVICE, LINE_BY_TCP, LINE_BY_BOARD };
enum line_format { LINE_8N1, LINE_7E1, LINE_8E1, LINE_7O1, LINE_8N2 };

/* A line by which a meter sends telegrams. */
struct line_settings {
    char *key; /* unique: ids derive from it */
    char *name;
    bool enable;
    enum line_way way;
    char *device; /* path of a serial port; NULL: another way */
    struct {
        char *host; /* NULL: another way */
        int port;
    } tcp;
    bool board; /* the RS-485 port of the board */
    enum line_protocol protocol;
    int baud;                /* complete, of a serial port: the protocol's where not given */
    enum line_format format; /* likewise */
    bool invert;             /* the board's port shall invert what it receives */
    bool pull;               /* D0: the meter is asked */
    int interval;            /* s between two questions; complete where pull is */
    bool report;             /* its main counter, gas and water go to the Flukso server */
    int current;             /* of the connection, A per phase: what it can never exceed by far */
    char *id;                /* given, of its main sensor; NULL */
    int rid;
};

struct settings {
    unsigned generation;
    int version;
    struct {
        char *id; /* NULL: drawn at first start, see settings_derive_ids() */
        char *serial, *key, *key_file, *name;
    } device;
    struct {
        enum board_protocol protocol;
        char *device;
        int baud;
        int led_mode, radio_group; /* FLX: 0..255 each */
        bool set_host_clock;       /* FLX: the board's clock may set this host's */
        bool waveforms;            /* FLX: publish its samples of voltage and currents */
    } board;
    enum phase phase;
    struct sensor_settings *sensors; /* all: given ones, or those of `port`; of meters; of lines; of `derive` */
    size_t n_sensors;
    struct port_settings *port; /* FLX: all seven, in their order; else none */
    size_t n_port;
    struct derive_settings *derive;
    size_t n_derive;
    struct bus_settings *buses;
    size_t n_buses;
    struct meter_model **models; /* those that meters use, each once */
    size_t n_models;
    struct line_settings *lines;
    size_t n_lines;
    struct {
        char *path;   /* NULL: $STATE_DIRECTORY, else /var/lib/fluksod */
        int interval; /* s between two writes of rows and counters */
        int max_size; /* MB of rows that wait */
        int max_age;  /* days of rows that wait */
    } storage;
    struct {
        bool enable;
        char *url, *ca_file;
        int interval; /* s between two reports */
    } flukso;
    struct {
        char *url, *ca_file, *token_file; /* url NULL: off */
        char *db, *org, *bucket;          /* db: the v1 way to write; org and bucket: v2 */
        int interval;                     /* s between two writes */
    } influx;
    struct {
        char *host;
        int port;
        char *client_id; /* NULL: derived from the device id */
        char *username, *password_file;
        struct {
            char *ca_file, *cert_file, *key_file; /* TLS is on as soon as ca_file is given */
        } tls;
    } mqtt;
    struct {
        char *listen;
        int port;
        char **extra_listen; /* "address:port" or "[address]:port" */
        size_t n_extra_listen;
        int tls_port; /* 0: no TLS */
        char *tls_cert_file, *tls_key_file;
        char **hosts; /* more names of this machine that a Host header may hold */
        size_t n_hosts;
    } http;
    struct {
        char *socket; /* NULL: control.sock in $RUNTIME_DIRECTORY, else in /run/fluksod */
    } control;
    struct {
        bool enable;
    } local_api;
};

/* What is wrong with a text of settings: a list that grows as it is found. */
struct settings_error {
    char *path;    /* "sensors[1].current", or "line 4, column 7" for a text that is no JSON */
    char *message; /* "60 is not one of 50, 100, 250, 500" */
    char *allowed; /* "one of 50, 100, 250, 500"; NULL: no few words say it */
};

struct settings_errors {
    struct settings_error *v; /* at most SETTINGS_ERRORS_MAX, then one more that says so */
    size_t n;
};

#define SETTINGS_ERRORS_MAX 100
#define SETTINGS_TEXT_MAX   (8u << 20) /* bytes of a settings text */

/* Parse a text (JSON with // and block comments). Returns a new snapshot, or NULL with at least one error in
 * *errors, which is empty before. The text need not be terminated. Where the text is JSON, *storage_path (if not NULL)
 * is set to a copy of storage.path when that member alone is valid, whatever else is wrong; else to NULL. Models of
 * meters come from `finder`; NULL: there are none, and a meter that names one is an error. */
struct settings *settings_parse(const char *text, size_t len, const struct meter_finder *finder,
                                struct settings_errors *errors, char **storage_path) MUSTCHECK;

/* The same in two steps. settings_text() returns the tree (cJSON_Delete()), or NULL with one error. */
struct cJSON *settings_text(const char *text, size_t len, struct settings_errors *errors) MUSTCHECK;
struct settings *settings_parse_tree(const struct cJSON *tree, const struct meter_finder *finder,
                                     struct settings_errors *errors, char **storage_path) MUSTCHECK;

/* The whole as a new tree, as settings_parse_tree() takes it: defaults filled in, secrets left out, what is not given
 * and has no default left out, sensors by number. */
struct cJSON *settings_tree(const struct settings *s);

/* Give the device its id when the settings have none, and each sensor without an id the one that derives from
 * device id and number, of one that is made from where it is made of (the design's "Identity"). Fails with an error
 * where a derived id meets a given one, or a part of a derived sensor is named by an id that no sensor has. */
int settings_derive_ids(struct settings *s, const char *device_id, struct settings_errors *errors) MUSTCHECK;

void settings_free(struct settings *s);

/* Make the sensor table hold the enabled sensors of the settings (ids derived). */
void settings_set_sensors(const struct settings *s, struct sensors *sensors);

/* Add an error; path, allowed (or NULL) and the message, a printf format's result, are copied. */
void settings_error_add(struct settings_errors *e, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
void settings_error_allow(struct settings_errors *e, const char *path, const char *allowed, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void settings_errors_free(struct settings_errors *e);

/* A sensor's number, the key in config/sensor: of an FLM02 board's its lowest port (the board's logical id is number -
 * 1). */
static inline int sensor_settings_number(const struct sensor_settings *s)
{
    return s->made == MADE_GIVEN ? s->ports[0] : s->number;
}

/* Units of its gauge and counter (mqtt.md, "Units"); NULL: it has no such kind. */
void sensor_settings_units(const struct sensor_settings *s, const char *unit[READING_KINDS]);

/* May its counter fall? */
static inline bool sensor_settings_falls(const struct sensor_settings *s)
{
    return s->made == MADE_LINE && line_codes[s->code].falls;
}

/* May the Flukso server get its counter at all? Wh and L, of a clamp what came in and went out (flukso-api.md). */
bool sensor_settings_reportable(const struct sensor_settings *s);

#define SETTINGS_PATH 96

/* The path of what says this of a sensor, "sensors[1].name", "ports[0].ids.pplus"; member "id": of its id; "": of the
 * member of the list. */
void sensor_settings_path(const struct settings *s, size_t sensor, const char *member, char path[SETTINGS_PATH]);

/* "1p", "3p+n", "3p-n" */
const char *phase_name(enum phase p);

/* "none", "flm02", "flx" */
const char *board_protocol_name(enum board_protocol p);

#endif
