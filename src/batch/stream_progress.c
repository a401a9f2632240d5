#include "batch/stream_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "stream/group/position.h"

/* The id of the default pipeline's query of a size of `metrics`; that of another topic has a hash in it, and is not
 * looked for. */
static uint64_t progress_query(int64_t size) {
    char id[40];
    snprintf(id, sizeof id, "AGGREGATES_%" PRId64, size / 1000);
    return query_position_hash(id);
}

/* What one position of a group says. A group of other queries, sinks and the like says nothing. */
static int progress_position(struct bus *bus, const struct bus_group_position *at, const int64_t *sizes,
                             struct arena *arena, struct stream_progress *progress, struct error *error) {
    struct bus_committed *committed = arena_allocate(arena, sizeof *committed);
    struct query_position position;
    if (!committed)
        return error_no_memory(error);
    int status = bus_committed(bus, at->group, at->topic, at->partition, committed, error);
    if (status || !committed->exists || query_position_read(committed->metadata, arena, &position, error))
        return status;
    size_t partition = (size_t)at->partition;
    for (size_t s = 0; s < progress->size_count; s++) {
        const struct query_position_stage *stage = query_position_find(&position, progress_query(sizes[s]), 0);
        if (!stage || stage->time_count == 0)
            continue;
        progress->known = progress->sizes_known[s] = true;
        progress->times[s * progress->partition_count + partition] = stage->times[0];
        if (committed->next_offset < progress->next_offsets[partition])
            progress->next_offsets[partition] = committed->next_offset;
        progress->first_identities[partition] = position.first_identity;
    }
    return 0;
}

/* The groups of a run are named GROUP.something: queries that were started together, and each that came later. */
static int progress_groups(struct bus *bus, const char *group, const char *topic, const int64_t *sizes,
                           struct arena *arena, struct stream_progress *progress, struct error *error) {
    struct bus_group_list list;
    size_t length = strlen(group);
    int status = bus_groups(bus, &list, error);
    if (status)
        return status;
    for (size_t i = 0; i < list.count && !status; i++) {
        const struct bus_group_position *at = &list.positions[i];
        if (strcmp(at->topic, topic) == 0 && strncmp(at->group, group, length) == 0 && at->group[length] == '.' &&
            (size_t)at->partition < progress->partition_count)
            status = progress_position(bus, at, sizes, arena, progress, error);
    }
    bus_group_list_release(&list);
    return status;
}

int stream_progress_read(struct bus *bus, const char *group, const char *topic, const int64_t *sizes, size_t count,
                         struct arena *arena, struct stream_progress *ret_progress, struct error *error) {
    struct stream_progress progress = {.size_count = count};
    struct bus_topic_info info;
    *ret_progress = progress;
    int status = bus_topic_describe(bus, topic, &info, error);
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status;
    size_t partitions = progress.partition_count = (size_t)info.settings.partitions;
    bus_topic_info_release(&info);
    progress.next_offsets = arena_allocate(arena, partitions * sizeof(int64_t));
    progress.first_identities = arena_allocate(arena, partitions * sizeof(int64_t));
    progress.times = arena_allocate(arena, (partitions * count + 1) * sizeof(int64_t));
    progress.sizes_known = arena_allocate(arena, count + 1);
    if (!progress.next_offsets || !progress.first_identities || !progress.times || !progress.sizes_known)
        return error_no_memory(error);
    memset(progress.sizes_known, 0, count + 1);
    for (size_t i = 0; i < partitions * count; i++)
        progress.times[i] = INT64_MIN;
    for (size_t p = 0; p < partitions; p++)
        progress.next_offsets[p] = progress.first_identities[p] = INT64_MAX;
    status = progress_groups(bus, group, topic, sizes, arena, &progress, error);
    if (!status)
        *ret_progress = progress;
    return status ? error_wrap(error, "positions of group %s", group) : 0;
}

bool stream_progress_closed(const struct stream_progress *progress, size_t size, struct slice key, int64_t end,
                            int64_t grace) {
    int32_t partition = bus_partition(key, (int32_t)progress->partition_count);
    int64_t time = progress->times[size * progress->partition_count + (size_t)partition];
    return time != INT64_MIN && end + grace <= time;
}
