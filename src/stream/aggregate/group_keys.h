/* Keys of a GROUP BY over windows: which dictionary has them, and the numbers of the rows of a batch in it. */
#ifndef METERLINE_STREAM_AGGREGATE_GROUP_KEYS_H
#define METERLINE_STREAM_AGGREGATE_GROUP_KEYS_H

#include "stream/aggregate/group_operator.h"
#include "stream/state/key_dictionary.h"

struct group_keys {
    const struct group_aggregate_plan *plan;
    struct key_dictionary *keys; /* NULL until the first rows come */
    unsigned lane;
    bool shared; /* the task owns the dictionary; not: `own` */
    struct key_dictionary own;
    uint64_t pushes;
    struct bytes scratch;
};

void group_keys_close(struct group_keys *group);
size_t group_keys_memory(const struct group_keys *group); /* of a dictionary of its own */
/* Numbers for all live rows: group->keys->ids[row]. */
int group_keys_find(struct group_keys *group, const struct group_input *input, struct operator_context *context,
                    struct error *error);
/* The values of the key to `ret_values`. A single text is not copied: it is in place until the dictionary changes. */
bool group_keys_values(const struct group_keys *group, uint32_t id, struct arena *arena, struct value *ret_values);

#endif
