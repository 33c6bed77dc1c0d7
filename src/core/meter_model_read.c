#include "core/meter_model_read.h"

#include "core/num.h"
#include "core/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define VALUE_ROOM 48 /* of a wrong value, as much as a message shows */

bool model_fail(struct model_read *r, const char *fmt, ...)
{
    int n = snprintf(r->error, METER_ERROR, "%s%s", r->path, r->len ? ": " : "");
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->error + n, METER_ERROR - (size_t)n, fmt, ap);
    va_end(ap);
    r->error[utf8_fit(r->error, METER_ERROR - 1)] = '\0';
    return false;
}

bool model_wrong(struct model_read *r, const cJSON *v, const char *what)
{
    static const char dots[] = "…";
    char *json = NULL;

    if (!cJSON_IsObject(v) && !cJSON_IsArray(v))
        json = must(cJSON_PrintUnformatted(v));
    const char *text = json ? json : cJSON_IsObject(v) ? "an object" : "a list";
    size_t n = utf8_fit(text, VALUE_ROOM - sizeof dots);
    model_fail(r, "%.*s%s is not %s", (int)n, text, text[n] ? dots : "", what);
    cJSON_free(json);
    return false;
}

PRINTF_LIKE(2, 3) static size_t enter(struct model_read *r, const char *fmt, ...)
{
    size_t before = r->len;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->path + r->len, sizeof r->path - r->len, fmt, ap);
    va_end(ap);
    r->len = strlen(r->path);
    return before;
}

static void leave(struct model_read *r, size_t before)
{
    r->len = before;
    r->path[before] = '\0';
}

/* ---- objects and lists ---- */

static bool take_member(struct model_read *r, const struct model_member *rows, size_t n, const cJSON *v, void *base,
                        uint32_t *seen)
{
    size_t i = 0;

    while (i < n && strcmp(rows[i].name, v->string) != 0)
        i++;
    if (i == n)
        return model_fail(r, "unknown key");
    if (*seen & 1u << i)
        return model_fail(r, "is given twice");
    *seen |= 1u << i;
    return rows[i].take(r, &rows[i], v, (char *)base + rows[i].offset);
}

bool model_members(struct model_read *r, const struct model_member *rows, size_t n, const cJSON *v, void *base)
{
    uint32_t seen = 0;

    if (!cJSON_IsObject(v))
        return model_wrong(r, v, "an object");
    for (const cJSON *c = v->child; c; c = c->next) {
        size_t back = enter(r, "%s%s", r->len ? "." : "", c->string);
        if (!take_member(r, rows, n, c, base, &seen))
            return false;
        leave(r, back);
    }
    for (size_t i = 0; i < n; i++) {
        if (rows[i].required && !(seen & 1u << i)) {
            enter(r, "%s%s", r->len ? "." : "", rows[i].name);
            return model_fail(r, "is missing");
        }
    }
    return true;
}

bool model_list(struct model_read *r, const cJSON *v, size_t max, model_each each)
{
    size_t i = 0;

    if (!cJSON_IsArray(v))
        return model_wrong(r, v, "a list");
    if (!v->child)
        return model_fail(r, "is empty");
    for (const cJSON *c = v->child; c; c = c->next, i++) {
        if (i == max)
            return model_fail(r, "has more than %zu members", max);
        size_t back = enter(r, "[%zu]", i);
        if (!each(r, c, i))
            return false;
        leave(r, back);
    }
    return true;
}

/* ---- values ---- */

static bool in_range(struct model_read *r, const struct model_member *f, const cJSON *v)
{
    char what[64];

    if (!cJSON_IsNumber(v))
        return model_wrong(r, v, "a number");
    if (v->valuedouble >= f->min && v->valuedouble <= f->max)
        return true;
    snprintf(what, sizeof what, "in %.12g to %.12g", f->min, f->max);
    return model_wrong(r, v, what);
}

bool model_int(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    if (!in_range(r, f, v))
        return false;
    if (v->valuedouble != floor(v->valuedouble))
        return model_wrong(r, v, "a whole number");
    *(int *)dst = (int)v->valuedouble;
    return true;
}

bool model_seconds(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    if (!in_range(r, f, v))
        return false;
    *(int *)dst = (int)lround(v->valuedouble * 1000);
    return true;
}

bool model_text(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    if (!cJSON_IsString(v))
        return model_wrong(r, v, "a string");
    size_t n = utf8_count(v->valuestring);
    if (n < (size_t)f->min || n > (size_t)f->max)
        return model_fail(r, "is not %d to %d characters long", (int)f->min, (int)f->max);
    for (const char *p = v->valuestring; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return model_fail(r, "holds a control character");
    *(char **)dst = must(strdup(v->valuestring));
    return true;
}

int model_choice(struct model_read *r, const cJSON *v, const char *const *words)
{
    char what[METER_ERROR] = "one of ";
    size_t len = strlen(what);

    for (int i = 0; cJSON_IsString(v) && words[i]; i++)
        if (strcmp(v->valuestring, words[i]) == 0)
            return i;
    for (size_t i = 0; words[i] && len < sizeof what; i++)
        len += (size_t)snprintf(what + len, sizeof what - len, "%s%s", i ? ", " : "", words[i]);
    model_wrong(r, v, what);
    return -1;
}

bool model_word(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    int place = model_choice(r, v, f->words);

    if (place >= 0)
        *(int *)dst = place;
    return place >= 0;
}

bool model_letter(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    int place = model_choice(r, v, f->words);

    if (place >= 0)
        *(char *)dst = f->words[place][0];
    return place >= 0;
}

static bool hex(const char *text, uint64_t *out)
{
    size_t n = strlen(text);

    *out = 0;
    if (n < 3 || n > 18 || text[0] != '0' || text[1] != 'x')
        return false;
    for (text += 2; *text; text++) {
        if (num_hex_digit(*text) < 0)
            return false;
        *out = *out << 4 | (uint64_t)num_hex_digit(*text);
    }
    return true;
}

bool model_raw(struct model_read *r, const cJSON *v, uint64_t max, uint64_t *out)
{
    char what[64];

    if (cJSON_IsString(v)) {
        if (!hex(v->valuestring, out))
            return model_wrong(r, v, "a number or \"0x\" and hex digits");
    } else if (!cJSON_IsNumber(v) || v->valuedouble != floor(v->valuedouble)) {
        return model_wrong(r, v, "a number or \"0x\" and hex digits");
    } else if (v->valuedouble < 0 || v->valuedouble > 9007199254740991) {
        *out = UINT64_MAX; /* beyond what a JSON number holds exactly */
        max = max < UINT64_MAX ? max : UINT64_MAX - 1;
    } else {
        *out = (uint64_t)v->valuedouble;
    }
    if (*out <= max)
        return true;
    snprintf(what, sizeof what, "in 0 to 0x%llx", (unsigned long long)max);
    return model_wrong(r, v, what);
}

bool model_address(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    uint64_t raw;

    (void)f;
    if (!model_raw(r, v, UINT16_MAX, &raw))
        return false;
    *(uint16_t *)dst = (uint16_t)raw;
    return true;
}
