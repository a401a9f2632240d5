#include "stream/group/apart.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/memory.h"

static const char apart_mark[] = ".apart-";

void query_apart_name(const char *group, const struct query_member *member, char to[QUERY_GROUP_NAME_SIZE]) {
    snprintf(to, QUERY_GROUP_NAME_SIZE, "%.*s%s%016" PRIx64 ".%" PRIu32, QUERY_GROUP_NAME_SIZE - 40, group, apart_mark,
             member->id, member->number);
}

bool query_apart_is(const char *name, size_t *ret_length) {
    const char *found = NULL;
    for (const char *at = name; (at = strstr(at, apart_mark)); at++)
        found = at;
    *ret_length = found ? (size_t)(found - name) : 0;
    return found != NULL;
}

struct apart {
    struct bus *bus;
    const char *group;
    const struct query_member *member;
    int32_t partition;
    struct arena arena;
    struct bus_position *positions;
    size_t count;
};

static int apart_committed(struct apart *apart, const char *group, const char *topic, struct bus_committed **ret_found,
                           struct error *error) {
    *ret_found = arena_allocate(&apart->arena, sizeof **ret_found);
    return *ret_found ? bus_committed(apart->bus, group, topic, apart->partition, *ret_found, error)
                      : error_no_memory(error);
}

/* The member's part of the group's position on a topic; of its first topic NULL metadata: the position does not know
 * it. */
static int apart_position(struct apart *apart, const char *topic, const struct bus_committed *from,
                          struct bus_position *ret_position, struct error *error) {
    const struct query_member *member = apart->member;
    char *metadata = arena_allocate(&apart->arena, BUS_METADATA_MAXIMUM + 1);
    struct query_position position;
    int status =
        metadata ? query_position_read(from->metadata, &apart->arena, &position, error) : error_no_memory(error);
    if (status)
        return status;
    bool first = strcmp(topic, member->source_topics[0]) == 0;
    const struct query_position_stage *stage = query_position_find(&position, member->id, member->number);
    struct query_position_stage own = stage ? *stage : (struct query_position_stage){0};
    position.stages = &own;
    position.stage_count = stage != NULL;
    *ret_position = (struct bus_position){.topic = topic,
                                          .partition = apart->partition,
                                          .next_offset = from->next_offset,
                                          .metadata = first && !stage ? NULL : metadata};
    return query_position_write(&position, metadata, BUS_METADATA_MAXIMUM + 1, error);
}

static int apart_add(struct apart *apart, const char *topic, const char *name, struct error *error) {
    struct bus_committed *from, *known;
    int status = apart_committed(apart, name, topic, &known, error);
    if (!status && !known->exists)
        status = apart_committed(apart, apart->group, topic, &from, error);
    if (status || known->exists || !from->exists)
        return status;
    struct bus_position *to = &apart->positions[apart->count];
    status = apart_position(apart, topic, from, to, error);
    to->group = name;
    apart->count += !status && to->metadata;
    return status;
}

static int apart_commit(struct apart *apart, struct error *error) {
    struct bus_producer *producer;
    char name[QUERY_GROUP_NAME_SIZE + 16]; /* of each partition its own: workers set theirs apart at the same time */
    snprintf(name, sizeof name, "%s.%d", apart->positions[0].group, (int)apart->partition);
    struct bus_producer_options options = {.name = name};
    int status = bus_producer_open(apart->bus, &options, &producer, error);
    if (status)
        return status;
    status = bus_producer_commit(producer, apart->positions, apart->count, error);
    bus_producer_close(producer);
    if (status == ERROR_ABORTED && error)
        error->retriable = true; /* done or not: the next try asks what is there */
    return status;
}

static bool apart_has_topic(const struct query_member *member, size_t source) {
    for (size_t s = 0; s < source; s++)
        if (strcmp(member->source_topics[s], member->source_topics[source]) == 0)
            return true;
    return false;
}

/* The first topic, whose position knows the member, decides whether there is something to set apart. */
static int apart_gather(struct apart *apart, const char *name, struct error *error) {
    const struct query_member *member = apart->member;
    apart->positions = arena_allocate(&apart->arena, member->plan->source_count * sizeof *apart->positions);
    int status = apart->positions ? apart_add(apart, member->source_topics[0], name, error) : error_no_memory(error);
    for (size_t s = 1; s < member->plan->source_count && !status && apart->count; s++)
        if (!apart_has_topic(member, s))
            status = apart_add(apart, member->source_topics[s], name, error);
    return status;
}

int query_apart_set(struct bus *bus, const char *group, const struct query_member *member, int32_t partition,
                    struct error *error) {
    struct apart apart = {.bus = bus, .group = group, .member = member, .partition = partition};
    char name[QUERY_GROUP_NAME_SIZE];
    query_apart_name(group, member, name);
    int status = apart_gather(&apart, name, error);
    if (!status && apart.count)
        status = apart_commit(&apart, error);
    arena_release(&apart.arena);
    return status;
}
