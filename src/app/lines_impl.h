/* The inside of service_lines, for its own files: the lines with telegrams, and what is known of each.
 *
 *   lines.c       settings to lines, the service
 *   lines_port.c  a line's port: opened, bytes in, a D0 meter asked
 *   lines_told.c  what telegrams say: readings to the hub, states, refusals, the log
 *   lines_show.c  views (app/lines.h), status, metrics */
#ifndef APP_LINES_IMPL_H
#define APP_LINES_IMPL_H

#include "app/app.h"
#include "app/lines.h"
#include "core/d0_conv.h"
#include "core/line_measure.h"
#include "core/settings.h"
#include "io/tcp_line.h"
#include "io/tty.h"

#define LINE_KEY     33 /* bytes of a key with its end */
#define LINE_NOTES   8
#define LINE_IDENT   48
#define LINE_REASON  160
#define LINE_MINUTES 60 /* over which what was refused is counted */

#define LINE_SILENT_MS    60000
#define LINE_SILENT_ASKED 3    /* intervals of a meter that is asked, where they are more */
#define LINE_ASK_AGAIN_MS 2000 /* once, where it did not answer */

struct line {
    struct lines *owner;
    char key[LINE_KEY];
    size_t at; /* in settings.lines */
    enum line_way way;
    enum line_protocol protocol;
    /* the port: one of them, or the board's */
    struct tty *tty;
    struct tcp_line *tcp;
    bool open;
    int64_t open_ms, heard_ms; /* monotonic: opened; the last bytes, 0: none */
    uv_timer_t timer;
    int closing; /* handles still open */
    const struct line_decoder *decoder;
    void *decoding;
    bool unpaused; /* bytes came since the decoder was last told of a pause */
    /* a meter that is asked */
    bool pull;
    struct d0_conv conv;
    int interval_ms;
    int64_t ask_ms;           /* the next time */
    unsigned unanswered;      /* in a row */
    enum d0_conv_end asked;   /* what came of the last time */
    uint64_t good_when_asked; /* telegrams until then */
    /* how it is */
    enum line_state state;
    int64_t since_ms, good_ms; /* monotonic: of the state; of the last good telegram, 0: none yet */
    bool silence_said;
    char reason[LINE_REASON];
    uint64_t bytes, bytes_unread; /* all; since the last good telegram */
    uint64_t telegrams, refused[LINE_REFUSED_KINDS];
    unsigned errors[LINE_MINUTES];
    int64_t error_minute; /* monotonic, of the newest */
    unsigned usual_bad;   /* lines of a telegram that cannot be read */
    int64_t refused_said_ms;
    uint64_t refused_unsaid;
    /* what its meter said */
    struct line_measured *measured;
    struct line_values values;
    uint8_t value_why[LINE_VALUES]; /* enum line_refused; LINE_REFUSED_KINDS: taken */
    char ident[LINE_IDENT];
    char text[LINE_TEXT + 1], refused_text[LINE_TEXT + 1];
    const char *refused_why;
    int64_t refused_ms;
    struct line_note notes[LINE_NOTES]; /* the oldest first */
    size_t n_notes;
    int64_t noted_ms; /* when the log was last told of a value that was refused */
};

struct lines {
    struct app *app;
    struct line_measure measure;
    struct line **v; /* in the order of the settings */
    size_t n, leaving;
    uv_timer_t second;
    service_done done;
    void *done_ctx;
};

/* ---- lines.c ---- */

struct line *line_find(const struct lines *l, const char *key);

/* Of the settings in force. */
const struct line_settings *line_settings_of(const struct line *x);

/* ---- lines_port.c ---- */

/* Open its port as the settings say, and close it: line_port_close() at once, done(x) when its handles are let go. */
void line_port_open(struct line *x, const struct line_settings *s);
void line_port_close(struct line *x, void (*done)(struct line *x));

/* Bytes came by the board's port. */
void line_port_board_bytes(void *line, const uint8_t *bytes, size_t n);

/* A second is over: is the board there, is it still silent? */
void line_port_second(struct line *x);

/* ---- lines_told.c ---- */

void line_on_telegram(void *line, const struct line_telegram *t);

void line_set_state(struct line *x, enum line_state state, const char *reason);

/* Nothing good came for too long. */
void line_look_for_silence(struct line *x, int64_t mono_ms);

unsigned line_errors_per_hour(const struct line *x, int64_t mono_ms);

/* ---- lines_show.c ---- */

void lines_show_new(struct lines *l);
void lines_show_stop(struct lines *l);

#endif
