/* bus list, bus watch: the lines with meters, and how each meter answers. */
#include "ctl/bus_view.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/screen.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUSES     512 /* that one command line names */
#define HEAD      3   /* lines around the picture: the one above, the one for what is left out, the cursor's */
#define EVERY_MIN 0.2 /* s between two looks */
#define EVERY_MAX 3600.0

/* ---- the buses ---- */

/* All, or those that are named: a list that the caller owns, NULL with an enum ctl_exit that people know. */
static cJSON *fetch(const struct ctl *c, int argc, char **argv, bool quietly, int *rc)
{
    int (*get)(const struct ctl *, const char *, const char *, const cJSON *, struct answer *) =
        quietly ? call_quietly : call;
    struct answer a;
    cJSON *list;

    if (argc == 0) {
        *rc = get(c, "GET", "/api/v1/buses", NULL, &a);
        list = *rc == CTL_OK ? cJSON_DetachItemFromObjectCaseSensitive(a.json, "buses") : NULL;
        answer_free(&a);
        return *rc == CTL_OK && !list ? must(cJSON_CreateArray()) : list;
    }
    list = must(cJSON_CreateArray());
    *rc = CTL_OK;
    for (int i = 0; *rc == CTL_OK && i < argc; i++) {
        char *path = call_path("/api/v1/buses/", argv[i]);
        *rc = get(c, "GET", path, NULL, &a);
        if (*rc == CTL_OK && a.json)
            cJSON_AddItemToArray(list, a.json);
        else
            cJSON_Delete(a.json);
        a.json = NULL;
        answer_free(&a);
        free(path);
    }
    if (*rc == CTL_OK)
        return list;
    cJSON_Delete(list);
    return NULL;
}

static void print_json(const cJSON *buses)
{
    cJSON *whole = must(cJSON_CreateObject());

    cJSON_AddItemReferenceToObject(whole, "buses", (cJSON *)buses);
    char *text = must(cJSON_PrintUnformatted(whole));
    say_raw(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(whole);
}

static void say_how_to_begin(void)
{
    say_line(SAY_PLAIN, "There are no buses. A serial line is set up by");
    say_line(SAY_PLAIN, "  fluksoctl settings set buses.line1.device=/dev/serial/by-id/NAME buses.line1.baud=9600");
}

int verb_bus_list(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    size_t columns, rows;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, BUSES);

    if (rc != CTL_OK)
        return rc;
    cJSON *buses = fetch(c, argc, argv, false, &rc);
    term_size(&columns, &rows);
    if (buses && c->json)
        print_json(buses);
    else if (buses && !buses->child)
        say_how_to_begin();
    else if (buses)
        bus_view_list(buses, stdout, columns);
    cJSON_Delete(buses);
    return rc;
}

/* ---- watch ---- */

struct watch {
    struct ctl c; /* gives up when the screen ends */
    int argc;
    char **argv;
    double every_s, looked_s;
    cJSON *buses; /* as they were last seen; NULL: not yet */
    bool there;   /* the gateway answers */
    struct screen screen;
};

static bool is_enough(void *ctx)
{
    return screen_wants(&((struct watch *)ctx)->screen);
}

static void draw(const struct watch *w)
{
    size_t columns, rows, len = 0, left;
    char when[SAY_WORDS], *text = NULL;
    FILE *out = must(open_memstream(&text, &len));

    term_size(&columns, &rows);
    fprintf(out, "\x1b[H%s%s%s%s%s%s\x1b[K\r\n", say_colour(SAY_DIM), say_time(when, (double)time(NULL)),
            w->there ? "" : say_colour(SAY_RED), w->there ? "" : "  no gateway: trying again", say_colour(SAY_PLAIN),
            term_keys() < 0 ? ""
            : columns < 80  ? "  q ends"
                            : "  q ends; p50, p99: ms of answers; /min: errors");
    /* Not the last column: wiping what is behind a line that fills it would wipe its end. */
    left = bus_view_stats(w->buses, out, columns ? columns - 1 : 0, rows > HEAD + 1 ? rows - HEAD : 1, "\x1b[K\r\n");
    if (left)
        fprintf(out, "%s %zu more lines\x1b[K", say_cut(), left);
    fputs("\x1b[J", out);
    fclose(out);
    fwrite(text, 1, len, stdout);
    fflush(stdout);
    free(text);
}

/* Look again. An error is told only before the first look. Returns an enum ctl_exit of that one. */
static int look(struct watch *w)
{
    int rc;
    cJSON *buses = fetch(&w->c, w->argc, w->argv, w->buses != NULL, &rc);

    w->looked_s = job_clock();
    w->there = buses != NULL;
    if (!buses)
        return rc;
    cJSON_Delete(w->buses);
    w->buses = buses;
    return CTL_OK;
}

static int watch_screen(struct watch *w)
{
    size_t columns, rows;
    int rc, signum = 0;
    bool redraw = true;

    screen_open(&w->screen);
    w->c.give_up = is_enough;
    w->c.give_up_ctx = w;
    rc = look(w);
    while (w->buses && !screen_ended(&w->screen, &signum, &redraw)) {
        if (!w->screen.on)
            screen_enter(&w->screen);
        if (redraw)
            draw(w);
        redraw = screen_pause_ms(w->looked_s + w->every_s, job_clock()) == 0;
        if (redraw)
            look(w);
        else
            screen_wait(&w->screen, screen_pause_ms(w->looked_s + w->every_s, job_clock()));
    }
    screen_leave(&w->screen);
    term_size(&columns, &rows);
    if (w->buses)
        bus_view_stats(w->buses, stdout, columns, rows > HEAD ? rows - HEAD : 1, "\n");
    fflush(stdout);
    screen_close(&w->screen, signum);
    return w->buses ? CTL_OK : rc;
}

/* A line for each change; for scripts a line for each look. */
static int watch_lines(struct watch *w)
{
    int rc;

    for (;;) {
        cJSON *before = w->buses;
        w->buses = NULL;
        rc = look(w);
        if (rc == CTL_OK && w->c.json)
            print_json(w->buses);
        else if (rc == CTL_OK)
            bus_view_changes(before, w->buses);
        cJSON_Delete(before);
        if (rc != CTL_OK || say_broken())
            return rc == CTL_OK ? CTL_REFUSED : rc;
        int ms = screen_pause_ms(w->looked_s + w->every_s, job_clock());
        const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
        nanosleep(&pause, NULL);
    }
}

int verb_bus_watch(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    const char *every = "1";
    const struct verb_option options[] = {{"every", 'n', NULL, &every}};
    struct watch w = {.c = *c};
    char *end;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, BUSES);

    if (rc != CTL_OK)
        return rc;
    w.every_s = strtod(every, &end);
    if (!*every || *end || !(w.every_s >= EVERY_MIN && w.every_s <= EVERY_MAX))
        return verb_usage(v, "--every: '%s' is not in %g to %g s", every, EVERY_MIN, EVERY_MAX);
    w.argc = argc;
    w.argv = argv;
    rc = say_on_terminal() && !c->json ? watch_screen(&w) : watch_lines(&w);
    cJSON_Delete(w.buses);
    return rc;
}
