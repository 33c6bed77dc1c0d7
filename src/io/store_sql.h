/* What the files of the store's database share: its statements, and errors as the store names them. Only
 * io/store_*.c include this. */
#ifndef IO_STORE_SQL_H
#define IO_STORE_SQL_H

#include "io/store_db.h"

#include <assert.h>
#include <sqlite3.h>

enum store_statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_PUT_SERIES,
    SQL_PUT_ERA,
    SQL_PUT_COUNTER,
    SQL_PUT_MARKS,
    SQL_PUT_ROW,
    SQL_PUT_POSITION,
    SQL_PUT_READER,
    SQL_DROP_READER,
    SQL_DROP_POSITIONS,
    SQL_PUT_QUARANTINE,
    SQL_CUT_QUARANTINE,
    SQL_GET_COUNTERS,
    SQL_GET_MARKS,
    SQL_GET_SERIES,
    SQL_GET_ERAS,
    SQL_GET_READERS,
    SQL_GET_POSITIONS,
    SQL_GET_ROWS,
    SQL_LAST_OF_ERA,
    SQL_FIRST_ROW,
    SQL_PURGE,
    SQL_DELETE_ROW,
    SQL_TIDY_ERAS,
    SQL_STATEMENTS
};

static_assert(SQL_STATEMENTS <= ARRAY_LEN(((struct store_db *)0)->cached), "room for all statements");

/* The statement, prepared once, reset and unbound; NULL with db->error set. */
sqlite3_stmt *store_sql(struct store_db *db, enum store_statement s);

/* Run it to its end. 0, or negative with db->error. */
int store_sql_run(struct store_db *db, sqlite3_stmt *st);

/* The error of SQLite's result code, with db->error set. */
int store_sql_error(struct store_db *db, int rc);

/* Any text, now. 0, or negative. */
int store_sql_exec(struct store_db *db, const char *text);

/* Open path as it is, tables and all, or make them. 0, or negative with db->error. */
int store_sql_open(struct store_db *db, const char *path);

/* Bring all that stands in the log into the file, and the log to nothing. 0, or negative with db->error as it was. */
int store_sql_work_off(struct store_db *db);

/* Close it; the lock of its folder stays. */
void store_sql_close(struct store_db *db);

/* Put db->path aside, open a new one and take along what can be read (store_rescue.c). why: what was wrong. */
int store_rescue(struct store_db *db, const char *why);

/* Deletes that a power cut takes back are done again: they need not wait for the disk (on), all else does. */
int store_sql_lazily(struct store_db *db, bool on);

/* A transaction's end: commit after 0, else roll back and pass the error on. */
int store_sql_end(struct store_db *db, int result);

#endif
