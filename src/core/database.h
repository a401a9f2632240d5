/* A SQLite database as meterline opens it: one connection, used by one thread at a time; statements prepared once.
 *
 * WAL journal; durability FULL (a commit survives a power cut) or NORMAL (survives a kill, may lose the last commits
 * in a power cut). Writers begin with BEGIN IMMEDIATE and wait for the lock. Every SQLite error becomes a `struct
 * error` that names the file, what was being done and, for a full disk, a folder without permission or a damaged
 * file, what to do. */
#ifndef METERLINE_CORE_DATABASE_H
#define METERLINE_CORE_DATABASE_H

#include "core/error.h"
#include "core/slice.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct database;

struct database_options {
    bool durable; /* synchronous=FULL */
    bool create;  /* make the folder and the file when missing; otherwise a missing file is ERROR_NOT_FOUND */
    bool read_only;
    int64_t lock_timeout; /* ms to wait for another process's write lock */
};

/* Opens DIR/meterline.db. A folder and files that are made are for their owner alone, 0700 and 0600, whatever the umask
 * lets through: readings of households, and what scripts say, are private. A file with another application_id, or a newer user_version than `version`, is refused
 * before anything is written. When the file is new, it gets both. Each room creates its own tables with IF NOT
 * EXISTS. */
int database_open(const char *folder, const struct database_options *options, struct database **ret_database,
                  struct error *error);
struct database *database_close(struct database *database);
/* May other users read the data in `folder`, or put other files there? */
bool database_is_exposed(const char *folder);
const char *database_path(const struct database *database); /* canonical path of the file */
/* The connection itself, for sqlite3_bind/column calls. */
sqlite3 *database_handle(struct database *database);

int database_prepare(struct database *database, const char *sql, sqlite3_stmt **ret_statement, struct error *error);
int database_execute(struct database *database, const char *sql, struct error *error);
/* Steps a statement that gives no rows and resets it. */
int database_run(struct database *database, sqlite3_stmt *statement, struct error *error);
/* Steps to the next row: 1 = a row, 0 = done (statement reset), negative = error (statement reset). */
int database_step(struct database *database, sqlite3_stmt *statement, struct error *error);
/* Fills `error` from the connection's last error; `doing` as in "appending to metrics/3". */
int database_error(struct database *database, const char *doing, struct error *error);

int database_begin(struct database *database, struct error *error);  /* BEGIN IMMEDIATE */
int database_commit(struct database *database, struct error *error); /* on failure the transaction is rolled back */
void database_rollback(struct database *database);                   /* no-op outside a transaction */
bool database_in_transaction(struct database *database);
/* A number that changes whenever another connection has committed: cheap to poll for news. */
int database_data_version(struct database *database, int64_t *ret_version, struct error *error);

void database_bind_slice(sqlite3_stmt *statement, int index,
                         struct slice text);                            /* text, not copied: must live until the step */
struct slice database_column_slice(sqlite3_stmt *statement, int index); /* valid until the next step */

#endif
