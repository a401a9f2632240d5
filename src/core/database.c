/* One function for each step of a connection's life: find the file, open, check the marks of a database of ours, set
 * WAL and durability. Errors are made in one place, which knows what the user can do. */
#include "core/database.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"

enum { DATABASE_APPLICATION = 0x4d544c4e /* "MTLN" */, DATABASE_VERSION = 1, LOCK_STEP_NS = 500000 };

struct database {
    sqlite3 *handle;
    char *path;
    int64_t lock_timeout;  /* ms */
    int64_t waiting_since; /* ns, monotonic: when the present wait for a lock began */
    sqlite3_stmt *begin, *commit, *rollback, *data_version;
};

const char *database_path(const struct database *database) {
    return database->path;
}

sqlite3 *database_handle(struct database *database) {
    return database->handle;
}

static const char *database_advice(int code) {
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "; the disk is full: free some space or move the data folder (--data), then start again; what was "
               "committed is not lost";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "; the file is damaged or not a meterline log: restore it from a backup, or use another folder (--data)";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return "; check that the folder exists and may be written, or use another (--data)";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "; another process holds the log for long: try again";
    case SQLITE_IOERR:
        return "; the disk failed or is full; what was committed is not lost";
    default:
        return "";
    }
}

static int database_code(int code) {
    if (code == SQLITE_IOERR_NOMEM)
        return ERROR_NO_MEMORY;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return ERROR_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERROR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERROR_BUSY;
    default:
        return ERROR_IO;
    }
}

static int database_fail(sqlite3 *handle, const char *path, int code, const char *doing, struct error *error) {
    if (code == SQLITE_OK) /* errors that sqlite3_errcode does not know are misuse or lack of memory */
        code = SQLITE_NOMEM;
    if (database_code(code) == ERROR_NO_MEMORY)
        return error_set(error, ERROR_NO_MEMORY, "%s in %s: out of memory", doing, path);
    int system = handle ? sqlite3_system_errno(handle) : 0;
    const char *text = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    if (system == ENOSPC && (code & 0xff) == SQLITE_IOERR)
        return error_set(error, ERROR_IO, "%s in %s: %s%s", doing, path, text, database_advice(SQLITE_FULL));
    return error_set(error, database_code(code), "%s in %s: %s%s", doing, path, text, database_advice(code));
}

int database_error(struct database *database, const char *doing, struct error *error) {
    return database_fail(database->handle, database->path, sqlite3_extended_errcode(database->handle), doing, error);
}

/* Waits in small steps: SQLite's own back-off sleeps up to 100 ms, which is long beside commits of a millisecond. */
static int database_busy(void *context, int attempt) {
    struct database *database = context;
    int64_t now = clock_monotonic_ns(&clock_system);
    if (attempt == 0)
        database->waiting_since = now;
    if (now - database->waiting_since >= database->lock_timeout * 1000000)
        return 0;
    clock_sleep_ns(&clock_system, LOCK_STEP_NS);
    return 1;
}

int database_prepare(struct database *database, const char *sql, sqlite3_stmt **ret_statement, struct error *error) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        char doing[160];
        snprintf(doing, sizeof doing, "preparing '%.100s'", sql);
        return database_error(database, doing, error);
    }
    *ret_statement = statement;
    return 0;
}

int database_execute(struct database *database, const char *sql, struct error *error) {
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    char doing[160];
    snprintf(doing, sizeof doing, "executing '%.100s'", sql);
    return database_error(database, doing, error);
}

int database_step(struct database *database, sqlite3_stmt *statement, struct error *error) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    int status =
        code == SQLITE_DONE ? 0 : database_fail(database->handle, database->path, code, "reading or writing", error);
    sqlite3_reset(statement);
    return status;
}

int database_run(struct database *database, sqlite3_stmt *statement, struct error *error) {
    int status = database_step(database, statement, error);
    if (status > 0)
        sqlite3_reset(statement);
    return status < 0 ? status : 0;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, MODE_READ = 044, MODE_WRITE = 022, MODE_ENTER = 011 };

/* mkdir -p; what is made is for its owner alone. */
static int database_make_folder(const char *folder, struct error *error) {
    char *path = strdup(folder);
    if (!path)
        return error_no_memory(error);
    int failed = 0;
    for (char *at = path + 1; !failed; at++) {
        if (*at != '/' && *at)
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST)
            failed = errno;
        *at = kept;
        if (!kept)
            break;
    }
    free(path);
    return failed ? error_set_errno(error, failed, "cannot make the data folder %s", folder) : 0;
}

static int database_integer(struct database *database, const char *sql, int64_t *ret_value, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(database, sql, &statement, error);
    if (status)
        return status;
    status = database_step(database, statement, error);
    if (status > 0)
        *ret_value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status < 0 ? status : 0;
}

/* Reads what the file says that it is. Sets *ret_new for a file with nothing in it. */
static int database_check_marks(struct database *database, bool *ret_new, struct error *error) {
    int64_t application = 0, version = 0, tables = 0;
    *ret_new = false;
    int status = database_integer(database, "PRAGMA application_id", &application, error);
    if (!status)
        status = database_integer(database, "PRAGMA user_version", &version, error);
    if (!status)
        status = database_integer(database, "SELECT count(*) FROM sqlite_master", &tables, error);
    if (status)
        return status;
    if (application == DATABASE_APPLICATION && version == DATABASE_VERSION)
        return 0;
    if (application == DATABASE_APPLICATION)
        return error_set(error, ERROR_UNSUPPORTED,
                         "%s has format version %lld, this program reads and writes version %d: use the meterline that "
                         "wrote it, or another folder (--data)",
                         database->path, (long long)version, DATABASE_VERSION);
    if (application || version || tables)
        return error_set(error, ERROR_UNSUPPORTED,
                         "%s is not a meterline log (its application id is %lld): use another folder (--data)",
                         database->path, (long long)application);
    *ret_new = true;
    return 0;
}

/* Each look is one transaction: another process may be setting the marks at this moment. */
static int database_check_in(struct database *database, const char *begin, bool *ret_new, struct error *error) {
    int status = database_execute(database, begin, error);
    if (status)
        return status;
    status = database_check_marks(database, ret_new, error);
    if (!status && *ret_new && strcmp(begin, "BEGIN IMMEDIATE") == 0) {
        char sql[100];
        snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d", DATABASE_APPLICATION,
                 DATABASE_VERSION);
        status = database_execute(database, sql, error);
    }
    if (!status)
        status = database_execute(database, "COMMIT", error);
    if (status && database_in_transaction(database))
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Is it ours, and of our version? Sets both marks in a new file. */
static int database_check(struct database *database, const struct database_options *options, struct error *error) {
    bool new_file;
    int status = database_check_in(database, "BEGIN", &new_file, error);
    if (status || !new_file)
        return status;
    if (options->read_only)
        return error_set(error, ERROR_NOT_FOUND, "%s is empty: 'meterline replay' fills it", database->path);
    return database_check_in(database, "BEGIN IMMEDIATE", &new_file, error);
}

/* Changing the journal wants the file for itself and does not call the busy handler: another process that opens it
 * is met by trying again. */
static int database_use_wal(struct database *database, struct error *error) {
    int64_t until = clock_monotonic_ns(&clock_system) + database->lock_timeout * 1000000;
    for (;;) {
        int status = database_execute(database, "PRAGMA journal_mode=WAL", error);
        if (status != ERROR_BUSY || clock_monotonic_ns(&clock_system) >= until)
            return status;
        clock_sleep_ns(&clock_system, LOCK_STEP_NS);
    }
}

static int database_configure(struct database *database, const struct database_options *options, struct error *error) {
    sqlite3_busy_handler(database->handle, database_busy, database);
    int status =
        database_execute(database, "PRAGMA page_size=8192; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY", error);
    if (!status)
        status = database_check(database, options, error);
    if (!status && !options->read_only)
        status = database_use_wal(database, error);
    if (!status)
        status = database_execute(database, options->durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
                                  error);
    if (!status)
        status =
            database_execute(database, "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864", error);
    if (!status)
        status = database_prepare(database, "BEGIN IMMEDIATE", &database->begin, error);
    if (!status)
        status = database_prepare(database, "COMMIT", &database->commit, error);
    if (!status)
        status = database_prepare(database, "ROLLBACK", &database->rollback, error);
    if (!status)
        status = database_prepare(database, "PRAGMA data_version", &database->data_version, error);
    return status;
}

/* SQLite gives -wal and -shm the mode of the file, which it would make as the umask says. It is made by mknod, not open:
 * closing a descriptor would drop the locks that other connections of this process hold on the file. */
static int database_make_file(const char *path, struct error *error) {
    return mknod(path, S_IFREG | FILE_MODE, 0) != 0 && errno != EEXIST
               ? error_set_errno(error, errno,
                                 "cannot make %s; check that the folder may be written, or use another (--data)", path)
               : 0;
}

bool database_is_exposed(const char *folder) {
    struct stat status, file;
    char *path = NULL;
    if (stat(folder, &status) != 0)
        return false;
    bool exposed = (status.st_mode & MODE_WRITE) && !(status.st_mode & S_ISVTX);
    if (!exposed && (status.st_mode & MODE_ENTER) && asprintf(&path, "%s/meterline.db", folder) >= 0) {
        exposed = stat(path, &file) == 0 && (file.st_mode & (MODE_READ | MODE_WRITE));
        free(path);
    }
    return exposed;
}

static int database_locate(const char *folder, const struct database_options *options, char **ret_path,
                           struct error *error) {
    int status = options->create ? database_make_folder(folder, error) : 0;
    if (status)
        return status;
    char *canonical = realpath(folder, NULL);
    if (!canonical)
        return errno == ENOENT || errno == ENOTDIR
                   ? error_set(error, ERROR_NOT_FOUND,
                               "there is no data folder %s: 'meterline replay' makes one; --data names another", folder)
                   : error_set_errno(error, errno, "cannot open the data folder %s", folder);
    char *path = NULL;
    if (asprintf(&path, "%s/meterline.db", canonical) < 0)
        path = NULL;
    free(canonical);
    if (!path)
        return error_no_memory(error);
    if (!options->create && access(path, F_OK) != 0) {
        status = error_set(
            error, ERROR_NOT_FOUND,
            "there is no log in %s (no meterline.db): 'meterline replay' makes one; --data names another folder",
            folder);
        free(path);
        return status;
    }
    *ret_path = path;
    return options->create ? database_make_file(path, error) : 0;
}

int database_open(const char *folder, const struct database_options *options, struct database **ret_database,
                  struct error *error) {
    struct database *database = memory_zero(1, sizeof *database);
    if (!database)
        return error_no_memory(error);
    database->lock_timeout = options->lock_timeout;
    int status = database_locate(folder, options, &database->path, error);
    if (!status) {
        int flags = SQLITE_OPEN_NOMUTEX | (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    (options->create ? SQLITE_OPEN_CREATE : 0);
        int code = sqlite3_open_v2(database->path, &database->handle, flags, NULL);
        if (code != SQLITE_OK)
            status = database_fail(database->handle, database->path, code, "opening", error);
        else if (!options->read_only && sqlite3_db_readonly(database->handle, "main") == 1)
            status = database_fail(NULL, database->path, SQLITE_READONLY, "opening", error);
        else
            sqlite3_extended_result_codes(database->handle, 1);
    }
    if (!status)
        status = database_configure(database, options, error);
    if (status) {
        database_close(database);
        return status;
    }
    *ret_database = database;
    return 0;
}

struct database *database_close(struct database *database) {
    if (!database)
        return NULL;
    sqlite3_finalize(database->begin);
    sqlite3_finalize(database->commit);
    sqlite3_finalize(database->rollback);
    sqlite3_finalize(database->data_version);
    sqlite3_close_v2(database->handle);
    free(database->path);
    free(database);
    return NULL;
}

/* --- transactions
 * --------------------------------------------------------------------------------------------------------------- */

bool database_in_transaction(struct database *database) {
    return !sqlite3_get_autocommit(database->handle);
}

int database_begin(struct database *database, struct error *error) {
    return database_run(database, database->begin, error);
}

void database_rollback(struct database *database) {
    if (!database_in_transaction(database))
        return;
    sqlite3_step(database->rollback);
    sqlite3_reset(database->rollback);
}

int database_commit(struct database *database, struct error *error) {
    int status = database_run(database, database->commit, error);
    if (status)
        database_rollback(database);
    return status;
}

int database_data_version(struct database *database, int64_t *ret_version, struct error *error) {
    int status = database_step(database, database->data_version, error);
    if (status < 0)
        return status;
    *ret_version = sqlite3_column_int64(database->data_version, 0);
    sqlite3_reset(database->data_version);
    return 0;
}

void database_bind_slice(sqlite3_stmt *statement, int index, struct slice text) {
    sqlite3_bind_text64(statement, index, text.data ? text.data : "", text.length, SQLITE_STATIC, SQLITE_UTF8);
}

struct slice database_column_slice(sqlite3_stmt *statement, int index) {
    const char *text =
        sqlite3_column_blob(statement, index); /* the text's own bytes: nothing is allocated for a NUL after them */
    return (struct slice){text ? text : "", (size_t)sqlite3_column_bytes(statement, index)};
}
