/* The states of the calls of a GROUP BY, for one group: `size` bytes that lie wherever the group is kept (zeroed at
 * first, 8-byte aligned). */
#ifndef METERLINE_STREAM_AGGREGATE_GROUP_STATES_H
#define METERLINE_STREAM_AGGREGATE_GROUP_STATES_H

#include "stream/aggregate/group_aggregate.h"

struct group_state_place {
    const struct aggregate_state_driver *driver; /* makes the result */
    size_t offset;
    bool star; /* COUNT(*) that is the count of the statistics there, and the rows without a value */
};

struct group_states {
    const struct group_call *calls;
    size_t call_count;
    struct group_state_place *places; /* by call */
    size_t *owners;                   /* the calls that have a state of their own */
    size_t owner_count;
    size_t star_owner; /* the call whose statistics a COUNT(*) uses; SIZE_MAX: none does */
    size_t size;
    bool released;    /* some state must be released */
    size_t memory;    /* bytes that all states hold beside their place */
    int64_t sequence; /* counts the rows folded */
    struct value *arguments;
};

/* Rows to fold, in this order; `states[i]` are those of the group of row `rows[i]`. */
struct group_fold {
    struct vector *const *arguments; /* by call */
    const uint32_t *rows;
    char *const *states;
    size_t count;
    bool nulls; /* false: no value is NULL that COUNT(*) has to know of */
};

/* `nulls`: right before each group's states are four bytes for a number, zero at first, in which rows without a value
 * can be counted; a COUNT(*) then needs no state beside statistics. */
bool group_states_open(struct group_states *states, const struct group_call *calls, size_t count, bool nulls);
void group_states_close(struct group_states *states);

/* ERROR_INVALID: what ends a query, such as a DECIMAL sum that overflows. */
int group_states_fold_run(struct group_states *states, const struct group_fold *fold, struct error *error);
int group_states_undo(struct group_states *states, char *at, struct vector *const *arguments, size_t row,
                      struct error *error);
int group_states_merge(struct group_states *states, char *at, const char *other, struct error *error);
/* Of call number `call`. False: no memory. */
bool group_states_result(const struct group_states *states, size_t call, const char *at, struct arena *arena,
                         struct value *ret_value);
/* Of call number `call`, for many groups, into a vector from row `row` on. False: no memory. */
bool group_states_results(const struct group_states *states, size_t call, const char *const *at, size_t count,
                          struct arena *arena, struct vector *to, size_t row);
void group_states_write(const struct group_states *states, const char *at, struct bytes *to);
bool group_states_read(struct group_states *states, const char **from, const char *end,
                       char *at);                                 /* into zeroed ones */
void group_states_release(struct group_states *states, char *at); /* may be zeroed ones */

#endif
