/* Members whose stream time is what stages before them have told (stream_time.h): they follow the slowest of those
 * that feed them. And the other side: marks that members write for those after them. */
#include "core/memory.h"
#include "stream/runtime/task.h"

#define ASK_INTERVAL_NS INT64_C(1000000000)

/* --- who feeds
 * ------------------------------------------------------------------------------------------------------------------ */

/* Up to where the task of an origin has to read before it is known that it has nothing to bring: the end of what it
 * reads, asked after everything at hand has been worked on, so that what was written before that counts. */
static int origin_ask(struct query_task *task, const struct query_topic *topic, int32_t partition,
                      struct origin *origin, struct error *error) {
    int64_t start, end;
    for (size_t i = 0; i < topic->feeder_count; i++) {
        int status = bus_offsets(task->work->consumer, topic->feeders[i], partition, &start, &end, error);
        if (status)
            return status;
        if (i == 0)
            origin->wanted = end;
        else if (end > 0) /* how far it has read there is not told */
            origin->wanted = INT64_MAX;
    }
    return 0;
}

static int input_ask(struct query_task *task, struct query_input *input, struct error *error) {
    int status = 0;
    for (int32_t i = 0; i < input->origins.count && !status; i++)
        if (input->origins.each[i].passed == INT64_MIN)
            status = origin_ask(task, &task->work->group->topics[input->topic], i, &input->origins.each[i], error);
    return status;
}

/* Have all that were asked, and have brought nothing, read what there was? */
static bool input_is_answered(const struct query_input *input) {
    for (int32_t i = 0; i < input->origins.count; i++) {
        const struct origin *origin = &input->origins.each[i];
        if (origin->passed == INT64_MIN && origin->offset < origin->wanted)
            return false;
    }
    return true;
}

/* The stream time that all that feeds a member has passed, but for origins that have brought nothing; INT64_MIN:
 * nothing yet. */
static int64_t member_passed(const struct query_task *task, size_t at, bool *ret_silent) {
    const struct query_member *member = &task->work->group->members[at];
    int64_t passed = INT64_MAX;
    *ret_silent = false;
    for (size_t s = 0; s < member->plan->source_count; s++) {
        const struct source_plan *source = member->plan->sources[s]->source;
        bool silent = false;
        if (source->table)
            continue;
        int64_t time = source->internal ? origins_passed(&task->inputs[member->topics[s]].origins, &silent)
                                        : task->members[at].stream_time;
        *ret_silent |= silent;
        if ((source->internal || time != INT64_MIN) && time < passed)
            passed = time;
    }
    return passed == INT64_MAX ? INT64_MIN : passed;
}

/* Origins that have brought nothing hold back what they may still bring. What has been passed when they were asked
 * is safe when they have read what there was then. */
static int member_ask(struct query_task *task, size_t at, int64_t passed, struct error *error) {
    const struct query_member *member = &task->work->group->members[at];
    int status = 0;
    for (size_t s = 0; s < member->plan->source_count && !status; s++)
        if (member->plan->sources[s]->source->internal)
            status = input_ask(task, &task->inputs[member->topics[s]], error);
    if (!status)
        task->members[at].asked = passed;
    return status && error->retriable ? 0 : status;
}

static bool member_is_answered(const struct query_task *task, size_t at) {
    const struct query_member *member = &task->work->group->members[at];
    bool answered = true;
    for (size_t s = 0; s < member->plan->source_count && answered; s++)
        if (member->plan->sources[s]->source->internal)
            answered = input_is_answered(&task->inputs[member->topics[s]]);
    return answered;
}

static int task_follow_member(struct query_task *task, size_t at, bool at_once, struct error *error) {
    struct query_member_task *member = &task->members[at];
    bool silent;
    int64_t passed = member_passed(task, at, &silent), now;
    if (passed <= member->followed)
        return 0;
    if (silent) {
        bool asked = member->asked > member->followed;
        now = asked && !at_once ? 0 : clock_monotonic_ns(task->work->clock);
        if (!asked && !at_once && now < member->ask_next_ns)
            return 0;
        int status = asked && !at_once ? 0 : member_ask(task, at, passed, error);
        member->ask_next_ns = now ? now + ASK_INTERVAL_NS : member->ask_next_ns;
        passed = member->asked < passed ? member->asked : passed;
        if (status || passed <= member->followed || !member_is_answered(task, at))
            return status;
    }
    member->asked = INT64_MIN;
    member->followed = passed;
    return query_task_advance(task, at, passed, error);
}

int query_task_follow(struct query_task *task, bool at_once, struct error *error) {
    const struct query_group *group = task->work->group;
    int status = 0;
    if (query_task_recovering(task))
        return 0;
    for (size_t m = 0; m < group->member_count && !status; m++)
        if (group->members[m].follows && !atomic_load(&group->members[m].removed))
            status = task_follow_member(task, m, at_once, error);
    if (!status)
        status = query_output_flush(task->work->output, &task->work->culprit, error);
    arena_reset(&task->work->arena);
    return status;
}

/* --- marks
 * ------------------------------------------------------------------------------------------------------------------ */

int64_t query_member_time(const struct query_task *task, size_t at) {
    const struct query_member_task *member = &task->members[at];
    return task->work->group->members[at].follows ? member->followed : member->stream_time;
}

static int64_t member_read_offset(const struct query_task *task, size_t at) {
    return task->inputs[task->work->group->members[at].topics[0]].next_offset;
}

static int task_mark_member(struct query_task *task, size_t at, struct error *error) {
    const struct query_member_task *member = &task->members[at];
    struct stream_mark mark = {task->partition, query_member_time(task, at), member_read_offset(task, at)};
    bool news = mark.time == INT64_MIN ? mark.offset > member->marked_offset : mark.time > member->marked;
    return news ? query_output_mark(task->work->output, at, &mark, error) : 0;
}

int query_task_mark(struct query_task *task, struct error *error) {
    const struct query_group *group = task->work->group;
    int status = 0;
    for (size_t m = 0; m < group->member_count && !status; m++)
        if (group->members[m].marks && !atomic_load(&group->members[m].removed))
            status = task_mark_member(task, m, error);
    return status;
}

void query_task_marked(struct query_task *task) {
    for (size_t m = 0; m < task->work->group->member_count; m++) {
        task->members[m].marked = query_member_time(task, m);
        task->members[m].marked_offset = member_read_offset(task, m);
    }
}
