#include "app/replay.h"

#include "core/board.h"
#include "core/derive.h"
#include "core/flm02_measure.h"
#include "core/hub.h"
#include "core/jsonw.h"
#include "core/num.h"
#include "core/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Settings for a recording that comes without, by the kind of its board. */
#define DEVICE(protocol)                                                                                               \
    "{\"device\":{\"id\":\"00000000000000000000000000000000\"},\"board\":{\"protocol\":\"" protocol                    \
    "\",\"device\":\"/dev/null\"},"

static const char flm02_stand_in[] =
    DEVICE("flm02") "\"sensors\":["
                    "{\"name\":\"port 1\",\"ports\":[1],\"voltage\":230,\"current\":250,\"enable\":true},"
                    "{\"name\":\"port 2\",\"ports\":[2],\"voltage\":230,\"current\":250,\"enable\":true},"
                    "{\"name\":\"port 3\",\"ports\":[3],\"voltage\":230,\"current\":250,\"enable\":true},"
                    "{\"name\":\"port 4\",\"ports\":[4],\"enable\":true},"
                    "{\"name\":\"port 5\",\"ports\":[5],\"enable\":true}]}";

static const char flx_stand_in[] = DEVICE("flx") "\"ports\":["
                                                 "{\"port\":1,\"name\":\"port 1\",\"current\":250,\"enable\":true},"
                                                 "{\"port\":2,\"name\":\"port 2\",\"current\":250,\"enable\":true},"
                                                 "{\"port\":3,\"name\":\"port 3\",\"current\":250,\"enable\":true},"
                                                 "{\"port\":4,\"name\":\"port 4\",\"enable\":true},"
                                                 "{\"port\":5,\"name\":\"port 5\",\"enable\":true},"
                                                 "{\"port\":6,\"name\":\"port 6\",\"enable\":true}]}";

struct replay {
    const struct settings *settings; /* NULL: none yet */
    struct settings *own;
    struct sensors sensors;
    struct hub hub;
    struct ledger ledger;
    struct derive derive;
    int64_t started_ms; /* Unix milliseconds of the recording's begin; 0: not said */
    int64_t last_ms;
    uint64_t refused;
    bool begun;
    /* An FLX board's bytes pass its driver, as they did live. */
    void *flx; /* the driver's; NULL: an FLM02's */
    /* An FLM02's pass no conversation: whatever was asked, records are records. */
    struct flm02_channel channels[FLM02_SENSORS];
    struct flm02_reader reader;
    unsigned minor;
    int64_t poll_ms; /* of the poll whose answer comes: readings bear its stamp, as they did live */
};

#define LINE_MAX_CHARS 16384 /* a record is at most one read of 4096 bytes */
#define STARTED_MAX_S  ((int64_t)1 << 40)

/* A hub sink: one reading as one line. */
static void print_reading(void *ctx, const struct reading *r)
{
    struct replay *x = ctx;
    const struct sensor *s = sensors_get(&x->sensors, r->sensor);
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "ms", r->mono_ms);
    if (r->unix_s)
        jsonw_int(&w, "time", r->unix_s);
    jsonw_str(&w, "sensor", s->id);
    jsonw_str(&w, "name", s->name);
    jsonw_str(&w, "kind", reading_kind_name(r->kind));
    jsonw_milli(&w, "value", r->milli);
    jsonw_str(&w, "unit", s->unit[r->kind]);
    jsonw_close(&w, '}');
    printf("%.*s\n", (int)w.len, w.buf);
    jsonw_free(&w);
}

/* ---- an FLM02 board ---- */

static void records(struct replay *x)
{
    struct flm02_record r[FLM02_SENSORS];
    struct reading out[READING_KINDS];
    enum flm02_measure_note note;
    int n = flm02_records(x->reader.args, x->reader.n_args, x->minor >= 1 ? 22 : 18, r);

    if (n < 0)
        x->refused++;
    for (int i = 0; i < n; i++) {
        int64_t unix_s = x->started_ms ? (x->started_ms + x->poll_ms) / 1000 : 0;
        int k = flm02_measure(&x->channels[r[i].id], &r[i], x->poll_ms, unix_s, out, &note);
        for (int j = 0; j < k; j++)
            hub_emit(&x->hub, &out[j]);
    }
}

static void message(struct replay *x)
{
    const struct flm02_reader *r = &x->reader;
    uint32_t v;

    if (memcmp(r->letters, "gd", 2) == 0)
        records(x);
    else if (memcmp(r->letters, "gh", 2) == 0 && r->n_args == 6 && num_get_hex(r->args + 4, 2, &v) == 0)
        x->minor = v;
    else if (memcmp(r->letters, "se", 2) == 0 && r->n_args == 4 && num_get_hex(r->args, 4, &v) == 0 &&
             v >> 8 < FLM02_SENSORS && (v & 0xff))
        x->channels[v >> 8].drop_gauge = true;
}

static void flm02_received(struct replay *x, const char *bytes, size_t n)
{
    const char *p = bytes;

    for (enum flm02_event e; (e = flm02_read(&x->reader, &p, bytes + n)) != FLM02_MORE;) {
        if (e == FLM02_MESSAGE)
            message(x);
        else if (e == FLM02_REFUSED)
            x->refused++;
    }
}

static void flm02_sent(struct replay *x, const char *bytes, size_t n)
{
    flm02_reader_silence(&x->reader);
    if (n >= 3 && memcmp(bytes, "lgd", 3) == 0)
        x->poll_ms = x->last_ms;
}

/* ---- an FLX board ---- */

static struct board_now flx_now(const struct replay *x)
{
    int64_t wall_ms = x->started_ms ? x->started_ms + x->last_ms : 0;

    return (struct board_now){x->last_ms, wall_ms / 1000, wall_ms, wall_ms ? CLOCK_SYNCED : CLOCK_UNSET};
}

static void flx_received(struct replay *x, const char *bytes, size_t n)
{
    struct board_now now = flx_now(x);
    int64_t at = board_flx.deadline(x->flx);

    if (at >= 0 && at <= now.mono_ms)
        board_flx.tick(x->flx, &now);
    board_flx.bytes(x->flx, (const uint8_t *)bytes, n, &now);
}

/* A ping left at each wall second, and at no other time. */
static void flx_sent(struct replay *x, const char *bytes, size_t n)
{
    static const char ping[] = {'\xaa', '\xaa', 0, 4};
    struct board_now now = flx_now(x);

    if (memmem(bytes, n, ping, sizeof ping))
        board_flx.second(x->flx, &now);
}

static void add_refused(void *ctx, const struct stat_value *s)
{
    struct replay *x = ctx;

    if (strcmp(s->name, "board_refused_total") == 0)
        x->refused += (uint64_t)s->value;
}

static int flx_emit(void *ctx, const struct reading *r)
{
    struct replay *x = ctx;

    return hub_emit(&x->hub, r);
}

static void no_bytes(void *ctx, const void *bytes, size_t n)
{
    (void)ctx, (void)bytes, (void)n;
}

static void no_uart(void *ctx, const uint8_t *bytes, size_t n)
{
    (void)ctx, (void)bytes, (void)n;
}

static void no_fact(void *ctx, enum fact f, bool on, const char *reason, int64_t mono_ms)
{
    (void)ctx, (void)f, (void)on, (void)reason, (void)mono_ms;
}

static void PRINTF_LIKE(3, 4) no_word(void *ctx, enum board_say level, const char *fmt, ...)
{
    (void)ctx, (void)level, (void)fmt;
}

static int no_message(void *ctx, const char *below, const char *payload, size_t n)
{
    (void)ctx, (void)below, (void)payload, (void)n;
    return 0;
}

static void no_clock(void *ctx, int64_t unix_s)
{
    (void)ctx, (void)unix_s;
}

static void no_hardware(void *ctx, int minor)
{
    (void)ctx, (void)minor;
}

static void no_sync(void *ctx, enum board_synced what, int percent, const char *text)
{
    (void)ctx, (void)what, (void)percent, (void)text;
}

/* Only readings are of interest. */
static const struct board_host flx_host = {
    .send = no_bytes,
    .emit = flx_emit,
    .uart = no_uart,
    .fact = no_fact,
    .say = no_word,
    .publish = no_message,
    .clock = no_clock,
    .hardware = no_hardware,
    .sync = no_sync,
};

/* ---- the recording ---- */

/* These are the first bytes: which board are they of, when the settings do not say? */
static void begin(struct replay *x, const char *bytes, size_t n)
{
    const char *text = n > 0 && bytes[0] == '\xaa' ? flx_stand_in : flm02_stand_in;
    struct settings_errors errors = {0};
    struct board_now now = flx_now(x);

    x->begun = true;
    if (!x->settings) {
        x->own = settings_parse(text, strlen(text), NULL, &errors, NULL);
        if (!x->own || settings_derive_ids(x->own, x->own->device.id, &errors) < 0)
            abort(); /* a text of ours */
        x->settings = x->own;
    }
    settings_set_sensors(x->settings, &x->sensors);
    derive_set(&x->derive, x->settings);
    hub_stage(&x->hub, derive_empty(&x->derive) ? NULL : derive_take, &x->derive);
    if (x->settings->board.protocol != BOARD_FLX) {
        flm02_channels_set(x->channels, &x->sensors, &x->ledger, x->settings);
        return;
    }
    x->flx = board_flx.new(&flx_host, x, &x->sensors, &x->ledger);
    board_flx.apply(x->flx, x->settings, &now);
    board_flx.line_up(x->flx, &now);
}

static void passed(struct replay *x, bool received, const char *bytes, size_t n)
{
    if (!x->begun)
        begin(x, bytes, n);
    if (derive_owes(&x->derive))
        derive_pay(&x->derive, x->last_ms, x->started_ms ? (x->started_ms + x->last_ms) / 1000 : 0);
    if (x->flx)
        (received ? flx_received : flx_sent)(x, bytes, n);
    else
        (received ? flm02_received : flm02_sent)(x, bytes, n);
}

static const char *comment(struct replay *x, const char *text)
{
    int64_t s;
    int ms;

    if (sscanf(text, "# fluksod record 1, started %" SCNd64 ".%3d", &s, &ms) != 2)
        return NULL;
    if (s < 0 || s > STARTED_MAX_S || ms < 0)
        return "begins at a time that cannot be";
    x->started_ms = s * 1000 + ms;
    return NULL;
}

/* The n characters of hex as bytes, in place: always behind what is read next. */
static const char *unhex(char *hex, size_t n)
{
    uint32_t byte;

    if (n % 2)
        return "an odd number of hex digits";
    for (size_t i = 0; i < n / 2; i++) {
        if (num_get_hex(hex + 2 * i, 2, &byte) < 0)
            return "a character that is no hex digit";
        hex[i] = (char)byte;
    }
    return NULL;
}

/* `<ms> <rx|tx> <hex>`, or a comment. NULL, or what is wrong with the line. */
static const char *line(struct replay *x, char *text)
{
    char *hex = NULL;
    int64_t ms = strtoll(text, &hex, 10);

    if (text[0] == '#' || text[0] == '\0')
        return comment(x, text);
    if (hex == text || ms < 0 || (strncmp(hex, " rx ", 4) != 0 && strncmp(hex, " tx ", 4) != 0))
        return "not of the form '<ms> <rx|tx> <hex>'";
    if (ms < x->last_ms || ms > STARTED_MAX_S)
        return "its time is before that of the line above, or cannot be";
    bool rx = hex[1] == 'r';
    hex += 4;
    size_t n = strlen(hex);
    const char *wrong = unhex(hex, n);
    if (wrong)
        return wrong;
    x->last_ms = ms;
    passed(x, rx, hex, n / 2);
    return NULL;
}

/* One line without its end. 1, 0 at the end of the file, or -1 when it was too long, or held a zero, and is skipped. */
static int next_line(FILE *f, char text[LINE_MAX_CHARS])
{
    size_t n = 0;
    bool bad = false;
    int c;

    while ((c = getc(f)) != EOF && c != '\n') {
        bad |= c == '\0' || n == LINE_MAX_CHARS - 1;
        if (!bad)
            text[n++] = (char)c;
    }
    text[n] = '\0';
    text[strcspn(text, "\r")] = '\0';
    return bad ? -1 : n || c != EOF;
}

static int replay_file(struct replay *x, const char *path)
{
    static char text[LINE_MAX_CHARS];
    FILE *f = fopen(path, "re");
    size_t number = 0;
    int status = EXIT_SUCCESS;

    if (!f) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    for (int got; (got = next_line(f, text)) != 0;) {
        number++;
        const char *wrong = got < 0 ? "longer than 16383 characters, or not a text" : line(x, text);
        if (!wrong)
            continue;
        fprintf(stderr, "%s: line %zu: %s\n", path, number, wrong);
        status = EXIT_FAILURE;
    }
    if (ferror(f)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        status = EXIT_FAILURE;
    }
    if (x->flx)
        board_flx.stats(x->flx, add_refused, x);
    if (x->refused)
        fprintf(stderr, "%s: %" PRIu64 " pieces refused (noise, cut or with a wrong CRC)\n", path, x->refused);
    if (x->hub.refused_stale)
        fprintf(stderr, "%s: %" PRIu64 " readings dropped: their second was taken\n", path, x->hub.refused_stale);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "standard output: %s\n", strerror(errno));
        status = EXIT_FAILURE;
    }
    fclose(f);
    return status;
}

int replay_run(const char *path, const struct settings *settings)
{
    struct replay x = {.settings = settings, .minor = 1};
    int status;

    sensors_init(&x.sensors);
    hub_init(&x.hub, &x.sensors);
    hub_attach(&x.hub, print_reading, &x);
    ledger_init(&x.ledger);
    derive_init(&x.derive, &x.hub, &x.sensors, &x.ledger);
    flm02_reader_init(&x.reader);
    status = replay_file(&x, path);
    if (x.flx)
        board_flx.free(x.flx);
    derive_fini(&x.derive);
    sensors_fini(&x.sensors);
    ledger_fini(&x.ledger);
    settings_free(x.own);
    return status;
}
