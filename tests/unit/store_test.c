/* The store's door on SQLite: idempotent writes, revisions, order, joining a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

struct fixture {
    char folder[64];
    struct store *store;
    struct store_writer *writer;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;
    strcpy(f->folder, "/tmp/meterline-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    struct store_options options = {.durable = false, .create = true};
    assert_int_equal(store_open(f->folder, &options, &f->store, &error), 0);
    assert_int_equal(store_writer_open(f->store, &f->writer, &error), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    char command[128];
    store_writer_close(f->writer);
    store_close(f->store);
    snprintf(command, sizeof command, "rm -r %s", f->folder);
    int failed = system(command);
    free(f);
    return failed;
}

static struct aggregate_row row_of(const char *gateway, int64_t start, double sum, uint64_t revision) {
    return (struct aggregate_row){.series = {slice_of(gateway), SLICE("WATER"), SLICE("FLOW")}, .window_start = start, .window_end = start + 60000,
                                  .count = 2, .minimum = 1, .maximum = sum, .sum = sum, .average = sum / 2, .revision = revision};
}

/* "gateway@start=sum " of each row */
static void answer(struct fixture *f, const struct store_query *query, char *to) {
    struct store_reader *reader;
    struct aggregate_row row;
    struct error error;
    int status;
    *to = '\0';
    assert_int_equal(store_reader_open(f->store, query, &reader, &error), 0);
    while ((status = store_reader_next(reader, &row, &error)) == 1) {
        assert_true(row.average == row.sum / (double)row.count);
        to += sprintf(to, "%.*s@%lld=%g ", (int)row.series.gateway.length, row.series.gateway.data, (long long)row.window_start / 60000, row.sum);
    }
    assert_int_equal(status, 0);
    store_reader_close(reader);
}

static void test_order_and_filters(void **state) {
    struct fixture *f = *state;
    struct error error;
    char text[512];
    /* By key bytes "a.WATER.FLOW" < "a1.WATER.FLOW" < "b.WATER.FLOW" ('.' sorts before digits), not by gateway or arrival. */
    struct aggregate_row rows[] = {row_of("b", 0, 1, 0), row_of("a1", 60000, 2, 0), row_of("a", 120000, 3, 0), row_of("a", 0, 4, 0)};
    assert_int_equal(store_write(f->writer, NULL, 60000, rows, 4, &error), 0);
    struct store_query query = {.window_size = 60000, .from = 0, .to = INT64_MAX, .limit = -1};
    answer(f, &query, text);
    assert_string_equal(text, "a@0=4 a@2=3 a1@1=2 b@0=1 ");
    query.descending = true;
    query.limit = 2;
    answer(f, &query, text);
    assert_string_equal(text, "a@2=3 a@0=4 ");
    query = (struct store_query){.window_size = 60000, .gateway = "a", .from = 60000, .to = 120001, .limit = -1};
    answer(f, &query, text);
    assert_string_equal(text, "a@2=3 ");
    query.attribute = "nothing";
    answer(f, &query, text);
    assert_string_equal(text, "");
    query.window_size = 61000;
    struct store_reader *reader;
    assert_int_equal(store_reader_open(f->store, &query, &reader, &error), ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "60"));
}

static void test_writes_are_idempotent_and_revisions_win(void **state) {
    struct fixture *f = *state;
    struct error error;
    char text[512];
    struct store_query query = {.window_size = 60000, .from = 0, .to = INT64_MAX, .limit = -1};
    static const struct {
        double sum;
        uint64_t revision;
        const char *expected;
    } steps[] = {{1, 0, "a@0=1 "}, {1, 0, "a@0=1 "}, {5, 2, "a@0=5 "}, {1, 0, "a@0=5 "}, {6, 2, "a@0=6 "}, {7, 1, "a@0=6 "}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct aggregate_row row = row_of("a", 0, steps[i].sum, steps[i].revision);
        assert_int_equal(store_write(f->writer, NULL, 60000, &row, 1, &error), 0);
        answer(f, &query, text);
        assert_string_equal(text, steps[i].expected);
    }
    int64_t count;
    assert_int_equal(store_count(f->store, 60000, &count, &error), 0);
    assert_int_equal(count, 1);
}

static void test_joined_transaction(void **state) {
    struct fixture *f = *state;
    struct error error;
    char text[512];
    struct database *database;
    struct database_options options = {.lock_timeout = 1000};
    struct store_query query = {.window_size = 60000, .from = 0, .to = INT64_MAX, .limit = -1};
    struct aggregate_row row = row_of("a", 0, 1, 0);
    assert_int_equal(database_open(f->folder, &options, &database, &error), 0);
    assert_int_equal(database_begin(database, &error), 0);
    assert_int_equal(store_write(f->writer, database, 60000, &row, 1, &error), 0);
    database_rollback(database);
    store_writer_rolled_back(f->writer);
    struct store_reader *reader;
    assert_int_equal(store_reader_open(f->store, &query, &reader, &error), ERROR_NOT_FOUND);
    assert_int_equal(database_begin(database, &error), 0);
    assert_int_equal(store_write(f->writer, database, 60000, &row, 1, &error), 0);
    assert_int_equal(database_commit(database, &error), 0);
    answer(f, &query, text);
    assert_string_equal(text, "a@0=1 ");
    f->writer = store_writer_close(f->writer);   /* before the database that it joined */
    database_close(database);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_writes_are_idempotent_and_revisions_win, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_joined_transaction, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
