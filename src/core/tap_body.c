#include "core/tap_body.h"

#include "core/jsonw.h"
#include "core/num.h"

#include <string.h>

#include <cjson/cJSON.h>

static void put(struct jsonw *w, const char *text)
{
    jsonw_raw(w, text, strlen(text));
}

static void put_number(struct jsonw *w, int v)
{
    char text[NUM_MAX];

    jsonw_raw(w, text, (size_t)(num_put_int(text, v) - text));
}

/* In one line. escape: a hash would begin a directive of TAP. */
static void put_line(struct jsonw *w, const char *text, bool escape)
{
    for (; *text; text++) {
        bool control = (unsigned char)*text < ' ' || *text == 0x7f;
        if (escape && (*text == '#' || *text == '\\'))
            put(w, "\\");
        jsonw_raw(w, control ? " " : text, 1);
    }
}

void tap_body_who(struct jsonw *w, const struct tap_who *who)
{
    put(w, "# serial: ");
    put_line(w, who->serial, false);
    put(w, "\n# firmware: ");
    put_line(w, who->firmware, false);
    put(w, "\n");
}

static void put_check(struct jsonw *w, int number, const char *name, const char *result, const char *text)
{
    bool skip = strcmp(result, "skip") == 0;

    put(w, strcmp(result, "fail") == 0 ? "not ok " : "ok ");
    put_number(w, number);
    put(w, " ");
    put_line(w, name, true);
    if (skip || *text)
        put(w, skip ? " # SKIP " : " - ");
    put_line(w, text, !skip);
    put(w, "\n");
}

static const char *text_of(const cJSON *check, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(check, key));
}

static bool is_report(const cJSON *checks)
{
    const cJSON *check;

    cJSON_ArrayForEach(check, checks)
    {
        if (!text_of(check, "name") || !text_of(check, "result") || !text_of(check, "text"))
            return false;
    }
    return cJSON_IsArray(checks) && checks->child;
}

int tap_body_report(struct jsonw *w, const struct tap_who *who, const char *result)
{
    cJSON *tree = cJSON_Parse(result);
    const cJSON *checks = cJSON_GetObjectItemCaseSensitive(tree, "checks"), *check;
    bool good = is_report(checks);
    int number = 0;

    if (good) {
        put(w, "TAP version 13\n");
        tap_body_who(w, who);
        put(w, "1..");
        put_number(w, cJSON_GetArraySize(checks));
        put(w, "\n");
        cJSON_ArrayForEach(check, checks)
        {
            put_check(w, ++number, text_of(check, "name"), text_of(check, "result"), text_of(check, "text"));
        }
    }
    cJSON_Delete(tree);
    return good ? 0 : -1;
}
