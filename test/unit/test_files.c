/* Files that are saved with their older ones, cut off at each call to the system that a save makes: the linker puts
 * these calls in our way (--wrap). */
#include "unit.h"

#include "core/util.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP 5

static int calls_left = -1; /* before the process ends; below 0: it does not */
static int link_error;      /* of each link(); 0: it works */

static void count(void)
{
    if (calls_left == 0)
        _exit(77);
    calls_left -= calls_left > 0;
}

int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_fsync(int fd);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_fsync(int fd);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

int __wrap_rename(const char *from, const char *to)
{
    count();
    return __real_rename(from, to);
}

int __wrap_link(const char *from, const char *to)
{
    count();
    if (link_error) {
        errno = link_error;
        return -1;
    }
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

/* Half of it, then the rest, as a full pipe or a cut may have it. */
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    count();
    return __real_write(fd, bytes, n > 1 ? n / 2 : n);
}

static char folder[64], path[96];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test-files-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/settings.saved.json", folder);
    calls_left = -1;
    link_error = 0;
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* The version in the nth file: 0 when it is not there, -1 when it is not whole. */
static int version(unsigned n)
{
    char name[128], *text, want[64];
    size_t len;
    int v = -1;

    assert_int_equal(files_older(name, sizeof name, path, n), 0);
    int err = files_read(name, 1000, &text, &len);
    if (err == -ENOENT)
        return 0;
    assert_int_equal(err, 0);
    sscanf(text, "{\"version\": %d", &v);
    snprintf(want, sizeof want, "{\"version\": %d, \"more\": \"more\"}\n", v);
    if (strcmp(text, want) != 0)
        v = -1;
    free(text);
    return v;
}

static int save(int v)
{
    char text[64];
    int len = snprintf(text, sizeof text, "{\"version\": %d, \"more\": \"more\"}\n", v);

    return files_save(path, text, (size_t)len, 0600, KEEP);
}

/* A save in a process that ends before the nth call. True when it ended so. */
static bool save_cut_off(int v, int n)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        calls_left = n;
        _exit(save(v) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
    return WEXITSTATUS(status) == 77;
}

static void names(void **state)
{
    static const char *const cases[][3] = {{"/x.y/a.json", "/x.y/a.2.json", "/x.y/a.json"},
                                           {"/x.y/a", "/x.y/a.2", "/x.y/a"},
                                           {"a.b.c", "a.b.2.c", "a.b.c"}};
    char out[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(files_older(out, sizeof out, cases[i][0], 2), 0);
        assert_string_equal(out, cases[i][1]);
        assert_int_equal(files_older(out, sizeof out, cases[i][0], 0), 0);
        assert_string_equal(out, cases[i][2]);
    }
    assert_int_equal(files_older(out, 13, "/x.y/a.json", 2), -ENAMETOOLONG);
}

static void older_ones_are_kept(void **state)
{
    struct stat st;

    (void)state;
    for (int v = 1; v <= 9; v++) {
        assert_int_equal(save(v), 0);
        for (int n = 0; n <= KEEP + 1; n++)
            assert_int_equal(version((unsigned)n), n <= KEEP && v > n ? v - n : 0);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(files_save(path, "x", 1, 0600, 0), -EINVAL);
}

/* On a file system without second names they are copied. */
static void without_hard_links(void **state)
{
    (void)state;
    link_error = EPERM;
    older_ones_are_kept(state);
    link_error = EIO;
    assert_int_equal(save(10), -EIO);
    assert_int_equal(version(0), 9);
    link_error = 0;
    assert_false(save_cut_off(11, 1000));
    assert_int_equal(version(0), 11);
}

/* What is there is whole, the newest is there, no newer one stands behind an older one. */
static void check_all(int before, int now)
{
    int last = version(0);

    assert_true(last == before || last == now);
    for (unsigned n = 1; n <= KEEP; n++) {
        int v = version(n);
        assert_int_not_equal(v, -1);
        assert_true(v == 0 || v <= last);
        last = v ? v : last;
    }
}

static void cut_off_at_each_call(void **state)
{
    int points = 0;

    for (int first = 0; first <= KEEP; first++) { /* so many stand there already */
        for (int n = 0;; n++, points++) {
            teardown(state);
            setup(state);
            for (int v = 1; v <= first; v++)
                assert_int_equal(save(v), 0);
            bool cut = save_cut_off(first + 1, n);
            check_all(first, first + 1);
            if (!cut)
                break;
            int found = version(0);
            assert_int_equal(save(first + 2), 0); /* it goes on from whatever is left */
            assert_int_equal(version(0), first + 2);
            assert_int_equal(version(1), found);
            check_all(first + 2, first + 2);
        }
    }
    assert_true(points > 40);
}

/* Again and again, wherever: there is always a whole one, and in the end the older ones are all there. */
static void cut_off_again_and_again(void **state)
{
    unsigned seed = (unsigned)getpid();
    int before = 1;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    assert_int_equal(save(1), 0);
    for (int v = 2; v < 600; v++) {
        save_cut_off(v, rand() % 16);
        check_all(before, v);
        before = version(0);
    }
    for (int v = 1000; v < 1000 + KEEP + 1; v++)
        assert_int_equal(save(v), 0);
    for (unsigned n = 0; n <= KEEP; n++)
        assert_int_equal(version(n), 1000 + KEEP - (int)n);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), T(older_ones_are_kept),     T(without_hard_links),
        T(cut_off_at_each_call), T(cut_off_again_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
