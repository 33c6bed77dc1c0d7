#include "app/app.h"

#include <time.h>

int64_t app_mono_ms(const struct app *a)
{
    return (int64_t)uv_now(a->loop);
}

int64_t app_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t app_unix_s(struct app *a)
{
    return clock_look(&a->clock, app_wall_ms(), app_mono_ms(a));
}
