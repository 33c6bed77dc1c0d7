#include "core/topics.h"

void topic_init(char topic[TOPIC_SENSOR_MAX], enum reading_kind kind)
{
    static const char *const last_level[READING_KINDS] = {"/gauge", "/counter"};

    memset(topic, 0, TOPIC_SENSOR_MAX);
    memcpy(topic, "/sensor/", TOPIC_ID_AT);
    memcpy(topic + TOPIC_ID_AT + SENSOR_ID_LEN, last_level[kind], strlen(last_level[kind]));
}

/* floor(milli / 1000 + 0.5) */
static int64_t round_half_up(int64_t milli)
{
    int64_t whole = milli / 1000, rest = milli % 1000;

    if (rest >= 500)
        return whole + 1;
    return rest < -500 ? whole - 1 : whole;
}

static void stamp_set(struct payload_stamp *stamp, int64_t unix_s)
{
    char *p = stamp->text;

    *p++ = '[';
    p = num_put_int(p, unix_s);
    *p++ = ',';
    stamp->len = (size_t)(p - stamp->text);
    stamp->unix_s = unix_s;
}

/* "[<unix s>,": the end of it. */
static inline char *put_stamp(char *dst, struct payload_stamp *stamp, int64_t unix_s)
{
    if (stamp->unix_s != unix_s || !stamp->len)
        stamp_set(stamp, unix_s);
    memcpy(dst, stamp->text, sizeof stamp->text); /* a fixed size, so that it costs a few moves */
    return dst + stamp->len;
}

/* "\"<unit>\"]": the end of it. */
static inline char *put_unit(char *p, const char *unit)
{
    *p++ = '"';
    for (size_t i = 0; unit[i] && i < PAYLOAD_UNIT_MAX; i++)
        *p++ = unit[i];
    *p++ = '"';
    *p++ = ']';
    return p;
}

size_t payload_put(char dst[PAYLOAD_MAX], struct payload_stamp *stamp, int64_t unix_s, enum reading_kind kind,
                   int64_t milli, const char *unit)
{
    char *p = put_stamp(dst, stamp, unix_s);

    p = kind == READING_GAUGE ? num_put_int(p, round_half_up(milli)) : num_put_milli(p, milli);
    *p++ = ',';
    return (size_t)(put_unit(p, unit) - dst);
}

size_t payload_put_fine(char dst[PAYLOAD_MAX], struct payload_stamp *stamp, int64_t unix_s, enum reading_kind kind,
                        int64_t milli, const char *unit)
{
    char *p = put_stamp(dst, stamp, unix_s);

    (void)kind;
    p = num_put_milli(p, milli);
    *p++ = ',';
    return (size_t)(put_unit(p, unit) - dst);
}

/* An integer, or a decimal with all three digits. */
static char *put_three(char *p, int64_t milli)
{
    int rest = (int)(milli % 1000);

    if (milli < 0 && milli > -1000)
        *p++ = '-';
    p = num_put_int(p, milli / 1000);
    if (rest == 0)
        return p;
    rest = rest < 0 ? -rest : rest;
    *p++ = '.';
    *p++ = (char)('0' + rest / 100);
    *p++ = (char)('0' + rest / 10 % 10);
    *p++ = (char)('0' + rest % 10);
    return p;
}

size_t payload_put_v3(char dst[PAYLOAD_MAX], struct payload_stamp *stamp, int64_t unix_s, enum reading_kind kind,
                      int64_t milli, const char *unit)
{
    char *p = put_stamp(dst, stamp, unix_s);

    (void)kind;
    *p++ = ' ';
    p = put_three(p, milli);
    *p++ = ',';
    *p++ = ' ';
    return (size_t)(put_unit(p, unit) - dst);
}
