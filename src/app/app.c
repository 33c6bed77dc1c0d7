#include "app/app.h"

#include "io/kernel_clock.h"

#include <stdlib.h>
#include <time.h>

#define KERNEL_MS 5000 /* the kernel is asked of its clock so often, and after each step */

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
    int64_t mono_ms = (int64_t)(uv_hrtime() / 1000000); /* not the turn's: a long turn would look like a step */
    uint64_t steps = a->clock.steps;
    int64_t unix_s = clock_look(&a->clock, app_wall_ms(), mono_ms);

    if (!a->kernel_ms || a->clock.steps != steps || mono_ms - a->kernel_ms >= KERNEL_MS) {
        a->kernel_ms = mono_ms;
        clock_kernel(&a->clock, kernel_clock_kept());
    }
    return unix_s;
}

struct job_time app_job_time(struct app *a)
{
    return (struct job_time){app_mono_ms(a), app_unix_s(a)};
}

enum jobs_why app_job(struct app *a, const char *verb, const struct cJSON *args, job_handle *j, char error[JOB_LINE])
{
    return jobs_start(&a->jobs, app_job_time(a), verb, args, j, error);
}

void app_job_end(struct app *a, job_handle j, enum job_state state, char *result)
{
    jobs_end(&a->jobs, app_job_time(a), j, state, result);
}

void app_section(struct app *a, const struct status_section *s)
{
    if (a->sections.n == STATUS_SECTIONS)
        abort();
    a->sections.v[a->sections.n++] = *s;
}

void app_section_end(struct app *a, const void *self)
{
    for (size_t i = 0; i < a->sections.n; i++) {
        if (a->sections.v[i].self != self)
            continue;
        a->sections.v[i] = a->sections.v[--a->sections.n];
        return;
    }
}
