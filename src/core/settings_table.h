/* The one table of settings keys: parsing, defaults, ranges and messages follow it, the JSON Schema is held
 * against it. It never says how keys depend on each other (settings_rules.c does). Only the settings modules
 * and fluksoctl include this. */
#ifndef CORE_SETTINGS_TABLE_H
#define CORE_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum setting_kind {
    SETTING_OBJECT,
    SETTING_BOOL,   /* bool */
    SETTING_INT,    /* int */
    SETTING_MILLI,  /* int, thousandths; written as a number with at most three decimals */
    SETTING_CHOICE, /* int or enum: the value of a struct setting_choice */
    SETTING_TEXT    /* char *, owned */
};

enum setting_shape {
    SETTING_ONE,
    SETTING_LIST,       /* numbers: an array in the struct; texts and objects: an allocated one */
    SETTING_ONE_OR_LIST /* one stands in the first member alone */
};

/* flags */
enum {
    SETTING_REQUIRED = 1,
    SETTING_UNIQUE = 2,        /* no two members of the list are equal */
    SETTING_SECRET = 4,        /* its value is never part of a message, and no layer but the file holds it */
    SETTING_SECRET_IF_BAD = 8, /* a wrong value may hold a password that has no place there, so no message shows it */
    SETTING_FILE_ONLY = 16,    /* the administrator's file says it, people cannot change it while the daemon runs */
    SETTING_IF_ENABLED = 32,   /* a member of a list needs it when it is enabled */
    SETTING_STANDS = 64        /* a list that is given empty says something else than none */
};

/* What a number or choice holds that is wrong, or not given and has no default of its own. */
#define SETTING_UNSET (-1)

struct setting_choice {
    const char *text; /* NULL ends a list of choices */
    int value;
    bool number; /* written as a number, not as a string */
};

struct setting_format {
    const char *what; /* "<value> is not <what>" */
    bool (*ok)(const char *text);
    const char *pattern; /* what a JSON Schema can say of it, as a regular expression; ok() may be stricter */
};

extern const struct setting_format settings_format_an_id, settings_format_a_key, settings_format_printable,
    settings_format_path, settings_format_host, settings_format_host_name, settings_format_address,
    settings_format_endpoint, settings_format_url, settings_format_name, settings_format_model,
    settings_format_quantity;

/* How the members of a list of objects are told apart when layers are merged. */
struct setting_key {
    const char *members[4]; /* the first that is there is the key: a text, a number, or of numbers the lowest */
    void (*derive_id)(const char *device_id, const char *key, char id[33]); /* of one without; NULL: it has none */
};

#define SETTING_KEY_MAX       65 /* bytes of a key with its end; a longer one is none */
#define SETTING_METER_KEY_MAX 32 /* characters of a meter's key */

struct setting {
    const char *path; /* "sensors[*].ports": [*] stands for each member of a list */
    enum setting_kind kind;
    size_t offset; /* in struct settings, below a list of objects in the struct of its members */
    enum setting_shape shape;
    size_t count;      /* offset of the number of members (size_t) of a list; 0: it has none */
    size_t per;        /* SETTING_ONE_OR_LIST: offset of the number (size_t) of what there may be one value for each */
    size_t size;       /* of a list of objects: bytes of the struct of a member */
    unsigned list_max; /* members of a list: 1 .. list_max, objects and texts 0 .. list_max */
    unsigned flags;
    int64_t min, max; /* range of a number (thousandths for SETTING_MILLI), characters of a text */
    int def;
    const char *def_text;
    const struct setting_choice *choices;
    const struct setting_format *format;
    const struct setting_key *key; /* of a list of objects */
    const char *follows;           /* when it is not given it derives from this member of the same object */
    const char *instead;           /* of what people cannot change here: how they do it */
    int only;                      /* it says something of members of one class (or kind) alone: 1 + that; 0: of all */
    size_t only_at;                /* offset of the class (an enum) */
    const char *help;              /* one sentence */
};

extern const struct setting settings_table[];
extern const size_t settings_table_len;

extern const struct setting_choice settings_phases[], settings_protocols[]; /* the first of a value is its name */

/* The row of a member of the object that prefix names ("", "mqtt.tls", "sensors[*]"), or NULL. */
const struct setting *setting_row(const char *prefix, const char *member);

/* Go down in a path: append ".member", or, for a name that nobody here chose, ["member"], quoted and cut. Returns the
 * length before. */
size_t setting_step(char *at, size_t room, const char *member);

/* The row's last name when its path is a direct member of prefix ("" for the whole), else NULL. */
const char *setting_name(const struct setting *row, const char *prefix);

struct cJSON;
struct meter_finder;
struct settings;
struct settings_errors;

/* The key of a member of a keyed list, or NULL when it has none. */
const char *setting_key(const struct setting *list, const struct cJSON *member, char key[SETTING_KEY_MAX]);

/* The choice that a value names, or NULL. */
const struct setting_choice *setting_choice(const struct setting *row, const struct cJSON *value);

/* Does the value say what counts where nothing is said? row may be NULL: no. */
bool setting_is_default(const struct setting *row, const struct cJSON *value);

/* Free the members of a list of the settings ("sensors", "ports"), which is empty then. */
void settings_drop_list(struct settings *s, const char *list);

/* Fill *s, which is zeroed, from the tree by the table (settings_walk.c). */
void settings_walk(struct settings *s, const struct cJSON *tree, struct settings_errors *errors);

/* Judge what the table cannot say of single keys, and complete what derives from other keys
 * (settings_rules.c). */
void settings_rules(struct settings *s, const struct cJSON *tree, const struct meter_finder *finder,
                    struct settings_errors *errors);

/* A name as a key: ASCII, lower case, '-' for what is neither letter nor digit; "" when nothing is left of it. */
void setting_key_fold(const char *name, char key[SETTING_METER_KEY_MAX + 1]);

/* A new meter's key, made of its name as settings_keys() does, unlike those of the whole's meters and unlike the names
 * of the members of more, an object. */
const char *setting_key_make(const struct cJSON *whole, const struct cJSON *more, const struct cJSON *meter,
                             char key[SETTING_KEY_MAX]);

/* Give each meter of a tree a key that has none, made of its name, else of its unit, and unlike all others. Keyed lists
 * must be lists (settings_keys.c). */
void settings_keys(struct cJSON *tree);
bool settings_keys_missing(const struct cJSON *tree);

#endif
