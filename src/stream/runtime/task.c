/* Opening (positions, changelogs, where to read from) and committing (state, positions); the way of records through a
 * task is in run.c. */
#include "stream/runtime/task.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/group/apart.h"

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

/* Does the result lack records that a topic of the member has lost? */
static bool member_lacks(const struct query_member_task *at, const int64_t *window_start) {
    const struct query_member *member = &at->task->work->group->members[at->number];
    for (size_t s = 0; s < member->plan->source_count; s++)
        if (incomplete_is(&at->task->inputs[member->topics[s]].incomplete, stage_keeps_rows(member->plan),
                          window_start))
            return true;
    return false;
}

static int task_emit(void *context, const struct sink_plan *sink, const struct bus_record *record,
                     const struct rows *rows, uint32_t row, struct error *error) {
    (void)sink;
    struct query_member_task *member = context;
    struct query_task *task = member->task;
    char text[STREAM_TIME_SIZE];
    struct bus_record stamped = *record;
    if (!task->work->group->members[member->number].marks) {
        bool lacks = member_lacks(member, rows->window_starts ? &rows->window_starts[row] : NULL);
        stamped.headers = lacks ? &incomplete_header : record->headers;
        stamped.header_count = lacks ? 1 : record->header_count;
        return query_output_emit(task->work->output, member->number, task->partition, &stamped, rows, row, error);
    }
    if (!task->work->group->members[member->number].follows && record->timestamp > member->stream_time)
        member->stream_time = record->timestamp;
    int64_t time = member->stamps ? member->stamps[rows->origins[row]] : query_member_time(task, member->number);
    struct bus_header header = stream_time_header(time, text);
    stamped.headers = &header;
    stamped.header_count = time != INT64_MIN;
    return query_output_emit(task->work->output, member->number, task->partition, &stamped, rows, row, error);
}

static int task_open_members(struct query_task *task, struct error *error) {
    const struct query_group *group = task->work->group;
    int status = 0;
    for (size_t i = 0; i < group->member_count && !status; i++) {
        struct query_member_task *member = &task->members[i];
        struct emitter emitter = {task_emit, member};
        *member = (struct query_member_task){
            .task = task, .number = i, .replay_from = INT64_MAX, .changelog_from = -1, .idle_time = INT64_MIN};
        member->stream_time = member->followed = member->asked = member->marked = INT64_MIN;
        status = stage_open(group->members[i].plan, bus_registry(task->work->bus), &emitter, &member->stage, error);
    }
    return status;
}

/* What a position says about a member. */
static int task_resume_member(struct query_task *task, size_t at, const struct query_position_stage *stage,
                              struct error *error) {
    const struct query_member *plan = &task->work->group->members[at];
    struct query_member_task *member = &task->members[at];
    if (stage->definition != plan->query->definition)
        return error_set(error, ERROR_INVALID,
                         "query %s has been changed since group %s worked on it: give it another name, start "
                         "everything in another group (--group NAME), or forget the "
                         "positions of all queries and start from the beginning with --reset",
                         plan->query->id, task->work->group->name);
    if ((stage->changelog_from >= 0) != (plan->changelog_topic != NULL))
        return error_set(error, ERROR_INVALID,
                         "query %s keeps its state in another way than when group %s worked on it: start from the "
                         "beginning with --reset",
                         plan->query->id, task->work->group->name);
    member->replay_from = stage->replay_from;
    member->changelog_from = stage->changelog_from;
    member->counters = member->before = stage->counters;
    member->stream_time = stage->stream_time;
    task->dirty |= plan->marks; /* those after it may not have heard */
    for (size_t i = 0, t = 0; i < plan->operator_count; i++) {
        struct stream_operator *op = stage_operator(member->stage, i);
        if (op->driver->stream_time && t < stage->time_count)
            op->driver->restore_time(op, stage->times[t++]);
    }
    return 0;
}

/* The members whose first topic this is. A position that does not know one of them belongs to another set of
 * queries. */
static int task_resume_input(struct query_task *task, struct query_input *input, const struct bus_committed *committed,
                             struct arena *arena, bool *known, struct error *error) {
    const struct query_group *group = task->work->group;
    const char *topic = group->topics[input->topic].name;
    struct query_position position;
    int status = query_position_read(committed->metadata, arena, &position, error);
    if (!status && position.partitions != group->partitions)
        return error_set(error, ERROR_INVALID,
                         "topic %s has %d partitions, it had %d when group %s worked on it: keys have moved to other "
                         "partitions, what is kept of them would be torn apart; "
                         "start another group (--group NAME), or this one from the beginning with --reset",
                         topic, (int)group->partitions, (int)position.partitions, group->name);
    for (size_t i = 0; i < group->member_count && !status; i++) {
        const struct query_member *member = &group->members[i];
        if (member->topics[0] != input->topic || atomic_load(&member->removed))
            continue;
        const struct query_position_stage *stage = query_position_find(&position, member->id, member->number);
        known[i] = stage != NULL;
        status = stage ? task_resume_member(task, i, stage, error)
                       : error_set(error, ERROR_INVALID,
                                   "the position of group %s on %s/%d knows nothing of query %s: start the group from "
                                   "the beginning with --reset",
                                   group->name, topic, (int)task->partition, member->query->id);
    }
    if (status)
        return status;
    snprintf(input->metadata, sizeof input->metadata, "%s", committed->metadata);
    input->next_offset = committed->next_offset;
    input->revision = committed->revision;
    input->load_until = position.load_until;
    input->incomplete = position.incomplete;
    input->repeats.first = position.first_identity;
    return !position.origins.length || origins_read(&input->origins, position.origins.data, position.origins.length)
               ? 0
               : error_set(
                     error, ERROR_CORRUPT,
                     "the position of group %s on %s/%d is of other partitions than feed the topic now: start the "
                     "group from the beginning with --reset",
                     group->name, topic, (int)task->partition);
}

static int task_find_position(struct query_task *task, struct query_input *input, struct arena *arena, bool *known,
                              struct error *error) {
    const struct query_group *group = task->work->group;
    const struct query_topic *topic = &group->topics[input->topic];
    struct bus_committed *committed = arena_allocate(arena, sizeof *committed);
    int64_t start, end;
    if (!committed)
        return error_no_memory(error);
    int status = bus_committed(task->work->bus, group->name, topic->name, task->partition, committed, error);
    if (!status)
        status = bus_offsets(task->work->consumer, topic->name, task->partition, &start, &end, error);
    if (status)
        return status;
    input->until = end;
    input->next_offset = start;
    if (committed->exists)
        return task_resume_input(task, input, committed, arena, known, error);
    input->load_until = topic->table && group->topic_count > 1 ? end : 0;
    task->dirty = true; /* that it has begun is worth a position */
    return 0;
}

/* Where recovery begins on a topic: kept tables are read from their oldest record, repeats are known as before. */
static int64_t task_replay_from(const struct query_task *task, const struct query_input *input, int64_t start) {
    const struct query_group *group = task->work->group;
    int64_t from = input->next_offset;
    for (size_t i = 0; i < group->member_count; i++) {
        const struct query_member *member = &group->members[i];
        if (atomic_load(&member->removed))
            continue;
        if (member->topics[0] == input->topic && task->members[i].replay_from < from)
            from = task->members[i].replay_from;
        for (size_t s = 0; s < member->plan->source_count; s++)
            if (member->topics[s] == input->topic && member->kept[s])
                from = start < from ? start : from;
    }
    return from;
}

/* What retention has deleted of deliveries is no loss: only what is there can be repeated in a result. */
static int64_t task_look_from(const struct query_input *input, int64_t from, int64_t start) {
    int64_t look = repeats_needed(input->repeats.first, from);
    return look > start ? look : start < from ? start : from;
}

static int task_seek(struct query_task *task, struct query_input *input, struct error *error) {
    const char *topic = task->work->group->topics[input->topic].name;
    int64_t start, end;
    int status = bus_offsets(task->work->consumer, topic, task->partition, &start, &end, error);
    if (status)
        return status;
    int64_t from = task_replay_from(task, input, start);
    if (from < start || input->next_offset > end)
        status = query_task_lost(task, input, &from, start, end, error);
    if (query_input_has_repeats(input, task->work->group))
        from = task_look_from(input, from, start);
    input->read_offset = input->work_offset = from;
    return status ? status : bus_consumer_seek(task->work->consumer, topic, task->partition, from, error);
}

/* Before a commit is made without members that have failed; when none is left no commit is made any more. */
static int task_set_apart(const struct query_task *task, struct error *error) {
    const struct query_group *group = task->work->group;
    int status = 0;
    if (query_group_is_empty(group))
        return 0;
    for (size_t m = 0; m < group->member_count && !status; m++)
        if (atomic_load(&group->members[m].failed))
            status = query_apart_set(task->work->bus, group->name, &group->members[m], task->partition, error);
    return status;
}

static int task_start(struct query_task *task, struct arena *arena, struct error *error) {
    const struct query_group *group = task->work->group;
    bool *known = arena_allocate(arena, group->member_count * sizeof *known);
    int status = known ? task_set_apart(task, error) : error_no_memory(error);
    if (!status)
        status = task_open_members(task, error);
    if (!status)
        memset(known, 0, group->member_count * sizeof *known);
    for (size_t i = 0; i < group->topic_count && !status; i++)
        status = task_find_position(task, &task->inputs[i], arena, known, error);
    if (!status)
        status = query_changelog_load(task, known, error);
    for (size_t i = 0; i < group->topic_count && !status; i++)
        status = task_seek(task, &task->inputs[i], error);
    for (size_t i = 0; i < group->member_count && !status; i++)
        task->members[i].idle_time = query_task_stream_time(task, i);
    return status;
}

int query_task_open(struct query_task *task, struct query_work *work, int32_t partition, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const struct query_group *group = work->group;
    *task =
        (struct query_task){.work = work, .partition = partition, .last_record_ns = clock_monotonic_ns(work->clock)};
    task->inputs = memory_zero(group->topic_count, sizeof *task->inputs);
    task->members = memory_zero(group->member_count, sizeof *task->members);
    bool room = true;
    for (size_t i = 0; task->inputs && i < group->topic_count; i++)
        query_input_open(&task->inputs[i], i, partition);
    for (size_t i = 0; task->inputs && i < group->topic_count && room; i++)
        room = origins_open(&task->inputs[i].origins, group->topics[i].origins);
    int status = task->inputs && task->members && room ? task_start(task, &arena, error) : error_no_memory(error);
    if (status)
        query_task_close(task);
    return status;
}

void query_task_close(struct query_task *task) {
    for (size_t i = 0; task->members && i < task->work->group->member_count; i++)
        stage_close(task->members[i].stage);
    key_dictionaries_release(&task->dictionaries);
    for (size_t i = 0; task->inputs && i < task->work->group->topic_count; i++) {
        query_input_release(&task->inputs[i], task->work);
        query_input_close(&task->inputs[i]);
        repeats_release(&task->inputs[i].repeats);
        origins_close(&task->inputs[i].origins);
    }
    free(task->members);
    free(task->inputs);
    task->members = NULL;
    task->inputs = NULL;
}

int query_task_reopen(struct query_task *task, bool *ret_reopened, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const struct query_group *group = task->work->group;
    struct bus_committed *committed = arena_allocate(&arena, sizeof *committed);
    int status = committed ? 0 : error_no_memory(error);
    bool same = true;
    for (size_t i = 0; i < group->topic_count && !status && same; i++) {
        struct query_input *input = &task->inputs[i];
        status = bus_committed(task->work->bus, group->name, group->topics[i].name, task->partition, committed, error);
        if (status)
            return status;
        input->revision = committed->revision; /* others may have committed the same */
        same = committed->exists && committed->next_offset == input->next_offset &&
               strcmp(committed->metadata, input->metadata) == 0;
    }
    for (size_t i = 0; i < group->topic_count && !status && same; i++) {
        struct query_input *input = &task->inputs[i];
        query_input_close(input); /* what waited is read again */
        input->read_offset = input->work_offset;
        input->paused = input->at_end = false;
        status =
            bus_consumer_seek(task->work->consumer, group->topics[i].name, task->partition, input->read_offset, error);
    }
    if (!status)
        *ret_reopened = same;
    return status;
}

/* --- commits
 * ------------------------------------------------------------------------------------------------------------------ */

struct task_saving {
    struct query_task *task;
    size_t member, op;
};

static int task_save_entry(void *context, struct slice key, struct slice value, struct error *error) {
    struct task_saving *saving = context;
    return query_output_save(saving->task->work->output, saving->member, saving->task->partition, saving->op, key,
                             value, error);
}

static int task_save(struct query_task *task, size_t at, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < task->work->group->members[at].operator_count && !status; i++) {
        struct stream_operator *op = stage_operator(task->members[at].stage, i);
        struct task_saving saving = {task, at, i};
        if (op->driver->save)
            status = op->driver->save(op, task_save_entry, &saving, error);
    }
    return status;
}

static struct query_position_stage task_position(const struct query_task *task, size_t at) {
    const struct query_member *plan = &task->work->group->members[at];
    const struct query_member_task *member = &task->members[at];
    struct query_position_stage stage = {.query = plan->id,
                                         .definition = plan->query->definition,
                                         .stage = plan->number,
                                         .replay_from = INT64_MAX,
                                         .changelog_from = member->changelog_from,
                                         .stream_time = plan->marks || plan->follows ? member->stream_time : INT64_MIN,
                                         .counters = member->counters};
    for (size_t i = 0; i < plan->operator_count; i++) {
        const struct stream_operator *op = stage_operator(member->stage, i);
        int64_t from = op->driver->replay_from ? op->driver->replay_from(op) : INT64_MAX;
        stage.replay_from = from < stage.replay_from ? from : stage.replay_from;
        if (op->driver->stream_time)
            stage.times[stage.time_count++] = op->driver->stream_time(op);
    }
    return stage;
}

static int task_write_position(struct query_task *task, struct query_input *input, struct arena *arena,
                               struct error *error) {
    const struct query_group *group = task->work->group;
    struct query_position position = {.partitions = group->partitions,
                                      .load_until = input->load_until,
                                      .first_identity = input->repeats.first,
                                      .incomplete = input->incomplete};
    position.stages = arena_allocate(arena, group->member_count * sizeof *position.stages);
    if (!position.stages)
        return error_no_memory(error);
    for (size_t i = 0; i < group->member_count; i++)
        if (group->members[i].topics[0] == input->topic && !atomic_load(&group->members[i].removed))
            position.stages[position.stage_count++] = task_position(task, i);
    cleanup(bytes_release) struct bytes origins = {0};
    if (input->origins.count)
        origins_write(&input->origins, &origins);
    if (origins.failed)
        return error_no_memory(error);
    position.origins = bytes_slice(&origins);
    return query_position_write(&position, input->metadata, sizeof input->metadata, error);
}

int query_task_prepare_commit(struct query_task *task, struct bus_position *ret_positions, struct error *error) {
    const struct query_group *group = task->work->group;
    int status = 0;
    for (size_t i = 0; i < group->member_count && !status; i++)
        if (!atomic_load(&group->members[i].removed))
            status = task_save(task, i, error);
    if (!status)
        status = query_task_mark(task, error);
    for (size_t i = 0; i < group->topic_count && !status; i++) {
        struct query_input *input = &task->inputs[i];
        status = task_write_position(task, input, &task->work->arena, error);
        ret_positions[i] = (struct bus_position){.group = group->name,
                                                 .topic = group->topics[i].name,
                                                 .partition = task->partition,
                                                 .next_offset = input->next_offset,
                                                 .metadata = input->metadata,
                                                 .expected = input->revision};
    }
    arena_reset(&task->work->arena);
    return status;
}

int64_t query_task_needed(const struct query_task *task, size_t topic) {
    const struct query_group *group = task->work->group;
    int64_t needed = task->inputs[topic].next_offset;
    for (size_t i = 0; i < group->member_count; i++) {
        if (group->members[i].topics[0] != topic || atomic_load(&group->members[i].removed))
            continue;
        int64_t from = task_position(task, i).replay_from;
        needed = from < needed ? from : needed;
    }
    return needed;
}

void query_task_committed(struct query_task *task) {
    const struct query_group *group = task->work->group;
    for (size_t i = 0; i < group->member_count; i++)
        for (size_t o = 0; o < group->members[i].operator_count; o++) {
            struct stream_operator *op = stage_operator(task->members[i].stage, o);
            if (op->driver->saved)
                op->driver->saved(op);
        }
    for (size_t i = 0; i < group->topic_count; i++)
        task->inputs[i].revision++;
    query_task_marked(task);
    task->dirty = false;
}
