#include "core/flx_topics.h"

#include <string.h>

static char *put_text(char *p, const char *text)
{
    size_t n = strlen(text);

    memcpy(p, text, n);
    return p + n;
}

static char *put_pair(char *p, int64_t a, const char *between, int64_t b)
{
    *p++ = '[';
    p = num_put_int(p, a);
    p = put_text(p, between);
    p = num_put_int(p, b);
    *p++ = ']';
    return p;
}

size_t flx_topics_time(char dst[FLX_TOPICS_TIME_MAX], int64_t host_s, int64_t board_s)
{
    return (size_t)(put_pair(dst, host_s, ", ", board_s) - dst);
}

size_t flx_topics_wave(char dst[FLX_TOPICS_WAVE_MAX], enum flx_type type, const struct flx_wave *w)
{
    char *p = dst;

    *p++ = '[';
    p = put_pair(p, w->s, ",", w->ms);
    p = put_text(p, ",[");
    for (size_t i = 0; i < FLX_WAVE_SAMPLES; i++) {
        if (i)
            *p++ = ',';
        p = num_put_int(p, w->sample[i]);
    }
    p = put_text(p, type == FLX_VOLTAGE ? "],\"mV\"]" : "],\"mA\"]");
    return (size_t)(p - dst);
}

const char *flx_topics_wave_below(enum flx_type type, uint8_t index)
{
    static const char *const currents[FLX_CLAMPS] = {"flx/current/1", "flx/current/2", "flx/current/3"};

    return type == FLX_VOLTAGE ? "flx/voltage/1" : currents[index];
}
