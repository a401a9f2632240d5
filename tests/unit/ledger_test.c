/* How a sink and a tap share a topic: what is passed over has been brought, and no older record follows a newer one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/sink/ledger.h"

enum what { BEGIN, TAKE, KEEP, DONE, COMMITTED, NEXT };

struct step {
    enum what what; /* TAKE: the sink must write; KEEP: it must not */
    int64_t a, b;   /* offsets; NEXT: what ledger_next must say */
};

static const struct {
    const char *name;
    struct step steps[10];
} cases[] = {
    {"without a sink nothing is passed over", {{COMMITTED, 0, 5}, {NEXT, -1, 0}, {BEGIN, 0, 0}, {TAKE, 5, 0}}},
    {"a commit right at the end moves it",
     {{BEGIN, 5, 0}, {COMMITTED, 5, 9}, {NEXT, 9, 0}, {KEEP, 9, 0}, {TAKE, 10, 0}}},
    {"a commit further on is left to the sink",
     {{BEGIN, 5, 0}, {COMMITTED, 6, 9}, {NEXT, 5, 0}, {TAKE, 9, 0}, {DONE, 9, 0}, {NEXT, 9, 0}}},
    {"a commit while the sink writes is left to the sink",
     {{BEGIN, 5, 0}, {TAKE, 9, 0}, {COMMITTED, 5, 9}, {NEXT, 5, 0}, {DONE, 9, 0}, {COMMITTED, 9, 12}, {NEXT, 12, 0}}},
    {"what the tap brought meanwhile is not gone back to",
     {{BEGIN, 5, 0}, {COMMITTED, 5, 9}, {TAKE, 12, 0}, {DONE, 7, 0}, {NEXT, 9, 0}, {COMMITTED, 9, 11}, {NEXT, 11, 0}}},
    {"a sink that goes back reads again", {{BEGIN, 9, 0}, {COMMITTED, 9, 11}, {BEGIN, 3, 0}, {TAKE, 9, 0}}},
    {"a partition that is lost", {{BEGIN, 9, 0}, {BEGIN, -1, 0}, {COMMITTED, 9, 11}, {NEXT, -1, 0}}},
};

static void do_step(struct ledger *ledger, const struct step *step) {
    switch (step->what) {
    case BEGIN:
        ledger_begin(ledger, 2, step->a);
        break;
    case TAKE:
    case KEEP:
        assert_int_equal(ledger_take(ledger, 2, step->a), step->what == TAKE);
        break;
    case DONE:
        ledger_done(ledger, 2, step->a);
        break;
    case COMMITTED:
        ledger_committed(ledger, 2, step->a, step->b);
        break;
    case NEXT:
        assert_int_equal(ledger_next(ledger, 2), step->a);
        break;
    }
}

static void test_cases(void **state) {
    (void)state;
    static struct ledger ledger;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].name);
        ledger_open(&ledger);
        for (size_t s = 0; s < 10 && (s == 0 || cases[i].steps[s].what || cases[i].steps[s].a); s++)
            do_step(&ledger, &cases[i].steps[s]);
        assert_int_equal(ledger_next(&ledger, 1), -1);
        ledger_close(&ledger);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
