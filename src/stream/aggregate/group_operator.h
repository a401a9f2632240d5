/* What the kinds of GROUP BY have in common: the states of a group, the input evaluated, the results on their way.
 *
 *     group_aggregate.c   no window: groups in a table, which changes are saved from
 *     group_states.c      what a group keeps for each call
 *     windows.c           tumbling and hopping windows: chains of cells by key, blocks of cells by window
 *     group_keys.c        the keys of windows, shared by operators that group by the same
 *     group_sessions.c    sessions in a table, a list of them for each group, a heap of them by end */
#ifndef METERLINE_STREAM_AGGREGATE_GROUP_OPERATOR_H
#define METERLINE_STREAM_AGGREGATE_GROUP_OPERATOR_H

#include "stream/aggregate/group_aggregate.h"
#include "stream/aggregate/group_key.h"
#include "stream/aggregate/group_states.h"
#include "stream/state/state_table.h"

struct group_session;
struct group_windows;

struct group_aggregate {
    struct stream_operator op;
    const struct group_aggregate_plan *plan;
    struct group_states states;
    struct state_table *table; /* groups by key, sessions by start and key */
    int64_t stream_time;

    struct group_windows *windows; /* windows.c; NULL: of another shape */

    struct state_table *session_groups;
    struct group_session **heap; /* the session that ends first at 0 */
    size_t heap_count, heap_capacity;

    /* While rows are pushed. */
    struct bytes key;
    struct value *key_values;  /* one for each key column */
    struct value *part_values; /* one for each of plan->parts */
    struct rows *results;
    size_t result_count, result_room;
};

/* Rows as GROUP BY sees them: those with a value and a key. */
struct group_input {
    const struct rows *rows;
    struct selection live;
    uint8_t *is_live; /* by row; of a table */
    struct vector *keys;
    struct vector **arguments; /* of each call */
};

/* Evaluates keys and arguments. `silent`: failures have been reported before. */
int group_input_evaluate(struct group_aggregate *aggregate, const struct rows *rows, struct evaluation *evaluation,
                         bool silent, struct group_input *ret_input, struct error *error);

/* Can a value be NULL among `selected` rows? A quick look at all rows, also those whose marks mean nothing. */
bool group_may_be_null(const struct rows *rows, size_t selected, const struct vector *vector);

/* Folds row `row` into the states of its group, or undoes it. */
int group_fold_row(struct group_aggregate *aggregate, char *states, const struct group_input *input, size_t row,
                   bool undo, struct error *error);

/* Results. `start` forgets what an earlier push may have left; then for each, `open` makes the row; `before` says
 * what stood there, with `states` NULL nothing; when the change is made, `close` says what does now: NULL, the row
 * is gone. aggregate->key_values hold the key. They leave when there are many, and with `flush`. */
struct group_result {
    int64_t time, window_start, window_end;
    uint32_t origin;
};
void group_results_start(struct group_aggregate *aggregate, size_t expected);
int group_result_open(struct group_aggregate *aggregate, struct operator_context *context, const char *before,
                      struct error *error);
int group_result_close(struct group_aggregate *aggregate, struct operator_context *context,
                       const struct group_result *result, const char *states, struct error *error);
/* Room for up to *count results, which the caller fills in from aggregate->result_count on, and counts there; *count is
 * at least 1 then. */
int group_results_reserve(struct group_aggregate *aggregate, struct operator_context *context, size_t *count,
                          struct error *error);
int group_results_flush(struct group_aggregate *aggregate, struct operator_context *context, struct error *error);
/* The values of the key of row `row` to key_values; its bytes to aggregate->key, after room for a time when
 * `timed`. */
int group_key_take(struct group_aggregate *aggregate, const struct group_input *input, size_t row, bool timed,
                   struct error *error);

/* a + b and a - b, no further than int64_t goes. */
static inline int64_t group_time_add(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static inline int64_t group_time_subtract(int64_t a, int64_t b) {
    int64_t difference;
    return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? INT64_MAX : INT64_MIN) : difference;
}

extern const struct operator_driver group_windows_driver, group_sessions_driver;
/* Makes what cells, or sessions, are kept in; the release of everything is in the driver's free. */
int group_windows_open(struct group_aggregate *aggregate, struct error *error);
int group_sessions_open(struct group_aggregate *aggregate, struct error *error);
/* Does the lower half of a time say which of the windows that are open it lies in? Then cells have room for a number of
 * rows without a value before their states (group_states_open). */
static inline bool group_windows_are_compact(const struct group_aggregate_plan *plan) {
    return plan->window.size < INT32_MAX / 2 && plan->window.grace < INT32_MAX / 2;
}
void group_windows_close(struct group_aggregate *aggregate);
void group_sessions_close(struct group_aggregate *aggregate);
void group_aggregate_free(struct stream_operator *op);

#endif
