/* Operators of a task whose keys are the same columns of the same source share a dictionary: a row's key is looked up
 * by the first that meets it, the others take its number from there. Whether they do is in the plan (key_columns), not
 * in any text. Others have a dictionary of their own. */
#include "stream/aggregate/group_keys.h"

void group_keys_close(struct group_keys *group) {
    if (group->keys && group->shared)
        key_dictionary_leave(group->keys, group->lane);
    else if (group->keys)
        key_dictionary_close(&group->own);
    bytes_release(&group->scratch);
}

size_t group_keys_memory(const struct group_keys *group) {
    return group->keys && !group->shared ? key_dictionary_memory(group->keys) : 0;
}

static bool group_keys_bind(struct group_keys *group, struct operator_context *context) {
    const struct group_aggregate_plan *plan = group->plan;
    struct key_dictionary *keys = &group->own;
    bool shared = context->dictionaries && plan->source;
    if (shared)
        keys = key_dictionaries_find(context->dictionaries, plan->source, plan->key_columns, plan->key_count,
                                     plan->parts, plan->part_count);
    else if (!key_dictionary_open(keys, plan->parts, plan->part_count))
        keys = NULL;
    if (!keys || !key_dictionary_join(keys, &group->lane)) {
        if (keys == &group->own)
            key_dictionary_close(keys);
        return false;
    }
    group->shared = shared;
    group->keys = keys;
    return true;
}

/* Begins the batch unless another operator has. */
static bool group_keys_begin(struct group_keys *group, const struct rows *rows) {
    uint64_t batch = group->shared && rows->batch ? rows->batch : UINT64_MAX - group->pushes++;
    return batch == group->keys->batch || key_dictionary_begin(group->keys, batch, rows->columns, rows->count);
}

/* The key bytes of some rows; texts stay where they are, others are written to `scratch`. */
static bool group_keys_write(struct group_keys *group, const struct vector *columns, const uint32_t *rows, size_t count,
                             struct slice *ret_keys) {
    struct bytes *to = &group->scratch;
    size_t ends[KEY_RUN], from = 0;
    if (group->plan->key_count == 1 && group_key_is_text(columns[0].type)) {
        for (size_t i = 0; i < count; i++)
            ret_keys[i] = columns[0].texts[rows[i] & columns[0].mask];
        return true;
    }
    to->length = 0;
    for (size_t i = 0; i < count; i++) {
        group_key_write(to, columns, group->plan->key_count, rows[i]);
        ends[i] = to->length;
    }
    for (size_t i = 0; i < count; from = ends[i++])
        ret_keys[i] = (struct slice){bytes_slice(to).data + from, ends[i] - from};
    return !to->failed;
}

int group_keys_find(struct group_keys *group, const struct group_input *input, struct operator_context *context,
                    struct error *error) {
    struct slice keys[KEY_RUN];
    uint32_t rows[KEY_RUN];
    if ((!group->keys && !group_keys_bind(group, context)) || !group_keys_begin(group, input->rows))
        return error_no_memory(error);
    if (key_dictionary_complete(group->keys))
        return 0;
    const uint32_t *ids = group->keys->ids;
    for (size_t i = 0; i < input->live.count;) {
        size_t count = 0;
        for (; i < input->live.count && count < KEY_RUN; i++) {
            rows[count] = input->live.rows[i];
            count += ids[input->live.rows[i]] == KEY_NONE;
        }
        if (count && (!group_keys_write(group, input->keys, rows, count, keys) ||
                      !key_dictionary_find(group->keys, keys, rows, count)))
            return error_no_memory(error);
    }
    return 0;
}

bool group_keys_values(const struct group_keys *group, uint32_t id, struct arena *arena, struct value *ret_values) {
    const struct group_aggregate_plan *plan = group->plan;
    struct slice key = key_dictionary_key(group->keys, id);
    if (plan->key_count == 1 && group_key_is_text(plan->result.columns[0].type)) {
        ret_values[0] = value_of_text(key);
        return true;
    }
    return group_key_read(key, plan->result.columns, plan->key_count, arena, ret_values);
}
