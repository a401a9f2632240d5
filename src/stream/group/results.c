/* A topic counts when a query of the plans made it and records lie there. To empty it takes its records away; a
 * compacted one on Kafka is deleted, and made anew by the start. */
#include "stream/group/results.h"

#include <inttypes.h>

#include "core/memory.h"
#include "stream/group/grouping.h"

static const struct sink_plan *query_sink(const struct query_plan *query) {
    return &query->stages[query->stage_count - 1].sink->sink;
}

/* --- topics of results
 * ------------------------------------------------------------------------------------------------------------------ */

static int result_count(struct bus *bus, const char *topic, int64_t *ret_records, struct error *error) {
    struct bus_topic_info info;
    int64_t records = 0;
    int status = bus_topic_describe(bus, topic, &info, error);
    *ret_records = 0;
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status;
    for (int32_t p = 0; p < info.settings.partitions; p++)
        records += info.partitions[p].end_offset - info.partitions[p].start_offset;
    bus_topic_info_release(&info);
    *ret_records = records;
    return 0;
}

int query_results_list(struct bus *bus, const struct query_plan *const *plans, size_t count, struct bytes *to,
                       struct error *error) {
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        int64_t records = 0;
        const char *topic = query_sink(plans[i])->topic;
        if (plans[i]->makes_topic)
            status = result_count(bus, topic, &records, error);
        if (!status && records)
            bytes_append_format(to, "%s%s (%" PRId64 " record%s)", to->length ? ", " : "", topic, records,
                                records == 1 ? "" : "s");
    }
    return !status && to->failed ? error_no_memory(error) : status;
}

/* A log that cannot take records out of a compacted topic (Kafka) takes the topic; it is made anew with the query. */
static int result_empty(struct bus *bus, const char *topic, struct error *error) {
    struct bus_topic_info info;
    int status = bus_topic_describe(bus, topic, &info, error);
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status;
    for (int32_t p = 0; p < info.settings.partitions && !status; p++)
        if (info.partitions[p].end_offset > info.partitions[p].start_offset)
            status = bus_trim(bus, topic, p, info.partitions[p].end_offset, error);
    if (status && !error->retriable)
        status = bus_topic_delete(bus, topic, error);
    bus_topic_info_release(&info);
    return status;
}

int query_results_empty(struct bus *bus, const struct query_plan *const *plans, size_t count, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < count && !status; i++)
        if (plans[i]->makes_topic)
            status = result_empty(bus, query_sink(plans[i])->topic, error);
    return status;
}

/* --- other groups
 * ------------------------------------------------------------------------------------------------------------------ */

/* Who works on a query: bit 0 the group, bit 1 another one. */
enum { WORKED_ON_HERE = 1, WORKED_ON_ELSEWHERE = 2 };

struct work_found {
    const struct query_plan *const *plans;
    size_t count;
    uint8_t *found; /* by plan */
    const char **others;
};

static void work_note(struct work_found *work, const struct query_position *position, const char *group, bool here) {
    for (size_t s = 0; s < position->stage_count; s++)
        for (size_t i = 0; i < work->count; i++) {
            if (position->stages[s].query != query_position_hash(work->plans[i]->id) ||
                position->stages[s].definition != work->plans[i]->definition)
                continue;
            work->found[i] |= here ? WORKED_ON_HERE : WORKED_ON_ELSEWHERE;
            work->others[i] = here ? work->others[i] : group;
        }
}

/* Positions that are not of queries, or cannot be read, say nothing. */
static int work_find(struct bus *bus, const char *name, const struct bus_group_list *list, struct work_found *work,
                     struct arena *arena, struct error *error) {
    struct bus_committed *committed = arena_allocate(arena, sizeof *committed);
    struct query_position position;
    struct error unreadable;
    int status = committed ? 0 : error_no_memory(error);
    for (size_t i = 0; i < list->count && !status; i++) {
        const struct bus_group_position *at = &list->positions[i];
        if (!strstr(at->group, ".sql."))
            continue;
        status = bus_committed(bus, at->group, at->topic, at->partition, committed, error);
        if (!status && committed->exists &&
            query_position_read(committed->metadata, arena, &position, &unreadable) == 0)
            work_note(work, &position, at->group, query_group_belongs(at->group, name));
    }
    return status;
}

static int work_refuse(const struct work_found *work, const char *name, struct error *error) {
    for (size_t i = 0; i < work->count; i++)
        if (work->found[i] == WORKED_ON_ELSEWHERE) {
            int length = (int)(strstr(work->others[i], ".sql.") - work->others[i]);
            return error_set(error, ERROR_EXISTS,
                             "query %s is worked on by group %.*s: group %s would write its results into topic %s a "
                             "second time; go on with --group %.*s, or, if it is to write them all the same, add --yes",
                             work->plans[i]->id, length, work->others[i], name, query_sink(work->plans[i])->topic,
                             length, work->others[i]);
        }
    return 0;
}

int query_results_check(struct bus *bus, const char *name, const struct query_plan *const *plans, size_t count,
                        struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct work_found work = {plans, count, arena_allocate(&arena, count + 1),
                              arena_allocate(&arena, (count + 1) * sizeof(const char *))};
    struct bus_group_list list;
    if (!work.found || !work.others)
        return error_no_memory(error);
    memset(work.found, 0, count + 1);
    int status = query_group_check_name(name, error);
    if (!status)
        status = bus_groups(bus, &list, error);
    if (status)
        return status;
    status = work_find(bus, name, &list, &work, &arena, error);
    if (!status)
        status = work_refuse(&work, name, error);
    bus_group_list_release(&list);
    return status;
}
