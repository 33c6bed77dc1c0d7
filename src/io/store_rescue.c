/* A database that is no good: set aside under a name of its own, and what can be read of it taken along. */
#include "io/store_sql.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEPT_ASIDE 3 /* damaged files; a dying disk must not fill itself with them */

/* In the order of what matters most. The keys are those of the tables. */
static const struct {
    const char *table, *ascending, *descending;
} tables[] = {
    {"counters", "sensor", "sensor DESC"},
    {"marks", "sensor", "sensor DESC"},
    {"series", "series", "series DESC"},
    {"eras", "era", "era DESC"},
    {"readers", "reader", "reader DESC"},
    {"positions", "reader, series", "reader DESC, series DESC"},
    {"rows", "era, unix_s, series", "era DESC, unix_s DESC, series DESC"},
    {"quarantine", "rowid", "rowid DESC"},
};

static void drop(const char *path, const char *suffix)
{
    char name[PATH_MAX + 8];

    snprintf(name, sizeof name, "%s%s", path, suffix);
    unlink(name);
}

static void forget_old(const char *path)
{
    char pattern[PATH_MAX + 16];
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s.damaged-*[0-9]", path);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i + KEPT_ASIDE < found.gl_pathc; i++) { /* glob sorts: the oldest first */
        drop(found.gl_pathv[i], "");
        drop(found.gl_pathv[i], "-wal");
        drop(found.gl_pathv[i], "-shm");
    }
    globfree(&found);
}

static void move_along(const char *path, const char *aside, const char *suffix)
{
    char from[PATH_MAX + 8], to[PATH_MAX + 8];

    snprintf(from, sizeof from, "%s%s", path, suffix);
    snprintf(to, sizeof to, "%s%s", aside, suffix);
    if (rename(from, to) < 0)
        unlink(from); /* a log that belongs to nothing would spoil the new file */
}

/* Rows of a table in one direction, into the new file, until the end, the damage or the disk's end (*err). True: the
 * end was reached. A row that fits into no table is left out. */
static bool copy_some(sqlite3 *from, struct store_db *to, const char *table, const char *order, int64_t *copied,
                      int *err)
{
    static const char marks[] = "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?";
    char text[160];
    sqlite3_stmt *get = NULL, *put = NULL;
    int rc = SQLITE_ERROR, columns = 0;

    snprintf(text, sizeof text, "SELECT * FROM %s ORDER BY %s", table, order);
    if (sqlite3_prepare_v2(from, text, -1, &get, NULL) == SQLITE_OK)
        columns = sqlite3_column_count(get);
    if (columns < 1 || columns > (int)sizeof marks / 2)
        goto out;
    snprintf(text, sizeof text, "INSERT OR IGNORE INTO %s VALUES (%.*s)", table, 2 * columns - 1, marks);
    if (sqlite3_prepare_v2(to->sql, text, -1, &put, NULL) != SQLITE_OK)
        goto out;
    while (!*err && (rc = sqlite3_step(get)) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++)
            sqlite3_bind_value(put, i + 1, sqlite3_column_value(get, i));
        int done = sqlite3_step(put);
        if (done == SQLITE_DONE)
            *copied += sqlite3_changes(to->sql);
        else if ((done & 0xff) != SQLITE_CONSTRAINT && (done & 0xff) != SQLITE_MISMATCH)
            *err = store_sql_error(to, done);
        sqlite3_reset(put);
    }
out:
    sqlite3_finalize(get);
    sqlite3_finalize(put);
    return rc == SQLITE_DONE;
}

/* 0, or negative: the new file could not take it. */
static int copy_all(sqlite3 *from, struct store_db *to)
{
    int err = 0;

    for (size_t t = 0; t < ARRAY_LEN(tables) && !err; t++) {
        int64_t copied = 0;
        if (!copy_some(from, to, tables[t].table, tables[t].ascending, &copied, &err))
            copy_some(from, to, tables[t].table, tables[t].descending, &copied,
                      &err); /* from behind, up to the damage */
        if (strcmp(tables[t].table, "rows") == 0)
            to->opened.rescued_rows = copied;
        if (strcmp(tables[t].table, "counters") == 0)
            to->opened.rescued_counters = copied;
    }
    /* Eras whose line was lost: their numbers must not be given again. Their stamps are taken as they stand. */
    if (!err)
        err = store_sql_exec(to, "INSERT OR IGNORE INTO eras SELECT DISTINCT era, '', 0, 0, 2 FROM rows");
    return err;
}

/* There is no room for a new file: all as before, so that the next try finds what there is to rescue. */
static void put_back(struct store_db *db, const char *path, const char *aside)
{
    char error[STORE_ERROR];

    memcpy(error, db->error, sizeof error);
    store_sql_close(db);
    memset(&db->opened, 0, sizeof db->opened);
    unlink(path);
    drop(path, "-wal"); /* it belongs to the new file */
    drop(path, "-shm");
    if (rename(aside, path) == 0) {
        move_along(aside, path, "-wal");
        move_along(aside, path, "-shm");
    }
    memcpy(db->error, error, sizeof error);
}

int store_rescue(struct store_db *db, const char *why)
{
    char path[PATH_MAX], aside[PATH_MAX];
    sqlite3 *damaged = NULL;
    int err;

    memcpy(path, db->path, sizeof path);
    store_sql_close(db);
    if (snprintf(aside, sizeof aside, "%s.damaged-%lld", path, (long long)time(NULL)) >= (int)sizeof aside ||
        rename(path, aside) < 0) {
        snprintf(db->error, sizeof db->error, "it is damaged (%.100s) and cannot be set aside", why);
        return STORE_FAILED;
    }
    move_along(path, aside, "-wal");
    move_along(path, aside, "-shm");
    forget_old(path);
    memset(&db->opened, 0, sizeof db->opened);
    err = store_sql_open(db, path);
    memcpy(db->opened.aside, aside, sizeof aside);
    snprintf(db->opened.why, sizeof db->opened.why, "%s", why);
    if (err < 0) {
        put_back(db, path, aside);
        return err;
    }
    if (sqlite3_open_v2(aside, &damaged, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_db_config(damaged, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        err = store_sql_exec(db, "BEGIN IMMEDIATE");
        if (err == 0)
            err = store_sql_end(db, copy_all(damaged, db));
    }
    sqlite3_close(damaged);
    if (err < 0)
        put_back(db, path, aside);
    return err;
}
