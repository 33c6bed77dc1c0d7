/* One model of meter, as its file in conf/meters says it (schemas/meter.schema.json): which registers hold what. It
 * never opens a file and never talks to a meter. */
#ifndef CORE_METER_MODEL_H
#define CORE_METER_MODEL_H

#include "core/meter_quantity.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METER_MODEL_ID       48        /* bytes of an id with its end: ^[a-z0-9][a-z0-9_-]*$, the file's name */
#define METER_MODEL_TEXT_MAX (1 << 18) /* bytes of a file */
#define METER_REGISTERS_MAX  256
#define METER_READ_MAX       125 /* registers of one read: what Modbus allows */
#define METER_IDENTIFY_MAX   4
#define METER_NOTES_MAX      16
#define METER_MAX_READ       20 /* registers of one read, where a file does not say how many */
#define METER_CAREFUL_READ   10 /* likewise, when it takes no more: what the most timid ones do */
#define METER_ERROR          200

enum meter_type {
    METER_INT16,
    METER_UINT16,
    METER_INT32,
    METER_UINT32,
    METER_INT64,
    METER_UINT64,
    METER_FLOAT32,
    METER_FLOAT64,
    METER_TYPES
};

struct meter_register {
    uint16_t address;    /* as on the wire, from 0 */
    uint8_t quantity;    /* core/meter_quantity.h */
    uint8_t type;        /* enum meter_type */
    uint8_t words;       /* 1, 2 or 4: follows from the type */
    uint8_t function;    /* 3 or 4 */
    int64_t scale_micro; /* value = raw x scale, in the quantity's unit; millionths, 1 .. 1e15 */
};

/* A register that tells the model for sure: it holds this text or number. */
struct meter_identify {
    uint16_t address;
    uint8_t function, words; /* 1 .. 16 */
    char text[33];           /* ASCII at its start, two a word; "": number */
    uint64_t number;         /* big endian, words <= 4 */
};

struct meter_model {
    char id[METER_MODEL_ID]; /* "eastron-sdm630" */
    char *vendor, *names;    /* "Eastron"; "SDM630, SDM630-Modbus V2": no name holds a comma */
    unsigned phases;         /* 1 or 3 */
    bool low_word_first, low_byte_first;
    unsigned max_read, careful_read; /* registers of one read: what it says it takes, and what it surely does */
    int timeout_ms, pause_ms;        /* that it needs; 0: nothing special */
    int current_a;                   /* of its connection, A per phase; 0: not said */
    struct {                         /* as it leaves the factory; 0 and '\0': not known */
        int baud;
        char parity; /* 'N', 'E', 'O' */
        int stop_bits, unit;
    } serial;
    struct meter_register *registers; /* as in the file */
    size_t n_registers;
    uint64_t no_value[METER_TYPES][2]; /* raw patterns that stand for "no value", by type */
    uint8_t n_no_value[METER_TYPES];
    struct meter_identify identify[METER_IDENTIFY_MAX];
    size_t n_identify;
    char *confidence; /* "high", "medium", "low" */
    char *source;     /* where its registers are from; NULL: not said */
    char **notes;     /* what is odd about it, for people */
    size_t n_notes;
};

/* Parse a file's text; id is what its name says. A new model, or NULL with "line 3, column 7: …" or
 * "registers[4].type: \"int24\" is not one of int16, …" in error. The text need not be terminated. */
struct meter_model *meter_model_parse(const char *id, const char *text, size_t len, char error[METER_ERROR]) MUSTCHECK;
void meter_model_free(struct meter_model *m);

/* The register of a quantity, or NULL. */
const struct meter_register *meter_model_register(const struct meter_model *m, int quantity);

/* What is read when the settings name nothing, into room for n_registers codes, in the order of the registers. Of what
 * quantity_is_default() allows: energy_total only where there is no energy_import, power_import and power_export only
 * where there is no power, voltage and current as a whole only where there is none of a phase. Returns how many. */
size_t meter_model_defaults(const struct meter_model *m, uint8_t *quantities);

/* Is a meter read and understood alike by both? What is for people alone does not count. */
bool meter_model_same(const struct meter_model *a, const struct meter_model *b);

bool meter_model_id_valid(const char *id);

const char *meter_type_name(enum meter_type t); /* "int16" … */

/* Where models come from. The daemon's reads the folders of model files (io/meter_files.h); a test has its own. */
struct meter_finder {
    /* A new model that the caller owns; NULL with the reason in error ("there is none in /usr/share/fluksod/meters",
     * "/etc/fluksod/meters/x.json: …"). */
    struct meter_model *(*find)(void *ctx, const char *id, char error[METER_ERROR]);
    /* Each id there is, in order; one that is there twice once. */
    void (*list)(void *ctx, void (*each)(void *each_ctx, const char *id), void *each_ctx);
    void *ctx;
};

#endif
