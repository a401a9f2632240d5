/* Stages with a position go to the group that has it; the others are joined by the topics that they share, directly
 * or through others, and get groups of their own. */
#include "stream/group/grouping.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/group/apart.h"
#include "stream/group/internal_topic.h"

/* A stage's entry in a committed position. */
struct known_stage {
    const char *group;
    uint64_t query, definition;
    uint32_t stage;
};

struct grouping {
    struct bus *bus;
    const char *name;
    const struct query_groups *running;
    struct arena arena; /* while it lasts */
    struct bus_group_list positions;
    struct known_stage *known;
    size_t known_count, known_capacity;
    struct query_member *stages; /* of all plans; each moves into its group */
    size_t *labels;              /* of new stages: those with the same label share topics */
    const char **resumed;        /* the group that has a position of the stage, or NULL */
    size_t stage_count;
    struct query_groups groups;
    size_t group_capacity;
};

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

bool query_group_belongs(const char *group, const char *name) {
    size_t length = strlen(name);
    return strncmp(group, name, length) == 0 && strncmp(group + length, ".sql.", 5) == 0;
}

int query_group_check_name(const char *name, struct error *error) {
    size_t length = strlen(name);
    bool ends = length >= 4 && strcmp(name + length - 4, ".sql") == 0;
    if (!ends && !strstr(name, ".sql."))
        return 0;
    return error_set(error, ERROR_INVALID,
                     "group '%s': a group's name has no '.sql.' in it and does not end in '.sql', as groups of queries "
                     "are named GROUP.sql.TOPIC",
                     name);
}

/* --- what is known
 * ------------------------------------------------------------------------------------------------------------------ */

static int grouping_learn_position(struct grouping *grouping, const struct bus_group_position *at,
                                   struct error *error) {
    struct bus_committed *committed = arena_allocate(&grouping->arena, sizeof *committed);
    struct query_position position;
    int status = committed ? bus_committed(grouping->bus, at->group, at->topic, at->partition, committed, error)
                           : error_no_memory(error);
    if (status || !committed->exists)
        return status;
    status = query_position_read(committed->metadata, &grouping->arena, &position, error);
    if (status)
        return error_wrap(error, "group %s on %s/%d", at->group, at->topic, (int)at->partition);
    for (size_t i = 0; i < position.stage_count; i++) {
        const struct query_position_stage *stage = &position.stages[i];
        if (!memory_reserve((void **)&grouping->known, &grouping->known_capacity, grouping->known_count + 1,
                            sizeof *grouping->known))
            return error_no_memory(error);
        grouping->known[grouping->known_count++] =
            (struct known_stage){at->group, stage->query, stage->definition, stage->stage};
    }
    return 0;
}

/* What a group that works says of a query that it does not have is of the past: the query was removed, and is added
 * again. */
static bool grouping_works(const struct grouping *grouping, const char *name) {
    for (size_t i = 0; i < grouping->running->count; i++)
        if (strcmp(grouping->running->groups[i]->name, name) == 0 &&
            !query_group_is_empty(grouping->running->groups[i]))
            return true;
    return false;
}

static int grouping_learn(struct grouping *grouping, struct error *error) {
    int status = bus_groups(grouping->bus, &grouping->positions, error);
    for (size_t i = 0; i < grouping->positions.count && !status; i++)
        if (query_group_belongs(grouping->positions.positions[i].group, grouping->name) &&
            !grouping_works(grouping, grouping->positions.positions[i].group))
            status = grouping_learn_position(grouping, &grouping->positions.positions[i], error);
    return status;
}

static bool grouping_is_taken(const struct grouping *grouping, const char *name) {
    for (size_t i = 0; i < grouping->positions.count; i++)
        if (strcmp(grouping->positions.positions[i].group, name) == 0)
            return true;
    for (size_t i = 0; i < grouping->groups.count; i++)
        if (strcmp(grouping->groups.groups[i]->name, name) == 0)
            return true;
    for (size_t i = 0; i < grouping->running->count; i++)
        if (strcmp(grouping->running->groups[i]->name, name) == 0)
            return true;
    return false;
}

/* --- stages
 * ------------------------------------------------------------------------------------------------------------------ */

static int probe_emit(void *context, const struct sink_plan *sink, const struct bus_record *record,
                      const struct rows *rows, uint32_t row, struct error *error) {
    (void)context, (void)sink, (void)record, (void)rows, (void)row, (void)error;
    return 0;
}

/* Opens the stage once, to learn what its operators keep. */
static int member_probe(struct query_member *member, const struct registry *registry, struct error *error) {
    struct emitter nowhere = {.emit = probe_emit};
    struct stage *stage;
    bool replayed = false, logged = false;
    int status = stage_open(member->plan, registry, &nowhere, &stage, error);
    if (status)
        return error_wrap(error, "query %s", member->query->id);
    member->operator_count = stage_operator_count(stage);
    for (size_t i = 0; i < member->operator_count; i++) {
        const struct operator_driver *driver = stage_operator(stage, i)->driver;
        logged |= driver->save != NULL;
        replayed |= driver->replay_from != NULL;
        member->timed |= driver->stream_time != NULL;
    }
    if (!logged)
        member->changelog_topic = NULL;
    stage_close(stage);
    if (member->operator_count > QUERY_OPERATORS_MAXIMUM)
        return error_set(error, ERROR_UNSUPPORTED,
                         "query %s has %zu operators with state in one stage, at most %d are possible",
                         member->query->id, member->operator_count, QUERY_OPERATORS_MAXIMUM);
    if (replayed && member->plan->source_count > 1)
        return error_set(error, ERROR_UNSUPPORTED,
                         "query %s aggregates over windows what it has joined without a topic in between: the windows "
                         "could not be rebuilt",
                         member->query->id);
    return 0;
}

static const char *member_internal_topic(struct query_member *member, enum internal_topic kind, const char *group,
                                         size_t stage) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 1];
    internal_topic_name(kind, group, member->query->id, stage, name);
    return arena_copy(&member->names, slice_of(name)).data;
}

/* The stage of the query that writes what the source reads. */
static size_t member_writer(const struct query_member *member, const struct source_plan *source) {
    size_t stage = 0;
    while (stage + 1 < member->query->stage_count &&
           strcmp(member->query->stages[stage].sink->sink.topic, source->topic) != 0)
        stage++;
    return stage;
}

/* Topics as they are in the log: plans know nothing of groups. */
static int member_name_topics(struct query_member *member, const char *group, struct error *error) {
    const struct sink_plan *sink = &member->plan->sink->sink;
    size_t count = member->plan->source_count;
    member->sink_topic =
        sink->internal ? member_internal_topic(member, INTERNAL_REPARTITION, group, member->number) : sink->topic;
    member->changelog_topic = member_internal_topic(member, INTERNAL_CHANGELOG, group, member->number);
    member->source_topics = arena_allocate(&member->names, (count + 1) * sizeof *member->source_topics);
    bool good = member->sink_topic && member->changelog_topic && member->source_topics;
    for (size_t i = 0; i < count && good; i++) {
        const struct source_plan *source = member->plan->sources[i]->source;
        member->source_topics[i] =
            source->internal ? member_internal_topic(member, INTERNAL_REPARTITION, group, member_writer(member, source))
                             : source->topic;
        good = member->source_topics[i] != NULL;
    }
    return good ? 0 : error_no_memory(error);
}

/* Which stages of a query tell the next ones of their stream time: those before one that closes something. */
static void stages_relate(struct query_member *stages, size_t count) {
    bool timed = false;
    for (size_t i = count; i-- > 0;) {
        stages[i].marks = timed && stages[i].plan->sink->sink.internal;
        timed |= stages[i].timed;
        for (size_t s = 0; s < stages[i].plan->source_count; s++)
            stages[i].follows |= timed && stages[i].plan->sources[s]->source->internal;
    }
}

static int grouping_add_stages(struct grouping *grouping, const struct query_plan *query, size_t order,
                               struct error *error) {
    struct query_member *first = &grouping->stages[grouping->stage_count];
    int status = 0;
    for (size_t i = 0; i < query->stage_count && !status; i++) {
        struct query_member *member = &grouping->stages[grouping->stage_count];
        *member = (struct query_member){.query = query,
                                        .plan = &query->stages[i],
                                        .id = query_position_hash(query->id),
                                        .number = (uint32_t)i,
                                        .order = order + grouping->stage_count};
        grouping->labels[grouping->stage_count] = grouping->stage_count;
        grouping->stage_count++;
        status = member_name_topics(member, grouping->name, error);
        if (!status)
            status = member_probe(member, bus_registry(grouping->bus), error);
    }
    if (!status)
        stages_relate(first, query->stage_count);
    return status;
}

/* Of a stage that a group of this process works on. */
static const char grouping_elsewhere[] = "";

static bool grouping_runs(const struct grouping *grouping, const struct query_member *stage) {
    for (size_t g = 0; g < grouping->running->count; g++)
        for (size_t m = 0; m < grouping->running->groups[g]->member_count; m++) {
            const struct query_member *member = &grouping->running->groups[g]->members[m];
            if (member->query == stage->query && member->number == stage->number && !atomic_load(&member->removed))
                return true;
        }
    return false;
}

static int grouping_find_resumed(struct grouping *grouping, size_t at, struct error *error) {
    const struct query_member *member = &grouping->stages[at];
    if (grouping_runs(grouping, member)) {
        grouping->resumed[at] = grouping_elsewhere;
        return 0;
    }
    for (size_t i = 0; i < grouping->known_count; i++) {
        const struct known_stage *known = &grouping->known[i];
        if (known->query != member->id || known->stage != member->number)
            continue;
        if (known->definition != member->query->definition)
            return error_set(
                error, ERROR_INVALID,
                "query %s has been changed since group %s worked on it: what it keeps would not fit; give it another "
                "name, start everything in another group "
                "(--group NAME), or forget the positions of all queries and start from the beginning with --reset",
                member->query->id, known->group);
        size_t ignored; /* in two groups: it was set apart */
        if (!grouping->resumed[at] || query_apart_is(known->group, &ignored))
            grouping->resumed[at] = known->group;
    }
    return 0;
}

/* Completes what an end between two steps has left (apart.h). */
static int grouping_complete_apart(struct grouping *grouping, size_t at, struct error *error) {
    const struct query_member *member = &grouping->stages[at];
    char origin[QUERY_GROUP_NAME_SIZE];
    size_t length;
    int status = 0;
    if (!grouping->resumed[at] || !query_apart_is(grouping->resumed[at], &length) || length >= sizeof origin)
        return 0;
    snprintf(origin, sizeof origin, "%.*s", (int)length, grouping->resumed[at]);
    for (size_t i = 0; i < grouping->positions.count && !status; i++) {
        const struct bus_group_position *from = &grouping->positions.positions[i];
        if (strcmp(from->group, origin) == 0 && strcmp(from->topic, member->source_topics[0]) == 0)
            status = query_apart_set(grouping->bus, origin, member, from->partition, error);
    }
    return status;
}

/* --- groups
 * ------------------------------------------------------------------------------------------------------------------ */

static bool stages_share_topic(const struct query_member *left, const struct query_member *right) {
    for (size_t i = 0; i < left->plan->source_count; i++)
        for (size_t j = 0; j < right->plan->source_count; j++)
            if (strcmp(left->source_topics[i], right->source_topics[j]) == 0)
                return true;
    return false;
}

/* New stages that share a topic, directly or through others, get the same label. */
static void grouping_connect(struct grouping *grouping) {
    for (size_t i = 0; i < grouping->stage_count; i++)
        for (size_t j = 0; j < i; j++) {
            size_t from = grouping->labels[i], to = grouping->labels[j];
            if (grouping->resumed[i] || grouping->resumed[j] || from == to ||
                !stages_share_topic(&grouping->stages[i], &grouping->stages[j]))
                continue;
            for (size_t k = 0; k < grouping->stage_count; k++)
                if (grouping->labels[k] == from)
                    grouping->labels[k] = to;
        }
}

static struct query_group *grouping_new_group(struct grouping *grouping) {
    size_t sources = 0;
    for (size_t i = 0; i < grouping->stage_count; i++)
        sources += grouping->stages[i].plan->source_count;
    struct query_group *group = query_group_new(grouping->stage_count, sources);
    if (!group || !memory_reserve((void **)&grouping->groups.groups, &grouping->group_capacity,
                                  grouping->groups.count + 1, sizeof(struct query_group *)))
        return query_group_free(group);
    grouping->groups.groups[grouping->groups.count++] = group;
    return group;
}

/* Moves a stage into a group. */
static int grouping_move(struct grouping *grouping, struct query_group *group, size_t at, struct error *error) {
    struct query_member *member = &group->members[group->member_count++];
    memcpy(member, &grouping->stages[at], sizeof *member);
    grouping->stages[at].names = (struct arena){0}; /* they are the group's now */
    return query_group_read(group, member, error);
}

static int grouping_resume(struct grouping *grouping, size_t at, struct error *error) {
    for (size_t i = 0; i < grouping->groups.count; i++)
        if (strcmp(grouping->groups.groups[i]->name, grouping->resumed[at]) == 0)
            return grouping_move(grouping, grouping->groups.groups[i], at, error);
    struct query_group *group = grouping_new_group(grouping);
    if (!group)
        return error_no_memory(error);
    snprintf(group->name, sizeof group->name, "%s", grouping->resumed[at]);
    group->known = true;
    return grouping_move(grouping, group, at, error);
}

static int group_name(struct grouping *grouping, struct query_group *group, struct error *error) {
    char name[QUERY_GROUP_NAME_SIZE];
    const char *topic = group->topics[0].name;
    for (size_t i = 1; i < group->topic_count; i++)
        if (strcmp(group->topics[i].name, topic) < 0)
            topic = group->topics[i].name;
    if (strlen(grouping->name) + strlen(topic) + 20 > sizeof name)
        return error_set(error, ERROR_INVALID, "the group's name is too long: %zu bytes", strlen(grouping->name));
    snprintf(name, sizeof name, "%s.sql.%s", grouping->name, topic);
    for (unsigned number = 2; grouping_is_taken(grouping, name); number++)
        snprintf(name, sizeof name, "%s.sql.%s.%u", grouping->name, topic, number);
    memcpy(group->name, name, sizeof name);
    return 0;
}

/* The new stages of a label, as many as a position's metadata has room for in each group. */
static int grouping_found(struct grouping *grouping, size_t label, struct error *error) {
    struct query_group *group = NULL;
    size_t room = 0;
    int status = 0;
    for (size_t i = 0; i < grouping->stage_count && !status; i++) {
        if (grouping->resumed[i] || grouping->labels[i] != label)
            continue;
        bool told = grouping->stages[i].marks || grouping->stages[i].follows;
        size_t need = query_position_room(grouping->stages[i].operator_count + (told ? 2 : 0));
        if (group && need > room) {
            status = group_name(grouping, group, error);
            group = NULL;
        }
        if (!status && !group) {
            group = grouping_new_group(grouping);
            status = group ? 0 : error_no_memory(error);
            room = BUS_METADATA_MAXIMUM - 64;
        }
        if (!status)
            status = grouping_move(grouping, group, i, error);
        room -= need;
    }
    return status || !group ? status : group_name(grouping, group, error);
}

static int grouping_open(struct grouping *grouping, const struct query_plan *const *plans, size_t count, size_t order,
                         struct error *error) {
    size_t stages = 0;
    int status = 0;
    for (size_t i = 0; i < count; i++)
        stages += plans[i]->stage_count;
    grouping->stages = memory_zero(stages, sizeof *grouping->stages);
    grouping->labels = memory_zero(stages, sizeof *grouping->labels);
    grouping->resumed = memory_zero(stages, sizeof *grouping->resumed);
    if (!grouping->stages || !grouping->labels || !grouping->resumed)
        return error_no_memory(error);
    for (size_t i = 0; i < count && !status; i++)
        status = grouping_add_stages(grouping, plans[i], order, error);
    return status;
}

/* The streams that the writer of a repartition topic reads, each of whose partitions feeds it. */
static int topic_find_feeders(struct query_group *group, struct query_topic *topic, const struct query_member *writer,
                              struct error *error) {
    size_t count = writer->plan->source_count;
    topic->feeders = arena_allocate(&group->names, (count + 1) * sizeof *topic->feeders);
    if (!topic->feeders)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        if (writer->plan->sources[i]->source->table)
            continue;
        const char *name = arena_copy(&group->names, slice_of(writer->source_topics[i])).data;
        if (!name)
            return error_no_memory(error);
        topic->feeders[topic->feeder_count++] = name;
    }
    return 0;
}

static int grouping_find_feeders(struct grouping *grouping, struct query_group *group, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < group->topic_count; i++)
        for (size_t s = 0; s < grouping->stage_count && !status; s++)
            if (group->topics[i].internal && strcmp(grouping->stages[s].sink_topic, group->topics[i].name) == 0)
                status = topic_find_feeders(group, &group->topics[i], &grouping->stages[s], error);
    return status;
}

static int grouping_divide(struct grouping *grouping, struct error *error) {
    int status = grouping_learn(grouping, error);
    for (size_t i = 0; i < grouping->stage_count && !status; i++)
        status = grouping_find_resumed(grouping, i, error);
    for (size_t i = 0; i < grouping->stage_count && !status; i++)
        status = grouping_complete_apart(grouping, i, error);
    for (size_t i = 0; i < grouping->stage_count && !status; i++)
        if (grouping->resumed[i] && grouping->resumed[i] != grouping_elsewhere)
            status = grouping_resume(grouping, i, error);
    grouping_connect(grouping);
    for (size_t label = 0; label < grouping->stage_count && !status; label++)
        status = grouping_found(grouping, label, error);
    for (size_t i = 0; i < grouping->groups.count && !status; i++)
        status = grouping_find_feeders(grouping, grouping->groups.groups[i], error);
    for (size_t i = 0; i < grouping->groups.count && !status; i++)
        query_group_relate(grouping->groups.groups[i]);
    return status;
}

int query_groups_assign(struct bus *bus, const char *name, const struct query_plan *const *plans, size_t count,
                        size_t order, const struct query_groups *running, struct query_groups *ret_groups,
                        struct error *error) {
    struct grouping grouping = {.bus = bus, .name = name, .running = running};
    int status = query_group_check_name(name, error);
    if (!status)
        status = grouping_open(&grouping, plans, count, order, error);
    if (!status)
        status = grouping_divide(&grouping, error);
    bus_group_list_release(&grouping.positions);
    arena_release(&grouping.arena);
    free(grouping.known);
    for (size_t i = 0; i < grouping.stage_count; i++)
        arena_release(&grouping.stages[i].names);
    free(grouping.stages);
    free(grouping.labels);
    free(grouping.resumed);
    if (status)
        query_groups_release(&grouping.groups);
    else
        *ret_groups = grouping.groups;
    return status;
}
