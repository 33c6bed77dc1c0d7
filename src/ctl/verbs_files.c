/* support, backup, restore: what is kept in files. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BACKUP_MAX (8u << 20)
#define CONFLICT   409

/* "fluksod-support-2026-11-24.tar.gz" */
static void default_name(char out[64], const char *what, const char *suffix)
{
    time_t now = time(NULL);
    struct tm tm;
    char date[16];

    localtime_r(&now, &tm);
    strftime(date, sizeof date, "%Y-%m-%d", &tm);
    snprintf(out, 64, "fluksod-%s-%s%s", what, date, suffix);
}

static bool to_terminal(const char *name)
{
    return strcmp(name, "-") == 0 && say_on_terminal();
}

/* The answer's body into the file, which is whole or not there; only its owner may read it. */
static int save(const struct ctl *c, const char *method, const char *path, const cJSON *body, const char *name)
{
    char *part = say_format("%s.part", name), room[SAY_WORDS];
    struct answer a = {0};
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), rc = CTL_REFUSED;
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (!f) {
        say_fail("%s: %s", part, strerror(errno));
        free(part);
        return CTL_REFUSED;
    }
    fchmod(fd, 0600);
    rc = call_save(c, method, path, body, f, &a);
    if (fclose(f) != 0 && rc == CTL_OK) {
        say_fail("%s: %s", part, strerror(errno));
        rc = CTL_REFUSED;
    }
    if (rc == CTL_OK && rename(part, name) < 0) {
        say_fail("%s: %s", name, strerror(errno));
        rc = CTL_REFUSED;
    }
    if (rc != CTL_OK)
        unlink(part);
    else if (!c->json)
        say_line(SAY_PLAIN, "%s (%s)", name, say_bytes(room, a.saved));
    answer_free(&a);
    free(part);
    return rc;
}

static int save_or_print(const struct ctl *c, const char *method, const char *path, const cJSON *body, const char *name)
{
    struct answer a = {0};

    if (strcmp(name, "-") != 0)
        return save(c, method, path, body, name);
    int rc = call_save(c, method, path, body, stdout, &a);
    if (fflush(stdout) != 0 && rc == CTL_OK) {
        say_fail("standard output: %s", strerror(errno));
        rc = CTL_REFUSED;
    }
    answer_free(&a);
    return rc;
}

int verb_support(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    char name[64];
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 1);

    if (rc != CTL_OK)
        return rc;
    default_name(name, "support", ".tar.gz");
    if (argc && to_terminal(argv[0]))
        return verb_usage(v, "a tar file is nothing for a terminal");
    return save_or_print(c, "GET", "/api/v1/support", NULL, argc ? argv[0] : name);
}

/* ---- backup ---- */

/* Into the body, under its name: from the file, or asked for. 0, or -1 and people know why. */
static int add_passphrase(cJSON *body, const char *file, bool new)
{
    char *secret = NULL, line[1024];
    size_t len;

    if (file) {
        errno = 0;
        FILE *f = fopen(file, "re");
        if (!f || !fgets(line, sizeof line, f)) {
            say_fail("%s: no passphrase can be read from it: %s", file, errno ? strerror(errno) : "it is empty");
            if (f)
                fclose(f);
            return -1;
        }
        fclose(f);
        line[strcspn(line, "\r\n")] = '\0';
        secret = must(strdup(line));
        explicit_bzero(line, sizeof line);
    } else if ((new ? term_new_secret("passphrase", &secret, &len) : term_secret("Passphrase", false, &secret, &len)) <
               0) {
        return -1;
    }
    cJSON_AddStringToObject(body, "passphrase", secret);
    term_forget(secret);
    return 0;
}

static void forget(cJSON *body)
{
    cJSON *v = cJSON_GetObjectItemCaseSensitive(body, "passphrase");

    if (cJSON_IsString(v))
        explicit_bzero(v->valuestring, strlen(v->valuestring));
    cJSON_Delete(body);
}

int verb_backup(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool secrets = false;
    const char *file = NULL;
    const struct verb_option options[] = {{"secrets", 0, &secrets, NULL}, {"passphrase-file", 0, NULL, &file}};
    char name[64];
    cJSON *body;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 1);

    if (rc != CTL_OK)
        return rc;
    if (file && !secrets)
        return verb_usage(v, "a passphrase is for --secrets");
    body = must(cJSON_CreateObject());
    cJSON_AddBoolToObject(body, "secrets", secrets);
    if (secrets && add_passphrase(body, file, true) < 0)
        rc = CTL_USAGE;
    default_name(name, "backup", ".json");
    if (rc == CTL_OK)
        rc = save_or_print(c, "POST", "/api/v1/backup", body, argc ? argv[0] : name);
    forget(body);
    return rc;
}

/* ---- restore ---- */

/* The document in a file; NULL: people know why. */
static cJSON *read_backup(const char *name)
{
    bool in = strcmp(name, "-") == 0;
    FILE *f = in ? stdin : fopen(name, "re");
    char *text = must(malloc(BACKUP_MAX + 1));
    cJSON *tree = NULL;

    errno = 0;
    size_t n = f ? fread(text, 1, BACKUP_MAX + 1, f) : 0;
    if (!f || ferror(f))
        say_fail("%s: %s", name, strerror(errno));
    else if (n > BACKUP_MAX || !(tree = cJSON_ParseWithLength(text, n)) || !json_get(tree, "fluksod_backup"))
        say_fail("%s is no backup of fluksod", name);
    if (tree && !json_get(tree, "fluksod_backup")) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    if (f && !in)
        fclose(f);
    free(text);
    return tree;
}

static void print_end(const struct ctl *c, const cJSON *end)
{
    char *text = c->json ? must(cJSON_PrintUnformatted(end)) : NULL;

    if (text)
        say_raw(text, strlen(text));
    else
        say_line(SAY_PLAIN, "%s", json_text(end, "result.text", ""));
    cJSON_free(text);
}

/* The gateway takes it, writes it down, and starts anew with it. */
static int restore(struct ctl *c, const cJSON *body)
{
    cJSON *end = NULL;
    struct answer a;
    double since = job_clock();
    int rc = call(c, "POST", "/api/v1/restore", body, &a);

    if (rc == CTL_REFUSED && a.status == CONFLICT && !job_of(&a) && !c->json)
        say_fail("nothing has changed; --force restores it all the same");
    if (rc == CTL_OK && job_of(&a)) {
        rc = job_follow(c, job_of(&a), false, false, &end);
        if (end)
            print_end(c, end);
        if (rc == CTL_OK)
            rc = job_wait_for_restart(c, since);
    }
    cJSON_Delete(end);
    answer_free(&a);
    return rc;
}

int verb_restore(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool as_new = false, new_board = false, force = false, no_secrets = false;
    const char *file = NULL;
    const struct verb_option options[] = {{"as-new", 0, &as_new, NULL},
                                          {"new-board", 0, &new_board, NULL},
                                          {"force", 0, &force, NULL},
                                          {"no-secrets", 0, &no_secrets, NULL},
                                          {"passphrase-file", 0, NULL, &file}};
    cJSON *document, *body;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 1);

    if (rc != CTL_OK)
        return rc;
    document = read_backup(argv[0]);
    if (!document)
        return CTL_REFUSED;
    bool sealed = json_get(document, "sealed") != NULL;
    if (no_secrets)
        cJSON_DeleteItemFromObjectCaseSensitive(document, "sealed");
    body = must(cJSON_CreateObject());
    cJSON_AddItemToObject(body, "backup", document);
    cJSON_AddBoolToObject(body, "as_new", as_new);
    cJSON_AddBoolToObject(body, "new_board", new_board);
    cJSON_AddBoolToObject(body, "force", force);
    if (sealed && !no_secrets && add_passphrase(body, file, false) < 0)
        rc = CTL_USAGE;
    if (rc == CTL_OK)
        rc = restore(c, body);
    forget(body);
    return rc;
}
