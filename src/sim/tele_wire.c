/* One line: what a telegram goes through on it, and how it gets to a reader. */
#include "sim/tele.h"

#include <inttypes.h>
#include <string.h>

#include "sim/options.h"
#include "sim/rng.h"

#define AT_ONCE          2048 /* bytes in one go: half of what the kernel holds ready for a reader */
#define BITS_A_CHARACTER 10   /* start, eight (or seven and parity), stop */

static const char *const names[TELE_FAULTS] = {"cut", "glue", "flip", "overrun", "drop", "parity", "noise"};

const char *tele_fault_name(int fault)
{
    return names[fault];
}

int tele_rates_parse(double rates[TELE_FAULTS], const char *text)
{
    for (;;) {
        int kind = 0;
        char *end;

        while (kind < TELE_FAULTS &&
               (strncmp(text, names[kind], strlen(names[kind])) != 0 || text[strlen(names[kind])] != '='))
            kind++;
        if (kind == TELE_FAULTS)
            return -1;
        text += strlen(names[kind]) + 1;
        rates[kind] = strtod(text, &end);
        if (end == text || !(rates[kind] >= 0 && rates[kind] <= 1))
            return -1;
        if (*end == '\0')
            return 0;
        if (*end != ',')
            return -1;
        text = end + 1;
    }
}

/* A whole number in [0, n). */
static size_t below(struct tele *l, size_t n)
{
    return (size_t)(rng_next(&l->rng) % n);
}

/* The fault of the next telegram: one that was ordered, else by chance; -1: none. */
static int pick(struct tele *l, const double rates[TELE_FAULTS])
{
    double chance = rng_unit(rng_next(&l->rng));

    for (int kind = 0; kind < TELE_FAULTS; kind++) {
        if (!l->ordered[kind])
            continue;
        l->ordered[kind]--;
        return kind;
    }
    for (int kind = 0; kind < TELE_FAULTS; kind++) {
        if (chance < rates[kind])
            return kind;
        chance -= rates[kind];
    }
    return -1;
}

/* As a receiver of eight bits sees seven with even parity. */
static void set_parity(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] &= 0x7f;
        if (__builtin_parity((unsigned char)p[i]))
            p[i] = (char)(p[i] | 0x80);
    }
}

static void lose(struct tele *l, size_t from, size_t n)
{
    memmove(l->out + from, l->out + from + n, l->len - from - n);
    l->len -= n;
}

static void spoil(struct tele *l)
{
    size_t n, at;

    switch (l->fault) {
    case TELE_CUT:
    case TELE_GLUE:
        l->len = 1 + below(l, l->len - 1);
        l->head_lost = l->fault == TELE_GLUE;
        return;
    case TELE_FLIP:
        l->out[below(l, l->len)] ^= (char)(1 << below(l, 7));
        return;
    case TELE_OVERRUN:
        n = 1 + below(l, l->len / 2);
        lose(l, below(l, l->len - n), n);
        return;
    case TELE_DROP:
        l->len = 0;
        return;
    case TELE_PARITY:
        set_parity(l->out, l->len);
        return;
    case TELE_NOISE:
        n = 1 + below(l, TELE_NOISE_MAX);
        memmove(l->out + n, l->out, l->len);
        for (at = 0; at < n; at++)
            l->out[at] = (char)rng_next(&l->rng);
        l->len += n;
        return;
    default:
        return;
    }
}

void tele_put(struct tele *l, const struct tele_text *text, const struct tele_now *said,
              const double rates[TELE_FAULTS])
{
    bool head_lost = l->head_lost;

    memcpy(l->out, text->bytes, text->len);
    l->len = text->len;
    l->sent = 0;
    l->telegram = said != NULL;
    l->misread = false;
    l->fault = -1;
    if (l->parity)
        set_parity(l->out, l->len);
    if (!said)
        return;
    l->said = *said;
    l->told++;
    l->head_lost = false;
    if (head_lost) {
        lose(l, 0, 1 + below(l, l->len - 1));
        l->fault = TELE_GLUE;
        return;
    }
    l->fault = pick(l, rates);
    spoil(l);
}

/* So many bytes of what is on its way have had time to pass. */
static size_t passed(const struct tele *l, int64_t now_ms)
{
    int64_t n = (now_ms - l->out_ms) * l->speed / BITS_A_CHARACTER / 1000;

    return n < (int64_t)l->len ? (size_t)n : l->len;
}

bool tele_write_some(struct tele *l, int64_t now_ms, bool paced)
{
    char noise[AT_ONCE];
    size_t may = paced ? passed(l, now_ms) : l->len;

    while (l->sent < may && pty_unread(&l->pty) < AT_ONCE) {
        size_t n = may - l->sent < AT_ONCE ? may - l->sent : AT_ONCE;
        bool read_well = pty_baud(&l->pty) == l->speed;

        for (size_t i = 0; i < n && !read_well; i++)
            noise[i] = (char)rng_next(&l->rng);
        l->misread |= !read_well;
        pty_write(&l->pty, read_well ? l->out + l->sent : noise, n);
        l->sent += n;
    }
    return !tele_busy(l);
}

void tele_over(struct tele *l, bool taken, FILE *truth, size_t number)
{
    const char *why = !taken ? "unread" : l->misread ? "speed" : l->fault >= 0 ? names[l->fault] : NULL;
    bool good = taken && !l->misread && (l->fault < 0 || l->fault >= TELE_PARITY);

    if (l->telegram) {
        l->good += good;
        l->unread += !taken;
        l->misreads += l->misread;
        if (l->fault >= 0)
            l->done[l->fault]++;
        if (truth) {
            fprintf(truth, "{\"line\":%zu,\"good\":%s,\"fault\":", number, good ? "true" : "false");
            fprintf(truth, why ? "\"%s\"," : "null,", why);
            tele_now_truth(&l->said, truth);
            fputs("}\n", truth);
            fflush(truth);
        }
    }
    l->telegram = false;
    l->len = l->sent = 0;
}
