/* A topic no longer has what a position needs: an error that says what cannot be completed, or, as
 * --on-lost-offsets says, to go on with results that lack records (group/incomplete.h). */
#include "core/bytes.h"
#include "core/memory.h"
#include "model/time/time.h"
#include "stream/runtime/task.h"

enum { LOST_NAMES = 500 }; /* bytes of a message */

int64_t query_task_stream_time(const struct query_task *task, size_t at) {
    int64_t time = task->members[at].stream_time;
    for (size_t i = 0; i < task->work->group->members[at].operator_count; i++) {
        const struct stream_operator *op = stage_operator(task->members[at].stage, i);
        int64_t its = op->driver->stream_time ? op->driver->stream_time(op) : INT64_MIN;
        time = its > time ? its : time;
    }
    return time;
}

/* The largest stream time of the windows over a topic. */
static int64_t task_windows_time(const struct query_task *task, size_t topic) {
    int64_t time = INT64_MIN;
    for (size_t i = 0; i < task->work->group->member_count; i++) {
        int64_t its = task->work->group->members[i].topics[0] == topic ? query_task_stream_time(task, i) : INT64_MIN;
        time = its > time ? its : time;
    }
    return time;
}

/* Where the open windows of a member begin at its position. */
static void lost_write_start(const struct group_aggregate_plan *plan, int64_t time, struct bytes *to) {
    char text[TIME_TEXT_SIZE];
    int64_t start = time - plan->window.grace - plan->window.size;
    if (time != INT64_MIN && plan->window.size)
        bytes_append_format(to, ", from %.*s on",
                            (int)time_write(text, start > TIME_MINIMUM ? start - start % 1000 : TIME_MINIMUM), text);
}

/* Names the results that would lack records: of each query over the topic the windows that are open at its position. */
static void lost_name_windows(const struct query_task *task, size_t topic, struct bytes *to) {
    const struct query_group *group = task->work->group;
    for (size_t m = 0; m < group->member_count; m++) {
        const struct query_member *member = &group->members[m];
        const struct node_plan *node = member->plan->sink;
        while (node->input_count && node->kind != NODE_AGGREGATE)
            node = node->inputs[0];
        if (member->topics[0] != topic || atomic_load(&member->removed))
            continue;
        bytes_append_format(to, "%s%s", to->length ? "; " : "", member->query->id);
        if (node->kind != NODE_AGGREGATE || node->aggregate.window.shape == WINDOW_SHAPE_NONE)
            continue;
        if (node->aggregate.window.size)
            bytes_append_format(to, " (%s %g s",
                                node->aggregate.window.shape == WINDOW_SHAPE_SESSION ? "sessions with gaps of"
                                                                                     : "windows of",
                                (double)node->aggregate.window.size / 1000);
        else
            bytes_append_string(to, " (its windows");
        lost_write_start(&node->aggregate, query_task_stream_time(task, m), to);
        bytes_append_char(to, ')');
    }
}

static int lost_refuse(const struct query_task *task, const struct query_input *input, int64_t from, int64_t start,
                       struct error *error) {
    const struct query_group *group = task->work->group;
    cleanup(bytes_release) struct bytes windows = {0};
    lost_name_windows(task, input->topic, &windows);
    if (windows.failed)
        return error_no_memory(error);
    return error_set(error, ERROR_NOT_FOUND,
                     "retention has deleted offsets %lld to %lld of %s/%d, which group %s needs: lengthen the topic's "
                     "retention, and go on with --on-lost-offsets earliest, with results that lack these records: "
                     "%.*s%s",
                     (long long)from, (long long)start - 1, group->topics[input->topic].name, (int)task->partition,
                     group->name, (int)(windows.length < LOST_NAMES ? windows.length : LOST_NAMES), windows.data,
                     windows.length > LOST_NAMES ? " .." : "");
}

int query_task_lost(struct query_task *task, struct query_input *input, int64_t *from, int64_t start, int64_t end,
                    struct error *error) {
    const struct query_group *group = task->work->group;
    const char *topic = group->topics[input->topic].name;
    if (task->work->lost_offsets == LOST_OFFSETS_FAIL && input->next_offset > end)
        return error_set(error, ERROR_NOT_FOUND,
                         "group %s has read %s/%d up to offset %lld, but it ends at %lld: the topic was deleted and "
                         "made anew; start the group from the beginning with "
                         "--reset, or go on with --on-lost-offsets earliest",
                         group->name, topic, (int)task->partition, (long long)input->next_offset, (long long)end);
    if (task->work->lost_offsets == LOST_OFFSETS_FAIL)
        return lost_refuse(task, input, *from, start, error);
    *from = task->work->lost_offsets == LOST_OFFSETS_LATEST ? end : start;
    incomplete_lose(&input->incomplete, input->next_offset > end || input->next_offset < *from,
                    task_windows_time(task, input->topic));
    task->dirty = true; /* that results lack records is not forgotten */
    if (input->next_offset > end || input->next_offset < *from)
        input->next_offset = *from;
    if (input->load_until > end) /* of a topic that is no more */
        input->load_until = end;
    log_write(
        task->work->log, LOG_WARNING,
        "%s/%d: records that group %s needs are lost; going on from offset %lld, results that need them will lack them",
        topic, (int)task->partition, group->name, (long long)*from);
    return 0;
}
