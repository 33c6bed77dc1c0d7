#include "core/window.h"

#include "core/sensors.h"
#include "core/util.h"

#include <stdlib.h>
#include <string.h>

struct window_ring {
    sensor_handle sensor;
    int64_t newest_s;
    uint64_t known; /* bit i: milli[i] holds a second of the 60 up to newest_s, the one with unix_s % 60 == i */
    int64_t milli[WINDOW_SECONDS];
};

void window_init(struct window *w)
{
    memset(w, 0, sizeof *w);
}

void window_fini(struct window *w)
{
    for (size_t i = 0; i < w->n_rings; i++)
        free(w->rings[i]);
    free(w->rings);
    window_init(w);
}

static struct window_ring *ring_of(struct window *w, sensor_handle h)
{
    size_t slot = sensor_slot(h);

    if (slot >= w->n_rings) {
        size_t n = slot + 1 + slot / 2;
        w->rings = must(realloc(w->rings, n * sizeof *w->rings));
        memset(w->rings + w->n_rings, 0, (n - w->n_rings) * sizeof *w->rings);
        w->n_rings = n;
    }
    if (!w->rings[slot]) {
        w->rings[slot] = must(calloc(1, sizeof **w->rings));
    }
    if (w->rings[slot]->sensor != h)
        *w->rings[slot] = (struct window_ring){.sensor = h};
    return w->rings[slot];
}

/* Forget the seconds that leave the window when s becomes the newest; s itself is set by window_take(). */
static void move_to(struct window_ring *r, int64_t s)
{
    if (r->newest_s - s > WINDOW_SECONDS || s - r->newest_s >= WINDOW_SECONDS)
        r->known = 0; /* stepped back, or a long silence */
    else if (s <= r->newest_s)
        return;
    else
        for (int64_t t = r->newest_s + 1; t < s; t++)
            r->known &= ~(UINT64_C(1) << t % WINDOW_SECONDS);
    r->newest_s = s;
}

void window_take(void *ctx, const struct reading *r)
{
    if (r->kind != READING_GAUGE || r->unix_s <= 0)
        return;
    struct window_ring *ring = ring_of(ctx, r->sensor);
    move_to(ring, r->unix_s);
    if (ring->newest_s - r->unix_s >= WINDOW_SECONDS)
        return;
    ring->milli[r->unix_s % WINDOW_SECONDS] = r->milli;
    ring->known |= UINT64_C(1) << r->unix_s % WINDOW_SECONDS;
}

static bool has(const struct window_ring *r, int64_t s)
{
    return s <= r->newest_s && r->newest_s - s < WINDOW_SECONDS && s >= 0 && r->known >> s % WINDOW_SECONDS & 1;
}

size_t window_pairs(const struct window *w, sensor_handle h, int64_t now_s, struct window_pair out[WINDOW_SECONDS])
{
    size_t slot = sensor_slot(h);
    const struct window_ring *ring = slot < w->n_rings ? w->rings[slot] : NULL;
    struct window_pair later = {.known = false};

    if (!ring || ring->sensor != h)
        return 0;
    for (size_t i = WINDOW_SECONDS; i-- > 0;) {
        int64_t s = now_s - (WINDOW_SECONDS - 1) + (int64_t)i;
        if (has(ring, s)) {
            later.milli = ring->milli[s % WINDOW_SECONDS];
            later.known = true;
        }
        later.unix_s = s;
        out[i] = later;
    }
    return WINDOW_SECONDS;
}
