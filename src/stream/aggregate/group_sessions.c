/* Session windows: rows of a group no further apart than the gap share a session [first, last], both inclusive.
 *
 *             gap                 gap                            a row that joins two sessions:
 *   ──[═════]──────┃ open   ──────┃ ──[══]──        ──[═════]──•──[══]──   ─▶  ──[════════════]──     two tombstones, then the merged session
 *
 * Every session that a row falls into is absorbed: a tombstone tells of its end, then comes the session with the new
 * bounds; only a second row at the instant of a session of one instant changes nothing but values. A session is
 * closed when its end < stream time - grace - gap: it takes no more rows unless they join it to one that is open,
 * and its final result leaves.
 *
 * Sessions are in the table under (start, key), saved as (end, sequence, states); a group has the list of its
 * sessions by start, and a heap has the one that ends first at its top, by (end, start, key), so that closing costs
 * what closes. */
#include "core/memory.h"
#include "core/varint.h"
#include "stream/aggregate/group_operator.h"

/* The sessions of a group form a list by start, which is gone through from the end: rows mostly come in the order of
 * time. */
struct session_group {
    struct group_session *last;
};

struct group_session {
    int64_t start, end;
    struct group_session *before, *after; /* of the same group */
    struct session_group *group;
    size_t place; /* in the heap */
    char states[];
};

static void session_release(void *context, void *entry) {
    group_states_release(&((struct group_aggregate *)context)->states, ((struct group_session *)entry)->states);
}

int group_sessions_open(struct group_aggregate *aggregate, struct error *error) {
    aggregate->table =
        state_table_new(sizeof(struct group_session) + aggregate->states.size, session_release, aggregate);
    aggregate->session_groups = state_table_new(sizeof(struct session_group), NULL, NULL);
    return aggregate->table && aggregate->session_groups ? 0 : error_no_memory(error);
}

void group_sessions_close(struct group_aggregate *aggregate) {
    state_table_free(aggregate->session_groups);
    free(aggregate->heap);
}

/* A session is closed when its end is before this. */
static int64_t session_limit(const struct group_aggregate *aggregate, int64_t stream_time) {
    return group_time_subtract(group_time_subtract(stream_time, aggregate->plan->window.grace),
                               aggregate->plan->window.size);
}

/* A session is gone when its end is before this. Sessions that are not final stay two gaps longer, as a row may still
 * join them to one that is open. */
static int64_t session_gone(const struct group_aggregate *aggregate, int64_t stream_time) {
    int64_t limit = session_limit(aggregate, stream_time), gap = aggregate->plan->window.size;
    return aggregate->plan->final ? limit : group_time_subtract(group_time_subtract(limit, gap), gap);
}

/* By which a row is late: the operator's, or after a repartition topic the row's own when that is later. */
static int64_t session_stream_time(const struct group_aggregate *aggregate, const struct rows *rows, size_t row) {
    const int64_t *times = rows->stream_times;
    return times && times[row] > aggregate->stream_time ? times[row] : aggregate->stream_time;
}

/* --- heap
 * ------------------------------------------------------------------------------------------------------------------ */

static bool session_ends_before(const struct group_aggregate *aggregate, const struct group_session *a,
                                const struct group_session *b) {
    if (a->end != b->end)
        return a->end < b->end;
    if (a->start != b->start)
        return a->start < b->start;
    return slice_compare(state_table_key(aggregate->session_groups, a->group),
                         state_table_key(aggregate->session_groups, b->group)) < 0;
}

static void heap_set(struct group_aggregate *aggregate, size_t place, struct group_session *session) {
    aggregate->heap[place] = session;
    session->place = place;
}

static void heap_up(struct group_aggregate *aggregate, struct group_session *session) {
    size_t place = session->place;
    for (; place && session_ends_before(aggregate, session, aggregate->heap[(place - 1) / 2]); place = (place - 1) / 2)
        heap_set(aggregate, place, aggregate->heap[(place - 1) / 2]);
    heap_set(aggregate, place, session);
}

static void heap_down(struct group_aggregate *aggregate, struct group_session *session) {
    size_t place = session->place;
    for (size_t child; (child = 2 * place + 1) < aggregate->heap_count; place = child) {
        if (child + 1 < aggregate->heap_count &&
            session_ends_before(aggregate, aggregate->heap[child + 1], aggregate->heap[child]))
            child++;
        if (!session_ends_before(aggregate, aggregate->heap[child], session))
            break;
        heap_set(aggregate, place, aggregate->heap[child]);
    }
    heap_set(aggregate, place, session);
}

static void heap_remove(struct group_aggregate *aggregate, const struct group_session *session) {
    struct group_session *last = aggregate->heap[--aggregate->heap_count];
    if (last == session)
        return;
    heap_set(aggregate, session->place, last);
    heap_up(aggregate, last);
    heap_down(aggregate, last);
}

/* --- sessions
 * ------------------------------------------------------------------------------------------------------------------ */

static void session_link(struct session_group *group, struct group_session *before, struct group_session *after) {
    if (before)
        before->after = after;
    if (after)
        after->before = before;
    else
        group->last = before;
}

/* A session of the group whose key is in aggregate->key after room for the start; it stands before `after` in the
 * group's list (NULL: at its end). NULL: no memory. */
static struct group_session *session_new(struct group_aggregate *aggregate, struct session_group *group,
                                         struct group_session *after, int64_t start, int64_t end) {
    bool made;
    if (!memory_reserve((void **)&aggregate->heap, &aggregate->heap_capacity, aggregate->heap_count + 1,
                        sizeof(struct group_session *)))
        return NULL;
    group_time_write(aggregate->key.data, start);
    struct group_session *session = state_table_put(aggregate->table, bytes_slice(&aggregate->key), &made);
    if (!session)
        return NULL;
    session->start = start;
    session->end = end;
    session->group = group;
    struct group_session *before = after ? after->before : group->last;
    session_link(group, session, after);
    session_link(group, before, session);
    session->place = aggregate->heap_count++;
    heap_up(aggregate, session);
    return session;
}

/* Takes the session out of everything; its group stays, perhaps empty. */
static bool session_remove(struct group_aggregate *aggregate, struct group_session *session, bool logged) {
    struct session_group *group = session->group;
    struct group_session *before = session->before, *after = session->after;
    heap_remove(aggregate, session);
    if (!state_table_remove(aggregate->table, session, logged))
        return false;
    session_link(group, before, after);
    return true;
}

static void session_group_settle(struct group_aggregate *aggregate, struct session_group *group) {
    if (!group->last)
        state_table_remove(aggregate->session_groups, group, false);
}

static int session_emit(struct group_aggregate *aggregate, struct operator_context *context,
                        const struct group_session *session, const char *before, const char *states, uint32_t origin,
                        struct error *error) {
    int status = group_result_open(aggregate, context, before, error);
    if (status < 0)
        return status;
    struct group_result result = {session->end, session->start, session->end, origin};
    return group_result_close(aggregate, context, &result, states, error);
}

/* Those of the heap from `place` down that end before `limit`. */
static size_t sessions_due(const struct group_aggregate *aggregate, size_t place, int64_t limit,
                           struct group_session **ret_due) {
    size_t count = 0;
    if (place >= aggregate->heap_count || aggregate->heap[place]->end >= limit)
        return 0;
    ret_due[count++] = aggregate->heap[place];
    count += sessions_due(aggregate, 2 * place + 1, limit, ret_due + count);
    return count + sessions_due(aggregate, 2 * place + 2, limit, ret_due + count);
}

static int session_compare(const void *a, const void *b, void *context) {
    const struct group_aggregate *aggregate = context;
    const struct group_session *x = *(struct group_session *const *)a, *y = *(struct group_session *const *)b;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return slice_compare(state_table_key(aggregate->session_groups, x->group),
                         state_table_key(aggregate->session_groups, y->group));
}

/* Final results of what is due, by (end, start, key): in the same order however often stream time is told. */
static int sessions_finish(struct group_aggregate *aggregate, struct operator_context *context, int64_t limit,
                           uint32_t origin, struct error *error) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    struct arena *arena = context->evaluation.arena;
    if (!aggregate->heap_count || aggregate->heap[0]->end >= limit)
        return 0;
    struct group_session **due = arena_allocate(arena, aggregate->heap_count * sizeof(struct group_session *));
    if (!due)
        return error_no_memory(error);
    size_t count = sessions_due(aggregate, 0, limit, due);
    qsort_r(due, count, sizeof(struct group_session *), session_compare, aggregate);
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        struct slice key = state_table_key(aggregate->session_groups, due[i]->group);
        if (!group_key_read(key, plan->result.columns, plan->key_count, arena, aggregate->key_values))
            return error_no_memory(error);
        status = session_emit(aggregate, context, due[i], NULL, due[i]->states, origin, error);
    }
    return status;
}

/* Closes what the stream time has closed. */
static int sessions_expire(struct group_aggregate *aggregate, struct operator_context *context, uint32_t origin,
                           struct error *error) {
    int64_t limit = session_gone(aggregate, aggregate->stream_time);
    int status = aggregate->plan->final ? sessions_finish(aggregate, context, limit, origin, error) : 0;
    if (status < 0)
        return status;
    while (aggregate->heap_count && aggregate->heap[0]->end < limit) {
        struct group_session *session = aggregate->heap[0];
        struct session_group *group = session->group;
        if (!session_remove(aggregate, session, true))
            return error_no_memory(error);
        session_group_settle(aggregate, group);
    }
    return 0;
}

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

/* What a row does to its group: the bounds of the merged session, and the sessions that it absorbs, `count` of them
 * from `first` on. */
struct session_merge {
    struct session_group *group;
    struct group_session *first, *after; /* NULL: none is absorbed; none stands after those */
    size_t count;
    int64_t start, end;
};

static void session_merge_find(const struct group_aggregate *aggregate, struct session_group *group, int64_t time,
                               int64_t stream_time, struct session_merge *ret_merge) {
    int64_t gap = aggregate->plan->window.size, from = group_time_subtract(time, gap), to = group_time_add(time, gap);
    int64_t gone = session_gone(aggregate, stream_time); /* for this row; others may still join it */
    from = gone > from ? gone : from;
    struct session_merge merge = {.group = group, .start = time, .end = time};
    struct group_session *session = group->last;
    for (; session && session->start > to; session = session->before)
        merge.after = session;
    for (; session && session->end >= from; session = session->before) {
        if (merge.start > session->start)
            merge.start = session->start;
        if (merge.end < session->end)
            merge.end = session->end;
        merge.first = session;
        merge.count++;
    }
    *ret_merge = merge;
}

static int session_bury(struct group_aggregate *aggregate, const struct session_merge *merge, uint32_t origin,
                        struct operator_context *context, struct error *error) {
    const struct group_session *session = merge->first;
    int status = 0;
    for (size_t i = 0; i < merge->count && status == 0; i++, session = session->after)
        status = session_emit(aggregate, context, session, session->states, NULL, origin, error);
    return status;
}

/* One session in the place of those that are absorbed: the first of them when it starts where the merged one does,
 * else a new one that takes over its states. */
static int session_absorb(struct group_aggregate *aggregate, const struct session_merge *merge,
                          struct group_session **ret_session, struct error *error) {
    struct group_session *session = merge->first;
    size_t others = merge->count;
    if (others && session->start == merge->start) {
        others--;
    } else {
        session = session_new(aggregate, merge->group, others ? merge->first : merge->after, merge->start, merge->end);
        if (!session)
            return error_no_memory(error);
        if (others) {
            memcpy(session->states, session->after->states, aggregate->states.size);
            memset(session->after->states, 0, aggregate->states.size);
        }
    }
    for (; others; others--) {
        int status = group_states_merge(&aggregate->states, session->states, session->after->states, error);
        if (status < 0)
            return status;
        if (!session_remove(aggregate, session->after, true))
            return error_no_memory(error);
    }
    session->end = merge->end;
    heap_down(aggregate, session);
    *ret_session = session;
    return 0;
}

static int session_fold(struct group_aggregate *aggregate, const struct session_merge *merge,
                        const struct group_input *input, size_t row, struct operator_context *context,
                        struct error *error) {
    uint32_t origin = input->rows->origins[row];
    bool emit = !aggregate->plan->final, instant = merge->start == merge->end;
    struct group_session *session = NULL;
    int status = emit && !instant ? session_bury(aggregate, merge, origin, context, error) : 0;
    if (status == 0 && emit)
        status = group_result_open(aggregate, context, instant && merge->count ? merge->first->states : NULL, error);
    if (status == 0)
        status = session_absorb(aggregate, merge, &session, error);
    if (status == 0)
        status = group_fold_row(aggregate, session->states, input, row, false, error);
    if (status < 0)
        return status;
    if (!state_table_mark(aggregate->table, session))
        return error_no_memory(error);
    struct group_result result = {session->end, session->start, session->end, origin};
    return emit ? group_result_close(aggregate, context, &result, session->states, error) : 0;
}

static int sessions_push_row(struct group_aggregate *aggregate, const struct group_input *input, size_t row,
                             struct operator_context *context, struct error *error) {
    int64_t time = input->rows->times[row], stream_time;
    bool made;
    int status = 0;
    if (!input->rows->stream_times && aggregate->stream_time < time) {
        aggregate->stream_time = time;
        status = sessions_expire(aggregate, context, input->rows->origins[row], error);
    }
    if (status == 0)
        status = group_key_take(aggregate, input, row, true, error);
    if (status < 0)
        return status;
    struct slice key = {aggregate->key.data + GROUP_TIME_SIZE, aggregate->key.length - GROUP_TIME_SIZE};
    struct session_group *group = state_table_put(aggregate->session_groups, key, &made);
    if (!group)
        return error_no_memory(error);
    struct session_merge merge;
    stream_time = session_stream_time(aggregate, input->rows, row);
    session_merge_find(aggregate, group, time, stream_time, &merge);
    if (merge.end < session_limit(aggregate, stream_time)) {
        session_group_settle(aggregate, group);
        return operator_late(context, input->rows->origins[row], &aggregate->plan->window, stream_time, error);
    }
    context->counters->folded++;
    return session_fold(aggregate, &merge, input, row, context, error);
}

/* Rows before the committed position are in the states already. */
static int sessions_push(struct stream_operator *op, unsigned number, struct rows *rows,
                         struct operator_context *context, struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    struct group_input input;
    (void)number;
    if (context->restoring)
        return 0;
    int status = group_input_evaluate(aggregate, rows, &context->evaluation, false, &input, error);
    if (status < 0)
        return status;
    context->counters->null += rows->selected.count - input.live.count;
    group_results_start(aggregate, input.live.count);
    for (size_t i = 0; i < input.live.count && status == 0; i++)
        status = sessions_push_row(aggregate, &input, input.live.rows[i], context, error);
    return status < 0 ? status : group_results_flush(aggregate, context, error);
}

/* --- time
 * ------------------------------------------------------------------------------------------------------------------ */

/* The stream time that closes everything that is open. */
static int64_t sessions_closing_time(const struct group_aggregate *aggregate) {
    int64_t end = INT64_MIN;
    for (size_t i = 0; i < aggregate->heap_count; i++)
        if (end < aggregate->heap[i]->end)
            end = aggregate->heap[i]->end;
    return group_time_add(
        group_time_add(group_time_add(end, aggregate->plan->window.size), aggregate->plan->window.grace), 1);
}

/* At the end of all time the stream time goes only as far as closes what is open. */
static int sessions_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                            struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    int64_t to = time != INT64_MAX       ? time
                 : aggregate->heap_count ? sessions_closing_time(aggregate)
                                         : aggregate->stream_time;
    group_results_start(aggregate, 0);
    if (aggregate->stream_time < to) {
        aggregate->stream_time = to;
        int status = sessions_expire(aggregate, context, 0, error);
        if (status == 0)
            status = group_results_flush(aggregate, context, error);
        if (status < 0)
            return status;
    }
    return operator_forward_advance(op, time, context, error);
}

static int64_t sessions_stream_time(const struct stream_operator *op) {
    return ((const struct group_aggregate *)op)->stream_time;
}

static void sessions_restore_time(struct stream_operator *op, int64_t stream_time) {
    ((struct group_aggregate *)op)->stream_time = stream_time;
}

/* --- changelog
 * ------------------------------------------------------------------------------------------------------------------ */

struct session_saving {
    const struct group_aggregate *aggregate;
    state_save *each;
    void *context;
    struct error *error;
};

static int session_save(void *context, struct slice key, const void *entry) {
    const struct session_saving *saving = context;
    const struct group_session *session = entry;
    if (!session)
        return saving->each(saving->context, key, (struct slice){NULL, 0}, saving->error);
    struct bytes value cleanup(bytes_release) = {0};
    bytes_append_zigzag(&value, session->end);
    bytes_append_zigzag(&value, saving->aggregate->states.sequence);
    group_states_write(&saving->aggregate->states, session->states, &value);
    if (value.failed)
        return error_no_memory(saving->error);
    return saving->each(saving->context, key, bytes_slice(&value), saving->error);
}

static int sessions_save(struct stream_operator *op, state_save *each, void *context, struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    struct session_saving saving = {aggregate, each, context, error};
    return state_table_each_dirty(aggregate->table, session_save, &saving);
}

static void sessions_saved(struct stream_operator *op) {
    state_table_clean(((struct group_aggregate *)op)->table);
}

/* Makes the session whose key is in aggregate->key. */
static int session_load(struct group_aggregate *aggregate, struct slice key, struct slice value, struct error *error) {
    const char *at = value.data, *end = value.data + value.length;
    int64_t start = group_time_read(key.data), last, sequence;
    bool made;
    if (!zigzag_read(&at, end, &last) || !zigzag_read(&at, end, &sequence) || last < start || sequence < 0 ||
        sequence > INT64_MAX / 2)
        return error_set(error, ERROR_CORRUPT, "aggregate: a session in the changelog is damaged or of another query");
    aggregate->key.length = 0;
    bytes_append_slice(&aggregate->key, key);
    struct slice group_key = {key.data + GROUP_TIME_SIZE, key.length - GROUP_TIME_SIZE};
    struct session_group *group =
        aggregate->key.failed ? NULL : state_table_put(aggregate->session_groups, group_key, &made);
    if (!group)
        return error_no_memory(error);
    struct group_session *after = NULL;
    for (struct group_session *other = group->last; other && other->start > start; other = other->before)
        after = other;
    struct group_session *session = session_new(aggregate, group, after, start, last);
    if (!session)
        return error_no_memory(error);
    if (!group_states_read(&aggregate->states, &at, end, session->states) || at != end) {
        session_remove(aggregate, session, false);
        session_group_settle(aggregate, group);
        return error_set(error, ERROR_CORRUPT, "aggregate: a state in the changelog is damaged or of another query");
    }
    if (aggregate->states.sequence < sequence)
        aggregate->states.sequence = sequence;
    return 0;
}

static int sessions_load(struct stream_operator *op, struct slice key, struct slice value, struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    struct arena arena cleanup(arena_release) = {0};
    struct group_session *session = state_table_find(aggregate->table, key);
    if (session) {
        struct session_group *group = session->group;
        session_remove(aggregate, session, false);
        session_group_settle(aggregate, group);
    }
    if (!value.data)
        return 0;
    if (key.length < GROUP_TIME_SIZE ||
        !group_key_read((struct slice){key.data + GROUP_TIME_SIZE, key.length - GROUP_TIME_SIZE},
                        aggregate->plan->result.columns, aggregate->plan->key_count, &arena, aggregate->key_values))
        return error_set(error, ERROR_CORRUPT, "aggregate: a key in the changelog is damaged or of another query");
    return session_load(aggregate, key, value, error);
}

static size_t sessions_memory(const struct stream_operator *op) {
    const struct group_aggregate *aggregate = (const struct group_aggregate *)op;
    return sizeof *aggregate + state_table_memory(aggregate->table) + state_table_memory(aggregate->session_groups) +
           aggregate->states.memory + aggregate->heap_capacity * sizeof(struct group_session *);
}

const struct operator_driver group_sessions_driver = {
    .name = "aggregate",
    .push = sessions_push,
    .advance = sessions_advance,
    .stream_time = sessions_stream_time,
    .restore_time = sessions_restore_time,
    .save = sessions_save,
    .saved = sessions_saved,
    .load = sessions_load,
    .memory = sessions_memory,
    .free = group_aggregate_free,
};
