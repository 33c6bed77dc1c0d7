#include "ctl/looks.h"

#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/say.h"
#include "ctl/screen.h"
#include "ctl/term.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#define HEAD      3   /* lines around the picture: the one above, the one for what is left out, the cursor's */
#define WIDE      80  /* columns in which the legend has room */
#define EVERY_MIN 0.2 /* s between two looks */
#define EVERY_MAX 3600.0

struct watch {
    struct ctl c; /* gives up when the screen ends */
    const struct looks *what;
    double looked_s;
    cJSON *now; /* as it was last seen; NULL: not yet */
    bool there; /* the gateway answers */
    struct screen screen;
};

int looks_every(const struct verb *v, const char *word, double *every_s)
{
    char *end;

    *every_s = strtod(word, &end);
    if (!*word || *end || !(*every_s >= EVERY_MIN && *every_s <= EVERY_MAX))
        return verb_usage(v, "--every: '%s' is not in %g to %g s", word, EVERY_MIN, EVERY_MAX);
    return CTL_OK;
}

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
    fprintf(out, "\x1b[H%s%s%s%s%s%s%s\x1b[K\r\n", say_colour(SAY_DIM), say_time(when, (double)time(NULL)),
            w->there ? "" : say_colour(SAY_RED), w->there ? "" : "  no gateway: trying again", say_colour(SAY_PLAIN),
            term_keys() < 0 ? "" : "  q ends", term_keys() < 0 || columns < WIDE ? "" : w->what->legend);
    /* Not the last column: wiping what is behind a line that fills it would wipe its end. */
    left = w->what->picture(w->what->ctx, w->now, out, columns ? columns - 1 : 0, rows > HEAD + 1 ? rows - HEAD : 1,
                            "\x1b[K\r\n");
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
    cJSON *now = w->what->fetch(w->what->ctx, &w->c, w->now != NULL, &rc);

    w->looked_s = job_clock();
    w->there = now != NULL;
    if (!now)
        return rc;
    cJSON_Delete(w->now);
    w->now = now;
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
    while (w->now && !screen_ended(&w->screen, &signum, &redraw)) {
        if (!w->screen.on)
            screen_enter(&w->screen);
        if (redraw)
            draw(w);
        redraw = screen_pause_ms(w->looked_s + w->what->every_s, job_clock()) == 0;
        if (redraw)
            look(w);
        else
            screen_wait(&w->screen, screen_pause_ms(w->looked_s + w->what->every_s, job_clock()));
    }
    screen_leave(&w->screen);
    term_size(&columns, &rows);
    if (w->now)
        w->what->picture(w->what->ctx, w->now, stdout, columns, rows > HEAD ? rows - HEAD : 1, "\n");
    fflush(stdout);
    screen_close(&w->screen, signum);
    return w->now ? CTL_OK : rc;
}

/* A line for each change; for scripts a line for each look. */
static int watch_lines(struct watch *w)
{
    int rc;

    for (;;) {
        cJSON *before = w->now;
        w->now = NULL;
        rc = look(w);
        if (rc == CTL_OK && w->c.json)
            w->what->print(w->what->ctx, w->now);
        else if (rc == CTL_OK)
            w->what->changes(w->what->ctx, before, w->now);
        cJSON_Delete(before);
        if (rc != CTL_OK || say_broken())
            return rc == CTL_OK ? CTL_REFUSED : rc;
        int ms = screen_pause_ms(w->looked_s + w->what->every_s, job_clock());
        const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
        nanosleep(&pause, NULL);
    }
}

int looks_run(const struct ctl *c, const struct looks *l)
{
    struct watch w = {.c = *c, .what = l};
    int rc = say_on_terminal() && !c->json ? watch_screen(&w) : watch_lines(&w);

    cJSON_Delete(w.now);
    return rc;
}
