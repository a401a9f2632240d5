/* The key dictionary against a list: keys come, are looked up, and are forgotten when nothing is open for them; keys of
 * any length; what it holds follows what is open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/state/key_dictionary.h"

static uint64_t random_next(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static uint32_t find(struct key_dictionary *keys, struct slice key, uint32_t row) {
    assert_true(key_dictionary_find(keys, &key, &row, 1));
    return keys->ids[row];
}

static void close_key(struct key_dictionary *keys, uint32_t id, unsigned lane) {
    *key_dictionary_head(keys, id, lane) = KEY_NONE;
    assert_true(key_dictionary_idle(keys, id));
}

static void test_against_a_list(void **unused) {
    (void)unused;
    enum { KEYS = 3000, BATCHES = 400, ROWS = 40 };
    static char names[KEYS][24];
    static uint32_t ids[KEYS], heads[KEYS][2];
    struct key_dictionary keys;
    uint64_t seed = 5;
    unsigned lanes[2] = {0, 0};
    size_t open = 0;
    assert_true(key_dictionary_open(&keys, NULL, 0) && key_dictionary_join(&keys, &lanes[0]));
    for (size_t k = 0; k < KEYS; k++) {
        snprintf(names[k], sizeof names[k], "%.*s%zu", (int)(k % 12), "some letters", k * 31);
        heads[k][0] = heads[k][1] = KEY_NONE;
    }
    for (uint64_t batch = 1; batch <= BATCHES; batch++) {
        size_t lane_count = batch > BATCHES / 4 ? 2 : 1;
        if (batch == BATCHES / 4 + 1)
            assert_true(key_dictionary_join(&keys, &lanes[1]));
        assert_true(key_dictionary_begin(&keys, batch, NULL, ROWS));
        assert_int_equal(keys.live, open);
        for (uint32_t row = 0; row < ROWS; row++) {
            size_t k = random_next(&seed) % KEYS, lane = random_next(&seed) % lane_count;
            bool known = heads[k][0] != KEY_NONE || heads[k][1] != KEY_NONE;
            assert_int_equal(keys.ids[row], KEY_NONE);
            uint32_t id = find(&keys, slice_of(names[k]), row);
            assert_true(slice_equal(key_dictionary_key(&keys, id), slice_of(names[k])));
            if (known)
                assert_int_equal(id, ids[k]);
            ids[k] = id;
            for (size_t l = 0; l < lane_count; l++)
                assert_int_equal(*key_dictionary_head(&keys, id, lanes[l]), heads[k][l]);
            if (random_next(&seed) % 3 == 0) {
                heads[k][lane] = KEY_NONE;
                close_key(&keys, id, lanes[lane]);
            } else {
                *key_dictionary_head(&keys, id, lanes[lane]) = heads[k][lane] = (uint32_t)random_next(&seed);
            }
        }
        open = 0;
        for (size_t k = 0; k < KEYS; k++)
            open += heads[k][0] != KEY_NONE || heads[k][1] != KEY_NONE;
    }
    assert_true(open > 1000);
    key_dictionary_leave(&keys, lanes[0]);
    key_dictionary_leave(&keys, lanes[1]);
    assert_true(key_dictionary_begin(&keys, BATCHES + 1, NULL, 1));
    assert_int_equal(keys.live, 0);
    assert_int_equal(keys.key_bytes, 0);
    key_dictionary_close(&keys);
}

/* Around the sizes of a block and of numbers of one, two and three bytes. */
static void test_keys_of_any_length(void **unused) {
    (void)unused;
    static const size_t lengths[] = {0,     1,     127,   128,   1000,   1023, 1024,  16383,
                                     16384, 65530, 65533, 65536, 200000, 5,    70000, 6};
    enum { LENGTHS = sizeof lengths / sizeof *lengths };
    static char bytes[200000];
    struct key_dictionary keys;
    unsigned lane;
    uint32_t ids[LENGTHS];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 % 251);
    for (int round = 0; round < 3; round++) {
        assert_true(key_dictionary_open(&keys, NULL, 0) && key_dictionary_join(&keys, &lane));
        assert_true(key_dictionary_begin(&keys, 1, NULL, LENGTHS));
        for (uint32_t i = 0; i < LENGTHS; i++) {
            size_t which = round == 1 ? LENGTHS - 1 - i : i;
            ids[which] = find(&keys, (struct slice){bytes, lengths[which]}, i);
            *key_dictionary_head(&keys, ids[which], lane) = (uint32_t)which;
        }
        for (size_t i = 0; round == 2 && i < LENGTHS; i++) /* the others are copied together */
            if (lengths[i] > 300)
                close_key(&keys, ids[i], lane);
        assert_true(key_dictionary_begin(&keys, 2, NULL, LENGTHS));
        for (uint32_t i = 0; i < LENGTHS; i++) {
            bool gone = round == 2 && lengths[i] > 300;
            if (gone)
                continue;
            assert_int_equal(find(&keys, (struct slice){bytes, lengths[i]}, i), ids[i]);
            assert_true(slice_equal(key_dictionary_key(&keys, ids[i]), (struct slice){bytes, lengths[i]}));
            assert_int_equal(*key_dictionary_head(&keys, ids[i], lane), i);
        }
        if (round == 2)
            assert_in_range(key_dictionary_memory(&keys), 1, 8000);
        key_dictionary_close(&keys);
    }
}

/* The order of keys is guessed from the last time; whatever it is, each has the number that it had. Some keys are the
 * same bytes in other parts. */
static void test_keys_in_any_order(void **unused) {
    (void)unused;
    enum { KEYS = 200, ORDERS = 60, PARTS = 2 };
    static const size_t parts[PARTS] = {0, 1};
    static char names[KEYS][24];
    static struct slice texts[PARTS][KEYS], run[KEYS];
    static uint8_t nulls[KEYS];
    struct vector columns[PARTS] = {{.mask = SIZE_MAX, .nulls = nulls, .texts = texts[0]},
                                    {.mask = SIZE_MAX, .nulls = nulls, .texts = texts[1]}};
    uint32_t ids[KEYS], order[KEYS], rows[KEY_RUN];
    struct key_dictionary keys;
    uint64_t seed = 11;
    unsigned lane;
    assert_true(key_dictionary_open(&keys, parts, PARTS) && key_dictionary_join(&keys, &lane));
    for (uint32_t k = 0; k < KEYS; k++) {
        snprintf(names[k], sizeof names[k], "ab.c.%u", k / 2);
        ids[k] = KEY_NONE;
        order[k] = k;
    }
    for (uint64_t batch = 1; batch <= ORDERS; batch++) {
        for (uint32_t k = 0; batch % 5 == 0 && k < KEYS; k++) { /* from now on in another order */
            uint32_t other = (uint32_t)(random_next(&seed) % KEYS), moved = order[k];
            order[k] = order[other];
            order[other] = moved;
        }
        for (size_t i = 0; i < KEYS; i++) {
            run[i] = slice_of(names[order[i]]);
            size_t first = order[i] % 2 ? 2 : 4; /* "ab" and "c.7", or "ab.c" and "7" */
            texts[0][i] = (struct slice){run[i].data, first};
            texts[1][i] = (struct slice){run[i].data + first + 1, run[i].length - first - 1};
        }
        assert_true(key_dictionary_begin(&keys, batch, columns, KEYS));
        assert_false(key_dictionary_complete(&keys));
        for (size_t from = 0, count; from < KEYS; from += count) {
            count = KEYS - from < KEY_RUN ? KEYS - from : KEY_RUN;
            for (size_t i = 0; i < count; i++)
                rows[i] = (uint32_t)(from + i);
            assert_true(key_dictionary_find(&keys, run + from, rows, count));
        }
        assert_true(key_dictionary_complete(&keys));
        for (size_t i = 0; i < KEYS; i++) {
            uint32_t k = order[i], id = keys.ids[i];
            assert_true(ids[k] == KEY_NONE || ids[k] == id);
            assert_true(slice_equal(key_dictionary_key(&keys, id), run[i]));
            assert_true(slice_equal(key_dictionary_part(&keys, id, 0), texts[0][i]));
            assert_true(slice_equal(key_dictionary_part(&keys, id, 1), texts[1][i]));
            ids[k] = id;
            *key_dictionary_head(&keys, id, lane) = k;
            if (random_next(&seed) % 50 == 0) { /* forgotten before the next batch */
                close_key(&keys, id, lane);
                ids[k] = KEY_NONE;
            }
        }
    }
    key_dictionary_close(&keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_keys_of_any_length),
        cmocka_unit_test(test_keys_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
