/* Repeats: what an identity is, for how long it is known, and that what is decided does not hang on where the looking
 * begins. Digest sets on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/source/repeats.h"

static void test_digest_set(void **state) {
    (void)state;
    struct digest_set set = {0};
    char text[16];
    bool new;
    enum { COUNT = 100000 };
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < COUNT; i++) {
            struct slice key = {text, (size_t)snprintf(text, sizeof text, "%d", i)};
            struct digest digest = digest_add((struct digest){0}, key);
            assert_int_equal(digest_set_has(&set, digest), round);
            assert_true(digest_set_put(&set, digest, &new));
            assert_int_equal(new, !round);
        }
    assert_int_equal(set.count, COUNT);
    assert_true(digest_set_memory(&set) <= 43 * COUNT);
    /* Where one text ends and the next begins matters. */
    struct digest first = digest_add(digest_add((struct digest){0}, SLICE("ab")), SLICE("c"));
    struct digest second = digest_add(digest_add((struct digest){0}, SLICE("a")), SLICE("bc"));
    assert_true(first.low != second.low || first.high != second.high);
    digest_set_release(&set);
    assert_false(digest_set_has(&set, first));
}

static bool look(struct repeats *repeats, const char *id, int64_t offset) {
    struct bus_header header = {SLICE("ingest.id"), id ? slice_of(id) : (struct slice){0}};
    struct bus_record record = {SLICE("k"), SLICE("v"), 0, &header, 1};
    bool known;
    assert_true(repeats_look(repeats, &record, offset, &known));
    return known;
}

static void test_memory(void **state) {
    (void)state;
    struct repeats repeats = REPEATS_NONE;
    enum { G = REPEATS_OFFSETS };
    assert_false(look(&repeats, NULL, 5));
    assert_true(repeats.first == INT64_MAX);
    assert_false(look(&repeats, "a", 10));
    assert_true(look(&repeats, "a", 11));
    assert_false(look(&repeats, "b", 12));
    assert_true(look(&repeats, "a", G + 1)); /* known for two generations more from here on */
    assert_true(look(&repeats, "a", 2 * G));
    assert_false(look(&repeats, "b", 2 * G + 1));
    assert_false(look(&repeats, "a", 4 * G)); /* a gap of a whole generation */
    assert_int_equal(repeats.first, 10);
    repeats_release(&repeats);
    assert_int_equal(repeats_needed(INT64_MAX, 5 * G), 5 * (int64_t)G);
    assert_int_equal(repeats_needed(10, 5 * G + 7), 4 * (int64_t)G);
    assert_int_equal(repeats_needed(10, 7), 7);
    assert_int_equal(repeats_needed(10, G + 7), 10);
    assert_int_equal(repeats_needed(5 * G, 5 * G + 7), 5 * (int64_t)G);
}

/* Looking again from repeats_needed on decides as before, about every record from there on. */
static void test_again(void **state) {
    (void)state;
    enum { STEP = 50021, RECORDS = 60 };
    bool known[RECORDS];
    struct repeats repeats = REPEATS_NONE;
    uint64_t random = 88172645463325252u;
    char ids[RECORDS][4];
    for (int i = 0; i < RECORDS; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        snprintf(ids[i], sizeof ids[i], "%u", (unsigned)(random % 12));
        known[i] = look(&repeats, ids[i], (int64_t)i * STEP);
    }
    int64_t first = repeats.first;
    for (int from = 0; from < RECORDS; from++) {
        repeats_release(&repeats);
        int64_t needed = repeats_needed(first, (int64_t)from * STEP);
        for (int i = 0; i < RECORDS; i++) {
            int64_t offset = (int64_t)i * STEP;
            bool again = offset >= needed && look(&repeats, ids[i], offset);
            assert_true(i < from || again == known[i]);
        }
    }
    repeats_release(&repeats);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_set),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
