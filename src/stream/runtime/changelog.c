/* Changelogs: topics of what operators keep, compacted. A position says from which offset on a stage's changelog
 * counts, as what is before belongs to an earlier life of the query; a new stage begins at its end. All of a task's
 * changelogs are read by one consumer until where they end now. */
#include "core/memory.h"
#include "stream/runtime/task.h"

enum { POLL_TIMEOUT = 100 };

struct changelog_place {
    int64_t next, end;
};

static int changelog_apply(struct query_member_task *member, const struct query_member *plan,
                           const struct bus_record *record, struct error *error) {
    struct slice key = record->key;
    size_t number;
    if (!query_changelog_key_read(&key, &number) || number >= plan->operator_count ||
        !stage_operator(member->stage, number)->driver->load)
        return error_set(error, ERROR_CORRUPT, "its key names no operator of query %s", plan->query->id);
    struct stream_operator *op = stage_operator(member->stage, number);
    return op->driver->load(op, key, record->value, error);
}

static int changelog_apply_batch(struct query_task *task, struct changelog_place *places, const struct bus_batch *batch,
                                 struct error *error) {
    const struct query_group *group = task->work->group;
    size_t at = 0;
    while (at < group->member_count &&
           (!group->members[at].changelog_topic || strcmp(group->members[at].changelog_topic, batch->topic) != 0))
        at++;
    if (at == group->member_count)
        return 0;
    int status = 0;
    for (size_t i = 0; i < batch->count && !status && batch->base_offset + (int64_t)i < places[at].end; i++) {
        status = changelog_apply(&task->members[at], &group->members[at], &batch->records[i], error);
        if (status)
            return error_wrap(error, "%s/%d, offset %lld", batch->topic, (int)batch->partition,
                              (long long)(batch->base_offset + (int64_t)i));
    }
    places[at].next = batch->base_offset + (int64_t)batch->count;
    task->recovered += (int64_t)batch->count;
    return 0;
}

static bool changelog_is_read(const struct query_group *group, const struct changelog_place *places) {
    for (size_t i = 0; i < group->member_count; i++)
        if (places[i].next < places[i].end)
            return false;
    return true;
}

static int changelog_seek(struct query_task *task, struct bus_consumer *consumer, size_t at, bool known,
                          struct changelog_place *place, struct error *error) {
    struct query_member_task *member = &task->members[at];
    const char *topic = task->work->group->members[at].changelog_topic;
    int64_t start, end;
    int status = bus_offsets(consumer, topic, task->partition, &start, &end, error);
    if (status)
        return status;
    if (!known) {
        member->changelog_from = end;
        return 0;
    }
    if (member->changelog_from > end)
        return error_set(error, ERROR_NOT_FOUND,
                         "topic %s, which holds what query %s keeps, was deleted and made anew: start the group from "
                         "the beginning with --reset",
                         topic, task->work->group->members[at].query->id);
    *place = (struct changelog_place){member->changelog_from > start ? member->changelog_from : start, end};
    return place->next < end ? bus_consumer_seek(consumer, topic, task->partition, place->next, error) : 0;
}

static int changelog_read(struct query_task *task, struct bus_consumer *consumer, struct changelog_place *places,
                          struct error *error) {
    int status = 0;
    while (!status && !changelog_is_read(task->work->group, places)) {
        struct bus_batch batch;
        if (atomic_load(task->work->stop)) {
            error_set(error, ERROR_INTERRUPTED, "stopped while the state of group %s was read",
                      task->work->group->name);
            error->retriable = true;
            return ERROR_INTERRUPTED;
        }
        int got = bus_consumer_poll(consumer, POLL_TIMEOUT, &batch, error);
        status = got < 0 ? got : got ? changelog_apply_batch(task, places, &batch, error) : 0;
    }
    return status;
}

int query_changelog_load(struct query_task *task, const bool *known, struct error *error) {
    const struct query_group *group = task->work->group;
    bool any = false;
    for (size_t i = 0; i < group->member_count; i++)
        any |= group->members[i].changelog_topic && !atomic_load(&group->members[i].removed);
    if (!any)
        return 0;
    struct bus_consumer *consumer = NULL;
    struct changelog_place *places = memory_zero(group->member_count, sizeof *places);
    int status = places ? bus_consumer_open(task->work->bus, NULL, &consumer, error) : error_no_memory(error);
    for (size_t i = 0; i < group->member_count && !status; i++)
        if (group->members[i].changelog_topic && !atomic_load(&group->members[i].removed))
            status = changelog_seek(task, consumer, i, known[i], &places[i], error);
    if (!status)
        status = changelog_read(task, consumer, places, error);
    bus_consumer_close(consumer);
    free(places);
    return status;
}
