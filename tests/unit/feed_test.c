/* How taps hand rows to a sink: what is passed over has been brought, in the order of the topic; what was not handed
 * over is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "stream/sink/feed.h"

enum what { END, BEGIN, MOVED, LOOK, ROWS, MARKED, JOINED, TAKE, NOTHING, GAP };

/* LOOK notes the sink's place for the next JOINED; ROWS and JOINED add [a, b), MARKED with no record at a; TAKE, NOTHING, GAP: what feed_take says
 * for next = a, and of TAKE the end b of the block. */
struct step {
    enum what what;
    int64_t a, b;
};

static const struct {
    const char *name;
    struct step steps[12];
} cases[] = {
    {"without a sink nothing is kept", {{ROWS, 0, 5}, {BEGIN, 0}, {NOTHING, 0}}},
    {"a block right at the end", {{BEGIN, 5}, {ROWS, 5, 9}, {TAKE, 5, 9}, {NOTHING, 9}}},
    {"blocks one after the other", {{BEGIN, 0}, {ROWS, 0, 3}, {ROWS, 3, 7}, {TAKE, 0, 3}, {TAKE, 3, 7}, {NOTHING, 7}}},
    {"a block further on waits until the topic was read up to it",
     {{BEGIN, 5}, {ROWS, 7, 9}, {GAP, 5}, {GAP, 6}, {TAKE, 7, 9}}},
    {"a block that was partly read is left out", {{BEGIN, 5}, {ROWS, 5, 9}, {NOTHING, 6}}},
    {"a block after a marker that was read", {{BEGIN, 5}, {MARKED, 5, 9}, {TAKE, 6, 9}}},
    {"a block that was read is dropped", {{BEGIN, 5}, {ROWS, 5, 9}, {ROWS, 9, 12}, {TAKE, 9, 12}}},
    {"a sink that goes back reads again", {{BEGIN, 5}, {ROWS, 5, 9}, {BEGIN, 3}, {NOTHING, 3}}},
    {"a partition that is lost", {{BEGIN, 5}, {ROWS, 5, 9}, {BEGIN, -1}, {ROWS, 9, 12}, {BEGIN, 5}, {NOTHING, 5}}},
    {"rows of the log's transaction, when the sink had all before", {{BEGIN, 5}, {LOOK}, {JOINED, 5, 9}, {TAKE, 5, 9}}},
    {"rows of the log's transaction, when the sink had not: it must write them after those before",
     {{BEGIN, 5}, {LOOK}, {MOVED, 7}, {JOINED, 7, 9}, {NOTHING, 7}}},
    {"rows of the log's transaction of before the sink went back",
     {{BEGIN, 9}, {LOOK}, {BEGIN, 5}, {MOVED, 9}, {JOINED, 9, 12}, {NOTHING, 9}}},
    {"rows of the log's transactions become one block",
     {{BEGIN, 5}, {LOOK}, {JOINED, 5, 9}, {JOINED, 9, 12}, {JOINED, 12, 13}, {TAKE, 5, 13}, {NOTHING, 13}}},
    {"rows that follow those of the log's transaction",
     {{BEGIN, 5}, {LOOK}, {JOINED, 5, 9}, {ROWS, 9, 12}, {TAKE, 5, 9}, {TAKE, 9, 12}}},
};

static int blocks;

static void block_free(struct feed_block *block) {
    blocks--;
    free(block);
}

static void add(struct feed *feed, int64_t from, int64_t first, int64_t to, size_t bytes, struct feed_place place) {
    struct feed_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    *block = (struct feed_block){
        .partition = 2, .from = from, .first = first, .to = to, .bytes = bytes, .place = place, .free = block_free};
    blocks++;
    feed_add(feed, block);
}

static void take(struct feed *feed, const struct step *step) {
    bool gap;
    struct feed_block *block = feed_take(feed, 2, step->a, &gap);
    assert_int_equal(gap, step->what == GAP);
    assert_int_equal(block != NULL, step->what == TAKE);
    if (block) {
        assert_int_equal(block->to, step->b);
        block->free(block);
    }
}

static void do_step(struct feed *feed, const struct step *step, struct feed_place *place) {
    switch (step->what) {
    case BEGIN:
        feed_begin(feed, 2, step->a);
        assert_int_equal(feed_wanted(feed, 2), step->a >= 0);
        break;
    case MOVED:
        feed_moved(feed, 2, step->a);
        break;
    case LOOK:
        *place = feed_place(feed, 2);
        break;
    case ROWS:
    case MARKED:
    case JOINED:
        add(feed, step->a, step->a + (step->what == MARKED), step->b, step->what == JOINED ? 0 : 100, *place);
        break;
    default:
        take(feed, step);
    }
}

static void test_cases(void **state) {
    (void)state;
    static struct feed feed;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct feed_place place = {0, -1};
        print_message("%s\n", cases[i].name);
        feed_open(&feed);
        for (size_t s = 0; s < 12 && cases[i].steps[s].what != END; s++)
            do_step(&feed, &cases[i].steps[s], &place);
        assert_false(feed_wanted(&feed, 1));
        feed_close(&feed);
        assert_int_equal(blocks, 0);
    }
}

/* What waits is bounded over all partitions: what there is no room for is a gap. */
static void test_room(void **state) {
    (void)state;
    static struct feed feed;
    struct feed_place place = {0, -1};
    bool gap;
    feed_open(&feed);
    feed_begin(&feed, 2, 0);
    add(&feed, 0, 0, 1, FEED_BYTES_MAXIMUM - 10, place);
    add(&feed, 1, 1, 2, 11, place);
    add(&feed, 2, 2, 3, 10, place);
    assert_int_equal(blocks, 2);
    struct feed_block *block = feed_take(&feed, 2, 0, &gap);
    assert_int_equal(block->to, 1);
    block->free(block);
    assert_null(feed_take(&feed, 2, 1, &gap));
    assert_true(gap);
    feed_close(&feed);
    assert_int_equal(blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
