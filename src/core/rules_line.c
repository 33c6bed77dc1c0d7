/* The rules of lines with telegrams, for any board. */
#include "core/settings_rules.h"

#include "core/seen.h"
#include "core/settings.h"
#include "core/settings_layer.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define INTERVAL_S       60
#define MINOR_THAT_TURNS 2 /* of an flm02 board: its RS-485 port inverts what it is told to */

struct judge {
    struct settings *s;
    struct settings_errors *errors;
    struct seen keys, names, devices;
    size_t line;        /* at hand */
    const cJSON *given; /* of the line */
    size_t board;       /* 1 + the line that has the board's port; 0: none yet */
};

PRINTF_LIKE(3, 4) static void error(const struct judge *j, const char *name, const char *fmt, ...)
{
    char path[SETTINGS_PATH], message[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    snprintf(path, sizeof path, "lines[%zu].%s", j->line, name);
    settings_error_add(j->errors, path, "%s", message);
}

/* ---- by what way it comes ---- */

static const char *const ways[] = {[LINE_BY_DEVICE] = "device", [LINE_BY_TCP] = "tcp", [LINE_BY_BOARD] = "board"};

/* Is it said to come so? "board": false says nothing. */
static bool says(const struct judge *j, enum line_way way)
{
    const cJSON *v = layer_get(j->given, ways[way]);

    return v && !cJSON_IsFalse(v);
}

static void judge_way(struct judge *j, struct line_settings *l)
{
    static const char *const serial[] = {"baud", "format"};
    bool some = false;

    for (int way = LINE_BY_DEVICE; way <= LINE_BY_BOARD; way++) {
        if (!says(j, (enum line_way)way))
            continue;
        if (some)
            error(j, ways[way], "is given beside %s: one of the ways", ways[l->way]);
        else
            l->way = (enum line_way)way;
        some = true;
    }
    if (!some)
        error(j, "device",
              "is missing: the path of a serial line, or tcp of a host that passes its bytes on, or board");
    for (size_t i = 0; l->way != LINE_BY_DEVICE && i < ARRAY_LEN(serial); i++)
        if (layer_get(j->given, serial[i]))
            error(j, serial[i], "a line with %s has none", ways[l->way]);
    if (l->invert && l->way == LINE_BY_TCP)
        error(j, "invert", "a line with tcp has none: who passes its bytes on has to turn them");
    else if (l->invert && l->way == LINE_BY_DEVICE)
        error(j, "invert", "the driver of a serial port cannot; use an inverting cable");
}

/* Who opens a serial line has it alone; most who pass bytes on have one client. */
static void judge_device(struct judge *j, const struct line_settings *l)
{
    const struct settings *s = j->s;
    size_t other = l->device ? seen_add(&j->devices, l->device, j->line) : SEEN_NONE;

    if (other != SEEN_NONE)
        error(j, "device", "%s is the device of lines[%zu] too", l->device, other);
    for (size_t b = 0; l->device && b < s->n_buses; b++) {
        if (s->buses[b].enable && s->buses[b].device && strcmp(s->buses[b].device, l->device) == 0) {
            error(j, "device", "%s is the device of buses[%zu] too", l->device, b);
            break;
        }
    }
    if (l->device && s->board.protocol != BOARD_NONE && s->board.device && strcmp(s->board.device, l->device) == 0)
        error(j, "device", "%s is the board's", l->device);
}

static void judge_board(struct judge *j)
{
    enum board_protocol board = j->s->board.protocol;

    if ((int)board != SETTING_UNSET && board != BOARD_FLM02)
        error(j, "board", "an flm02 board has a port for it, and board.protocol is %s", board_protocol_name(board));
    if (j->board)
        error(j, "board", "lines[%zu] has the board's port", j->board - 1);
    else
        j->board = j->line + 1;
}

/* ---- what it says, and how ---- */

static const struct {
    int baud;
    enum line_format format;
} usual[LINE_PROTOCOLS] = {[LINE_P1] = {115200, LINE_8N1},
                           [LINE_D0] = {9600, LINE_7E1},
                           [LINE_TIC] = {9600, LINE_7E1},
                           [LINE_TIC_HISTORIQUE] = {1200, LINE_7E1}};

static void complete(const struct judge *j, struct line_settings *l)
{
    if (l->way != LINE_BY_DEVICE || (int)l->protocol == SETTING_UNSET)
        return;
    if (!layer_get(j->given, "baud"))
        l->baud = usual[l->protocol].baud;
    if (!layer_get(j->given, "format"))
        l->format = usual[l->protocol].format;
}

static void judge_pull(struct judge *j, struct line_settings *l)
{
    static const char *const members[] = {"pull", "interval"};
    bool d0 = l->protocol == LINE_D0;

    for (size_t i = 0; !d0 && (int)l->protocol != SETTING_UNSET && i < ARRAY_LEN(members); i++)
        if (layer_get(j->given, members[i]) && !cJSON_IsFalse(layer_get(j->given, members[i])))
            error(j, members[i], "a line with protocol %s has none", line_protocol_name(l->protocol));
    if (d0 && !l->pull && layer_get(j->given, "interval"))
        error(j, "interval", "needs pull: a meter that is not asked sends when it likes");
    if (d0 && l->pull && l->way == LINE_BY_BOARD)
        error(j, "pull", "nothing can be sent by the board's port");
    if (d0 && l->pull && !layer_get(j->given, "interval"))
        l->interval = INTERVAL_S;
}

static void judge_line(struct judge *j)
{
    struct line_settings *l = &j->s->lines[j->line];
    size_t other = l->key ? seen_add(&j->keys, l->key, j->line) : SEEN_NONE;

    if (!cJSON_IsObject(j->given)) /* that was an error of its own */
        return;
    if (other != SEEN_NONE)
        error(j, "key", "%s is the key of lines[%zu] too", l->key, other);
    if (l->enable && !layer_get(j->given, "name"))
        error(j, "name", "is missing: an enabled line has one");
    other = l->name ? seen_add(&j->names, l->name, j->line) : SEEN_NONE;
    if (other != SEEN_NONE)
        error(j, "name", "%s is the name of lines[%zu] too", l->name, other);
    judge_way(j, l);
    judge_pull(j, l);
    complete(j, l);
    if (l->enable)
        judge_device(j, l);
    if (l->enable && l->way == LINE_BY_BOARD)
        judge_board(j);
}

void rules_lines(struct settings *s, const cJSON *given, struct settings_errors *errors)
{
    struct judge j = {.s = s, .errors = errors, .given = cJSON_IsArray(given) ? given->child : NULL};

    for (; j.line < s->n_lines; j.line++, j.given = j.given->next)
        judge_line(&j);
    seen_free(&j.keys);
    seen_free(&j.names);
    seen_free(&j.devices);
}

const char *rules_line_hardware(const struct settings *s, size_t line, int minor, const char **member)
{
    const struct line_settings *l = &s->lines[line];

    *member = "invert";
    return l->enable && l->invert && minor < MINOR_THAT_TURNS ? "needs board hardware 2.2; use an inverting cable"
                                                              : NULL;
}
