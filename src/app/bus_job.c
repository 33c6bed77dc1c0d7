#include "app/bus_job.h"

#include "core/jsonw.h"
#include "core/mb_speed.h"
#include "core/settings.h"
#include "core/util.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 50 /* a line that opens is looked at so often */

static_assert(JOB_LINE >= MB_LINK_ERROR, "a reason fits");

/* ---- arguments ---- */

static const cJSON *member(const cJSON *args, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(args, name);
}

static bool whole_number(const cJSON *x, int min, int max, int *out)
{
    double v = cJSON_IsNumber(x) ? x->valuedouble : NAN;

    if (!(v >= min && v <= max) || v != floor(v))
        return false;
    *out = (int)v;
    return true;
}

int bus_arg_int(const cJSON *args, const char *name, int min, int max, int *out, char error[JOB_LINE])
{
    const cJSON *x = member(args, name);

    if (!x || whole_number(x, min, max, out))
        return 0;
    snprintf(error, JOB_LINE, "%s: it is to be a whole number from %d to %d", name, min, max);
    return -1;
}

/* "0x0034": one to four digits. */
static bool hex_number(const char *text, int *out)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    size_t n = text && strncmp(text, "0x", 2) == 0 ? strspn(text + 2, digits) : 0;

    if (n < 1 || n > 4 || text[2 + n] != '\0')
        return false;
    *out = (int)strtol(text + 2, NULL, 16);
    return true;
}

int bus_arg_address(const cJSON *args, const char *name, int *out, char error[JOB_LINE])
{
    const cJSON *x = member(args, name);

    if (!x || whole_number(x, 0, 65535, out) || hex_number(cJSON_GetStringValue(x), out))
        return 0;
    snprintf(error, JOB_LINE, "%s: it is to be a number from 0 to 65535, or such as \"0x0034\"", name);
    return -1;
}

int bus_arg_timeout(const cJSON *args, int *ms, char error[JOB_LINE])
{
    const cJSON *x = member(args, "timeout");
    double v = cJSON_IsNumber(x) ? x->valuedouble : NAN;

    if (!x)
        return 0;
    if (!(v >= 0.02 && v <= 10)) {
        snprintf(error, JOB_LINE, "timeout: it is to be from 0.02 to 10 (seconds)");
        return -1;
    }
    *ms = (int)lround(v * 1000);
    return 0;
}

int bus_arg_text(const cJSON *args, const char *name, const char **out, char error[JOB_LINE])
{
    const cJSON *x = member(args, name);

    *out = cJSON_GetStringValue(x);
    if (!x || *out)
        return 0;
    snprintf(error, JOB_LINE, "%s: it is to be a text", name);
    return -1;
}

int bus_args_known(const cJSON *args, const char *const *names, char error[JOB_LINE])
{
    const cJSON *x;

    cJSON_ArrayForEach(x, args)
    {
        size_t i = 0;
        while (names[i] && strcmp(names[i], x->string) != 0)
            i++;
        if (!names[i]) {
            snprintf(error, JOB_LINE, "%.60s: there is no such argument", x->string);
            return -1;
        }
    }
    return 0;
}

int bus_baud_of(const cJSON *x)
{
    int baud = 0;

    return whole_number(x, 1, INT_MAX, &baud) && mb_speed_known(baud) ? baud : 0;
}

char bus_parity_of(const char *text)
{
    return text && strlen(text) == 1 && strchr("NEO", text[0]) ? text[0] : '\0';
}

struct meter_model *bus_job_model(struct app *app, const char *id, char error[JOB_LINE])
{
    char why[METER_ERROR];
    struct meter_model *m =
        app->meters && meter_model_id_valid(id) ? app->meters->find(app->meters->ctx, id, why) : NULL;

    if (!app->meters || !meter_model_id_valid(id))
        snprintf(why, sizeof why, "there is none");
    if (!m)
        snprintf(error, JOB_LINE, "\"%.48s\" is not a model: %.90s", id, why);
    return m;
}

/* ---- the line ---- */

int bus_job_bus(struct bus_job *j, const char *key, char error[JOB_LINE])
{
    const struct settings *s = j->app->settings;

    for (size_t i = 0; i < s->n_buses; i++) {
        if (strcmp(s->buses[i].key, key) != 0)
            continue;
        snprintf(j->bus, sizeof j->bus, "%s", key);
        j->borrowed = false;
        j->serial = s->buses[i].device != NULL;
        return 0;
    }
    snprintf(error, JOB_LINE, "there is no bus %.40s in the settings", key);
    return -1;
}

/* The speed of a device, or of the first ask where several are named. */
static int line_speed(struct mb_line *line, const cJSON *args, char error[JOB_LINE])
{
    const cJSON *baud = member(args, "baud"), *parity = member(args, "parity");

    line->baud = 9600;
    line->parity = 'N';
    line->stop_bits = 1;
    if (baud && !cJSON_IsArray(baud) && !cJSON_IsString(baud))
        line->baud = bus_baud_of(baud);
    if (!line->baud) {
        snprintf(error, JOB_LINE, "baud: it is to be one of " MB_SPEEDS);
        return -1;
    }
    if (bus_parity_of(cJSON_GetStringValue(parity)))
        line->parity = bus_parity_of(cJSON_GetStringValue(parity));
    return bus_arg_int(args, "stop_bits", 1, 2, &line->stop_bits, error);
}

static int line_rs485(struct mb_line *line, const cJSON *args, char error[JOB_LINE])
{
    static const char *const names[] = {
        [MB_RS485_NONE] = "none", [MB_RS485_KERNEL] = "kernel", [MB_RS485_RTS] = "rts", [MB_RS485_RTS_LOW] = "rts-low"};
    const cJSON *x = member(args, "rs485");
    const char *text = cJSON_GetStringValue(x);

    for (size_t i = 0; text && i < ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0) {
            line->rs485 = (enum mb_rs485)i;
            return 0;
        }
    if (!x)
        return 0;
    snprintf(error, JOB_LINE, "rs485: it is to be one of none, kernel, rts, rts-low");
    return -1;
}

static int line_device(struct bus_job *j, const cJSON *args, const char *device, char error[JOB_LINE])
{
    if (device[0] != '/') {
        snprintf(error, JOB_LINE, "device: it is to be a path, such as /dev/serial/by-id/…");
        return -1;
    }
    j->serial = true;
    j->line.device = device;
    if (line_speed(&j->line, args, error) < 0)
        return -1;
    return line_rs485(&j->line, args, error);
}

static int line_tcp(struct bus_job *j, const cJSON *tcp, char error[JOB_LINE])
{
    static const char *const known[] = {"host", "port", "framing", NULL};
    const char *framing;

    j->serial = false;
    j->line.port = 502;
    if (!cJSON_IsObject(tcp)) {
        snprintf(error, JOB_LINE, "tcp: it is to be an object with host, port and framing");
        return -1;
    }
    if (bus_args_known(tcp, known, error) < 0 || bus_arg_text(tcp, "host", &j->line.host, error) < 0 ||
        bus_arg_int(tcp, "port", 1, 65535, &j->line.port, error) < 0 ||
        bus_arg_text(tcp, "framing", &framing, error) < 0)
        return -1;
    j->line.rtu = framing && strcmp(framing, "rtu") == 0;
    if (!j->line.host || !j->line.host[0] || strlen(j->line.host) > 253)
        snprintf(error, JOB_LINE, "tcp.host: it is to be a name or an address");
    else if (framing && !j->line.rtu && strcmp(framing, "mbap") != 0)
        snprintf(error, JOB_LINE, "tcp.framing: it is to be mbap or rtu");
    else
        return 0;
    return -1;
}

int bus_job_line(struct bus_job *j, const cJSON *args, char error[JOB_LINE])
{
    const cJSON *tcp = member(args, "tcp");
    const char *bus, *device;

    if (bus_arg_text(args, "bus", &bus, error) < 0 || bus_arg_text(args, "device", &device, error) < 0)
        return -1;
    j->line = (struct mb_line){0};
    j->borrowed = !bus;
    if ((bus != NULL) + (device != NULL) + (tcp != NULL) != 1) {
        snprintf(error, JOB_LINE, "which line: one of bus (a key of the settings), device and tcp is wanted");
        return -1;
    }
    if (bus)
        return bus_job_bus(j, bus, error);
    return device ? line_device(j, args, device, error) : line_tcp(j, tcp, error);
}

/* ---- the end ---- */

void bus_job_halt(struct bus_job *j)
{
    if (!j->running)
        return;
    j->running = false;
    uv_timer_stop(&j->timer);
    buses_forget(j->app->buses, j->ask);
    j->ask = 0;
    if (j->borrowed)
        buses_return(j->app->buses, j->bus);
    j->halted(j);
}

void bus_job_done(struct bus_job *j, struct jsonw *w)
{
    bus_job_halt(j);
    jsonw_raw(w, "", 1);
    app_job_end(j->app, j->job, JOB_DONE, w->buf);
}

void bus_job_fail(struct bus_job *j, const char *fmt, ...)
{
    char why[JOB_LINE];
    struct jsonw w;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    jobs_line(&j->app->jobs, j->job, "%s", why);
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "error", why);
    jsonw_close(&w, '}');
    jsonw_raw(&w, "", 1);
    bus_job_halt(j);
    app_job_end(j->app, j->job, JOB_FAILED, w.buf);
}

/* ---- the start ---- */

static void on_look(uv_timer_t *t)
{
    struct bus_job *j = t->data;
    const char *why;
    enum bus_state state = buses_state(j->app->buses, j->bus, &why);

    if (state == BUS_UP) {
        uv_timer_stop(t);
        j->ready(j);
    } else if (state == BUS_DOWN) {
        bus_job_fail(j, "%s", why[0] ? why : "the line is down");
    } else if (state == BUS_OFF || state == BUS_UNKNOWN) {
        bus_job_fail(j, state == BUS_OFF ? "bus %s is off" : "there is no bus %s any more", j->bus);
    } else if (app_mono_ms(j->app) >= j->open_by_ms) {
        bus_job_fail(j, "the line did not open within %d s", BUS_JOB_OPEN_MS / 1000);
    }
}

int bus_job_begin(struct bus_job *j, job_handle handle, char error[JOB_LINE])
{
    if (j->borrowed && buses_borrow(j->app->buses, &j->line, j->bus, error) < 0)
        return -1;
    j->job = handle;
    j->running = true;
    j->ask = 0;
    j->open_by_ms = app_mono_ms(j->app) + BUS_JOB_OPEN_MS;
    uv_timer_start(&j->timer, on_look, 0, LOOK_MS);
    return 0;
}

/* ---- asking ---- */

static void on_patience(uv_timer_t *t)
{
    struct bus_job *j = t->data;

    bus_job_fail(j, "bus %s left no room for a request within %d s: its meters take all of its time", j->bus,
                 BUS_JOB_ASK_MS / 1000);
}

static void on_answer(void *ctx, const struct bus_answer *a)
{
    struct bus_job *j = ctx;

    j->ask = 0;
    uv_timer_stop(&j->timer);
    if (a->outcome == MB_GONE)
        bus_job_fail(j, "%s", a->why[0] ? a->why : "the line is down");
    else
        j->answered(j, a);
}

void bus_job_ask(struct bus_job *j, const struct mb_ask *a)
{
    char why[MB_LINK_ERROR];

    j->ask = buses_ask(j->app->buses, j->bus, a, on_answer, j, why);
    if (j->ask)
        uv_timer_start(&j->timer, on_patience, BUS_JOB_ASK_MS, 0);
    else
        bus_job_fail(j, "%s", why);
}
