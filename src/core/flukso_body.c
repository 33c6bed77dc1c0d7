#include "core/flukso_body.h"

#include "core/answer.h"
#include "core/jsonw.h"
#include "core/num.h"
#include "core/thinning.h"

#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#define WHOLE_MAX 9007199254740991.0 /* 2^53 - 1: up to here each integer is a double of its own */
#define PART_MAX  99                 /* of a release: beyond, its number would run into the next part's */

/* Also for what cannot be: a counter below 0 must not look like one of 0 that came twice. */
static int64_t whole(int64_t milli)
{
    return milli / 1000 - (milli % 1000 < 0);
}

void flukso_body_measurements(struct jsonw *w, const struct thin_row *rows, size_t n)
{
    static const char head[] = "{\"measurements\":[", tail[] = "]}";

    jsonw_raw(w, head, sizeof head - 1);
    for (size_t i = 0; i < n; i++) {
        char *p = jsonw_room(w, 2 * NUM_MAX + 4);
        if (i)
            *p++ = ',';
        *p++ = '[';
        p = num_put_int(p, rows[i].unix_s);
        *p++ = ',';
        p = num_put_int(p, whole(rows[i].value));
        *p++ = ']';
        w->len = (size_t)(p - w->buf);
    }
    jsonw_raw(w, tail, sizeof tail - 1);
}

static void put_phase(struct jsonw *w, const struct sensor_settings *s, enum phase phase)
{
    if (phase == PHASE_1P)
        jsonw_int(w, "phase", 1);
    else if (sensor_settings_number(s) == 1)
        jsonw_int(w, "phase", 3);
}

void flukso_body_config(struct jsonw *w, const struct sensor_settings *s, const char *name, enum phase phase)
{
    jsonw_open(w, NULL, '{');
    jsonw_open(w, "config", '{');
    jsonw_str(w, "class", sensor_class_name(s->class == SENSOR_LINE ? SENSOR_UART : s->class));
    jsonw_str(w, "type", sensor_type_name(s->type));
    if (s->subtype)
        jsonw_str(w, "subtype", sensor_subtype_name(s->subtype));
    jsonw_str(w, "function", name);
    if (s->class == SENSOR_ANALOG) { /* S3: the clamps of three phases are identical */
        jsonw_int(w, "voltage", s->voltage[0]);
        jsonw_int(w, "current", s->current[0]);
        put_phase(w, s, phase);
    } else if (s->class == SENSOR_CT) {
        jsonw_int(w, "current", s->current[0]);
    } else if (s->class == SENSOR_PULSE) {
        jsonw_milli(w, "constant", s->constant_milli);
    }
    jsonw_int(w, "enable", s->enable);
    jsonw_close(w, '}');
    jsonw_close(w, '}');
}

void flukso_body_heartbeat(struct jsonw *w, const struct flukso_heartbeat *h)
{
    jsonw_open(w, NULL, '{');
    jsonw_int(w, "version", h->version);
    jsonw_int(w, "reset", h->reset);
    jsonw_int(w, "time", h->unix_s);
    jsonw_int(w, "uptime", h->uptime_s);
    jsonw_int(w, "memtotal", h->mem_total);
    jsonw_int(w, "memfree", h->mem_free);
    jsonw_int(w, "memcached", h->mem_cached);
    jsonw_int(w, "membuffers", h->mem_buffers);
    if (h->ip)
        jsonw_str(w, "ip", h->ip);
    if (h->port)
        jsonw_str(w, "port", h->port);
    jsonw_close(w, '}');
}

static int get_whole(const cJSON *item, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= WHOLE_MAX) ||
        item->valuedouble != floor(item->valuedouble))
        return -1;
    *out = (int64_t)item->valuedouble;
    return 0;
}

int flukso_reply_heartbeat(const char *body, size_t len, int64_t *upgrade, int64_t *timestamp)
{
    cJSON *tree = answer_json(body, len);
    const cJSON *named = cJSON_GetObjectItemCaseSensitive(tree, "upgrade");
    int64_t version = 0, unix_s;
    int result = -1;

    if (get_whole(cJSON_GetObjectItemCaseSensitive(tree, "timestamp"), &unix_s) < 0 || unix_s == 0)
        goto done;
    if (named && !cJSON_IsNull(named) && get_whole(named, &version) < 0)
        goto done;
    *upgrade = version;
    *timestamp = unix_s;
    result = 0;
done:
    cJSON_Delete(tree);
    return result;
}

int flukso_version_number(const char *release)
{
    int number = 0;

    for (int part = 0; part < 3; part++) {
        int v = 0;
        if (*release < '0' || *release > '9')
            return 0;
        while (*release >= '0' && *release <= '9' && v <= PART_MAX)
            v = v * 10 + *release++ - '0';
        if (v > PART_MAX || (part < 2 && *release++ != '.'))
            return 0;
        number = number * 100 + v;
    }
    return number;
}
