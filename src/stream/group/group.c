/* Members, topics and readings are put together once, before anything runs; levels follow from who writes what others
 * read. */
#include "stream/group/group.h"

#include "core/memory.h"

/* --- memory
 * ------------------------------------------------------------------------------------------------------------------ */

void query_member_release(struct query_member *member) {
    arena_release(&member->names);
    free(member->topics);
    free(member->readers);
    free(member->kept);
    free(member->counters);
    free(member->before);
    free(member->memory);
}

struct query_group *query_group_new(size_t members, size_t sources) {
    struct query_group *group = memory_zero(1, sizeof *group);
    if (!group)
        return NULL;
    pthread_mutex_init(&group->lock, NULL);
    group->members = memory_zero(members, sizeof *group->members);
    group->topics = memory_zero(sources, sizeof *group->topics);
    group->readings = memory_zero(sources, sizeof *group->readings);
    return group->members && group->topics && group->readings ? group : query_group_free(group);
}

struct query_group *query_group_free(struct query_group *group) {
    if (!group)
        return NULL;
    for (size_t i = 0; group->members && i < group->member_count; i++)
        query_member_release(&group->members[i]);
    pthread_mutex_destroy(&group->lock);
    arena_release(&group->names);
    free(group->members);
    free(group->topics);
    free(group->readings);
    free(group->lags);
    free(group->begun);
    free(group->upstream);
    free(group->at_end);
    free(group->settled);
    free(group);
    return NULL;
}

void query_groups_release(struct query_groups *groups) {
    for (size_t i = 0; i < groups->count; i++)
        query_group_free(groups->groups[i]);
    free(groups->groups);
    *groups = (struct query_groups){0};
}

/* --- what it reads and writes
 * ------------------------------------------------------------------------------------------------------------------ */

bool query_group_writes(const struct query_group *group, const char *topic) {
    for (size_t i = 0; i < group->member_count; i++)
        if (!atomic_load(&group->members[i].removed) && strcmp(group->members[i].sink_topic, topic) == 0)
            return true;
    return false;
}

bool query_group_is_empty(const struct query_group *group) {
    for (size_t i = 0; i < group->member_count; i++)
        if (!atomic_load(&group->members[i].removed))
            return false;
    return true;
}

static size_t group_add_topic(struct query_group *group, const char *topic, const struct source_plan *source) {
    size_t at = 0;
    while (at < group->topic_count && strcmp(group->topics[at].name, topic) != 0)
        at++;
    if (at == group->topic_count)
        group->topics[group->topic_count++] = (struct query_topic){.name = topic, .internal = source->internal};
    group->topics[at].table |= source->table;
    return at;
}

static size_t group_add_reading(struct query_group *group, const char *topic, const struct source_plan *source) {
    size_t at = 0;
    while (at < group->reading_count && group->readings[at].source != source)
        at++;
    if (at == group->reading_count)
        group->readings[group->reading_count++] = (struct query_reading){source, group_add_topic(group, topic, source)};
    return at;
}

/* Sources below `node` that are tables whose rows it keeps, itself or by a join that is rebuilt by reading them
 * again. */
static void member_find_kept(struct query_member *member, const struct node_plan *node, bool replayed) {
    for (size_t i = 0; i < member->plan->source_count; i++)
        if (member->plan->sources[i] == node)
            member->kept[i] = node->materialised || (replayed && node->source->table);
    for (size_t i = 0; i < node->input_count; i++)
        member_find_kept(member, node->inputs[i], replayed || (node->kind == NODE_JOIN && node->join.replayed));
}

int query_group_read(struct query_group *group, struct query_member *member, struct error *error) {
    size_t count = member->plan->source_count;
    member->topics = memory_zero(count, sizeof *member->topics);
    member->readers = memory_zero(count, sizeof *member->readers);
    member->kept = memory_zero(count, sizeof *member->kept);
    if (!member->topics || !member->readers || !member->kept)
        return error_no_memory(error);
    member_find_kept(member, member->plan->sink, false);
    for (size_t i = 0; i < count; i++) {
        member->readers[i] = group_add_reading(group, member->source_topics[i], member->plan->sources[i]->source);
        member->topics[i] = group->readings[member->readers[i]].topic;
        for (size_t j = 0; j < i; j++)
            member->self_joined |= member->topics[j] == member->topics[i];
    }
    return 0;
}

/* --- how members stand to each other
 * ------------------------------------------------------------------------------------------------------------------ */

static bool member_reads(const struct query_member *member, const char *topic) {
    for (size_t i = 0; i < member->plan->source_count; i++)
        if (strcmp(member->source_topics[i], topic) == 0)
            return true;
    return false;
}

/* Raises each member above those that write what it reads, as often as that changes something; a circle would go on
 * for ever. */
static void group_find_levels(struct query_group *group) {
    bool changed = true;
    for (size_t round = 0; changed && round <= group->member_count; round++) {
        changed = false;
        for (size_t i = 0; i < group->member_count; i++)
            for (size_t j = 0; j < group->member_count; j++) {
                struct query_member *reader = &group->members[i];
                size_t above = group->members[j].level + 1;
                if (member_reads(reader, group->members[j].sink_topic) && reader->level < above &&
                    above <= group->member_count) {
                    reader->level = above;
                    changed = true;
                }
            }
    }
}

void query_group_relate(struct query_group *group) {
    for (size_t i = 0; i < group->topic_count; i++)
        for (size_t m = 0; m < group->member_count; m++)
            group->topics[i].own |= strcmp(group->members[m].sink_topic, group->topics[i].name) == 0;
    for (size_t i = 0; i < group->member_count; i++)
        for (size_t j = 0; j < group->member_count; j++)
            group->members[i].shared_sink |=
                i != j && strcmp(group->members[i].sink_topic, group->members[j].sink_topic) == 0;
    group_find_levels(group);
    for (size_t i = 0; i < group->member_count; i++) {
        group->levels = group->members[i].level + 1 > group->levels ? group->members[i].level + 1 : group->levels;
        group->circular |= group->members[i].level >= group->member_count;
    }
}
