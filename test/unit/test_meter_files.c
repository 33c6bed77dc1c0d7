/* The two folders of model files: which comes first, what is told when there is none or a bad one. */
#include "unit.h"

#include "io/meter_files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODEL(vendor)                                                                                                  \
    "{\"vendor\": \"" vendor "\", \"models\": [\"M\"], \"phases\": 1, \"function\": 3,"                                \
    "\"registers\": [{\"quantity\": \"power\", \"address\": 0, \"type\": \"int16\"}]}"

static char folder[] = "/tmp/fx-meters-XXXXXX", before[4096], error[METER_ERROR], listed[256];
static struct meter_files files;

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("meters", 0700), 0);
    assert_int_equal(mkdir("shared", 0700), 0);
    put("shared/b.json", MODEL("shared"));
    put("shared/a.json", MODEL("shared"));
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    meter_files_fini(&files);
    assert_int_equal(chdir(before), 0);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* "" when there is none, whose reason is in error. */
static const char *vendor_of(const char *id)
{
    static char vendor[64];
    struct meter_model *m = files.finder.find(files.finder.ctx, id, error);

    snprintf(vendor, sizeof vendor, "%s", m ? m->vendor : "");
    meter_model_free(m);
    return vendor;
}

static void add(void *ctx, const char *id)
{
    (void)ctx;
    snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s ", id);
}

static const char *list(void)
{
    listed[0] = '\0';
    files.finder.list(files.finder.ctx, add, NULL);
    return listed;
}

static void the_owners_come_first_beside_the_settings(void **state)
{
    static const char *const settings[] = {"fluksod.json", "./fluksod.json", "shared/../fluksod.json"};

    (void)state;
    put("meters/b.json", MODEL("own"));
    put("meters/c.json", MODEL("own"));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        meter_files_init(&files, settings[i], "shared");
        assert_string_equal(list(), "a b c ");
        assert_string_equal(vendor_of("a"), "shared");
        assert_string_equal(vendor_of("b"), "own");
        assert_string_equal(vendor_of("c"), "own");
        meter_files_fini(&files);
    }
    meter_files_init(&files, NULL, "shared");
    assert_string_equal(list(), "a b ");
    assert_string_equal(vendor_of("b"), "shared");
    assert_string_equal(vendor_of("c"), "");
    assert_string_equal(error, "there is none in shared");
}

static void what_is_no_model_is_not_listed(void **state)
{
    (void)state;
    put("meters/.json", MODEL("own"));
    put("meters/Upper.json", MODEL("own"));
    put("meters/a.json.bak", MODEL("own"));
    put("meters/notes.txt", "");
    put("meters/a2345678901234567890123456789012345678901234567x.json", MODEL("own"));
    meter_files_init(&files, "fluksod.json", "shared");
    assert_string_equal(list(), "a b ");
    assert_string_equal(vendor_of("../shared/a"), "");
    assert_string_equal(vendor_of("Upper"), "");
}

static void folders_that_are_missing_hold_nothing(void **state)
{
    (void)state;
    meter_files_init(&files, "/nowhere/fluksod.json", "neither");
    assert_string_equal(list(), "");
    assert_string_equal(vendor_of("a"), "");
    assert_string_equal(error, "there is none in /nowhere/meters or neither");
    meter_files_fini(&files);
    meter_files_init(&files, "shared/a.json/fluksod.json", "shared"); /* a file where a folder should be */
    assert_string_equal(vendor_of("a"), "shared");
}

static void a_bad_file_hides_the_good_one(void **state)
{
    (void)state;
    put("meters/a.json", "{\"vendor\": 1}");
    meter_files_init(&files, "fluksod.json", "shared");
    assert_string_equal(list(), "a b ");
    assert_string_equal(vendor_of("a"), "");
    assert_string_equal(error, "meters/a.json: vendor: 1 is not a string");
    put("meters/a.json", "{\n \"vendor\"");
    assert_string_equal(vendor_of("a"), "");
    assert_string_equal(error, "meters/a.json: line 2, column 10: a colon is missing");
    put("meters/a.json", MODEL("mended"));
    assert_string_equal(vendor_of("a"), "mended");
}

/* What is wrong counts more than the folder. */
static void a_long_path_leaves_room_for_the_mistake(void **state)
{
    char path[512] = "", settings[600], file[600];

    (void)state;
    for (int i = 0; i < 3; i++) {
        memset(path + strlen(path), 'x', 100);
        strcat(path, "/");
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(file, sizeof file, "%smeters", path);
    assert_int_equal(mkdir(file, 0700), 0);
    snprintf(file, sizeof file, "%smeters/a.json", path);
    put(file, "{\"vendor\": 1}");
    snprintf(settings, sizeof settings, "%sfluksod.json", path);
    meter_files_init(&files, settings, "shared");
    assert_string_equal(vendor_of("a"), "");
    assert_non_null(strstr(error, "/meters/a.json: vendor: 1 is not a string"));
    assert_true(strlen(error) < METER_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_owners_come_first_beside_the_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_model_is_not_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_that_are_missing_hold_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_file_hides_the_good_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_path_leaves_room_for_the_mistake, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
