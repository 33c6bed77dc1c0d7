#include "core/p1_telegram.h"

#include <stdio.h>
#include <string.h>

#define GROUPS 8 /* of a line: more are a log's */

struct group {
    const char *text;
    size_t len;
};

struct line {
    struct obis_value code;
    struct group groups[GROUPS];
    size_t n;
};

struct parse {
    struct p1_telegram *out;
    struct obis_value waiting; /* 24.3.0: its value is on the next line */
    bool waits;
};

/* "(…)(…)" to the end of the line. -1: it is anything else. */
static int take_groups(const char *p, size_t len, struct line *l)
{
    l->n = 0;
    while (len) {
        const char *end = *p == '(' ? memchr(p, ')', len) : NULL;
        if (!end || memchr(p + 1, '(', (size_t)(end - p - 1)))
            return -1;
        if (l->n < GROUPS)
            l->groups[l->n] = (struct group){p + 1, (size_t)(end - p - 1)};
        l->n++;
        len -= (size_t)(end + 1 - p);
        p = end + 1;
    }
    return l->n ? 0 : -1;
}

static enum p1_device device_of(uint8_t type)
{
    switch (type) {
    case 0:
        return P1_NO_DEVICE;
    case 3:
        return P1_GAS;
    case 4:
    case 12:
        return P1_HEAT;
    case 6:
        return P1_WARM_WATER;
    case 7:
        return P1_WATER;
    default:
        return P1_OTHER_DEVICE;
    }
}

static bool is(const struct obis_value *v, unsigned c, unsigned d, unsigned e)
{
    return v->c == c && v->d == d && v->e == e;
}

/* What telegrams tell that is no number to be shown: texts, states, logs, limits, serial numbers. */
static bool is_other(const struct obis_value *v)
{
    return v->c >= 94 || v->d == 32 || v->d == 36 || (v->c == 24 && (v->d == 4 || v->d == 1)) || v->c == 17 ||
           v->c == 0 || (v->c == 31 && v->d == 4) || (v->a == 0 && v->b && v->c != 24);
}

static void add(struct p1_telegram *t, const struct obis_value *v)
{
    if (t->n < P1_VALUES)
        t->values[t->n++] = *v;
    else
        t->dropped++;
}

/* A channel's lines about itself. False: this is none of them. */
static bool take_channel(struct p1_telegram *t, const struct line *l)
{
    const struct obis_value *v = &l->code;
    struct obis_value type;

    if (v->a != 0 || !v->b || v->b >= P1_CHANNELS)
        return false;
    struct p1_channel *c = &t->channel[v->b];
    if (is(v, 24, 1, 0)) {
        c->type_said = true;
        bool ok = obis_number(l->groups[0].text, l->groups[0].len, &type) == 0 && !type.unit_given;
        c->type = ok && type.milli < 256000 ? (uint8_t)(type.milli / 1000) : 0;
        c->device = (uint8_t)device_of(c->type);
        return true;
    }
    if (v->c != 96 || v->d != 1)
        return false;
    c->serial_said = true;
    c->serial |= l->groups[0].len > 0;
    return true;
}

/* "(stamp)(value*unit)" or "(value*unit)". A group that looks like a stamp is one, also where it is no date. */
static void take_value(struct parse *p, const struct line *l)
{
    struct obis_value v = l->code;
    size_t at = 0;

    if (l->n > 1 && l->groups[0].len == 13) {
        v.stamp_s = obis_stamp(l->groups[0].text, l->groups[0].len);
        at = 1;
    }
    if (l->n > at + 1 || obis_number(l->groups[at].text, l->groups[at].len, &v) < 0)
        p->out->bad_lines++;
    else
        add(p->out, &v);
}

/* The two lines of older meters. The stamp has no S or W there: it is nobody's but the meter's. */
static bool take_old_mbus(struct parse *p, const struct line *l)
{
    if (!is(&l->code, 24, 3, 0) || l->n != 6)
        return false;
    char unit[16];
    struct obis_value one;

    snprintf(unit, sizeof unit, "0*%.*s", l->groups[5].len < 12 ? (int)l->groups[5].len : 0, l->groups[5].text);
    p->waiting = l->code;
    if (obis_number(unit, strlen(unit), &one) == 0) {
        p->waits = true;
        p->waiting.unit = one.unit;
        p->waiting.unit_given = true;
    }
    return true;
}

/* "(00124.477)" behind such a line: in the unit that it named. */
static void take_waiting(struct parse *p, const char *text, size_t len, const char *unit)
{
    char number[64];
    struct obis_value v = p->waiting, got;

    if (len < 3 || len > 32 || text[0] != '(' || text[len - 1] != ')')
        goto bad;
    snprintf(number, sizeof number, "%.*s*%s", (int)len - 2, text + 1, unit);
    if (obis_number(number, strlen(number), &got) < 0 || got.unit != v.unit)
        goto bad;
    v.milli = got.milli;
    add(p->out, &v);
    return;
bad:
    p->out->bad_lines++;
}

static void take_line(struct parse *p, const char *text, size_t len)
{
    struct line l = {0};
    size_t n;

    if (p->waits) {
        p->waits = false;
        take_waiting(p, text, len, p->waiting.unit == OBIS_L ? "m3" : "GJ");
        return;
    }
    if (!len || *text == '!')
        return;
    n = obis_code(text, len, &l.code);
    if (!n || take_groups(text + n, len - n, &l) < 0) {
        p->out->bad_lines++;
        return;
    }
    l.code.stamp_s = 0;
    if (l.code.a == 1)
        l.code.b = 0; /* "1-1:1.8.1" in Greece: there is one electricity */
    if (is(&l.code, 1, 0, 0) && l.code.a == 0) {
        p->out->unix_s = obis_stamp(l.groups[0].text, l.groups[0].len);
        return;
    }
    if (take_channel(p->out, &l) || is_other(&l.code) || take_old_mbus(p, &l))
        return;
    take_value(p, &l);
}

/* Is the value of a channel nobody's? */
static bool is_dead(const struct p1_telegram *t, const struct obis_value *v)
{
    if (v->a != 0 || !v->b)
        return false;
    const struct p1_channel *c = v->b < P1_CHANNELS ? &t->channel[v->b] : NULL;
    if (!c || (c->type_said && !c->type) || (c->serial_said && !c->serial) || !v->unit_given)
        return true;
    return v->d == 2 && v->stamp_s == 0;
}

static void drop_dead(struct p1_telegram *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (is_dead(t, &t->values[i]))
            t->dead++;
        else
            t->values[kept++] = t->values[i];
    }
    t->n = kept;
}

int p1_parse(const char *text, size_t len, struct p1_telegram *out)
{
    struct parse p = {.out = out};
    const char *end = text + len, *line_end;

    memset(out, 0, sizeof *out);
    if (!len || *text != '/')
        return -1;
    for (const char *at = text; at < end; at = line_end + 1) {
        line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        size_t n = (size_t)(line_end - at);
        if (n && at[n - 1] == '\r')
            n--;
        if (at == text)
            snprintf(out->ident, sizeof out->ident, "%.*s", (int)n - 1, at + 1);
        else
            take_line(&p, at, n);
    }
    drop_dead(out);
    return 0;
}

const struct obis_value *p1_value(const struct p1_telegram *t, unsigned b, unsigned c, unsigned d, unsigned e)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->values[i].b == b && is(&t->values[i], c, d, e))
            return &t->values[i];
    return NULL;
}
