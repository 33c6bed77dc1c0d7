/* secret list|set|rm, passwd, token add|list|rm: who may, and what nobody may see. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <stdlib.h>
#include <string.h>

/* {name: text}, the text wiped behind it. */
static cJSON *secret_body(const char *name, char *secret)
{
    cJSON *body = must(cJSON_CreateObject());

    must(cJSON_AddStringToObject(body, name, secret));
    term_forget(secret);
    return body;
}

static void forget_body(cJSON *body, const char *name)
{
    cJSON *v = cJSON_GetObjectItemCaseSensitive(body, name);

    if (cJSON_IsString(v))
        explicit_bzero(v->valuestring, strlen(v->valuestring));
    cJSON_Delete(body);
}

/* The call, and a line when it went well. */
static int do_and_say(struct ctl *c, const char *method, const char *path, const cJSON *body, const char *done)
{
    struct answer a;
    int rc = call(c, method, path, body, &a);

    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK)
        say_line(SAY_PLAIN, "%s", done);
    answer_free(&a);
    return rc;
}

/* ---- secrets ---- */

int verb_secret_list(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static const struct table_column columns[] = {{"name", TABLE_LEFT}, {"", TABLE_LEFT}, {"from", TABLE_LEFT}};
    struct answer a;
    struct table t;
    const cJSON *s;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = call(c, "GET", "/api/v1/secrets", NULL, &a);
    table_init(&t, columns, ARRAY_LEN(columns));
    for (s = json_first(json_get(a.json, "secrets")); s; s = s->next) {
        bool set = json_true(s, "set");
        table_cell(&t, SAY_PLAIN, "%s", json_text(s, "name", ""));
        table_cell(&t, set ? SAY_GREEN : SAY_DIM, "%s", set ? "set" : "not set");
        table_cell(&t, SAY_PLAIN, "%s", json_text(s, "from", ""));
    }
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK)
        table_print(&t, stdout, 0, 0, "\n");
    table_free(&t);
    answer_free(&a);
    return rc;
}

int verb_secret_set(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    char *secret, *path;
    size_t len;
    int rc = verb_words(v, &argc, argv, NULL, 0, 1, 1);

    if (rc != CTL_OK)
        return rc;
    if (term_secret(argv[0], true, &secret, &len) < 0)
        return CTL_USAGE;
    cJSON *body = secret_body("value", secret);
    path = call_path("/api/v1/secrets/", argv[0]);
    rc = do_and_say(c, "PUT", path, body, "Saved.");
    forget_body(body, "value");
    free(path);
    return rc;
}

/* DELETE of the one that the word names, below this path. */
static int remove_named(struct ctl *c, const struct verb *v, int argc, char **argv, const char *below, const char *said)
{
    int rc = verb_words(v, &argc, argv, NULL, 0, 1, 1);

    if (rc != CTL_OK)
        return rc;
    char *path = call_path(below, argv[0]);
    rc = do_and_say(c, "DELETE", path, NULL, said);
    free(path);
    return rc;
}

int verb_secret_rm(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    return remove_named(c, v, argc, argv, "/api/v1/secrets/", "Removed.");
}

/* ---- the password ---- */

static int one_time_code(struct ctl *c)
{
    struct answer a;
    char room[SAY_WORDS];
    int rc = call(c, "POST", "/api/v1/code", NULL, &a);

    if (rc == CTL_OK && c->json) {
        call_print(&a);
    } else if (rc == CTL_OK) {
        say_line(SAY_BOLD, "%s", json_text(a.json, "code", ""));
        if (say_on_terminal())
            say_line(SAY_DIM, "The page for the first password takes this code, once, within %s.",
                     say_span(room, json_number(a.json, "valid_s", 0)));
    }
    answer_free(&a);
    return rc;
}

int verb_passwd(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool code = false;
    const struct verb_option options[] = {{"code", 0, &code, NULL}};
    char *password;
    size_t len;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 0);

    if (rc != CTL_OK)
        return rc;
    if (code)
        return one_time_code(c);
    if (term_new_secret("password", &password, &len) < 0)
        return CTL_USAGE;
    cJSON *body = secret_body("password", password);
    rc = do_and_say(c, "PUT", "/api/v1/password", body, "The password is set.");
    forget_body(body, "password");
    return rc;
}

/* ---- tokens ---- */

int verb_token_add(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool read_only = false;
    const struct verb_option options[] = {{"read-only", 0, &read_only, NULL}};
    struct answer a = {0};
    cJSON *body = must(cJSON_CreateObject());
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 1);

    if (rc == CTL_OK) {
        cJSON_AddStringToObject(body, "name", argv[0]);
        cJSON_AddBoolToObject(body, "read_only", read_only);
        rc = call(c, "POST", "/api/v1/tokens", body, &a);
    }
    if (rc == CTL_OK && c->json) {
        call_print(&a);
    } else if (rc == CTL_OK) {
        if (say_on_terminal())
            say_line(SAY_DIM, "Keep it now, it is not shown again:");
        say_line(SAY_PLAIN, "%s", json_text(a.json, "token", ""));
    }
    cJSON_Delete(body);
    answer_free(&a);
    return rc;
}

int verb_token_list(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static const struct table_column columns[] = {{"name", TABLE_LEFT}, {"may", TABLE_LEFT}, {"made", TABLE_LEFT}};
    char room[SAY_WORDS];
    struct answer a;
    struct table t;
    const cJSON *k;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 0);

    if (rc != CTL_OK)
        return rc;
    rc = call(c, "GET", "/api/v1/tokens", NULL, &a);
    table_init(&t, columns, ARRAY_LEN(columns));
    for (k = json_first(json_get(a.json, "tokens")); k; k = k->next) {
        table_cell(&t, SAY_PLAIN, "%s", json_text(k, "name", ""));
        table_cell(&t, SAY_PLAIN, "%s", json_true(k, "read_only") ? "read" : "all");
        table_cell(&t, SAY_PLAIN, "%s", say_time(room, json_number(k, "created_s", 0)));
    }
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK && t.n)
        table_print(&t, stdout, 0, 0, "\n");
    else if (rc == CTL_OK)
        say_line(SAY_PLAIN, "There is no token.");
    table_free(&t);
    answer_free(&a);
    return rc;
}

int verb_token_rm(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    return remove_named(c, v, argc, argv, "/api/v1/tokens/", "Removed: it opens nothing any more.");
}
