/* The store's file alone, on the disk: what is committed is there, damage is survived, eras set stamps right. */
#include "unit.h"

#include "io/store_db.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#define A    "0000000000000000000000000000000a"
#define BOOT "11111111-1111-1111-1111-111111111111"
#define NOW  1800000000

static char dir[] = "/tmp/fluksod-store-XXXXXX", file[64];
static struct store_db db;

static void reopen(void)
{
    store_db_close(&db);
    memset(&db, 0, sizeof db);
    assert_int_equal(store_db_open(&db, dir), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/fluksod-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/" STORE_FILE, dir);
    memset(&db, 0, sizeof db);
    assert_int_equal(store_db_open(&db, dir), 0);
    assert_true(db.opened.made);
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

static const struct store_series series_1 = {1, A, READING_COUNTER};

static void write_rows(uint32_t era, int64_t from_s, int n)
{
    for (int i = 0; i < n; i++) {
        struct store_row r = {.unix_s = from_s + i, .milli = 1000 * i, .era = era, .series = 1};
        struct store_batch b = {.series = &series_1, .n_series = 1, .rows = &r, .n_rows = 1};
        assert_int_equal(store_db_write(&db, &b), 0);
    }
}

static void write_many(uint32_t era, int64_t from_s, size_t n)
{
    struct store_row *r = must(calloc(n, sizeof *r));

    for (size_t i = 0; i < n; i++)
        r[i] = (struct store_row){.unix_s = from_s + (int64_t)i, .milli = 1000 * (int64_t)i, .era = era, .series = 1};
    assert_int_equal(store_db_write(&db, &(struct store_batch){.rows = r, .n_rows = n}), 0);
    free(r);
}

struct seen {
    int n;
    int64_t first_s, last_s, last_milli;
};

static bool see(void *ctx, const struct store_row *r, int64_t unix_s)
{
    struct seen *s = ctx;

    if (s->n++ == 0)
        s->first_s = unix_s;
    s->last_s = unix_s;
    s->last_milli = r->milli;
    return true;
}

static struct seen read_all(enum clock_state clock)
{
    struct store_key at = {0};
    struct seen s = {0};
    int more;

    do {
        more = store_db_read(&db, &at, clock, STORE_ROWS, see, &s);
        assert_true(more >= 0);
    } while (more);
    return s;
}

static void rows_come_back_in_order(void **state)
{
    struct seen s;

    (void)state;
    write_rows(1, NOW, 3);
    write_many(1, NOW + 3, 2500);
    reopen();
    assert_false(db.opened.made);
    s = read_all(CLOCK_UNSET);
    assert_int_equal(s.n, 2503);
    assert_int_equal(s.first_s, NOW);
    assert_int_equal(s.last_s, NOW + 2502);
    write_rows(1, NOW, 1); /* the same key is the same row */
    assert_int_equal(read_all(CLOCK_UNSET).n, 2503);
}

static struct ledger_saved found;

static void keep_counter(void *ctx, const struct ledger_saved *s)
{
    (void)ctx;
    found = *s;
}

static void counters_come_back_whole(void **state)
{
    struct ledger_saved s = {.id = A,
                             .source = "flm02:1",
                             .raw = 7,
                             .offset = -3,
                             .before = 9,
                             .first = 4,
                             .last = 5,
                             .unix_s = NOW,
                             .seen = 2,
                             .known = true,
                             .swapped = true,
                             .fast = true};

    (void)state;
    assert_int_equal(store_db_write(&db, &(struct store_batch){.counters = &s, .n_counters = 1}), 0);
    reopen();
    assert_int_equal(store_db_counters(&db, keep_counter, NULL), 0);
    assert_string_equal(found.id, s.id);
    assert_string_equal(found.source, s.source);
    assert_true(found.raw == 7 && found.offset == -3 && found.before == 9 && found.first == 4 && found.last == 5);
    assert_true(found.unix_s == NOW && found.seen == 2 && found.known && found.swapped && found.fast);
}

static struct store_position positions[8];
static size_t n_positions;

static void keep_position(void *ctx, const struct store_position *p)
{
    (void)ctx;
    positions[n_positions++] = *p;
}

/* A reader that is switched off gives its position up. */
static void readers_come_and_go(void **state)
{
    struct store_position p = {STORE_FLUKSO, 1, {NOW, 1, 1}, NOW - 1, 1000};
    bool on[STORE_READERS];

    (void)state;
    assert_int_equal(store_db_reader(&db, STORE_FLUKSO, true, &(struct store_key){NOW - 5, 1, 0}), 0);
    assert_int_equal(store_db_write(&db, &(struct store_batch){.positions = &p, .n_positions = 1}), 0);
    reopen();
    n_positions = 0;
    assert_int_equal(store_db_positions(&db, on, keep_position, NULL), 0);
    assert_true(on[STORE_FLUKSO]);
    assert_false(on[STORE_INFLUX]);
    assert_int_equal(n_positions, 2);
    assert_int_equal(positions[0].at.unix_s, NOW - 5);
    assert_int_equal(positions[1].newest_milli, 1000);
    assert_int_equal(store_db_reader(&db, STORE_FLUKSO, false, NULL), 0);
    n_positions = 0;
    assert_int_equal(store_db_positions(&db, on, keep_position, NULL), 0);
    assert_false(on[STORE_FLUKSO]);
    assert_int_equal(n_positions, 0);
}

static void purge_deletes_up_to_a_row(void **state)
{
    struct store_key to = {NOW + 14999, 1, 1};
    int deleted, total = 0, calls = 0;

    (void)state;
    write_many(1, NOW, 20000);
    while (store_db_purge(&db, &to, &deleted) == 1) {
        total += deleted;
        assert_true(deleted <= 2 * STORE_PURGE);
        calls++;
    }
    assert_int_equal(total + deleted, 15000);
    assert_true(calls < 40);
    assert_int_equal(store_db_purge(&db, &to, &deleted), 0);
    assert_int_equal(deleted, 0);
    assert_int_equal(read_all(CLOCK_UNSET).first_s, NOW + 15000);
}

/* Rows of an older era go first, though their stamps may be later. */
static void purge_goes_era_by_era(void **state)
{
    struct store_key to = {NOW, 2, 1};
    int deleted, total = 0;

    (void)state;
    write_many(1, NOW + 7200, 100);
    write_many(2, NOW, 100);
    while (store_db_purge(&db, &to, &deleted) == 1)
        total += deleted;
    assert_int_equal(total + deleted, 101);
    assert_int_equal(read_all(CLOCK_UNSET).first_s, NOW + 1);
}

/* pitfall 9: always starts, says what was lost. */
static void spoil(off_t at, size_t n)
{
    char bytes[4096];
    int fd = open(file, O_WRONLY | O_CLOEXEC);

    memset(bytes, 0x5a, sizeof bytes);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static void write_household(void)
{
    struct ledger_saved s = {.id = A, .source = "flm02:1", .raw = 7000, .offset = 500, .known = true};

    assert_int_equal(store_db_write(&db, &(struct store_batch){.counters = &s, .n_counters = 1}), 0);
    write_many(1, NOW, 20000);
}

static void a_damaged_page_costs_only_itself(void **state)
{
    struct stat st;

    (void)state;
    write_household();
    store_db_close(&db);
    stat(file, &st);
    assert_true(st.st_size > 40 * 4096);
    spoil(st.st_size / 2 / 4096 * 4096, 4096);
    reopen();
    assert_true(db.opened.aside[0] != '\0');
    assert_int_equal(access(db.opened.aside, F_OK), 0);
    assert_int_equal(db.opened.rescued_counters, 1);
    assert_true(db.opened.rescued_rows > 19000);
    struct seen s = read_all(CLOCK_UNSET);
    assert_int_equal(s.n, db.opened.rescued_rows);
    assert_int_equal(s.first_s, NOW);
    assert_int_equal(s.last_s, NOW + 19999); /* read from behind, too */
    reopen();
    assert_true(db.opened.aside[0] == '\0');
}

static void no_database_at_all_is_set_aside(void **state)
{
    (void)state;
    write_household();
    store_db_close(&db);
    spoil(0, 4096);
    reopen();
    assert_true(db.opened.aside[0] != '\0');
    assert_int_equal(read_all(CLOCK_UNSET).n, 0);
    write_rows(1, NOW, 1);
}

static void a_foreign_or_newer_file_is_set_aside(void **state)
{
    const char *const texts[] = {"PRAGMA user_version = 99", "DROP TABLE rows; CREATE TABLE rows (x INTEGER)"};
    sqlite3 *sql;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        store_db_close(&db);
        assert_int_equal(sqlite3_open(file, &sql), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sql, texts[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(sql);
        reopen();
        assert_true(db.opened.aside[0] != '\0');
        unlink(db.opened.aside);
    }
}

/* A file of version 1 has no quarantine; it gets one and loses nothing. */
static void an_older_file_migrates(void **state)
{
    sqlite3 *sql;

    (void)state;
    write_household();
    store_db_close(&db);
    assert_int_equal(sqlite3_open(file, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "DROP TABLE quarantine; PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
    reopen();
    assert_int_equal(db.opened.migrated_from, 1);
    assert_true(db.opened.aside[0] == '\0');
    assert_int_equal(read_all(CLOCK_UNSET).n, 20000);
    assert_int_equal(store_db_quarantine(&db, STORE_FLUKSO, &(struct store_row){NOW, 1000, 0, 1}, 1, NOW, "refused"),
                     0);
}

static void quarantine_is_bounded(void **state)
{
    sqlite3_stmt *st;

    (void)state;
    struct store_row rows[10] = {0};
    for (int i = 0; i < 1010; i += 10) {
        for (int k = 0; k < 10; k++)
            rows[k] = (struct store_row){.unix_s = NOW + i + k, .series = 1};
        assert_int_equal(store_db_quarantine(&db, STORE_FLUKSO, rows, 10, NOW, "why"), 0);
    }
    assert_int_equal(store_db_quarantine(&db, STORE_INFLUX, rows, 1, NOW, "why"), 0);
    assert_int_equal(
        sqlite3_prepare_v2(db.sql, "SELECT count(*), min(unix_s) FROM quarantine WHERE reader = 0", -1, &st, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 1000);
    assert_int_equal(sqlite3_column_int(st, 1), NOW + 10);
    sqlite3_finalize(st);
}

/* ---- eras ---- */

static void put_era(uint32_t era, const char *boot, int64_t offset_ms, enum clock_state clock)
{
    struct store_era e = {.era = era, .offset_ms = offset_ms, .clock = clock};

    snprintf(e.boot, sizeof e.boot, "%s", boot);
    assert_int_equal(store_db_write(&db, &(struct store_batch){.eras = &e, .n_eras = 1}), 0);
}

static int settle(int64_t offset_ms, enum clock_state clock)
{
    return store_db_settle(&db, &(struct store_now){.boot = BOOT, .offset_ms = offset_ms, .clock = clock});
}

/* pitfall 18: readings from before the clock was set are resolved, exactly. */
static void an_unset_clock_is_resolved(void **state)
{
    (void)state;
    put_era(1, BOOT, 5000, CLOCK_UNSET); /* the wall clock began at 1970-01-01 00:00:05 */
    write_rows(1, 65, 10);
    assert_int_equal(read_all(CLOCK_LOCAL).n, 0);
    assert_int_equal(settle(5000, CLOCK_UNSET), 0);
    assert_int_equal(settle(1799999000000, CLOCK_LOCAL), 1);
    assert_int_equal(read_all(CLOCK_LOCAL).first_s, 1799999000 + 60);
    assert_int_equal(read_all(CLOCK_SYNCED).n, 0);
    assert_int_equal(settle(1799999100000, CLOCK_SYNCED), 1);
    struct seen s = read_all(CLOCK_SYNCED);
    assert_int_equal(s.n, 10);
    assert_int_equal(s.first_s, 1799999100 + 60);
    assert_int_equal(settle(1799999100000, CLOCK_SYNCED), 0);
}

static void a_right_clock_changes_nothing(void **state)
{
    (void)state;
    put_era(1, BOOT, 1799999000000, CLOCK_LOCAL);
    write_rows(1, NOW, 10);
    assert_int_equal(settle(1799999000200, CLOCK_SYNCED), 1);
    assert_int_equal(read_all(CLOCK_SYNCED).first_s, NOW);
}

/* An hour ahead for a while, though it counted as in time: back they go, when all agree on another time. */
static void stamps_from_ahead_are_put_back(void **state)
{
    (void)state;
    put_era(1, BOOT, 1799999000000, CLOCK_SYNCED);
    write_rows(1, NOW, 10);
    put_era(2, BOOT, 1799999000000 + 3600000, CLOCK_SYNCED);
    write_rows(2, NOW + 3600 + 10, 10);
    assert_int_equal(settle(1799999000000, CLOCK_SYNCED), 1);
    struct seen s = read_all(CLOCK_SYNCED);
    assert_int_equal(s.n, 20);
    assert_int_equal(s.last_s, NOW + 19);
}

/* What another boot stamped cannot be known exactly, but it came before this one. */
static void another_boot_comes_before_this_one(void **state)
{
    (void)state;
    put_era(1, "other", 5000, CLOCK_UNSET);
    write_rows(1, 65, 10);
    put_era(2, "other", 1799990000000, CLOCK_LOCAL); /* plausible: as it stands */
    write_rows(2, NOW - 2000, 10);
    put_era(3, "other", 1900000000000, CLOCK_LOCAL); /* years ahead */
    write_rows(3, 1900000000, 10);
    assert_int_equal(settle(NOW * 1000ll, CLOCK_SYNCED), 3);
    struct store_key at = {.era = 0};
    struct seen s = {0};
    assert_int_equal(store_db_read(&db, &at, CLOCK_SYNCED, STORE_ROWS, see, &s), 0);
    assert_int_equal(s.n, 30);
    assert_int_equal(s.first_s, NOW - 1 - 9);
    assert_int_equal(s.last_s, NOW - 1);
    at = (struct store_key){.era = 2};
    s = (struct seen){0};
    assert_int_equal(store_db_read(&db, &at, CLOCK_SYNCED, STORE_ROWS, see, &s), 0);
    assert_int_equal(s.first_s, NOW - 2000);
}

static void tidy_forgets_eras_without_rows(void **state)
{
    (void)state;
    put_era(1, BOOT, 1, CLOCK_SYNCED);
    put_era(2, BOOT, 2, CLOCK_SYNCED);
    put_era(3, BOOT, 3, CLOCK_SYNCED);
    write_rows(2, NOW, 1);
    assert_int_equal(store_db_tidy(&db, 3), 0);
    assert_int_equal(settle(NOW * 1000ll, CLOCK_SYNCED), 0);
}

/* A disk without room: nothing of the batch is there, what was there stays, and it goes on when there is room. */
static void a_full_disk_loses_nothing(void **state)
{
    char limit[48];

    (void)state;
    write_many(1, NOW, 100);
    snprintf(limit, sizeof limit, "PRAGMA max_page_count = 1"); /* SQLite keeps the present size: no more pages */
    assert_int_equal(sqlite3_exec(db.sql, limit, NULL, NULL, NULL), SQLITE_OK);
    struct store_row *r = must(calloc(20000, sizeof *r));
    for (int i = 0; i < 20000; i++)
        r[i] = (struct store_row){.unix_s = NOW + 1000 + i, .era = 1, .series = 1};
    struct store_batch b = {.rows = r, .n_rows = 20000};
    assert_int_equal(store_db_write(&db, &b), STORE_FULL);
    assert_int_equal(read_all(CLOCK_UNSET).n, 100);
    assert_int_equal(sqlite3_exec(db.sql, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_db_write(&db, &b), 0);
    free(r);
    assert_int_equal(read_all(CLOCK_UNSET).n, 20100);
}

static void one_program_at_a_time(void **state)
{
    struct store_db second = {0};

    (void)state;
    assert_int_equal(store_db_open(&second, dir), STORE_FAILED);
    assert_non_null(strstr(second.error, "another fluksod"));
    store_db_close(&db);
    assert_int_equal(store_db_open(&second, dir), 0);
    store_db_close(&second);
    memset(&db, 0, sizeof db);
    assert_int_equal(store_db_open(&db, dir), 0);
}

static void another_file_is_noticed(void **state)
{
    char aside[80];

    (void)state;
    assert_false(store_db_outdated(&db));
    snprintf(aside, sizeof aside, "%s.aside", file);
    assert_int_equal(rename(file, aside), 0);
    assert_true(store_db_outdated(&db));
    assert_int_equal(rename(aside, file), 0);
    assert_false(store_db_outdated(&db));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_come_back_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(purge_deletes_up_to_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(purge_goes_era_by_era, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_page_costs_only_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(no_database_at_all_is_set_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_or_newer_file_is_set_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_file_migrates, setup, teardown),
        cmocka_unit_test_setup_teardown(quarantine_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unset_clock_is_resolved, setup, teardown),
        cmocka_unit_test_setup_teardown(a_right_clock_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(stamps_from_ahead_are_put_back, setup, teardown),
        cmocka_unit_test_setup_teardown(another_boot_comes_before_this_one, setup, teardown),
        cmocka_unit_test_setup_teardown(tidy_forgets_eras_without_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(one_program_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(another_file_is_noticed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
