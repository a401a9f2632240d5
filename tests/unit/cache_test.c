/* The cache's door: entries never go back in time, whoever writes them and in whatever order. One body for both
 * caches: SQLite unless METERLINE_TEST_CACHE names another one, such as redis://127.0.0.1:6379/ (each test takes a
 * database of its own, numbered from 1, which must be empty). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/time/time.h"
#include "store/cache.h"
#include "stream/sink/cache_topic_sink.h"

struct fixture {
    char folder[64], url[200];
    struct cache *cache;
    struct cache_writer *writer;
    char text[4096]; /* what cache_read has found */
    size_t length, count;
};

static int set_up(void **state) {
    static int number;
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;
    const char *given = getenv("METERLINE_TEST_CACHE");
    strcpy(f->folder, "/tmp/meterline-cache-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->url, sizeof f->url, given ? "%s%d" : "%s", given ? given : f->folder, ++number);
    struct cache_options options = {.durable = false, .create = true, .clock = &clock_system};
    if (cache_open(f->url, &options, &f->cache, &error) || cache_writer_open(f->cache, &f->writer, &error))
        fail_msg("%s", error.message);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    char command[128];
    cache_writer_close(f->writer);
    cache_close(f->cache);
    snprintf(command, sizeof command, "rm -r %s", f->folder);
    int failed = system(command);
    free(f);
    return failed;
}

static struct cache_entry gateway_at(const char *key, int64_t timestamp) {
    return (struct cache_entry){.key = slice_of(key), .timestamp = timestamp};
}

static struct cache_entry series_at(const char *key, int64_t timestamp, double value) {
    return (struct cache_entry){.key = slice_of(key), .timestamp = timestamp, .has_value = true, .value = value};
}

static void write_entries(struct fixture *f, const struct cache_entry *entries, size_t count) {
    struct error error;
    if (cache_write(f->writer, entries, count, &error))
        fail_msg("%s", error.message);
}

static int found(void *context, const struct cache_entry *entry, struct error *error) {
    struct fixture *f = context;
    (void)error;
    f->count++;
    if (f->length < sizeof f->text - 200)
        f->length += (size_t)snprintf(f->text + f->length, sizeof f->text - f->length,
                                      entry->has_value ? "%.*s@%lld=%.17g " : "%.*s@%lld ", (int)entry->key.length,
                                      entry->key.data, (long long)entry->timestamp, entry->value);
    return 0;
}

static const char *read_all(struct fixture *f, const char *key, bool series) {
    struct error error;
    f->length = f->count = 0;
    f->text[0] = '\0';
    if (cache_read(f->cache, key, series, found, f, &error))
        fail_msg("%s", error.message);
    return f->text;
}

static void test_never_back_in_time(void **state) {
    struct fixture *f = *state;
    static const struct {
        int64_t timestamp;
        double value;
        const char *gateway, *series;
    } steps[] = {
        {1000, 1, "g@1000 ", "g.WATER.FLOW@1000=1 "},
        {1000, 1, "g@1000 ", "g.WATER.FLOW@1000=1 "},
        {999, 2, "g@1000 ", "g.WATER.FLOW@1000=1 "},
        {1000, 3, "g@1000 ", "g.WATER.FLOW@1000=3 "},
        {1001, 4, "g@1001 ", "g.WATER.FLOW@1001=4 "},
        {0, 5, "g@1001 ", "g.WATER.FLOW@1001=4 "},
        {2000, -0.1, "g@2000 ", "g.WATER.FLOW@2000=-0.10000000000000001 "},
        {1999, 7, "g@2000 ", "g.WATER.FLOW@2000=-0.10000000000000001 "},
        {2001, 1e300, "g@2001 ", "g.WATER.FLOW@2001=1.0000000000000001e+300 "},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct cache_entry entries[] = {gateway_at("g", steps[i].timestamp),
                                        series_at("g.WATER.FLOW", steps[i].timestamp, steps[i].value)};
        write_entries(f, entries, 2);
        assert_string_equal(read_all(f, NULL, false), steps[i].gateway);
        assert_string_equal(read_all(f, "g.WATER.FLOW", true), steps[i].series);
    }
}

static void test_order_and_keys(void **state) {
    struct fixture *f = *state;
    struct cache_entry entries[] = {gateway_at("b", 3),
                                    gateway_at("a", 1),
                                    gateway_at("a1", 2),
                                    series_at("a.X.Y", 4, 0.5),
                                    series_at("\xc3\xa9 \"1\".X.Y", 5, 6),
                                    gateway_at("", 7)};
    write_entries(f, entries, 5);
    assert_string_equal(read_all(f, NULL, false), "a@1 a1@2 b@3 ");
    assert_string_equal(read_all(f, NULL, true), "a.X.Y@4=0.5 \xc3\xa9 \"1\".X.Y@5=6 ");
    assert_string_equal(read_all(f, "a1", false), "a1@2 ");
    assert_string_equal(read_all(f, "a1", true), "");
    assert_string_equal(read_all(f, "nobody", false), "");
    write_entries(f, entries, 0);
    assert_string_equal(read_all(f, "b", false), "b@3 ");
}

/* The end of the years that are told, and a fraction of a second beside none. */
static void test_times(void **state) {
    struct fixture *f = *state;
    static const int64_t rising[] = {
        TIME_MINIMUM,           1,           999, 1000, 1001, 1010, 1100, 60000, INT64_C(1700000000000),
        INT64_C(1700000000001), TIME_MAXIMUM};
    char expected[64];
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++)
        for (size_t again = 0; again <= i; again++) { /* all that came before, too */
            struct cache_entry entry = gateway_at("g", rising[again == 0 ? i : again - 1]);
            write_entries(f, &entry, 1);
            snprintf(expected, sizeof expected, "g@%lld ", (long long)rising[i]);
            assert_string_equal(read_all(f, "g", false), expected);
        }
}

/* More than go in one command, and two writers that take turns. */
static void test_many_entries_and_two_writers(void **state) {
    struct fixture *f = *state;
    enum { COUNT = 20000 };
    struct cache_writer *other;
    struct error error;
    struct cache_entry *entries = calloc(COUNT, sizeof *entries);
    char(*keys)[16] = calloc(COUNT, sizeof *keys);
    assert_non_null(entries);
    assert_non_null(keys);
    assert_int_equal(cache_writer_open(f->cache, &other, &error), 0);
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "k%05d", i);
        entries[i] = gateway_at(keys[i], 5000 + i);
    }
    write_entries(f, entries, COUNT);
    for (int i = 0; i < COUNT; i++)
        entries[i].timestamp = i % 2 ? 100000 + i : 1;
    assert_int_equal(cache_write(other, entries, COUNT, &error), 0);
    cache_writer_close(other);
    write_entries(f, entries, COUNT / 2);
    read_all(f, NULL, false);
    assert_int_equal(f->count, COUNT);
    assert_memory_equal(f->text, "k00000@5000 k00001@100001 k00002@5002 ", 38);
    assert_string_equal(read_all(f, "k19999", false), "k19999@119999 ");
    assert_string_equal(read_all(f, "k19998", false), "k19998@24998 ");
    free(entries);
    free(keys);
}

/* Values of a topic that are times, as text or as BIGINT; others go to the dead_letters, however long they are. */
static void test_topic_values(void **state) {
    struct fixture *f = *state;
    struct error error;
    struct bus *bus;
    struct bus_producer *producer;
    struct dead_letters dead_letters = {0};
    size_t done = 0;
    void *sink;
    const struct bus_record records[] = {
        {.key = SLICE("a"), .value = SLICE("2007-01-01T00:00:01Z")},
        {.key = SLICE("b"), .value = {"\0\0\0\0\0\0\3\350", 8}},
        {.key = SLICE("c"), .value = SLICE("neither one nor the other")},
        {.key = SLICE("d"), .value = {"\377\377\377\377\377\377\377\377\377", 9}},
        {.key = SLICE("e"), .value = {"\200\0\0\0\0\0\0\0", 8}},
    };
    const struct bus_batch batch = {.topic = "times", .records = records, .count = sizeof records / sizeof *records};
    assert_int_equal(bus_open(f->folder, &(struct bus_options){.create = true, .clock = &clock_system, .partitions = 1},
                              &bus, &error),
                     0);
    assert_int_equal(bus_producer_open(bus, &(struct bus_producer_options){0}, &producer, &error), 0);
    assert_int_equal(dead_letters_open(&dead_letters, producer, "times-rejected", &error), 0);
    assert_int_equal(cache_topic_sink_new(f->cache, &sink, &error), 0);
    assert_int_equal(cache_topic_sink_target.write(sink, &batch, &dead_letters, &done, &error), 0);
    assert_int_equal(done, batch.count);
    assert_int_equal(bus_producer_pending_records(producer), 3);
    assert_int_equal(cache_topic_sink_target.flush(sink, &error), 0);
    cache_topic_sink_target.close(sink);
    assert_string_equal(read_all(f, NULL, false), "a@1167609601000 b@1000 ");
    dead_letters_release(&dead_letters);
    bus_producer_close(producer);
    bus_close(bus);
}

static bool marked(struct fixture *f, const char *mark) {
    struct error error;
    bool found = false;
    if (cache_marked(f->writer, mark, &found, &error))
        fail_msg("%s", error.message);
    return found;
}

/* Marks are kept beside the entries, and no reader sees them. */
static void test_marks(void **state) {
    struct fixture *f = *state;
    struct error error;
    assert_false(marked(f, "g/t/0"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(cache_mark(f->writer, "g/t/0", &error), 0);
    assert_true(marked(f, "g/t/0"));
    assert_false(marked(f, "g/t/1"));
    write_entries(f, (struct cache_entry[]){gateway_at("a", 1)}, 1);
    assert_string_equal(read_all(f, NULL, false), "a@1 ");
    assert_string_equal(read_all(f, NULL, true), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_never_back_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order_and_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_topic_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_entries_and_two_writers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
