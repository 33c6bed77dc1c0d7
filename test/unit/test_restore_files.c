/* A restore cut off at each call to the system that writing its plan and carrying it out make (--wrap): the next start
 * finds the old device or the new one, never parts of both. */
#include "unit.h"

#include "app/restore_files.h"
#include "core/restore.h"
#include "core/util.h"
#include "io/files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define OLD "0123456789abcdef0123456789abcdef"
#define NEW "fedcba9876543210fedcba9876543210"
#define A   "0000000000000000000000000000000a"
#define CUT 77

static int calls_left = -1; /* before the process ends; below 0: it does not */

static void count(void)
{
    if (calls_left == 0)
        _exit(CUT);
    calls_left -= calls_left > 0;
}

int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_fsync(int fd);
int __real_mkdir(const char *path, mode_t mode);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_fsync(int fd);
int __wrap_mkdir(const char *path, mode_t mode);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

int __wrap_rename(const char *from, const char *to)
{
    count();
    return __real_rename(from, to);
}

int __wrap_link(const char *from, const char *to)
{
    count();
    return __real_link(from, to);
}

int __wrap_unlink(const char *path)
{
    count();
    return __real_unlink(path);
}

int __wrap_fsync(int fd)
{
    count();
    return __real_fsync(fd);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    count();
    return __real_mkdir(path, mode);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    if (fd > STDERR_FILENO)
        count();
    return __real_write(fd, bytes, n > 1 && fd > STDERR_FILENO ? n / 2 : n);
}

/* ---- a state directory ---- */

static char folder[64];

static void path_of(char out[128], const char *file)
{
    snprintf(out, 128, "%s/%s", folder, file);
}

static void put(const char *file, const char *text)
{
    char path[128];

    path_of(path, file);
    assert_int_equal(files_write(path, text, strlen(text), 0600), 0);
}

/* Does the file hold this text? NULL: is it not there? */
static bool holds(const char *file, const char *want)
{
    char path[128], *text;
    size_t len;

    path_of(path, file);
    if (files_read(path, 100000, &text, &len) < 0)
        return !want;
    bool same = want && strcmp(text, want) == 0;
    free(text);
    return same;
}

static bool is_old(void)
{
    return holds("device.id", OLD "\n") && holds("settings.saved.json", "{\"old\":1}\n") &&
           holds("secrets/mqtt.password", "old") && holds("secrets/influx.token", NULL) &&
           holds("restore.json", NULL) && holds("restore.counters.json", NULL);
}

/* A save that was cut off may have kept the layer of before twice. */
static bool is_new(void)
{
    struct restore r;

    if (!holds("device.id", NEW "\n") || !holds("settings.saved.json", "{\n\t\"new\":\t2\n}\n") ||
        !holds("settings.saved.1.json", "{\"old\":1}\n") ||
        (!holds("settings.saved.2.json", NULL) && !holds("settings.saved.2.json", "{\"old\":1}\n")) ||
        !holds("secrets/mqtt.password", "new") || !holds("secrets/influx.token", "token") ||
        !holds("restore.json", NULL) || !restore_left(folder, &r))
        return false;
    bool good =
        r.n_counters == 1 && r.counters[0].raw == 5 && !r.secrets[SECRET_MQTT_PASSWORD] && strcmp(r.leaves, OLD) == 0;
    restore_free(&r);
    return good;
}

static void make_state(void)
{
    char path[128];

    strcpy(folder, "/tmp/test-restore-XXXXXX");
    assert_non_null(mkdtemp(folder));
    path_of(path, "secrets");
    assert_int_equal(mkdir(path, 0700), 0);
    put("device.id", OLD "\n");
    put("settings.saved.json", "{\"old\":1}\n");
    put("secrets/mqtt.password", "old");
}

static void drop_state(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void make_plan(struct restore *r)
{
    *r = (struct restore){.device_id = NEW, .leaves = OLD};
    r->saved = cJSON_Parse("{\"new\":2}");
    r->counters = must(calloc(1, sizeof *r->counters));
    r->counters[0] = (struct ledger_saved){.id = A, .source = "flm02:1", .raw = 5, .offset = 6, .known = true};
    r->n_counters = 1;
    r->secrets[SECRET_MQTT_PASSWORD] = must(strdup("new"));
    r->secrets[SECRET_INFLUX_TOKEN] = must(strdup("token"));
}

/* In a process that ends before the nth call: write the plan (stage), carry out what is there. True when it ended so.
 */
static bool cut_off(bool stage, int n)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct restore r;
        make_plan(&r);
        calls_left = n;
        int rc = stage ? restore_stage(folder, &r) : 0;
        restore_carry_out(folder);
        restore_free(&r);
        _exit(rc ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CUT));
    return WEXITSTATUS(status) == CUT;
}

/* ---- the tests ---- */

static void uncut(void **state)
{
    struct restore r;

    (void)state;
    make_state();
    assert_true(is_old());
    assert_false(restore_carry_out(folder)); /* there is nothing to do */
    assert_true(is_old());
    make_plan(&r);
    assert_int_equal(restore_stage(folder, &r), 0);
    assert_true(holds("device.id", OLD "\n") && !restore_left(folder, &r)); /* nothing has changed yet */
    restore_free(&r);
    assert_true(restore_carry_out(folder));
    assert_true(is_new());
    assert_false(restore_carry_out(folder));
    assert_true(is_new());
    assert_int_equal(restore_forget(folder), 0);
    assert_int_equal(restore_forget(folder), 0);
    assert_false(restore_left(folder, &r));
    drop_state();
}

static void cut_once(void **state)
{
    int n = 0, old = 0, new = 0;
    bool cut;

    (void)state;
    do {
        make_state();
        cut = cut_off(true, n++);
        restore_carry_out(folder); /* the next start */
        assert_true(is_old() != is_new());
        assert_false(new &&is_old()); /* once it is promised, it stays so */
        old += is_old();
        new += is_new();
        drop_state();
    } while (cut);
    assert_true(old > 2 && new > 20);
}

/* … and the start after that one as well. */
static void cut_twice(void **state)
{
    bool cut, again;

    (void)state;
    for (int n = 7, m; n < 40; n += 3) {
        m = 0;
        do {
            make_state();
            cut = cut_off(true, n);
            again = cut_off(false, m++);
            restore_carry_out(folder);
            assert_true(is_old() != is_new());
            drop_state();
        } while (cut && again);
    }
}

static void a_plan_that_is_none(void **state)
{
    struct restore r;

    (void)state;
    make_state();
    put("restore.json", "{\"fluksod_restore\":1,\"device_id\":\"" NEW "\"}");
    assert_false(restore_carry_out(folder));
    assert_true(is_old()); /* it is dropped */
    put("restore.counters.json", "nonsense");
    assert_false(restore_left(folder, &r));
    assert_true(is_old());
    drop_state();
}

/* Where it cannot be written it is not promised; where it cannot be carried out in full the next start tries again. */
static void disks_that_take_nothing(void **state)
{
    char path[128];
    struct restore r;

    (void)state;
    make_state();
    make_plan(&r);
    path_of(path, "restore.json.new");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(restore_stage(folder, &r) < 0);
    assert_int_equal(rmdir(path), 0);
    assert_false(restore_carry_out(folder));
    assert_true(is_old());
    assert_int_equal(restore_stage(folder, &r), 0);
    path_of(path, "secrets/influx.token.new");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(restore_carry_out(folder));
    assert_true(holds("device.id", OLD "\n") && holds("settings.saved.json", "{\"old\":1}\n"));
    assert_int_equal(rmdir(path), 0);
    assert_true(restore_carry_out(folder));
    assert_true(is_new());
    restore_free(&r);
    drop_state();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uncut),
        cmocka_unit_test(cut_once),
        cmocka_unit_test(cut_twice),
        cmocka_unit_test(a_plan_that_is_none),
        cmocka_unit_test(disks_that_take_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
