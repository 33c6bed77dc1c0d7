#include "core/answer.h"

#include "core/http_date.h"
#include "core/jsonc.h"
#include "core/utf8.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

static const char cut[] = "…";

/* What shows nothing, or changes how its neighbours show (a text may end in a log or on a terminal). */
static bool shows(uint32_t c)
{
    static const uint32_t hidden[][2] = {
        {0x00, 0x20},     {0x7f, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},   {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (c >= hidden[i][0] && c <= hidden[i][1])
            return false;
    return true;
}

size_t answer_clean(char *dst, size_t size, const char *src, size_t len)
{
    const char *end = src + len;
    size_t room = size - sizeof cut, n = 0, step;
    bool gap = false;
    uint32_t c;

    for (; src < end; src += step) {
        step = utf8_next(src, end, &c);
        bool bad = step == 0;
        step += bad;
        if (!bad && !shows(c)) {
            gap = n > 0;
            continue;
        }
        if (n + gap + step > room) {
            memcpy(dst + n, cut, sizeof cut);
            return n + sizeof cut - 1;
        }
        if (gap)
            dst[n++] = ' ';
        gap = false;
        memcpy(dst + n, bad ? "?" : src, step);
        n += step;
    }
    dst[n] = '\0';
    return n;
}

int64_t answer_retry_after(const char *value, int64_t now_s)
{
    int64_t s = 0;

    if (!value)
        return 0;
    value += strspn(value, " \t");
    size_t digits = strspn(value, "0123456789");
    if (digits && value[digits + strspn(value + digits, " \t\r\n")] == '\0') {
        for (size_t i = 0; i < digits && s < ANSWER_RETRY_MAX; i++)
            s = s * 10 + value[i] - '0';
    } else if (now_s > 0) {
        int64_t date = http_date_parse(value);
        s = date > now_s ? date - now_s : 0;
    }
    return s < ANSWER_RETRY_MAX ? s : ANSWER_RETRY_MAX;
}

void answer_set(struct answer *a, const struct answer_in *in, enum answer_kind kind, const char *text, size_t len)
{
    int n = 0;

    *a = (struct answer){.kind = kind, .retry_after_s = answer_retry_after(in->retry_after, in->now_s)};
    if (kind == ANSWER_OK) {
        a->retry_after_s = 0;
        return;
    }
    if (in->status > 0)
        n = snprintf(a->text, sizeof a->text, len ? "HTTP %d: " : "HTTP %d", in->status);
    if (len && answer_clean(a->text + n, sizeof a->text - (size_t)n, text, len) == 0 && n)
        a->text[n - 2] = '\0'; /* nothing was left of it to stand behind the colon */
    if (!*a->text)
        snprintf(a->text, sizeof a->text, "no answer");
}

void answer_set_body(struct answer *a, const struct answer_in *in, enum answer_kind kind, const char *const *members)
{
    cJSON *tree = answer_json(in->body, in->len);
    const cJSON *item = NULL;

    for (; *members && !cJSON_IsString(item); members++)
        item = cJSON_GetObjectItemCaseSensitive(tree, *members);
    if (cJSON_IsString(item))
        answer_set(a, in, kind, item->valuestring, strlen(item->valuestring));
    else
        answer_set(a, in, kind, in->body, in->len);
    cJSON_Delete(tree);
}

struct cJSON *answer_json(const char *body, size_t len)
{
    struct jsonc_error ignored;

    return len && len <= ANSWER_BODY_MAX ? jsonc_parse(body, len, &ignored) : NULL;
}

bool answer_empty(const struct answer_in *in)
{
    for (size_t i = 0; i < in->len; i++)
        if (!memchr(" \t\r\n", in->body[i], 4))
            return false;
    return true;
}

const char *answer_kind_name(enum answer_kind kind)
{
    static const char *const names[ANSWER_KINDS] = {
        [ANSWER_OK] = "ok",
        [ANSWER_STALE] = "stale",
        [ANSWER_KEEP] = "keep",
        [ANSWER_HEADERS] = "headers",
        [ANSWER_DIGEST] = "digest",
        [ANSWER_PROVISIONING] = "provisioning",
        [ANSWER_REFUSED] = "refused",
        [ANSWER_ROW] = "row",
        [ANSWER_TOO_LARGE] = "too_large",
        [ANSWER_SERVER] = "server",
        [ANSWER_TRANSPORT] = "transport",
    };

    return names[kind];
}
