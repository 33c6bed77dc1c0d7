#include "sim/faults.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"

#define DELAY_MS 300

static const char *const names[FAULT_KINDS] = {"drop", "corrupt", "cut", "delay", "garbage"};

void faults_init(struct faults *f)
{
    *f = (struct faults){.rate_delay_ms = DELAY_MS};
}

void faults_seed(struct faults *f, uint64_t seed)
{
    f->rng = rng_mix(seed + 2);
}

const char *fault_name(enum fault kind)
{
    return names[kind];
}

/* One "name=rate" or "delay=rate:ms"; its end, or NULL. */
static const char *parse_one(struct faults *f, const char *text)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        size_t n = strlen(names[kind]);
        char *end;

        if (strncmp(text, names[kind], n) != 0 || text[n] != '=')
            continue;
        f->rate[kind] = strtod(text + n + 1, &end);
        if (end == text + n + 1 || !(f->rate[kind] >= 0 && f->rate[kind] <= 1))
            return NULL;
        if (kind == FAULT_DELAY && *end == ':') {
            const char *ms = end + 1;
            f->rate_delay_ms = strtol(ms, &end, 10);
            if (end == ms || f->rate_delay_ms < 0 || f->rate_delay_ms > 60000)
                return NULL;
        }
        return end;
    }
    return NULL;
}

int faults_parse(struct faults *f, const char *text)
{
    for (;;) {
        text = parse_one(f, text);
        if (!text)
            return -1;
        if (*text == '\0')
            return 0;
        if (*text++ != ',')
            return -1;
    }
}

/* A whole number in [0, n). */
static size_t below(struct faults *f, size_t n)
{
    return (size_t)(rng_next(&f->rng) % n);
}

static bool strikes(struct faults *f, enum fault kind)
{
    bool by_rate = rng_unit(rng_next(&f->rng)) < f->rate[kind];

    if (!by_rate && f->ordered[kind] == 0)
        return false;
    if (!by_rate)
        f->ordered[kind]--;
    f->done[kind]++;
    return true;
}

void faults_garbage(struct faults *f, char *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (char)rng_next(&f->rng);
}

static void corrupt(struct faults *f, char *reply, size_t len)
{
    /* One bit: a sum modulo 255 takes 00 for ff, and must not be given the chance. */
    if (f->binary) {
        reply[below(f, len)] ^= (char)(1 << below(f, 8));
        return;
    }
    /* A wrong hex digit is the meanest: only the CRC tells. The final `u` says nothing and stays. */
    char *p = reply + below(f, len - 1);
    char wrong = "0123456789abcdef"[below(f, 16)];

    *p = *p == wrong ? 'x' : wrong;
}

size_t faults_apply(struct faults *f, char *reply, size_t len, int64_t *delay_ms)
{
    unsigned ordered_delay = f->ordered[FAULT_DELAY];

    *delay_ms = 0;
    if (strikes(f, FAULT_DROP))
        return 0;
    if (strikes(f, FAULT_DELAY))
        *delay_ms = f->ordered[FAULT_DELAY] < ordered_delay ? f->ordered_delay_ms : f->rate_delay_ms;
    if (len > 1 && strikes(f, FAULT_CORRUPT))
        corrupt(f, reply, len);
    if (len > 2 && strikes(f, FAULT_CUT))
        len = 1 + below(f, len - 2);
    if (strikes(f, FAULT_GARBAGE)) {
        size_t n = 1 + below(f, FAULTS_GARBAGE_MAX);
        memmove(reply + n, reply, len);
        faults_garbage(f, reply, n);
        len += n;
    }
    return len;
}
