/* Counters at midnight in the store's file: kept with the counter states, also over a migration and a rescue. */
#include "unit.h"

#include "io/store_db.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#define A   "0000000000000000000000000000000a"
#define NOW 1800000000

static char dir[] = "/tmp/fluksod-marks-XXXXXX", file[64];
static struct store_db db;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/fluksod-marks-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/" STORE_FILE, dir);
    memset(&db, 0, sizeof db);
    return 0;
}

static int teardown(void **state)
{
    char command[80];

    (void)state;
    store_db_close(&db);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void reopen(void)
{
    store_db_close(&db);
    memset(&db, 0, sizeof db);
    assert_int_equal(store_db_open(&db, dir), 0);
}

static struct ledger_marks found[300];
static size_t n_found;

static void keep(void *ctx, const struct ledger_marks *m)
{
    (void)ctx;
    if (n_found < ARRAY_LEN(found))
        found[n_found++] = *m;
}

static size_t read_marks(void)
{
    n_found = 0;
    assert_int_equal(store_db_marks(&db, keep, NULL), 0);
    return n_found;
}

static const struct ledger_marks one = {
    .id = A,
    .stood_s = NOW + 5,
    .means = 1234567890123,
    .v = {{.at_s = NOW, .milli = 1234567, .missed_s = NOW - 1, .why = MARKS_OFF, .epoch = 7},
          {.at_s = NOW - 10, .milli = 9876543210123, .missed_s = NOW - 11, .why = MARKS_CLOCK}}};

static void assert_is_one(const struct ledger_marks *m)
{
    assert_string_equal(m->id, A);
    assert_int_equal(m->stood_s, one.stood_s);
    assert_int_equal(m->means, one.means);
    for (int kind = 0; kind < MARKS_KINDS; kind++) {
        assert_int_equal(m->v[kind].at_s, one.v[kind].at_s);
        assert_int_equal(m->v[kind].milli, one.v[kind].milli);
        assert_int_equal(m->v[kind].missed_s, one.v[kind].missed_s);
        assert_int_equal(m->v[kind].why, one.v[kind].why);
        assert_int_equal(m->v[kind].epoch, 0);
    }
}

static void they_come_back_whole(void **state)
{
    struct ledger_marks later = one;
    const struct ledger_saved counter = {.id = A, .source = "flm02:1", .raw = 7, .known = true};

    (void)state;
    reopen();
    later.v[MARKS_DAY].milli = 5;
    const struct store_batch b = {.marks = &later, .n_marks = 1, .counters = &counter, .n_counters = 1};
    assert_int_equal(store_db_write(&db, &b), 0);
    assert_int_equal(store_db_write(&db, &(struct store_batch){.marks = &one, .n_marks = 1}), 0);
    reopen();
    assert_int_equal(read_marks(), 1);
    assert_is_one(&found[0]);
}

/* Tables as version 2 made them; word for word, since files of that version are out there. */
static const char version_2[] =
    "CREATE TABLE series (series INTEGER PRIMARY KEY, sensor TEXT NOT NULL, kind INTEGER NOT NULL,"
    " UNIQUE (sensor, kind));"
    "CREATE TABLE eras (era INTEGER PRIMARY KEY, boot TEXT NOT NULL, offset_ms INTEGER NOT NULL,"
    " shift_s INTEGER NOT NULL, clock INTEGER NOT NULL);"
    "CREATE TABLE rows (era INTEGER NOT NULL, unix_s INTEGER NOT NULL, series INTEGER NOT NULL,"
    " milli INTEGER NOT NULL, PRIMARY KEY (era, unix_s, series)) WITHOUT ROWID;"
    "CREATE TABLE counters (sensor TEXT PRIMARY KEY, source TEXT NOT NULL, published INTEGER, raw INTEGER,"
    " \"offset\" INTEGER, before INTEGER, known INTEGER, swapped INTEGER, seen INTEGER, fast INTEGER, first INTEGER,"
    " last INTEGER, unix_s INTEGER) WITHOUT ROWID;"
    "CREATE TABLE readers (reader INTEGER PRIMARY KEY);"
    "CREATE TABLE positions (reader INTEGER NOT NULL, series INTEGER NOT NULL, era INTEGER NOT NULL,"
    " unix_s INTEGER NOT NULL, at_series INTEGER NOT NULL, newest_s INTEGER NOT NULL, newest_milli INTEGER NOT NULL,"
    " PRIMARY KEY (reader, series)) WITHOUT ROWID;"
    "CREATE TABLE quarantine (reader INTEGER NOT NULL, series INTEGER NOT NULL, unix_s INTEGER NOT NULL,"
    " milli INTEGER NOT NULL, since_s INTEGER NOT NULL, reason TEXT NOT NULL);"
    "PRAGMA user_version = 2;"
    "INSERT INTO counters VALUES ('" A "', 'flm02:1', 1007, 7, 1000, 0, 1, 0, 0, 0, 0, 0, 1800000000);"
    "INSERT INTO series VALUES (1, '" A "', 1);"
    "INSERT INTO rows VALUES (1, 1800000000, 1, 1007);";

static struct ledger_saved counter_found;

static void keep_counter(void *ctx, const struct ledger_saved *s)
{
    (void)ctx;
    counter_found = *s;
}

static void a_file_of_version_2_migrates(void **state)
{
    sqlite3 *sql;

    (void)state;
    assert_int_equal(sqlite3_open(file, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, version_2, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
    reopen();
    assert_int_equal(db.opened.migrated_from, 2);
    assert_int_equal(db.opened.aside[0], '\0');
    assert_int_equal(read_marks(), 0);
    assert_int_equal(store_db_counters(&db, keep_counter, NULL), 0);
    assert_int_equal(counter_found.raw, 7);
    assert_int_equal(counter_found.offset, 1000);
    assert_int_equal(store_db_write(&db, &(struct store_batch){.marks = &one, .n_marks = 1}), 0);
    reopen();
    assert_int_equal(db.opened.migrated_from, 0);
    assert_int_equal(read_marks(), 1);
    assert_is_one(&found[0]);
}

/* pitfall 9 */
static void a_rescue_takes_them_along(void **state)
{
    struct store_row *rows = must(calloc(20000, sizeof *rows));
    struct ledger_marks m[200];
    char page[4096];
    struct stat st;
    int fd;

    (void)state;
    reopen();
    for (size_t i = 0; i < ARRAY_LEN(m); i++) {
        m[i] = one;
        snprintf(m[i].id, sizeof m[i].id, "%032zx", i);
    }
    for (size_t i = 0; i < 20000; i++)
        rows[i] = (struct store_row){.unix_s = NOW + (int64_t)i, .era = 1, .series = 1};
    const struct store_batch b = {.marks = m, .n_marks = ARRAY_LEN(m), .rows = rows, .n_rows = 20000};
    assert_int_equal(store_db_write(&db, &b), 0);
    free(rows);
    store_db_close(&db);
    assert_int_equal(stat(file, &st), 0);
    memset(page, 0x5a, sizeof page);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, page, sizeof page, st.st_size / 2 / 4096 * 4096), sizeof page);
    close(fd);
    reopen();
    assert_true(db.opened.aside[0] != '\0');
    assert_int_equal(read_marks(), ARRAY_LEN(m));
    assert_int_equal(found[199].v[MARKS_MONTH].milli, one.v[MARKS_MONTH].milli);
}

/* A damaged file of version 2 has none to take along. */
static void a_rescue_of_version_2(void **state)
{
    sqlite3 *sql;

    (void)state;
    assert_int_equal(sqlite3_open(file, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, version_2, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "DROP TABLE rows; CREATE TABLE rows (x INTEGER)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
    reopen();
    assert_true(db.opened.aside[0] != '\0');
    assert_int_equal(db.opened.rescued_counters, 1);
    assert_int_equal(read_marks(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_come_back_whole),
        TEST(a_file_of_version_2_migrates),
        TEST(a_rescue_takes_them_along),
        TEST(a_rescue_of_version_2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
