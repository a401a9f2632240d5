/* State by key: found again among many, removed, told of at a commit; what it costs in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/bytes.h"
#include "stream/state/state_table.h"

struct counter {
    int64_t value;
    char *owned;
};

static void counter_release(void *context, void *entry) {
    struct counter *counter = entry;
    ++*(int *)context;
    free(counter->owned);
}

/* The keys, "+" before those that are there and "-" before those that are gone. */
static int append_visit(void *context, struct slice key, const void *entry) {
    bytes_append_char(context, entry ? '+' : '-');
    bytes_append_slice(context, key);
    return 0;
}

static void assert_dirty(const struct state_table *table, const char *expected) {
    struct bytes text = {0};
    assert_int_equal(state_table_each_dirty(table, append_visit, &text), 0);
    bytes_append_char(&text, '\0');
    assert_string_equal(text.data, expected);
    bytes_release(&text);
}

static struct counter *put(struct state_table *table, const char *key, bool expect_new) {
    bool new;
    struct counter *counter = state_table_put(table, slice_of(key), &new);
    assert_non_null(counter);
    assert_int_equal(new, expect_new);
    return counter;
}

static void test_put_find_remove(void **state) {
    (void)state;
    int released = 0;
    struct state_table *table = state_table_new(sizeof(struct counter), counter_release, &released);
    struct counter *a = put(table, "a", true), *empty = put(table, "", true);
    assert_int_equal(a->value, 0);
    a->value = 7;
    a->owned = strdup("kept");
    assert_ptr_equal(put(table, "a", false), a);
    assert_ptr_equal(state_table_find(table, SLICE("")), empty);
    assert_null(state_table_find(table, SLICE("b")));
    assert_true(slice_equal(state_table_key(table, a), SLICE("a")));
    assert_int_equal(state_table_count(table), 2);
    assert_true(state_table_remove(table, a, false));
    assert_int_equal(released, 1);
    assert_null(state_table_find(table, SLICE("a")));
    assert_int_equal(put(table, "a", true)->value, 0);
    assert_null(state_table_free(table));
    assert_int_equal(released, 3);
    assert_null(state_table_free(NULL));
}

static void test_dirty_in_order_of_marking(void **state) {
    (void)state;
    int released = 0;
    struct state_table *table = state_table_new(sizeof(struct counter), counter_release, &released);
    struct counter *a = put(table, "a", true), *b = put(table, "b", true), *c = put(table, "c", true);
    assert_true(state_table_mark(table, c) && state_table_mark(table, a) && state_table_mark(table, c));
    assert_dirty(table, "+c+a");
    assert_true(state_table_remove(table, b, true));
    assert_true(state_table_remove(table, a, true));
    assert_dirty(table, "+c-a-b");
    a = put(table, "a", true);
    assert_true(state_table_mark(table, a));
    assert_dirty(table, "+c-a-b+a");
    assert_true(state_table_remove(table, c, false)); /* nobody needs to know */
    assert_dirty(table, "-a-b+a");
    state_table_clean(table);
    assert_dirty(table, "");
    assert_int_equal(state_table_count(table), 1);
    assert_ptr_equal(state_table_find(table, SLICE("a")), a);
    assert_true(state_table_mark(table, a));
    assert_dirty(table, "+a");
    state_table_free(table);
}

static void test_long_keys(void **state) {
    (void)state;
    int released = 0;
    struct state_table *table = state_table_new(sizeof(struct counter), counter_release, &released);
    static char text[3000];
    memset(text, 'x', sizeof text);
    for (size_t length = 500; length < sizeof text; length += 4) {
        bool new;
        struct counter *counter = state_table_put(table, (struct slice){text, length}, &new);
        assert_true(new);
        counter->value = (int64_t)length;
    }
    for (size_t length = 500; length < sizeof text; length += 4) {
        struct counter *counter = state_table_find(table, (struct slice){text, length});
        assert_int_equal(counter->value, length);
        assert_true(slice_equal(state_table_key(table, counter), (struct slice){text, length}));
        if (length % 8 == 0)
            assert_true(state_table_remove(table, counter, length % 16 == 0));
    }
    assert_int_equal(state_table_count(table), 313);
    state_table_free(table);
}

static int sum_visit(void *context, struct slice key, void *entry) {
    (void)key;
    *(int64_t *)context += ((struct counter *)entry)->value;
    return 0;
}

/* A table as a model: numbers come and go in a pseudo-random order, and an array says which are there. */
static void test_many(void **state) {
    (void)state;
    enum { KEYS = 5000, STEPS = 200000 };
    static bool there[KEYS];
    int released = 0;
    int64_t sum = 0, seen = 0;
    size_t live = 0;
    struct state_table *table = state_table_new(sizeof(struct counter), counter_release, &released);
    uint64_t random = 1;
    for (int step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned number = (unsigned)(random >> 33) % KEYS;
        char text[40];
        struct slice key = {
            text, (size_t)snprintf(text, sizeof text, "%u%.*s", number, (int)(number % 23), "-----------------------")};
        struct counter *counter = state_table_find(table, key);
        assert_int_equal(counter != NULL, there[number]);
        if (counter) {
            assert_int_equal(counter->value, number);
            sum -= counter->value;
            assert_true(state_table_remove(table, counter, step % 3 == 0));
        } else {
            bool new;
            counter = state_table_put(table, key, &new);
            counter->value = number;
            sum += number;
            assert_true(state_table_mark(table, counter));
        }
        there[number] = !there[number];
        if (step % 1000 == 999)
            state_table_clean(table);
    }
    for (size_t i = 0; i < KEYS; i++)
        live += there[i];
    assert_int_equal(state_table_count(table), live);
    assert_int_equal(state_table_each(table, sum_visit, &seen), 0);
    assert_int_equal(seen, sum);
    state_table_free(table);
}

static void test_memory_of_a_million(void **state) {
    (void)state;
    struct state_table *table = state_table_new(16, NULL, NULL);
    for (unsigned i = 0; i < 1000000; i++) {
        char text[32];
        bool new;
        assert_non_null(state_table_put(
            table, (struct slice){text, (size_t)snprintf(text, sizeof text, "gateway-%012u", i)}, &new));
        assert_true(new);
    }
    assert_in_range(state_table_memory(table), 60000000, 80000000);
    state_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_find_remove),     cmocka_unit_test(test_dirty_in_order_of_marking),
        cmocka_unit_test(test_long_keys),           cmocka_unit_test(test_many),
        cmocka_unit_test(test_memory_of_a_million),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
