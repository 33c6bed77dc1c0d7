/* Statistics: each module says its numbers through one call, x_stats(x, emit, ctx); metrics and status are
 * renderings of one walk over a registry of such calls. Nothing here counts anything itself. */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stat_type { STAT_COUNTER, STAT_GAUGE };

struct stat_value {
    const char *name;   /* snake_case with unit, without prefix: "mqtt_published_total", "loop_lag_ms" */
    const char *labels; /* "kind=\"gauge\"" as Prometheus writes them, or NULL */
    enum stat_type type;
    int64_t value;
    const char *help; /* one sentence */
};

typedef void (*stat_emit)(void *ctx, const struct stat_value *s);
typedef void (*stats_fn)(void *module, stat_emit emit, void *ctx);

#define STATS_MODULES 32

/* Numbers of which there may be thousands, told a piece at a time: emit those at *cursor (0 at first) and move it. False
 * at the end; then none was emitted. Those of one name come in a row. */
typedef bool (*stats_more_fn)(void *module, size_t *cursor, stat_emit emit, void *ctx);

struct stats {
    struct {
        stats_fn fn;
        void *module;
    } v[STATS_MODULES];
    size_t n;
    stats_more_fn more; /* of one module; NULL: nobody has so many */
    void *more_module;
};

/* Register a module's walk. The number of modules is known when the program is written: too many aborts. */
void stats_add(struct stats *s, stats_fn fn, void *module);
void stats_remove(struct stats *s, stats_fn fn, void *module);

/* Call emit for every number of every module. */
void stats_walk(const struct stats *s, stat_emit emit, void *ctx);

#endif
