/* Runs: as many records of one topic as may go through the stages together, in the order that query_task.h
 * describes. */
#include "core/memory.h"
#include "stream/runtime/task.h"

/* --- what comes next
 * ------------------------------------------------------------------------------------------------------------------ */

static bool input_recovers(const struct query_input *input) {
    return input->work_offset < input->next_offset;
}

static bool input_loads(const struct query_input *input) {
    return input->work_offset < input->load_until;
}

bool query_task_recovering(const struct query_task *task) {
    for (size_t i = 0; i < task->work->group->topic_count; i++)
        if (input_recovers(&task->inputs[i]))
            return true;
    return false;
}

static int64_t input_time(const struct query_input *input) {
    return input->first->times[input->first->done];
}

/* Does a record of `left` go before one of `right` when its time is `left_time`? Of equal times tables go first. */
static bool task_goes_before(const struct query_task *task, const struct query_input *left, int64_t left_time,
                             const struct query_input *right) {
    const struct query_topic *topics = task->work->group->topics;
    int64_t right_time = input_time(right);
    if (left_time != right_time)
        return left_time < right_time;
    if (topics[left->topic].table != topics[right->topic].table)
        return topics[left->topic].table;
    return left->topic < right->topic;
}

/* The input whose record is next; NULL: it is not known yet. */
static struct query_input *task_next(struct query_task *task) {
    size_t count = task->work->group->topic_count;
    bool recovering = query_task_recovering(task), waiting = false;
    struct query_input *next = NULL;
    for (size_t i = 0; i < count; i++) {
        struct query_input *input = &task->inputs[i];
        if (recovering ? input_recovers(input) : input_loads(input)) {
            if (query_input_ready(input))
                return input;
            waiting = true;
        }
    }
    if (recovering || waiting)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct query_input *input = &task->inputs[i];
        if (input->first ? !query_input_ready(input) : !input->at_end && count > 1)
            return NULL;
        if (input->first && (!next || task_goes_before(task, input, input_time(input), next)))
            next = input;
    }
    return next;
}

/* How many records of the input's first batch go through together. */
static size_t task_run_length(const struct query_task *task, const struct query_input *input, bool recovering) {
    const struct query_batch *batch = input->first;
    int64_t offset = query_batch_offset(batch), until = recovering           ? input->next_offset
                                                        : input_loads(input) ? input->load_until
                                                                             : INT64_MAX;
    size_t most = batch->records.count - batch->done, length = 0;
    if (until - offset < (int64_t)most)
        most = until > offset ? (size_t)(until - offset) : 0;
    if (recovering || input_loads(input))
        return most;
    for (; length < most; length++)
        for (size_t i = 0; i < task->work->group->topic_count; i++) {
            const struct query_input *other = &task->inputs[i];
            if (other != input && other->first &&
                !task_goes_before(task, input, batch->times[batch->done + length], other))
                return length;
        }
    return length;
}

/* --- pushing
 * ------------------------------------------------------------------------------------------------------------------ */

struct run {
    struct query_task *task;
    struct query_input *input;
    const struct query_batch *batch;
    size_t from, to; /* records of the batch */
    bool recovering;
};

/* The index in the selection of the first row at or after `row`. */
static size_t selection_find(const struct selection *selection, size_t row) {
    size_t low = 0, high = selection->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (selection->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int run_late(struct operator_context *context, uint32_t origin, const struct window_definition *window,
                    int64_t stream_time, struct error *error) {
    struct query_work *work = context->late_context;
    return late_records_add(&work->late, origin, window, stream_time, error);
}

/* The stream times by which rows are decided in a stage that follows others, and that they carry on (stream_time.h):
 * what they came with, or, of a topic that is joined with what came, the largest time up to each. */
static bool run_stamp(const struct run *run, size_t member, size_t source, struct rows *rows) {
    struct query_member_task *task = &run->task->members[member];
    const struct query_member *plan = &run->task->work->group->members[member];
    const struct source_plan *from = plan->plan->sources[source]->source;
    if (plan->follows && from->internal)
        task->stamps = rows->stream_times;
    if (!plan->follows || from->internal || from->table || run->recovering)
        return true;
    if (!task->stamps && !(task->stamps = arena_allocate(&run->task->work->arena, rows->count * sizeof *task->stamps)))
        return false;
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        task->stream_time = rows->times[row] > task->stream_time ? rows->times[row] : task->stream_time;
        task->stamps[row] = task->stream_time;
    }
    rows->stream_times = task->stamps;
    return true;
}

static int run_push_rows(const struct run *run, size_t member, size_t source, size_t from, size_t to,
                         struct error *error) {
    struct query_work *work = run->task->work;
    struct query_member_task *task = &run->task->members[member];
    const struct query_member *plan = &work->group->members[member];
    const struct source_rows *decoded = &run->batch->rows[plan->readers[source]];
    size_t first = selection_find(&decoded->rows->selected, from),
           behind = selection_find(&decoded->rows->selected, to);
    struct rows *rows = first < behind ? rows_share(&work->arena, decoded->rows) : NULL;
    struct query_report report = {work, member, run->task->partition, run->batch->records.base_offset + (int64_t)from};
    struct row_errors errors;
    struct query_counters ignored = {0};
    if (first == behind)
        return 0;
    if (!rows)
        return error_no_memory(error);
    rows->selected.rows += first;
    rows->selected.count = behind - first;
    if (!run_stamp(run, member, source, rows))
        return error_no_memory(error);
    struct operator_context context = {
        .evaluation = query_work_evaluation(work, &work->arena, run->recovering ? NULL : &report, &errors),
        .restoring = run->recovering,
        .offset = run->batch->records.base_offset,
        .counters = run->recovering ? &ignored : &task->counters,
        .late = run->recovering ? NULL : run_late,
        .late_context = work,
        .dictionaries = &run->task->dictionaries};
    context.evaluation.records = work->of_the_moment ? NULL : &run->batch->records;
    int status = stage_push(task->stage, source, rows, &context, error);
    work->scratch = context.evaluation.scratch;
    work->culprit = status ? member : work->culprit;
    if (!run->recovering)
        task->counters.errors += errors.count;
    return status ? error_wrap(error, "query %s", plan->query->id) : 0;
}

/* Records that only rebuild: those that the stage's windows need, and all of a kept table. */
static int run_recover_source(const struct run *run, size_t member, size_t source, struct error *error) {
    const struct query_member_task *task = &run->task->members[member];
    int64_t base = run->batch->records.base_offset, needed = source == 0 ? task->replay_from : INT64_MAX;
    size_t from = run->from;
    if (!run->task->work->group->members[member].kept[source] && needed > base + (int64_t)from)
        from = needed < base + (int64_t)run->to ? (size_t)(needed - base) : run->to;
    return run_push_rows(run, member, source, from, run->to, error);
}

static int run_push_source(const struct run *run, size_t member, size_t source, size_t from, size_t to,
                           struct error *error) {
    if (run->task->work->group->members[member].topics[source] != run->input->topic)
        return 0;
    return run->recovering ? run_recover_source(run, member, source, error)
                           : run_push_rows(run, member, source, from, to, error);
}

/* A topic that is joined to itself goes in record by record, first to the left side. */
static int run_push_member(const struct run *run, size_t member, struct error *error) {
    const struct query_member *plan = &run->task->work->group->members[member];
    size_t step = plan->self_joined && !run->recovering ? 1 : run->to - run->from;
    int status = 0;
    for (size_t from = run->from; from < run->to && !status; from += step)
        for (size_t source = 0; source < plan->plan->source_count && !status; source++)
            status = run_push_source(run, member, source, from, from + step, error);
    return status;
}

/* --- repeats
 * ------------------------------------------------------------------------------------------------------------------ */

/* Rows of repeats leave the selection. */
static void run_drop_rows(const struct run *run, struct source_rows *decoded) {
    struct selection *selected = &decoded->rows->selected;
    size_t kept = selection_find(selected, run->from);
    for (size_t i = kept; i < selected->count; i++) {
        uint32_t row = selected->rows[i];
        selected->rows[kept] = row;
        kept += decoded->status[row] != SOURCE_REPEAT;
    }
    selected->count = kept;
}

/* Looks which of the records have come before: they count as duplicates, and nothing else becomes of them. */
static int run_drop_repeats(const struct run *run, struct error *error) {
    const struct query_group *group = run->task->work->group;
    bool any = false;
    if (!query_input_has_repeats(run->input, group))
        return 0;
    for (size_t record = run->from; record < run->to; record++) {
        int64_t offset = run->batch->records.base_offset + (int64_t)record;
        bool known;
        if (!repeats_look(&run->input->repeats, &run->batch->records.records[record], offset, &known))
            return error_no_memory(error);
        for (size_t i = 0; known && i < group->reading_count; i++)
            if (group->readings[i].topic == run->input->topic)
                run->batch->rows[i].status[record] = SOURCE_REPEAT;
        any |= known;
    }
    for (size_t i = 0; any && i < group->reading_count; i++)
        if (group->readings[i].topic == run->input->topic)
            run_drop_rows(run, &run->batch->rows[i]);
    return 0;
}

/* Records that no source, or not every source, could read, and repeats. */
static int run_account_record(const struct run *run, size_t record, struct error *error) {
    struct query_work *work = run->task->work;
    const struct query_group *group = work->group;
    const char *bad = NULL;
    for (size_t m = 0; m < group->member_count; m++)
        for (size_t s = 0; s < group->members[m].plan->source_count; s++) {
            const struct query_member *plan = &group->members[m];
            const struct source_rows *rows = &run->batch->rows[plan->readers[s]];
            if (plan->topics[s] != run->input->topic || atomic_load(&plan->removed) ||
                rows->status[record] == SOURCE_GOOD || rows->status[record] == SOURCE_MARK)
                continue;
            if (rows->status[record] == SOURCE_REPEAT) {
                run->task->members[m].counters.duplicates++;
                continue;
            }
            const char *reason = rows->reasons[record] ? rows->reasons[record] : "the record cannot be read";
            run->task->members[m].counters.rejected++;
            bad = bad ? bad : reason;
        }
    return bad ? query_output_reject(work->output, run->input->topic, &run->batch->records, record, bad, error) : 0;
}

/* Notes the marks of a repartition topic; returns how many there are. */
static size_t run_note_marks(const struct run *run) {
    struct stream_mark mark;
    size_t count = 0;
    if (!run->task->work->group->topics[run->input->topic].internal)
        return 0;
    for (size_t record = run->from; record < run->to; record++)
        if (stream_mark_read(&run->batch->records.records[record], &mark)) {
            origins_note(&run->input->origins, &mark);
            count++;
        }
    return count;
}

static int run_account(const struct run *run, size_t marks, struct error *error) {
    const struct query_group *group = run->task->work->group;
    int status = 0;
    for (size_t m = 0; m < group->member_count; m++)
        for (size_t s = 0; s < group->members[m].plan->source_count; s++)
            if (group->members[m].topics[s] == run->input->topic && !atomic_load(&group->members[m].removed))
                run->task->members[m].counters.read += run->to - run->from - marks;
    for (size_t record = run->from; record < run->to && !status; record++) {
        bool good = true;
        for (size_t i = 0; i < group->reading_count && good; i++)
            good = group->readings[i].topic != run->input->topic || run->batch->rows[i].status[record] == SOURCE_GOOD;
        if (!good)
            status = run_account_record(run, record, error);
    }
    return status;
}

/* The first record after a gap says how far the windows reach that may lack records. */
static void run_pass_gap(const struct run *run) {
    const struct query_group *group = run->task->work->group;
    int64_t grace = 0;
    for (size_t m = 0; m < group->member_count; m++)
        for (const struct node_plan *node = group->members[m].plan->sink; node; node = node->inputs[0])
            if (group->members[m].topics[0] == run->input->topic && node->kind == NODE_AGGREGATE &&
                node->aggregate.window.grace > grace)
                grace = node->aggregate.window.grace;
    incomplete_pass(&run->input->incomplete, run->batch->times[run->from], grace);
}

static int task_run(struct query_task *task, struct query_input *input, bool recovering, struct error *error) {
    struct query_work *work = task->work;
    const struct query_group *group = work->group;
    size_t length = task_run_length(task, input, recovering);
    struct run run = {task, input, input->first, input->first->done, input->first->done + length, recovering};
    size_t marks = run_note_marks(&run);
    int status = 0;
    if (!recovering && input->incomplete.unread && length)
        run_pass_gap(&run);
    status = run_drop_repeats(&run, error);
    for (size_t m = 0; m < group->member_count && !status; m++)
        if (!atomic_load(&group->members[m].removed))
            status = run_push_member(&run, m, error);
    if (!status && !recovering)
        status = run_account(&run, marks, error);
    if (!status && !recovering)
        status = late_records_flush(&work->late, work->output, input->topic, &run.batch->records, error);
    if (!status)
        status = query_output_flush(work->output, &work->culprit, error);
    if (!status)
        status = query_input_done(input, work, length, error);
    task->recovered += recovering ? (int64_t)length : 0;
    task->dirty |= !recovering;
    work->late.count = 0;
    for (size_t m = 0; m < group->member_count; m++)
        task->members[m].stamps = NULL;
    arena_reset(&work->arena);
    return status ? status : query_task_follow(task, false, error);
}

static void task_note_times(struct query_task *task) {
    const struct query_group *group = task->work->group;
    for (size_t m = 0; m < group->member_count; m++)
        for (size_t i = 0; i < group->members[m].operator_count; i++) {
            const struct stream_operator *op = stage_operator(task->members[m].stage, i);
            int64_t time = op->driver->stream_time ? op->driver->stream_time(op) : INT64_MIN;
            task->members[m].idle_time = time > task->members[m].idle_time ? time : task->members[m].idle_time;
        }
    for (size_t m = 0; m < group->member_count; m++)
        if (task->members[m].stream_time > task->members[m].idle_time)
            task->members[m].idle_time = task->members[m].stream_time;
}

int query_task_work(struct query_task *task, struct error *error) {
    struct query_input *input;
    bool worked = false;
    int status = 0;
    while (!status && (input = task_next(task))) {
        status = task_run(task, input, query_task_recovering(task), error);
        worked = true;
    }
    if (worked && !status)
        task_note_times(task);
    return status;
}

int query_task_take(struct query_task *task, const struct bus_batch *records, struct error *error) {
    const struct query_group *group = task->work->group;
    for (size_t i = 0; i < group->topic_count; i++)
        if (strcmp(group->topics[i].name, records->topic) == 0) {
            int64_t next = task->inputs[i].next_offset;
            int status = query_input_take(&task->inputs[i], task->work, records, error);
            task->dirty |= task->inputs[i].next_offset > next;
            return status;
        }
    return 0;
}

int query_task_decode(struct query_task *task, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < task->work->group->topic_count && !status; i++)
        if (task->inputs[i].undecoded)
            status = query_input_decode(&task->inputs[i], task->work, error);
    return status;
}

bool query_task_is_undecoded(const struct query_task *task) {
    for (size_t i = 0; i < task->work->group->topic_count; i++)
        if (task->inputs[i].undecoded)
            return true;
    return false;
}

bool query_task_waits(const struct query_task *task) {
    for (size_t i = 0; i < task->work->group->topic_count; i++)
        if (task->inputs[i].first)
            return true;
    return false;
}

int query_task_idle(struct query_task *task, bool anyway, struct error *error) {
    const struct query_group *group = task->work->group;
    bool known = false;
    for (size_t i = 0; i < group->topic_count; i++) {
        struct query_input *input = &task->inputs[i];
        if (input->first || input->at_end)
            continue;
        int64_t end = INT64_MAX;
        int status = anyway ? 0 : query_input_end(input, task->work, &end, error);
        if (status)
            return error->retriable ? 0 : status;
        input->at_end = anyway || input->read_offset >= end;
        known |= input->at_end;
    }
    return known ? query_task_work(task, error) : 0;
}

bool query_task_is_done(const struct query_task *task) {
    if (query_task_recovering(task))
        return false;
    for (size_t i = 0; i < task->work->group->topic_count; i++)
        if (task->inputs[i].work_offset < task->inputs[i].until)
            return false;
    return true;
}

/* --- time
 * ------------------------------------------------------------------------------------------------------------------ */

int query_task_advance(struct query_task *task, size_t member, int64_t time, struct error *error) {
    struct query_work *work = task->work;
    struct query_member_task *at = &task->members[member];
    struct query_report report = {work, member, task->partition, task->inputs[0].next_offset};
    struct row_errors errors;
    if (time != INT64_MAX && time > at->stream_time && !work->group->members[member].follows)
        at->stream_time = time;
    struct operator_context context = {.evaluation = query_work_evaluation(work, &work->arena, &report, &errors),
                                       .counters = &at->counters,
                                       .offset = task->inputs[work->group->members[member].topics[0]].next_offset};
    int status = stage_advance(at->stage, time, &context, error);
    work->scratch = context.evaluation.scratch;
    work->culprit = status ? member : work->culprit;
    at->counters.errors += errors.count;
    task->dirty = true;
    return status ? error_wrap(error, "query %s", work->group->members[member].query->id) : 0;
}

int query_task_finalise(struct query_task *task, size_t level, struct error *error) {
    const struct query_group *group = task->work->group;
    int status = 0;
    for (size_t m = 0; m < group->member_count && !status; m++)
        if (group->members[m].level == level && !atomic_load(&group->members[m].removed))
            status = query_task_advance(task, m, INT64_MAX, error);
    if (!status)
        status = query_output_flush(task->work->output, &task->work->culprit, error);
    arena_reset(&task->work->arena);
    return status;
}

int query_task_idle_close(struct query_task *task, size_t level, int64_t silent, struct error *error) {
    const struct query_group *group = task->work->group;
    int status = 0;
    for (size_t m = 0; m < group->member_count && !status; m++)
        if (group->members[m].level == level && !atomic_load(&group->members[m].removed) &&
            !group->members[m].follows && task->members[m].idle_time != INT64_MIN)
            status = query_task_advance(task, m, task->members[m].idle_time + silent, error);
    if (!status)
        status = query_output_flush(task->work->output, &task->work->culprit, error);
    arena_reset(&task->work->arena);
    return status;
}
