/* The store's door: idempotent writes, revisions, order, ranges over buckets, names and numbers of every kind,
 * joining a transaction. One body for all stores: SQLite unless METERLINE_TEST_STORE names another one, such as
 * cassandra://127.0.0.1:9042/door (each test takes a keyspace of its own, with a number after the name). */
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

enum { MINUTE = 60000, HOUR = 3600000, DAY = 86400000 };

struct fixture {
    char folder[64], url[200];
    bool remote;
    struct store *store;
    struct store_writer *writer;
};

/* An empty store. */
static int set_up(void **state) {
    static int number;
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;
    const char *given = getenv("METERLINE_TEST_STORE");
    struct client_property one = {"cassandra.consistency", "ONE"};
    strcpy(f->folder, "/tmp/meterline-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->url, sizeof f->url, given ? "%s%d" : "%s", given ? given : f->folder, number++);
    struct store_options options = {
        .durable = false, .create = true, .clock = &clock_system, .properties = &one, .property_count = given ? 1 : 0};
    if (store_open(f->url, &options, &f->store, &error) || store_writer_open(f->store, &f->writer, &error))
        fail_msg("%s", error.message);
    f->remote = store_is_remote(f->store);
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

/* Writes and waits for the acknowledgement. */
static void write_rows(struct fixture *f, int64_t window_size, const struct aggregate_row *rows, size_t count) {
    struct error error;
    if (store_write(f->writer, NULL, &(struct store_window){.size = window_size}, rows, count, &error) ||
        store_flush(f->writer, &error))
        fail_msg("%s", error.message);
}

static struct aggregate_row row_of(const char *gateway, int64_t start, double sum, int64_t revision) {
    return (struct aggregate_row){.series = {slice_of(gateway), SLICE("WATER"), SLICE("FLOW")},
                                  .window_start = start,
                                  .window_end = start + 60000,
                                  .count = 2,
                                  .minimum = 1,
                                  .maximum = sum,
                                  .sum = sum,
                                  .average = sum / 2,
                                  .revision = revision};
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
        to += sprintf(to, "%.*s@%lld=%g ", (int)row.series.gateway.length, row.series.gateway.data,
                      (long long)row.window_start / 60000, row.sum);
    }
    assert_int_equal(status, 0);
    store_reader_close(reader);
}

static void test_order_and_filters(void **state) {
    struct fixture *f = *state;
    struct error error;
    char text[512];
    /* By key bytes "a.WATER.FLOW" < "a1.WATER.FLOW" < "b.WATER.FLOW" ('.' sorts before digits), not by gateway or
     * arrival. */
    struct aggregate_row rows[] = {row_of("b", 0, 1, 0), row_of("a1", 60000, 2, 0), row_of("a", 120000, 3, 0),
                                   row_of("a", 0, 4, 0)};
    write_rows(f, MINUTE, rows, 4);
    struct store_query query = {.window = {.size = 60000}, .from = 0, .to = INT64_MAX, .limit = -1};
    answer(f, &query, text);
    assert_string_equal(text, "a@0=4 a@2=3 a1@1=2 b@0=1 ");
    query.descending = true;
    query.limit = 2;
    answer(f, &query, text);
    assert_string_equal(text, "a@2=3 a@0=4 ");
    query = (struct store_query){.window = {.size = 60000}, .gateway = "a", .from = 60000, .to = 120001, .limit = -1};
    answer(f, &query, text);
    assert_string_equal(text, "a@2=3 ");
    query.attribute = "nothing";
    answer(f, &query, text);
    assert_string_equal(text, "");
    query.window.size = 61000;
    struct store_reader *reader;
    assert_int_equal(store_reader_open(f->store, &query, &reader, &error), ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "60"));
}

static void test_writes_are_idempotent_and_revisions_win(void **state) {
    struct fixture *f = *state;
    struct error error;
    char text[512];
    struct store_query query = {.window = {.size = 60000}, .from = 0, .to = INT64_MAX, .limit = -1};
    static const struct {
        double sum;
        int64_t revision;
        const char *expected;
    } steps[] = {{9, -1, "a@0=9 "}, {8, -1, "a@0=8 "}, {1, 0, "a@0=1 "}, {1, 0, "a@0=1 "},
                 {9, -1, "a@0=1 "}, {2, 0, "a@0=2 "},  {5, 2, "a@0=5 "}, {1, 0, "a@0=5 "},
                 {6, 2, "a@0=6 "},  {4, 2, "a@0=4 "},  {7, 1, "a@0=4 "}, {3, 3, "a@0=3 "}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct aggregate_row row = row_of("a", 0, steps[i].sum, steps[i].revision);
        write_rows(f, MINUTE, &row, 1);
        answer(f, &query, text);
        assert_string_equal(text, steps[i].expected);
    }
    int64_t count;
    assert_int_equal(store_count(f->store, &(struct store_window){.size = 60000}, &count, &error), 0);
    assert_int_equal(count, 1);
}

/* One call brings a window several times: the last of the highest revision stands, as a whole. */
static void test_one_window_several_times_in_a_call(void **state) {
    struct fixture *f = *state;
    struct error error;
    struct aggregate_row rows[] = {row_of("a", 0, 9, 0), row_of("a", MINUTE, 2, 1), row_of("a", 0, 4, 0),
                                   row_of("a", MINUTE, 8, 0), row_of("a", 2 * MINUTE, 6, 0)},
                         found;
    rows[0].count = 9;
    rows[2].count = 1;
    rows[2].average = 4;
    rows[2].minimum = -7;
    write_rows(f, MINUTE, rows, 5);
    struct store_query query = {.window = {.size = MINUTE}, .from = 0, .to = INT64_MAX, .limit = -1};
    struct store_reader *reader;
    static const struct {
        double sum, minimum, maximum;
        uint64_t count;
        int64_t revision;
    } expected[] = {{4, -7, 4, 1, 0}, {2, 1, 2, 2, 1}, {6, 1, 6, 2, 0}};
    assert_int_equal(store_reader_open(f->store, &query, &reader, &error), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(store_reader_next(reader, &found, &error), 1);
        assert_true(found.sum == expected[i].sum && found.minimum == expected[i].minimum &&
                    found.maximum == expected[i].maximum);
        assert_int_equal(found.count, expected[i].count);
        assert_int_equal(found.revision, expected[i].revision);
    }
    assert_int_equal(store_reader_next(reader, &found, &error), 0);
    store_reader_close(reader);
}

struct range {
    int64_t from, to, limit;
    bool descending;
};

/* Row i of a series starts at i x step. */
static void check_range(struct fixture *f, int64_t size, int64_t step, int64_t count, const struct range *range) {
    struct error error;
    struct store_reader *reader;
    struct aggregate_row row;
    struct store_query query = {.window = {.size = size},
                                .gateway = "g",
                                .type = "WATER",
                                .attribute = "FLOW",
                                .from = range->from,
                                .to = range->to,
                                .limit = range->limit,
                                .descending = range->descending};
    int64_t first = range->from <= 0 ? 0 : (range->from + step - 1) / step,
            end = range->to >= count * step ? count : (range->to + step - 1) / step;
    int64_t expected = end > first ? end - first : 0, number = 0;
    int status;
    expected = range->limit >= 0 && range->limit < expected ? range->limit : expected;
    if (store_reader_open(f->store, &query, &reader, &error))
        fail_msg("%s", error.message);
    while ((status = store_reader_next(reader, &row, &error)) == 1) {
        int64_t i = range->descending ? end - 1 - number : first + number;
        assert_int_equal(row.window_start, i * step);
        assert_int_equal(row.window_end, i * step + size);
        assert_true(row.sum == (double)i);
        number++;
    }
    assert_int_equal(status, 0);
    assert_int_equal(number, expected);
    store_reader_close(reader);
}

/* Ranges that begin and end within, between and beyond buckets (days, months, none), in both directions, with
 * limits. */
static void test_ranges_over_buckets(void **state) {
    struct fixture *f = *state;
    static const struct {
        int64_t size, step, count;
    } tables[] = {{MINUTE, 7 * MINUTE, 900}, {10 * MINUTE, 50 * MINUTE, 400}, {HOUR, 5 * HOUR, 700}, {DAY, DAY, 800}};
    struct aggregate_row *rows = calloc(1000, sizeof *rows);
    assert_non_null(rows);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        int64_t step = tables[t].step, count = tables[t].count, end = count * step;
        for (int64_t i = 0; i < count; i++) {
            rows[i] = row_of("g", (count - 1 - i) * step, (double)(count - 1 - i), 0);
            rows[i].window_end = rows[i].window_start + tables[t].size;
        }
        write_rows(f, tables[t].size, rows, (size_t)count);
        const struct range ranges[] = {{0, INT64_MAX, -1, false},         {0, INT64_MAX, -1, true},
                                       {step + 1, end - step, -1, false}, {end / 2, end / 2 + 3 * step, -1, true},
                                       {end / 3, INT64_MAX, 17, false},   {0, end / 3, 200, true},
                                       {end, INT64_MAX, -1, false},       {5 * step, 5 * step, -1, false},
                                       {INT64_MIN, 1, -1, false}};
        for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
            check_range(f, tables[t].size, step, count, &ranges[r]);
    }
    free(rows);
    struct store_window *windows;
    int64_t counted;
    size_t window_count;
    struct error error;
    assert_int_equal(store_windows(f->store, &windows, &window_count, &error), 0);
    assert_int_equal(window_count, 4);
    for (size_t t = 0; t < 4; t++) {
        assert_int_equal(windows[t].size, tables[t].size);
        assert_int_equal(store_count(f->store, &windows[t], &counted, &error), 0);
        assert_int_equal(counted, tables[t].count);
    }
    free(windows);
}

/* Rows of two calendars and of a size that is like one of them: none gets into the other's way, and the day of 23 hours
 * comes back as it is. */
static void test_calendars(void **state) {
    struct fixture *f = *state;
    struct error error;
    static const char *const names[] = {"day@Europe/Athens", "day@UTC", "month~15@America/Argentina/Buenos_Aires"};
    static const int64_t starts[] = {INT64_C(1774735200000), INT64_C(1774742400000), INT64_C(1773543600000)},
                         ends[] = {INT64_C(1774818000000), INT64_C(1774828800000), INT64_C(1776222000000)};
    for (size_t i = 0; i < 3; i++) {
        struct store_window window;
        struct aggregate_row row = row_of("a", starts[i], (double)i + 1, 0), found;
        struct store_reader *reader;
        row.window_end = ends[i];
        assert_int_equal(store_window_read("window", slice_of(names[i]), &window, &error), 0);
        assert_int_equal(store_write(f->writer, NULL, &window, &row, 1, &error), 0);
        row.revision = 1;
        row.window_end--; /* as it was by another time zone database */
        assert_int_equal(store_write(f->writer, NULL, &window, &row, 1, &error), 0);
        row.revision = 2;
        row.window_end++;
        assert_int_equal(store_write(f->writer, NULL, &window, &row, 1, &error), 0);
        assert_int_equal(store_flush(f->writer, &error), 0);
        struct store_query query = {.window = window, .from = 0, .to = INT64_MAX, .limit = -1};
        assert_int_equal(store_reader_open(f->store, &query, &reader, &error), 0);
        assert_int_equal(store_reader_next(reader, &found, &error), 1);
        assert_int_equal(found.window_start, starts[i]);
        assert_int_equal(found.window_end, ends[i]);
        assert_int_equal(found.revision, 2);
        assert_int_equal(store_reader_next(reader, &found, &error), 0);
        store_reader_close(reader);
    }
    struct store_window *windows;
    size_t count, calendars = 0;
    assert_int_equal(store_windows(f->store, &windows, &count, &error), 0);
    for (size_t i = 0; i < count; i++)
        calendars += windows[i].calendar[0] != '\0';
    free(windows);
    assert_int_equal(calendars, 3);
    struct store_query query = {.from = 0, .to = INT64_MAX, .limit = -1};
    struct store_reader *reader;
    assert_int_equal(store_window_read("window", SLICE("day@Europe/Paris"), &query.window, &error), 0);
    assert_int_equal(store_reader_open(f->store, &query, &reader, &error), ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "no windows day@Europe/Paris"));
    assert_non_null(strstr(error.message, "day@Europe/Athens"));
}

/* Names with dots, quotes and letters of other scripts, the largest and smallest numbers: back to the last bit. */
static void test_names_and_numbers(void **state) {
    struct fixture *f = *state;
    struct error error;
    static const char *const names[] = {"a.b", "it's; DROP TABLE x --", "\xc3\xa9lectricit\xc3\xa9 \"1\"", "%s%n"};
    static const double numbers[] = {-0.1, 1e-320, 1.7976931348623157e308, 12345678.000000001};
    for (size_t i = 0; i < 4; i++) {
        struct aggregate_row row = row_of(names[i], HOUR, numbers[i], 0), found;
        struct store_query query = {
            .window = {.size = HOUR}, .gateway = names[i], .from = 0, .to = INT64_MAX, .limit = -1};
        struct store_reader *reader;
        row.window_end = 2 * HOUR;
        row.minimum = -numbers[i];
        row.count = UINT64_C(1) << (20 * i);
        row.average = row.sum / (double)row.count;
        write_rows(f, HOUR, &row, 1);
        assert_int_equal(store_reader_open(f->store, &query, &reader, &error), 0);
        assert_int_equal(store_reader_next(reader, &found, &error), 1);
        assert_true(slice_equal(found.series.gateway, slice_of(names[i])));
        assert_memory_equal(&found.sum, &row.sum, sizeof row.sum);
        assert_memory_equal(&found.minimum, &row.minimum, sizeof row.minimum);
        assert_memory_equal(&found.maximum, &row.maximum, sizeof row.maximum);
        assert_memory_equal(&found.average, &row.average, sizeof row.average);
        assert_int_equal(found.count, row.count);
        assert_int_equal(store_reader_next(reader, &found, &error), 0);
        store_reader_close(reader);
    }
}

static void test_joined_transaction(void **state) {
    struct fixture *f = *state;
    struct error error;
    char text[512];
    struct database *database;
    struct database_options options = {.lock_timeout = 1000};
    struct store_query query = {.window = {.size = 60000}, .from = 0, .to = INT64_MAX, .limit = -1};
    struct aggregate_row row = row_of("a", 0, 1, 0);
    if (f->remote)
        skip(); /* its rows join nobody's transaction */
    assert_int_equal(database_open(f->folder, &options, &database, &error), 0);
    assert_int_equal(database_begin(database, &error), 0);
    assert_int_equal(store_write(f->writer, database, &(struct store_window){.size = 60000}, &row, 1, &error), 0);
    database_rollback(database);
    store_writer_rolled_back(f->writer);
    struct store_reader *reader;
    assert_int_equal(store_reader_open(f->store, &query, &reader, &error), ERROR_NOT_FOUND);
    assert_int_equal(database_begin(database, &error), 0);
    assert_int_equal(store_write(f->writer, database, &(struct store_window){.size = 60000}, &row, 1, &error), 0);
    assert_int_equal(database_commit(database, &error), 0);
    answer(f, &query, text);
    assert_string_equal(text, "a@0=1 ");
    f->writer = store_writer_close(f->writer); /* before the database that it joined */
    database_close(database);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_writes_are_idempotent_and_revisions_win, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_window_several_times_in_a_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ranges_over_buckets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_calendars, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_and_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_joined_transaction, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
