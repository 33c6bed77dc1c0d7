/* Asks of others on a bus (app/buses.h): each has a number and somebody who waits for its answer. What runs on a bus
 * that stops is answered too, once the settings are all in force. */
#include "app/buses_impl.h"

#include "core/util.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof((struct mb_result *)0)->words == MB_LINK_ERROR, "a reason fits");

struct bus_ask {
    struct bus_ask *next;
    uint64_t number;
    bus_answer_cb cb;
    void *ctx;
};

static struct bus_ask *take(struct bus_ask **list, uint64_t number)
{
    for (struct bus_ask **at = list; *at; at = &(*at)->next)
        if ((*at)->number == number) {
            struct bus_ask *a = *at;
            *at = a->next;
            return a;
        }
    return NULL;
}

/* ---- asking ---- */

const char *bus_state_name(enum bus_state s)
{
    static const char *const names[] = {"unknown", "off", "opening", "up", "down"};

    return names[s];
}

enum bus_state buses_state(const struct buses *b, const char *key, const char **why)
{
    const struct bus *x = bus_find(b, key);

    *why = x ? x->why : "";
    return x ? x->state : BUS_UNKNOWN;
}

/* The bus, if it can be asked. */
static struct bus *asked(struct buses *b, const char *key, char why[MB_LINK_ERROR])
{
    struct bus *x = bus_find(b, key);

    if (!x)
        snprintf(why, MB_LINK_ERROR, "there is no bus %s", key);
    else if (x->state == BUS_OFF)
        snprintf(why, MB_LINK_ERROR, "bus %s is off", key);
    else if (!x->thread)
        snprintf(why, MB_LINK_ERROR, "bus %s is not open yet", key);
    else
        return x;
    return NULL;
}

uint64_t buses_ask(struct buses *b, const char *key, const struct mb_ask *a, bus_answer_cb cb, void *ctx,
                   char why[MB_LINK_ERROR])
{
    struct bus *x = asked(b, key, why);
    struct mb_ask ask = *a;

    if (!x)
        return 0;
    ask.ticket = ++b->last_ask;
    if (mb_bus_ask(x->thread, &ask) < 0) {
        snprintf(why, MB_LINK_ERROR, "bus %s: too many requests wait for their turn", key);
        return 0;
    }
    struct bus_ask *own = must(calloc(1, sizeof *own));
    *own = (struct bus_ask){.next = x->asks, .number = ask.ticket, .cb = cb, .ctx = ctx};
    x->asks = own;
    return ask.ticket;
}

void buses_forget(struct buses *b, uint64_t number)
{
    for (size_t i = 0; number && i < b->n; i++) {
        struct bus_ask *a = take(&b->v[i]->asks, number);
        if (!a)
            continue;
        mb_bus_cancel(b->v[i]->thread, number);
        free(a);
        return;
    }
    free(take(&b->lost, number));
}

/* ---- answers ---- */

static void answer(struct bus_ask *a, const struct bus_answer *what)
{
    bus_answer_cb cb = a->cb;
    void *ctx = a->ctx;

    free(a);
    cb(ctx, what);
}

void bus_asks_answered(struct bus *x, const struct mb_result *r)
{
    struct bus_ask *a = take(&x->asks, r->ticket);
    const struct bus_answer what = {
        .outcome = r->outcome,
        .exception = r->exception,
        .words = r->raw,
        .n_words = r->n_words,
        .took_us = r->took_us,
        .why = r->words,
    };

    if (a)
        answer(a, &what);
}

void bus_asks_lost(struct bus *x)
{
    while (x->asks) {
        struct bus_ask *a = x->asks;
        x->asks = a->next;
        a->next = x->owner->lost;
        x->owner->lost = a;
    }
}

void buses_answer_lost(struct buses *b)
{
    const struct bus_answer gone = {.outcome = MB_GONE, .why = "the settings of the bus were changed"};

    while (b->lost) {
        struct bus_ask *a = b->lost;
        b->lost = a->next;
        answer(a, &gone);
    }
}

/* ---- lines of jobs ---- */

/* A bus of the settings, or another job, has it. */
static const struct bus *user_of(const struct buses *b, const char *line)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i]->line && b->v[i]->state != BUS_OFF && strcmp(b->v[i]->line, line) == 0)
            return b->v[i];
    return NULL;
}

static struct mb_line copied(const struct mb_line *line)
{
    struct mb_line own = *line;

    own.device = line->device ? must(strdup(line->device)) : NULL;
    own.host = line->host ? must(strdup(line->host)) : NULL;
    return own;
}

int buses_borrow(struct buses *b, const struct mb_line *line, char key[BUS_KEY], char why[MB_LINK_ERROR])
{
    char *name = bus_line_name(line);
    const struct bus *user = line->device ? user_of(b, name) : NULL; /* TCP takes several connections */
    struct bus *x = NULL;

    snprintf(key, BUS_KEY, "+%llu", (unsigned long long)++b->last_ask);
    if (user && user->borrowed)
        snprintf(why, MB_LINK_ERROR, "%.80s is in use by another job", name);
    else if (user)
        snprintf(why, MB_LINK_ERROR, "%.80s is the line of bus %s: name that instead", name, user->key);
    else if (!(x = bus_add(b, key)))
        snprintf(why, MB_LINK_ERROR, "too many lines are open");
    if (!x) {
        free(name);
        return -1;
    }
    x->borrowed = x->waits = true;
    x->line = name;
    x->own = copied(line);
    bus_set_state(x, BUS_OPENING, "");
    buses_start_waiting(b);
    return 0;
}

void buses_return(struct buses *b, const char *key)
{
    struct bus *x = bus_find(b, key);

    if (x && x->borrowed)
        bus_remove(b, x);
}
