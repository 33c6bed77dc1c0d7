#include "io/store_sql.h"

#include "io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_KB        64                /* pages in memory */
#define LOG_BYTES       (4 << 20)         /* the write-ahead log is worked off when it is so long */
#define QUICK_CHECK_MAX ((off_t)32 << 20) /* a larger file shows its damage when it is met */
#define BUSY_MS         1000              /* somebody looks into the file with another program */
/* small pages: a few rows more each minute must not write 4 KB for each page that they touch */
#define NEW_FILE   "PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL;"
#define FRAME_HEAD 24 /* bytes in the log before each page (SQLite, "WAL file format") */

/* By version: migrations[n] makes version n + 1 out of n. Never change one that was released. */
static const char *const migrations[STORE_VERSION] = {
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
    " PRIMARY KEY (reader, series)) WITHOUT ROWID;",
    "CREATE TABLE quarantine (reader INTEGER NOT NULL, series INTEGER NOT NULL, unix_s INTEGER NOT NULL,"
    " milli INTEGER NOT NULL, since_s INTEGER NOT NULL, reason TEXT NOT NULL);",
    "CREATE TABLE marks (sensor TEXT PRIMARY KEY, day_s INTEGER, day_milli INTEGER, day_missed_s INTEGER,"
    " day_why INTEGER, month_s INTEGER, month_milli INTEGER, month_missed_s INTEGER, month_why INTEGER,"
    " stood_s INTEGER, means INTEGER) WITHOUT ROWID;",
};

static const char *const statements[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_PUT_SERIES] = "INSERT OR REPLACE INTO series VALUES (?, ?, ?)",
    [SQL_PUT_ERA] = "INSERT OR REPLACE INTO eras VALUES (?, ?, ?, ?, ?)",
    [SQL_PUT_COUNTER] = "INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_PUT_MARKS] = "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_PUT_ROW] = "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
    [SQL_PUT_POSITION] = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SQL_PUT_READER] = "INSERT OR REPLACE INTO readers VALUES (?)",
    [SQL_DROP_READER] = "DELETE FROM readers WHERE reader = ?",
    [SQL_DROP_POSITIONS] = "DELETE FROM positions WHERE reader = ?",
    [SQL_PUT_QUARANTINE] = "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_CUT_QUARANTINE] = "DELETE FROM quarantine WHERE reader = ?1 AND rowid NOT IN"
                           " (SELECT rowid FROM quarantine WHERE reader = ?1 ORDER BY rowid DESC LIMIT 1000)",
    [SQL_GET_COUNTERS] = "SELECT sensor, source, raw, \"offset\", before, known, swapped, seen, fast, first, last,"
                         " unix_s FROM counters",
    [SQL_GET_MARKS] = "SELECT sensor, day_s, day_milli, day_missed_s, day_why, month_s, month_milli, month_missed_s,"
                      " month_why, stood_s, means FROM marks",
    [SQL_GET_SERIES] = "SELECT series, sensor, kind FROM series",
    [SQL_GET_ERAS] = "SELECT era, boot, offset_ms, shift_s, clock FROM eras ORDER BY era",
    [SQL_GET_READERS] = "SELECT reader FROM readers",
    [SQL_GET_POSITIONS] = "SELECT reader, series, era, unix_s, at_series, newest_s, newest_milli FROM positions",
    [SQL_GET_ROWS] = "SELECT era, unix_s, series, milli FROM rows WHERE (era, unix_s, series) > (?, ?, ?)"
                     " ORDER BY era, unix_s, series LIMIT ?",
    [SQL_LAST_OF_ERA] = "SELECT max(unix_s) FROM rows WHERE era = ?",
    [SQL_FIRST_ROW] = "SELECT era, unix_s FROM rows ORDER BY era, unix_s, series LIMIT 1",
    [SQL_PURGE] = "DELETE FROM rows WHERE (era, unix_s, series) <= (?, ?, ?)",
    [SQL_DELETE_ROW] = "DELETE FROM rows WHERE era = ? AND unix_s = ? AND series = ?",
    [SQL_TIDY_ERAS] = "DELETE FROM eras WHERE era <> ? AND NOT EXISTS (SELECT 1 FROM rows WHERE rows.era = eras.era)",
};

int store_sql_error(struct store_db *db, int rc)
{
    int primary = rc & 0xff;

    snprintf(db->error, sizeof db->error, "%s", db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc));
    if (primary == SQLITE_BUSY)
        snprintf(db->error, sizeof db->error, "another program holds it (a second fluksod?)");
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        return STORE_DAMAGED;
    int err = db->sql ? sqlite3_system_errno(db->sql) : 0;
    if (primary == SQLITE_FULL || primary == SQLITE_READONLY ||
        ((primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) &&
         (err == ENOSPC || err == EROFS || err == EDQUOT || err == EFBIG)))
        return STORE_FULL;
    return STORE_FAILED;
}

const char *store_library_version(void)
{
    return sqlite3_libversion();
}

int store_sql_exec(struct store_db *db, const char *text)
{
    int rc = sqlite3_exec(db->sql, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : store_sql_error(db, rc);
}

sqlite3_stmt *store_sql(struct store_db *db, enum store_statement s)
{
    if (!db->cached[s]) {
        int rc = sqlite3_prepare_v3(db->sql, statements[s], -1, SQLITE_PREPARE_PERSISTENT, &db->cached[s], NULL);
        if (rc != SQLITE_OK) {
            store_sql_error(db, rc);
            return NULL;
        }
    }
    sqlite3_reset(db->cached[s]);
    return db->cached[s];
}

int store_sql_run(struct store_db *db, sqlite3_stmt *st)
{
    if (!st)
        return store_sql_error(db, sqlite3_extended_errcode(db->sql));
    int rc = sqlite3_step(st);
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : store_sql_error(db, rc);
    sqlite3_reset(st);
    return result;
}

static int number(struct store_db *db, const char *pragma, int64_t *out)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(db->sql, pragma, -1, &st, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? 0 : store_sql_error(db, rc);
}

/* The log is worked off: each page of the file is written once, however often it stands there. */
static void worked_off(struct store_db *db, int64_t frames)
{
    int64_t pages;

    if (number(db, "PRAGMA page_count", &pages) < 0 || pages > frames)
        pages = frames;
    db->bytes_written += (uint64_t)(pages * db->page_bytes);
}

/* What was written is counted: frames of the log at each commit, pages of the file when the log is worked off. */
static int on_log(void *ctx, sqlite3 *sql, const char *name, int frames)
{
    struct store_db *db = ctx;
    int64_t frame_bytes = db->page_bytes + FRAME_HEAD;
    int64_t began = frames > db->wal_frames ? db->wal_frames : 0; /* else the log began anew */
    int done = 0;

    db->bytes_written += (uint64_t)((frames - began) * frame_bytes);
    db->wal_frames = frames;
    if (frames * frame_bytes >= LOG_BYTES &&
        sqlite3_wal_checkpoint_v2(sql, name, SQLITE_CHECKPOINT_PASSIVE, NULL, &done) == SQLITE_OK)
        worked_off(db, done);
    return SQLITE_OK;
}

int store_sql_work_off(struct store_db *db)
{
    if (sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
        return STORE_FAILED;
    worked_off(db, db->wal_frames);
    db->wal_frames = 0;
    return 0;
}

int store_sql_lazily(struct store_db *db, bool on)
{
    int err;

    if (db->lazy == on)
        return 0;
    err = store_sql_exec(db, on ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
    db->lazy = err ? db->lazy : on;
    return err;
}

int store_sql_end(struct store_db *db, int result)
{
    if (result == 0)
        result = store_sql_run(db, store_sql(db, SQL_COMMIT));
    if (result < 0 && !sqlite3_get_autocommit(db->sql)) {
        char error[STORE_ERROR]; /* the first one is what counts */
        memcpy(error, db->error, sizeof error);
        (void)!store_sql_run(db, store_sql(db, SQL_ROLLBACK));
        memcpy(db->error, error, sizeof error);
    }
    return result;
}

/* ---- opening ---- */

static int check(struct store_db *db)
{
    struct stat st;
    sqlite3_stmt *q;
    bool good;
    int rc;

    if (stat(db->path, &st) < 0 || st.st_size > QUICK_CHECK_MAX)
        return 0;
    rc = sqlite3_prepare_v2(db->sql, "PRAGMA quick_check(1)", -1, &q, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    good = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    if (rc == SQLITE_ROW && !good)
        snprintf(db->error, sizeof db->error, "%s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return good ? 0 : rc == SQLITE_ROW ? STORE_DAMAGED : store_sql_error(db, rc);
}

static int migrate(struct store_db *db)
{
    int64_t version;
    char text[48];
    int err = number(db, "PRAGMA user_version", &version);

    if (err < 0)
        return err;
    if (version < 0 || version > STORE_VERSION) {
        snprintf(db->error, sizeof db->error, "its version is %lld, newer than this program's (%d)", (long long)version,
                 STORE_VERSION);
        return STORE_DAMAGED; /* set aside, nothing of it is lost */
    }
    if (version == STORE_VERSION)
        return 0;
    db->opened.made = version == 0;
    db->opened.migrated_from = (int)version;
    if ((err = store_sql_exec(db, "BEGIN IMMEDIATE")) < 0)
        return err;
    for (; version < STORE_VERSION && err == 0; version++)
        err = store_sql_exec(db, migrations[version]);
    snprintf(text, sizeof text, "PRAGMA user_version = %d", STORE_VERSION);
    if (err == 0)
        err = store_sql_exec(db, text);
    return store_sql_end(db, err);
}

/* Exclusive: without a file of shared memory, for which a full disk has no room. Otherwise other programs may look into
 * the database while this one runs. FULL: a commit is on the disk when it returns. auto_vacuum and page_size work on a
 * new file only; the first would write to an old one, which a full disk must not keep from being read. */
static int open_as(struct store_db *db, const char *path, const char *locking)
{
    char pragmas[400];
    int64_t pages;
    int rc, err;

    rc = sqlite3_open_v2(path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return store_sql_error(db, rc);
    sqlite3_extended_result_codes(db->sql, 1);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0); /* it would be 120 KB */
    sqlite3_busy_timeout(db->sql, BUSY_MS);
    snprintf(pragmas, sizeof pragmas, "PRAGMA locking_mode = %s", locking);
    if ((err = store_sql_exec(db, pragmas)) < 0 || (err = number(db, "PRAGMA page_count", &pages)) < 0)
        return err;
    snprintf(pragmas, sizeof pragmas,
             "%s PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -%d;"
             "PRAGMA journal_size_limit = %d; PRAGMA temp_store = MEMORY;",
             pages ? "" : NEW_FILE, CACHE_KB, LOG_BYTES);
    if ((err = store_sql_exec(db, pragmas)) < 0 || (err = number(db, "PRAGMA page_size", &db->page_bytes)) < 0 ||
        (err = check(db)) < 0 || (err = migrate(db)) < 0)
        return err;
    sqlite3_wal_hook(db->sql, on_log, db); /* in place of SQLite's own */
    return 0;
}

static void finalize_all(struct store_db *db)
{
    for (int s = 0; s < SQL_STATEMENTS; s++) {
        sqlite3_finalize(db->cached[s]);
        db->cached[s] = NULL;
    }
}

/* A file with other tables than ours is found now. */
static int try_statements(struct store_db *db)
{
    for (int s = 0; s < SQL_STATEMENTS; s++) {
        if (store_sql(db, (enum store_statement)s))
            continue;
        int rc = sqlite3_extended_errcode(db->sql);
        int err = store_sql_error(db, rc);
        return (rc & 0xff) == SQLITE_ERROR ? STORE_DAMAGED : err;
    }
    return 0;
}

int store_sql_open(struct store_db *db, const char *path)
{
    struct stat st;
    int err;

    snprintf(db->path, sizeof db->path, "%s", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        snprintf(db->error, sizeof db->error, "it is no file");
        return STORE_DAMAGED;
    }
    err = open_as(db, path, "NORMAL");
    if (err == STORE_FULL || err == STORE_FAILED) {
        store_sql_close(db);
        err = open_as(db, path, "EXCLUSIVE");
    }
    if (err < 0)
        return err;
    err = try_statements(db);
    finalize_all(db); /* those in use come again, the others need no memory */
    return err;
}

/* Two daemons in one folder would each undo the other's counters. A folder that cannot be written needs no lock. */
static int lock_folder(struct store_db *db, const char *dir)
{
    char path[PATH_MAX];
    int fd;

    if (snprintf(path, sizeof path, "%s/" STORE_LOCK, dir) >= (int)sizeof path)
        return 0;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        close(fd);
        snprintf(db->error, sizeof db->error,
                 "another fluksod works in this folder: give each a storage.path of its own");
        return STORE_FAILED;
    }
    db->lock = fd + 1;
    return 0;
}

static void note_file(struct store_db *db)
{
    struct stat st = {0};

    (void)!stat(db->path, &st);
    db->dev = st.st_dev;
    db->ino = st.st_ino;
}

bool store_db_outdated(const struct store_db *db)
{
    struct stat st;

    if (stat(db->path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR;
    return st.st_dev != db->dev || st.st_ino != db->ino ||
           (sqlite3_db_readonly(db->sql, "main") == 1 && access(db->path, W_OK) == 0);
}

int store_db_open(struct store_db *db, const char *dir)
{
    char path[PATH_MAX], why[STORE_ERROR];
    int err;

    if (snprintf(path, sizeof path, "%s/" STORE_FILE, dir) >= (int)sizeof path) {
        snprintf(db->error, sizeof db->error, "the path is too long");
        return STORE_FAILED;
    }
    /* Once, before the library's first use: no 87 KB of pages in advance, no counting of each allocation. */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    db->purge_span_s = 60;
    mkdir(dir, 0750);
    err = lock_folder(db, dir);
    if (err < 0)
        return err;
    err = store_sql_open(db, path);
    if (err == STORE_DAMAGED) {
        memcpy(why, db->error, sizeof why);
        err = store_rescue(db, why);
    }
    if (err < 0) {
        store_db_close(db);
        return err;
    }
    note_file(db);
    store_db_measure(db);
    return 0;
}

void store_db_close(struct store_db *db)
{
    store_sql_close(db);
    if (db->lock)
        close(db->lock - 1);
    db->lock = 0;
}

void store_sql_close(struct store_db *db)
{
    finalize_all(db);
    sqlite3_close(db->sql);
    db->sql = NULL;
    db->wal_frames = 0;
    db->lazy = false;
}

void store_db_measure(struct store_db *db)
{
    int64_t pages, unused;

    if (number(db, "PRAGMA page_count", &pages) == 0 && number(db, "PRAGMA freelist_count", &unused) == 0)
        db->bytes = (pages - unused) * db->page_bytes;
}
