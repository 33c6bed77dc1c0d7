#include "core/flukso_answer.h"

#include <string.h>

#include <cjson/cJSON.h>

static const char *const members[] = {"response", "error", NULL};

/* Its database is an RRD, whose words these are: "illegal attempt to update using time 1700000000 when last update
 * time is 1700000060 (minimum one second step)". Fractions of a second may stand behind the numbers. */
static bool is_stale(const char *text)
{
    static const char *const words[] = {"illegal attempt to update", "last update time is", "minimum one second step"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static int64_t stale_last(const char *text)
{
    static const char words[] = "last update time is";
    const char *p = strcasestr(text, words);
    int64_t s = 0;

    if (!p)
        return 0;
    p += sizeof words - 1;
    p += strspn(p, " ");
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(s, 10, &s) || __builtin_add_overflow(s, *p - '0', &s))
            return 0; /* no such second: as if it had not told */
    return s;
}

static void success(struct answer *out, const struct answer_in *in)
{
    static const char foreign[] = "not an answer of the server: ";
    cJSON *tree = answer_json(in->body, in->len);
    const cJSON *response = cJSON_GetObjectItemCaseSensitive(tree, "response");

    if (answer_empty(in)) {
        answer_set(out, in, ANSWER_OK, NULL, 0);
    } else if (!cJSON_IsString(response)) {
        char text[sizeof foreign + ANSWER_TEXT];
        memcpy(text, foreign, sizeof foreign);
        size_t n = answer_clean(text + sizeof foreign - 1, ANSWER_TEXT, in->body, in->len);
        answer_set(out, in, ANSWER_KEEP, text, sizeof foreign - 1 + n);
    } else if (strcmp(response->valuestring, "ok") == 0) {
        answer_set(out, in, ANSWER_OK, NULL, 0);
    } else {
        bool stale = is_stale(response->valuestring);
        answer_set_body(out, in, stale ? ANSWER_STALE : ANSWER_KEEP, members);
        out->last_s = stale ? stale_last(response->valuestring) : 0;
    }
    cJSON_Delete(tree);
}

static void unauthorized(struct answer *out, const struct answer_in *in)
{
    const char *text = in->authenticate;
    enum answer_kind kind = text && strcasestr(text, "incorrect digest") ? ANSWER_DIGEST : ANSWER_PROVISIONING;

    if (text && *text)
        answer_set(out, in, kind, text, strlen(text));
    else
        answer_set_body(out, in, kind, members);
}

static void no_success(struct answer *out, const struct answer_in *in)
{
    const char *why = in->failure ? in->failure : "";

    if (in->status <= 0)
        answer_set(out, in, ANSWER_TRANSPORT, why, strlen(why));
    else if (in->status == 401)
        unauthorized(out, in);
    else
        answer_set_body(out, in,
                        in->status == 400   ? ANSWER_HEADERS
                        : in->status == 413 ? ANSWER_TOO_LARGE
                        : in->status == 500 ? ANSWER_ROW
                                            : ANSWER_SERVER,
                        members);
}

void flukso_answer_sensor(struct answer *out, const struct answer_in *in)
{
    if (in->status == 200 || in->status == 204)
        success(out, in);
    else
        no_success(out, in);
}

void flukso_answer_device(struct answer *out, const struct answer_in *in)
{
    if (in->status == 200 || in->status == 204)
        answer_set(out, in, ANSWER_OK, NULL, 0);
    else
        no_success(out, in);
}
