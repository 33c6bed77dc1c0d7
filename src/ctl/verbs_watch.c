/* watch: readings as they come, in place on a terminal, a line each elsewhere. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/screen.h"
#include "ctl/stream.h"
#include "ctl/target.h"
#include "ctl/term.h"
#include "ctl/verbs.h"
#include "ctl/watch_view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD_LINES 4   /* the line above the table, the titles, one for what is left out, the cursor's */
#define SENSORS    32  /* that one stream may name */
#define DRAW_S     0.1 /* no faster than eyes */
#define IDLE_S     1.0 /* ages are shown */
#define RENEW_S    2.0 /* between two looks at the list of sensors */
#define AGAIN_S    1.0 /* between two tries to reach a gateway that has gone */

struct watch {
    struct ctl *c;
    struct watch_view view;
    cJSON *only; /* ids that were asked for; NULL: all */
    char *path;
    struct stream *stream;
    double drawn_s, tried_s, skipped;
    double renewed_s;
    bool dirty, strange; /* strange: a reading came of a sensor that we do not know */
    struct screen screen;
};

static double mono_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- what comes ---- */

static void print_line(const struct watch_row *r, const cJSON *reading)
{
    char when[SAY_WORDS], amount[SAY_WORDS];

    say_line(SAY_PLAIN, "%s %s %s", say_time(when, json_number(reading, "time", 0)), r->name,
             say_amount(amount, json_number(reading, "value", 0), json_text(reading, "unit", "")));
}

static void on_event(void *ctx, const char *name, const char *data, size_t len)
{
    struct watch *w = ctx;
    bool reading = strcmp(name, "reading") == 0;

    if (w->c->json && reading) {
        say_raw(data, len);
        return;
    }
    cJSON *tree = cJSON_ParseWithLength(data, len);
    struct watch_row *r = reading ? watch_view_take(&w->view, tree, mono_s()) : NULL;
    if (strcmp(name, "skipped") == 0)
        w->skipped += json_number(tree, "n", 0);
    w->strange |= reading && !r && !w->only;
    if (r && !say_on_terminal())
        print_line(r, tree);
    w->dirty = true;
    cJSON_Delete(tree);
}

/* ---- the screen ---- */

static void draw(struct watch *w, double now)
{
    size_t columns, rows;
    char when[SAY_WORDS], *text = NULL;
    size_t len = 0;
    FILE *out = must(open_memstream(&text, &len));

    term_size(&columns, &rows);
    size_t room = rows > HEAD_LINES + 1 ? rows - HEAD_LINES : 1;
    fprintf(out, "\x1b[H%s%s", say_colour(SAY_DIM), say_time(when, (double)time(NULL)));
    if (!w->stream)
        fprintf(out, "  %sno gateway: trying again", say_colour(SAY_RED));
    else if (w->skipped > 0)
        fprintf(out, "  %.0f readings were left out: this terminal is slow", w->skipped);
    fprintf(out, "%s%s\x1b[K\r\n", say_colour(SAY_PLAIN), term_keys() >= 0 && w->stream ? "  q ends" : "");
    watch_view_print(&w->view, out, columns, room, now, "\x1b[K\r\n");
    if (w->view.n > room)
        fprintf(out, "%s %zu more\x1b[K", say_cut(), w->view.n - room);
    fputs("\x1b[J", out);
    fclose(out);
    fwrite(text, 1, len, stdout);
    fflush(stdout);
    free(text);
    w->drawn_s = now;
    w->dirty = false;
}

/* The last picture stays on the terminal. */
static void leave(struct watch *w)
{
    size_t columns, rows;

    if (!w->screen.on)
        return;
    screen_leave(&w->screen);
    term_size(&columns, &rows);
    watch_view_print(&w->view, stdout, columns, rows > HEAD_LINES ? rows - HEAD_LINES : 1, mono_s(), "\n");
    fflush(stdout);
}

/* ---- the loop ---- */

static int pause_ms(const struct watch *w, double now)
{
    return screen_pause_ms(w->drawn_s + (w->dirty ? DRAW_S : IDLE_S), now);
}

/* Until something comes, be a gateway there or not. */
static enum stream_state wait_for_more(struct watch *w, int timeout_ms)
{
    if (w->stream)
        return stream_wait(w->stream, timeout_ms, w->screen.signals, term_keys());
    screen_wait(&w->screen, timeout_ms);
    return STREAM_ON;
}

static void connect_again(struct watch *w, double now)
{
    if (w->stream || now - w->tried_s < AGAIN_S)
        return;
    w->tried_s = now;
    w->stream = stream_open(w->c, w->path, on_event, w);
}

/* The sensors that there are now: the settings may have changed. */
static void renew(struct watch *w, double now)
{
    const cJSON *sensors;
    struct answer a;

    if (now - w->renewed_s < RENEW_S)
        return;
    if (call_quietly(w->c, "GET", "/api/v1/sensors", NULL, &a) == CTL_OK && (sensors = json_get(a.json, "sensors")))
        watch_view_renew(&w->view, sensors, w->only);
    answer_free(&a);
    w->strange = false;
    w->renewed_s = now;
}

/* One turn. Returns whether to go on; else *rc is the exit code and *signum the signal that ended it, or 0. */
static bool turn(struct watch *w, int *rc, int *signum)
{
    double now = mono_s();
    bool redraw = false;

    connect_again(w, now);
    enum stream_state state = wait_for_more(w, pause_ms(w, now));
    if (screen_ended(&w->screen, signum, &redraw))
        return false;
    w->drawn_s = redraw ? 0 : w->drawn_s;
    if (state != STREAM_ON) {
        if (state == STREAM_REFUSED || !w->screen.on) {
            leave(w);
            *rc = stream_explain(w->stream);
            return false;
        }
        stream_close(w->stream);
        w->stream = NULL;
        w->tried_s = now;
        w->dirty = w->strange = true;
    }
    if (!w->screen.on && stream_connected(w->stream))
        screen_enter(&w->screen);
    now = mono_s();
    if (w->strange)
        renew(w, now);
    if (w->screen.on && pause_ms(w, now) == 0)
        draw(w, now);
    return true;
}

static int watch_screen(struct watch *w)
{
    int rc = CTL_OK, signum = 0;

    screen_open(&w->screen);
    while (turn(w, &rc, &signum))
        ;
    leave(w);
    screen_close(&w->screen, signum);
    return rc;
}

static int watch_lines(struct watch *w)
{
    int rc = CTL_USAGE;

    w->stream = stream_open(w->c, w->path, on_event, w);
    if (!w->stream)
        return rc;
    while (stream_wait(w->stream, 60000, -1, -1) == STREAM_ON) {
        if (say_broken())
            return CTL_REFUSED;
        if (w->strange)
            renew(w, mono_s());
    }
    return stream_explain(w->stream);
}

/* ---- the start ---- */

/* The ids that the words mean, and the path of their stream. */
static int choose(struct watch *w, const cJSON *sensors, int argc, char **argv)
{
    char *path = must(strdup("/api/v1/live"));

    w->only = argc ? must(cJSON_CreateArray()) : NULL;
    w->path = path;
    for (int i = 0; i < argc; i++) {
        const cJSON *s = target_find(sensors, argv[i]);
        if (!s)
            return CTL_REFUSED;
        cJSON_AddItemToArray(w->only, cJSON_CreateString(json_text(s, "id", "")));
        if (asprintf(&path, "%s%csensor=%s", w->path, i ? '&' : '?', json_text(s, "id", "")) < 0)
            abort();
        free(w->path);
        w->path = path;
    }
    return CTL_OK;
}

/* The last minute of each row that is seen, so that the picture need not grow first. */
static void fill(struct watch *w)
{
    size_t columns, rows;

    term_size(&columns, &rows);
    for (size_t i = 0; i < w->view.n && i < rows; i++) {
        struct answer a;
        char *path = call_path("/api/v1/readings?sensor=", w->view.rows[i].id);
        if (call_quietly(w->c, "GET", path, NULL, &a) == CTL_OK)
            watch_row_fill(&w->view.rows[i], a.json);
        answer_free(&a);
        free(path);
    }
}

int verb_watch(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct watch w = {.c = c};
    const cJSON *sensors;
    struct answer a;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, SENSORS);
    bool screen = say_on_terminal() && !c->json;

    if (rc != CTL_OK)
        return rc;
    rc = target_list(c, &a, &sensors);
    if (rc == CTL_OK)
        rc = choose(&w, sensors, argc, argv);
    if (rc == CTL_OK) {
        watch_view_init(&w.view, sensors, w.only);
        if (screen)
            fill(&w);
        rc = screen ? watch_screen(&w) : watch_lines(&w);
    }
    stream_close(w.stream);
    watch_view_free(&w.view);
    cJSON_Delete(w.only);
    answer_free(&a);
    free(w.path);
    return rc;
}
