#include "core/mb_plan.h"

#include <string.h>

static int by_address(const void *a, const void *b)
{
    const struct meter_register *x = a, *y = b;

    if (x->function != y->function)
        return x->function < y->function ? -1 : 1;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->quantity < y->quantity ? -1 : x->quantity > y->quantity;
}

static unsigned end_of(const struct meter_register *r)
{
    return (unsigned)r->address + r->words;
}

/* The first register of each quantity that is wanted. */
static void choose(struct mb_plan *p, const struct meter_model *m, const uint8_t *quantities, size_t n)
{
    bool wanted[QUANTITIES] = {false};

    for (size_t i = 0; i < n; i++)
        if (quantities[i] < QUANTITIES)
            wanted[quantities[i]] = true;
    p->registers = must(calloc(m->n_registers + 1, sizeof *p->registers));
    for (size_t i = 0; i < m->n_registers; i++) {
        uint8_t q = m->registers[i].quantity;
        if (q >= QUANTITIES || !wanted[q])
            continue;
        wanted[q] = false;
        p->registers[p->n_registers++] = m->registers[i];
    }
    qsort(p->registers, p->n_registers, sizeof *p->registers, by_address);
}

static struct mb_read read_of(const struct mb_plan *p, size_t first, size_t n)
{
    const struct meter_register *r = &p->registers[first];
    unsigned end = 0;

    for (size_t i = 0; i < n; i++)
        if (end_of(&r[i]) > end)
            end = end_of(&r[i]);
    return (struct mb_read){.function = r->function,
                            .address = r->address,
                            .count = (uint16_t)(end - r->address),
                            .first = (uint16_t)first,
                            .n = (uint16_t)n};
}

static bool joins(const struct mb_plan *p, const struct mb_read *to, const struct meter_register *r)
{
    unsigned end = (unsigned)to->address + to->count;

    return r->function == to->function && r->address <= end + MB_GAP &&
           (end_of(r) <= end || end_of(r) - to->address <= p->max_read);
}

/* Add reads for these registers, each as long as may be. */
static void add_reads(struct mb_plan *p, size_t first, size_t n)
{
    for (size_t i = first, taken; i < first + n; i += taken) {
        struct mb_read x = read_of(p, i, 1);
        for (taken = 1; i + taken < first + n && joins(p, &x, &p->registers[i + taken]); taken++)
            x = read_of(p, i, taken + 1);
        p->reads[p->n_reads++] = x;
    }
}

void mb_plan_init(struct mb_plan *p, const struct meter_model *m, const uint8_t *quantities, size_t n)
{
    memset(p, 0, sizeof *p);
    p->max_read = m->max_read && m->max_read < METER_READ_MAX ? m->max_read : METER_READ_MAX;
    choose(p, m, quantities, n);
    p->reads = must(calloc(p->n_registers + 1, sizeof *p->reads)); /* never more than one for each register */
    add_reads(p, 0, p->n_registers);
}

void mb_plan_fini(struct mb_plan *p)
{
    free(p->registers);
    free(p->reads);
    memset(p, 0, sizeof *p);
}

/* How many of its registers the first of two reads holds: those before the widest gap, else the half of its words. */
static size_t cut(const struct mb_plan *p, const struct mb_read *r)
{
    const struct meter_register *v = &p->registers[r->first];
    unsigned end = end_of(v), widest = 0;
    size_t at = 0, half = 0;

    for (size_t i = 1; i < r->n; i++) {
        if (v[i].address > end && v[i].address - end > widest) {
            widest = v[i].address - end;
            at = i;
        }
        if (!half && 2u * (unsigned)(v[i].address - r->address) >= r->count)
            half = i;
        if (end_of(&v[i]) > end)
            end = end_of(&v[i]);
    }
    if (at)
        return at;
    return half ? half : r->n - 1u;
}

bool mb_plan_split(struct mb_plan *p, size_t read)
{
    struct mb_read *r = &p->reads[read];
    struct mb_read whole = *r;

    if (r->n == 1) {
        r->gone = true;
        return false;
    }
    size_t n = cut(p, r);
    memmove(r + 2, r + 1, (p->n_reads - read - 1) * sizeof *r);
    r[0] = read_of(p, whole.first, n);
    r[1] = read_of(p, whole.first + n, whole.n - n);
    p->n_reads++;
    return true;
}

bool mb_plan_careful(struct mb_plan *p, const struct meter_model *m)
{
    struct mb_read *old = p->reads;
    size_t n = p->n_reads;
    bool changed = false;

    if (!m->careful_read || m->careful_read >= p->max_read)
        return false;
    p->max_read = m->careful_read;
    p->reads = must(calloc(p->n_registers + 1, sizeof *p->reads));
    p->n_reads = 0;
    for (size_t i = 0; i < n; i++) {
        if (old[i].count <= p->max_read || old[i].n == 1) {
            p->reads[p->n_reads++] = old[i];
            continue;
        }
        add_reads(p, old[i].first, old[i].n);
        changed = true;
    }
    free(old);
    return changed;
}
