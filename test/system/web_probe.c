/* The HTTP client on a loop of its own, driven by the words of its command line, one after the other:
 *   url=… ca=… agent=… header=… body=…   of the posts to come; an empty text takes it away; size=N: a body of N bytes
 *   headers          none from here on
 *   post  post=N     post, and again when the answer is there, N times; each answer is a line of JSON
 *   start            post, and go on at once
 *   wait=MS          do nothing; says how many turns the loop made meanwhile, and the open descriptors
 *   cancel           web_cancel()
 *   close            web_close(), from where it stands: inside the answer's callback if that comes before it
 *   quiet            no line for an answer with status 200 from here on
 *   tick             a 10 ms tick from here on
 * At the end comes a line with how many answers there were, the longest gap of the tick, and how long the close took.
 * It never retries and never sends two at once. */
#include "core/jsonw.h"
#include "core/util.h"
#include "io/web.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS     10
#define MAX_HEADERS 8

struct probe {
    char **words;
    uv_loop_t loop;
    uv_timer_t pause, tick;
    uv_prepare_t turn;
    struct web *web;
    struct web_request request;
    const char *headers[MAX_HEADERS];
    char *filling;
    long posts; /* left of the word post, the one under way included */
    bool quiet, closed, inside;
    uint64_t posted_ms, close_ms, last_tick_ns, gap_ns;
    int64_t turns, ok, failed, other;
};

static void next(struct probe *p);

/* Those that a client could leak: not the ones of the loop, which are always as many. */
static int64_t descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void print(struct jsonw *w)
{
    jsonw_close(w, '}');
    jsonw_raw(w, "\n", 1);
    if (write(STDOUT_FILENO, w->buf, w->len) < 0)
        abort();
    jsonw_free(w);
}

static void print_answer(struct probe *p, const struct web_answer *a)
{
    static const char *const names[] = {[WEB_WWW_AUTHENTICATE] = "www-authenticate",
                                        [WEB_DIGEST] = "x-digest",
                                        [WEB_DATE] = "date",
                                        [WEB_RETRY_AFTER] = "retry-after",
                                        [WEB_CONTENT_TYPE] = "content-type"};
    static const char *const failures[] = {"NONE",          "NAME",    "CONNECT", "TIMEOUT",  "TLS",
                                           "NOT_YET_VALID", "EXPIRED", "CUT",     "TOO_LONG", "OTHER"};
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "status", a->status);
    jsonw_str(&w, "failure", failures[a->failure]);
    jsonw_str(&w, "error", a->error);
    for (size_t i = 0; i < WEB_HEADERS; i++)
        if (a->header[i])
            jsonw_str(&w, names[i], a->header[i]);
    jsonw_str(&w, "body", a->body);
    jsonw_int(&w, "len", (int64_t)a->len);
    jsonw_int(&w, "ms", (int64_t)(uv_hrtime() / 1000000 - p->posted_ms));
    print(&w);
}

/* ---- the words ---- */

static void on_answer(void *ctx, const struct web_answer *a)
{
    struct probe *p = ctx;

    if (p->inside || web_busy(p->web) || a->body[a->len] != '\0')
        abort(); /* a promise of the header is broken */
    *(a->status == 200 ? &p->ok : a->status ? &p->other : &p->failed) += 1;
    if (!p->quiet || a->status != 200)
        print_answer(p, a);
    if (p->posts > 0)
        next(p); /* from inside: posts again, or closes */
}

static void post(struct probe *p)
{
    p->posted_ms = uv_hrtime() / 1000000;
    p->inside = true;
    web_post(p->web, &p->request, on_answer, p);
    p->inside = false;
}

static void on_pause(uv_timer_t *t)
{
    struct probe *p = t->data;
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "turns", p->turns);
    jsonw_int(&w, "fds", descriptors());
    jsonw_int(&w, "busy", web_busy(p->web));
    print(&w);
    next(p);
}

static void on_closed(void *ctx)
{
    struct probe *p = ctx;

    p->close_ms = uv_hrtime() / 1000000 - p->close_ms;
    p->closed = true;
    uv_close((uv_handle_t *)&p->pause, NULL);
    uv_close((uv_handle_t *)&p->tick, NULL);
    uv_close((uv_handle_t *)&p->turn, NULL);
}

static void on_tick(uv_timer_t *t)
{
    struct probe *p = t->data;
    uint64_t now = uv_hrtime();

    if (p->last_tick_ns && now - p->last_tick_ns > p->gap_ns)
        p->gap_ns = now - p->last_tick_ns;
    p->last_tick_ns = now;
}

static void on_turn(uv_prepare_t *h)
{
    struct probe *p = h->data;

    p->turns++;
}

static void set(struct probe *p, const char *key, const char *value)
{
    struct web_request *r = &p->request;

    if (strcmp(key, "url") == 0) {
        r->url = value;
    } else if (strcmp(key, "ca") == 0) {
        r->ca_file = *value ? value : NULL;
    } else if (strcmp(key, "agent") == 0) {
        r->user_agent = *value ? value : NULL;
    } else if (strcmp(key, "body") == 0) {
        r->body = value;
        r->len = strlen(value);
    } else if (strcmp(key, "header") == 0) {
        if (r->n_headers == MAX_HEADERS)
            abort();
        p->headers[r->n_headers++] = value;
    } else if (strcmp(key, "size") == 0) {
        free(p->filling);
        r->len = strtoul(value, NULL, 10);
        r->body = p->filling = must(malloc(r->len + 1));
        memset(p->filling, 'x', r->len);
    } else {
        fprintf(stderr, "web_probe: %s is not known\n", key);
        exit(2);
    }
}

/* What a word without waiting does. */
static void act(struct probe *p, const char *word)
{
    char key[16];
    const char *value = strchr(word, '=');

    if (strcmp(word, "quiet") == 0) {
        p->quiet = true;
    } else if (strcmp(word, "tick") == 0) {
        uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
    } else if (strcmp(word, "headers") == 0) {
        p->request.n_headers = 0;
    } else if (strcmp(word, "cancel") == 0) {
        web_cancel(p->web);
    } else if (strcmp(word, "start") == 0) {
        post(p);
    } else {
        snprintf(key, sizeof key, "%.*s", value ? (int)(value - word) : (int)strlen(word), word);
        set(p, key, value ? value + 1 : "");
    }
}

/* Goes on with the words until one has to be waited for. */
static void next(struct probe *p)
{
    if (p->posts > 0 && --p->posts > 0) {
        post(p);
        return;
    }
    while (*p->words) {
        const char *word = *p->words++;
        if (strncmp(word, "post", 4) == 0) {
            p->posts = word[4] ? strtol(word + 5, NULL, 10) : 1;
            post(p);
            return;
        }
        if (strncmp(word, "wait=", 5) == 0) {
            p->turns = 0;
            uv_timer_start(&p->pause, on_pause, strtoul(word + 5, NULL, 10), 0);
            return;
        }
        if (strcmp(word, "close") == 0)
            break;
        act(p, word);
    }
    p->close_ms = uv_hrtime() / 1000000;
    web_close(p->web, on_closed, p);
}

static void on_begin(uv_timer_t *t)
{
    next(t->data);
}

int main(int argc, char **argv)
{
    static struct probe p;
    struct jsonw w;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&p.loop);
    uv_timer_init(&p.loop, &p.pause);
    uv_timer_init(&p.loop, &p.tick);
    uv_prepare_init(&p.loop, &p.turn);
    p.pause.data = p.tick.data = p.turn.data = &p;
    uv_prepare_start(&p.turn, on_turn);
    uv_unref((uv_handle_t *)&p.turn);
    p.words = argv + 1;
    p.request.headers = p.headers;
    p.web = web_new(&p.loop);
    uv_timer_start(&p.pause, on_begin, 0, 0);
    uv_run(&p.loop, UV_RUN_DEFAULT);
    if (!p.closed || uv_loop_close(&p.loop) != 0)
        abort(); /* something was left open */
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "ok", p.ok);
    jsonw_int(&w, "other", p.other);
    jsonw_int(&w, "failed", p.failed);
    jsonw_int(&w, "gap_us", (int64_t)(p.gap_ns / 1000));
    jsonw_int(&w, "close_ms", (int64_t)p.close_ms);
    print(&w);
    free(p.filling);
    uv_library_shutdown();
    return EXIT_SUCCESS;
}
