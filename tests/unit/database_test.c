/* Opening data folders: whose file is refused and left as it was, folders that cannot be written, many openers at
 * once, transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/bus.h"
#include "core/database.h"

struct fixture {
    char folder[64], file[96];
    struct error error;
};

static const struct database_options create = {.create = true, .lock_timeout = 20000};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->folder, "/tmp/meterline-database-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof f->file, "%s/meterline.db", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    char command[200];
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", f->folder, f->folder);
    int status = system(command);
    free(f);
    return status;
}

static void open_ok(struct fixture *f, struct database **ret_database) {
    if (database_open(f->folder, &create, ret_database, &f->error))
        fail_msg("%s", f->error.message);
}

static void write_file(const struct fixture *f, const char *sql) {
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(f->file, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static size_t read_file(const struct fixture *f, char *to, size_t size) {
    FILE *file = fopen(f->file, "r");
    assert_non_null(file);
    size_t length = fread(to, 1, size, file);
    fclose(file);
    return length;
}

/* Files that are not ours are refused, and not a byte of them changes. */
static void test_refused(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        int code;
        const char *message;
    } cases[] = {
        {"PRAGMA application_id=0x4d544c4e; PRAGMA user_version=2; CREATE TABLE a(b)", ERROR_UNSUPPORTED,
         "has format version 2, this program reads and writes version 1"},
        {"PRAGMA application_id=0x12345678; PRAGMA user_version=1; CREATE TABLE a(b)", ERROR_UNSUPPORTED,
         "is not a meterline log"},
        {"CREATE TABLE a(b)", ERROR_UNSUPPORTED, "is not a meterline log"},
    };
    static char before[65536], after[65536];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct database *database;
        unlink(f->file);
        write_file(f, cases[i].sql);
        size_t length = read_file(f, before, sizeof before);
        assert_int_equal(database_open(f->folder, &create, &database, &f->error), cases[i].code);
        if (!strstr(f->error.message, cases[i].message) || !strstr(f->error.message, f->file))
            fail_msg("%s", f->error.message);
        assert_int_equal(read_file(f, after, sizeof after), length);
        assert_memory_equal(before, after, length);
    }
}

static void test_not_a_database(void **state) {
    struct fixture *f = *state;
    struct database *database;
    FILE *file = fopen(f->file, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("household;day;", file);
    fclose(file);
    assert_int_equal(database_open(f->folder, &create, &database, &f->error), ERROR_CORRUPT);
    assert_non_null(strstr(f->error.message,
                           "not a database; the file is damaged or not a meterline log: restore it from a backup"));
    assert_false(f->error.retriable);
}

static void test_not_writable(void **state) {
    struct fixture *f = *state;
    struct database *database;
    if (geteuid() == 0)
        skip();
    open_ok(f, &database);
    database_close(database);
    assert_int_equal(chmod(f->file, 0444), 0);
    assert_int_equal(chmod(f->folder, 0555), 0);
    assert_int_equal(database_open(f->folder, &create, &database, &f->error), ERROR_IO);
    assert_non_null(strstr(f->error.message, "may be written"));
}

static unsigned mode_of(const char *folder, const char *name) {
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

/* What is made is for its owner alone, whatever the umask; what was there is left, and known to be open to others. */
static void test_private(void **state) {
    struct fixture *f = *state;
    static const mode_t masks[] = {0, 022, 027, 077};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        char outer[100], folder[120];
        struct database *database;
        snprintf(outer, sizeof outer, "%s/%zu", f->folder, i);
        snprintf(folder, sizeof folder, "%s/data", outer);
        mode_t before = umask(masks[i]);
        int status = database_open(folder, &create, &database, &f->error);
        if (!status)
            status = database_execute(database, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", &f->error);
        umask(before);
        if (status)
            fail_msg("%s", f->error.message);
        assert_int_equal(mode_of(outer, "data"), 0700);
        assert_int_equal(mode_of(folder, "meterline.db"), 0600);
        assert_int_equal(mode_of(folder, "meterline.db-wal"), 0600);
        assert_int_equal(mode_of(folder, "meterline.db-shm"), 0600);
        assert_false(database_is_exposed(folder));
        database_close(database);
    }
}

static void test_exposed(void **state) {
    struct fixture *f = *state;
    static const struct {
        mode_t folder, file;
        bool exposed;
    } cases[] = {
        {0700, 0600, false}, {0700, 0644, false}, {0755, 0600, false}, {0755, 0644, true},
        {0750, 0640, true},  {0770, 0600, true},  {0777, 0600, true},  {01777, 0600, false},
    };
    struct database *database;
    open_ok(f, &database);
    database_close(database);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(chmod(f->folder, cases[i].folder) | chmod(f->file, cases[i].file), 0);
        if (database_is_exposed(f->folder) != cases[i].exposed)
            fail_msg("case %zu", i);
        open_ok(f, &database);
        database_close(database);
        assert_int_equal(mode_of(f->folder, "meterline.db"), cases[i].file);
    }
    assert_int_equal(chmod(f->folder, 0700), 0);
    assert_false(database_is_exposed("/nonexistent"));
}

/* The first openers of a folder, all at once: each succeeds, and each can write. */
static void test_race(void **state) {
    struct fixture *f = *state;
    enum { OPENERS = 8, ROUNDS = 6 };
    for (int round = 0; round < ROUNDS; round++) {
        char url[120];
        snprintf(url, sizeof url, "%s/%d/data", f->folder, round);
        int start[2];
        assert_int_equal(pipe(start), 0);
        pid_t children[OPENERS];
        for (int i = 0; i < OPENERS; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                char byte;
                close(start[1]);
                if (read(start[0], &byte, 1) != 0)
                    _exit(9);
                struct bus_options options = {.create = true, .clock = &clock_system};
                struct bus *bus;
                int32_t partitions;
                int status = bus_open(url, &options, &bus, &f->error);
                if (!status)
                    status = bus_topic_ensure(bus, "metrics", NULL, &partitions, &f->error);
                if (status)
                    fprintf(stderr, "%s\n", f->error.message);
                else
                    bus_close(bus);
                _exit(status ? 1 : 0);
            }
        }
        close(start[0]);
        close(start[1]); /* now */
        for (int i = 0; i < OPENERS; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
    }
}

static void test_transactions(void **state) {
    struct fixture *f = *state;
    struct database *one, *two;
    struct database_options impatient = {.lock_timeout = 30};
    open_ok(f, &one);
    assert_int_equal(database_open(f->folder, &impatient, &two, &f->error), 0);
    assert_int_equal(database_execute(one, "CREATE TABLE a(b)", &f->error), 0);
    int64_t before, after;
    assert_int_equal(database_data_version(two, &before, &f->error), 0);
    assert_int_equal(database_begin(one, &f->error), 0);
    assert_true(database_in_transaction(one));
    int64_t began = clock_monotonic_ns(&clock_system);
    assert_int_equal(database_begin(two, &f->error), ERROR_BUSY);
    int64_t waited = clock_monotonic_ns(&clock_system) - began;
    assert_true(f->error.retriable);
    assert_true(waited >= 30000000 && waited < 2000000000);
    assert_int_equal(database_execute(one, "INSERT INTO a VALUES(1)", &f->error), 0);
    database_rollback(one);
    database_rollback(one);
    assert_int_equal(database_data_version(two, &after, &f->error), 0);
    assert_int_equal(after, before);
    assert_int_equal(database_begin(one, &f->error), 0);
    assert_int_equal(database_execute(one, "INSERT INTO a VALUES(2)", &f->error), 0);
    assert_int_equal(database_commit(one, &f->error), 0);
    assert_int_equal(database_data_version(two, &after, &f->error), 0);
    assert_int_not_equal(after, before);
    sqlite3_stmt *statement;
    assert_int_equal(database_prepare(two, "SELECT b FROM a", &statement, &f->error), 0);
    assert_int_equal(database_step(two, statement, &f->error), 1);
    assert_true(slice_equal(database_column_slice(statement, 0), SLICE("2")));
    assert_int_equal(database_step(two, statement, &f->error), 0);
    sqlite3_finalize(statement);
    assert_int_equal(database_prepare(two, "SELECT b FROM nowhere", &statement, &f->error), ERROR_IO);
    if (!strstr(f->error.message, "no such table: nowhere"))
        fail_msg("%s", f->error.message);
    database_close(one);
    database_close(two);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused), TEST(test_not_a_database), TEST(test_not_writable), TEST(test_private),
        TEST(test_exposed), TEST(test_race),           TEST(test_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
