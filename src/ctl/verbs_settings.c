/* settings get, settings set, settings check. */
#include "core/jsonc.h"
#include "core/settings.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/patch.h"
#include "ctl/say.h"
#include "ctl/sync.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- get ---- */

static void print_assignment(void *ctx, const char *path, const char *value)
{
    char *clean_path = say_clean(path), *clean = say_clean(value);

    (void)ctx;
    printf("%s%s%s=%s\n", say_colour(SAY_DIM), clean_path, say_colour(SAY_PLAIN), clean);
    free(clean_path);
    free(clean);
}

static void print_json(const cJSON *v)
{
    char *text = must(cJSON_Print(v));

    say_raw(text, strlen(text));
    cJSON_free(text);
}

/* A value alone is for scripts: $(fluksoctl settings get mqtt.host). */
static void print_part(const cJSON *part, const char *path)
{
    bool one = !cJSON_IsObject(part) && !(cJSON_IsArray(part) && cJSON_IsObject(part->child));

    if (!one)
        patch_lines(part, path, print_assignment, NULL);
    else if (cJSON_IsString(part))
        say_line(SAY_PLAIN, "%s", part->valuestring);
    else
        print_json(part);
}

int verb_settings_get(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool saved = false;
    const struct verb_option options[] = {{"saved", 0, &saved, NULL}};
    struct answer a = {0};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 1);

    if (rc == CTL_OK)
        rc = call(c, "GET", saved ? "/api/v1/settings?layer=saved" : "/api/v1/settings", NULL, &a);
    const cJSON *part = rc == CTL_OK ? patch_find(a.json, argc ? argv[0] : "") : NULL;
    if (rc == CTL_OK && !part) {
        say_fail("there is no setting '%s' in force", argc ? argv[0] : "");
        rc = CTL_REFUSED;
    } else if (rc == CTL_OK && c->json && argc == 0) {
        call_print(&a);
    } else if (rc == CTL_OK && c->json) {
        print_json(part);
    } else if (rc == CTL_OK && (argc || part->child)) {
        print_part(part, argc ? argv[0] : "");
    }
    answer_free(&a);
    return rc;
}

/* ---- set ---- */

int sync_after_saving(const struct ctl *c, const struct answer *a, bool wait)
{
    cJSON *end = NULL;

    if (c->json)
        return call_print(a);
    say_line(SAY_PLAIN, "Saved.");
    if (!*a->job || !wait)
        return CTL_OK;
    /* Not ours to cancel: the settings are in force already, and the board should have them. */
    if (job_follow(c, a->job, false, true, &end) != CTL_OK)
        say_fail("the settings are saved; fluksoctl sync tries again");
    job_results(json_get(end, "result"));
    cJSON_Delete(end);
    return CTL_OK;
}

static cJSON *patch_of(const struct verb *v, int argc, char **argv, int *rc)
{
    cJSON *patch = must(cJSON_CreateObject());
    char why[PATCH_WHY];

    for (int i = 0; *rc == CTL_OK && i < argc; i++)
        if (patch_add(patch, "", argv[i], why) < 0)
            *rc = verb_usage(v, "%s", why);
    return patch;
}

int verb_settings_set(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool no_wait = false;
    const struct verb_option options[] = {{"no-wait", 0, &no_wait, NULL}};
    struct answer a = {0};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 1000);
    cJSON *patch = patch_of(v, argc, argv, &rc);

    if (rc == CTL_OK)
        rc = call(c, "PATCH", "/api/v1/settings", patch, &a);
    if (rc == CTL_OK)
        rc = sync_after_saving(c, &a, !no_wait);
    cJSON_Delete(patch);
    answer_free(&a);
    return rc;
}

/* ---- check ---- */

/* The file as a tree, comments allowed; NULL: people know why. */
static cJSON *read_settings(const char *path)
{
    bool in = strcmp(path, "-") == 0;
    FILE *f = in ? stdin : fopen(path, "re");
    char *text = must(malloc(SETTINGS_TEXT_MAX + 1));
    struct jsonc_error e;
    cJSON *tree = NULL;
    size_t n = f ? fread(text, 1, SETTINGS_TEXT_MAX + 1, f) : 0;

    if (!f || ferror(f))
        say_fail("%s: %s", path, strerror(errno));
    else if (n > SETTINGS_TEXT_MAX)
        say_fail("%s: more than %u bytes", path, SETTINGS_TEXT_MAX);
    else if (!(tree = jsonc_parse(text, n, &e)))
        fprintf(stderr, "%s: line %u, column %u: %s\n", path, e.line, e.column, e.problem);
    if (f && !in)
        fclose(f);
    free(text);
    return tree;
}

int verb_settings_check(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct answer a = {0};
    cJSON *patch;
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 1000);

    if (rc != CTL_OK)
        return rc;
    if (argc == 1 && (!strchr(argv[0], '=') || access(argv[0], F_OK) == 0)) {
        patch = read_settings(argv[0]);
        rc = patch ? CTL_OK : CTL_REFUSED;
    } else {
        patch = patch_of(v, argc, argv, &rc);
    }
    if (rc == CTL_OK)
        rc = call(c, "POST", "/api/v1/settings/check", patch, &a);
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK)
        say_line(SAY_GREEN, "settings OK");
    cJSON_Delete(patch);
    answer_free(&a);
    return rc;
}
