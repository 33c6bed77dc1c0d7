/* What the power-cut test drives and asks: the store's database alone.
 *
 * store_probe write DIR N    N commits of rows, counter states and places, with purges, deletes and new eras between.
 * What was asked and what is done stands in DIR/marks, a line each: "purge S" before rows up to second S may go, "done
 * I" after commit I. store_probe check DIR      opens it as the daemon does and prints one line: "raw counter, newest
 * place, rows, first second, last second, set aside or -" */
#include "io/store_db.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID   "0000000000000000000000000000000a"
#define BASE 1800000000
#define KEEP 400 /* seconds behind which rows may go */

static struct store_db db;
static int marks;

static void die(const char *what)
{
    fprintf(stderr, "store_probe: %s: %s\n", what, db.error);
    exit(1);
}

static void mark(const char *what, long long n)
{
    char line[48];
    int len = snprintf(line, sizeof line, "%s %lld\n", what, n);

    if (write(marks, line, (size_t)len) != len)
        die("marks");
}

/* Commit i: two seconds' rows, the counter at i, and the reader's place two commits back. */
static void commit(int64_t i, uint32_t era)
{
    const struct store_series series = {1, ID, READING_COUNTER};
    const struct store_era e = {.era = era, .boot = "probe", .clock = CLOCK_SYNCED};
    const struct ledger_saved counter = {.id = ID, .source = "probe", .raw = i, .known = true};
    const struct store_row rows[] = {{BASE + 2 * i, i, era, 1}, {BASE + 2 * i + 1, i, era, 1}};
    const struct store_position p = {.reader = STORE_FLUKSO, .series = 1, .at = {BASE + 2 * i - 4, era, 1}};
    const struct store_batch b = {&series, 1, &e, 1, &counter, 1, rows, 2, &p, 1};

    if (store_db_write(&db, &b) < 0)
        die("write");
    mark("done", i);
}

static uint32_t era_of(int64_t i)
{
    return (uint32_t)(1 + i / 500);
}

static void purge(int64_t i)
{
    struct store_key to = {BASE + 2 * i - KEEP, era_of(i - KEEP / 2), UINT32_MAX};
    int more, deleted;

    if (i <= KEEP / 2)
        return;
    mark("purge", to.unix_s);
    while ((more = store_db_purge(&db, &to, &deleted)) == 1)
        ;
    if (more < 0 || store_db_tidy(&db, era_of(i)) < 0)
        die("purge");
}

static void do_write(const char *dir, int64_t n)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/marks", dir);
    marks = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (store_db_open(&db, dir) < 0 || store_db_reader(&db, STORE_FLUKSO, true, &(struct store_key){0}) < 0)
        die("open");
    for (int64_t i = 1; i <= n; i++) {
        commit(i, era_of(i));
        if (i % 40 == 0)
            purge(i);
        if (i % 150 == 0) { /* as after a restart: the log is worked off */
            store_db_close(&db);
            if (store_db_open(&db, dir) < 0)
                die("open again");
        }
    }
    store_db_close(&db);
}

struct found {
    int64_t raw, place, rows, first, last;
};

static void keep_counter(void *ctx, const struct ledger_saved *s)
{
    ((struct found *)ctx)->raw = s->raw;
}

static void keep_place(void *ctx, const struct store_position *p)
{
    if (p->series)
        ((struct found *)ctx)->place = p->at.unix_s;
}

static bool keep_row(void *ctx, const struct store_row *r, int64_t unix_s)
{
    struct found *f = ctx;

    (void)r;
    f->first = f->rows++ ? f->first : unix_s;
    if (f->rows > 1 && unix_s != f->last + 1)
        die("a hole between rows");
    f->last = unix_s;
    return true;
}

static void do_check(const char *dir)
{
    struct store_key at = {0};
    struct found f = {0};
    bool on[STORE_READERS];
    int more;

    if (store_db_open(&db, dir) < 0)
        die("open");
    if (store_db_counters(&db, keep_counter, &f) < 0 || store_db_positions(&db, on, keep_place, &f) < 0)
        die("read");
    while ((more = store_db_read(&db, &at, CLOCK_UNSET, STORE_WALK, keep_row, &f)) == 1)
        ;
    if (more < 0)
        die("rows");
    printf("%lld %lld %lld %lld %lld %s\n", (long long)f.raw, (long long)f.place, (long long)f.rows, (long long)f.first,
           (long long)f.last, db.opened.aside[0] ? db.opened.aside : "-");
    store_db_close(&db);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "write") == 0)
        do_write(argv[2], strtol(argv[3], NULL, 10));
    else if (argc == 3 && strcmp(argv[1], "check") == 0)
        do_check(argv[2]);
    else
        return 2;
    return 0;
}
