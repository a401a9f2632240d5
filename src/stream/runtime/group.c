#include "stream/runtime/group.h"

#include <stdio.h>

#include "core/memory.h"

/* A stage's entry in a committed position. */
struct known_stage {
    const char *group;
    uint64_t query, definition;
    uint32_t stage;
};

struct assignment {
    struct bus *bus;
    const char *name;
    const struct query_groups *running;
    struct arena arena; /* while it lasts */
    struct bus_group_list positions;
    struct known_stage *known;
    size_t known_count, known_capacity;
    struct query_member *stages; /* of all plans; moved into their groups */
    size_t *labels;              /* of new stages: those with the same label share topics */
    const char **homes;          /* group that has the stage, or NULL */
    size_t stage_count;
    struct query_groups groups;
    size_t group_capacity;
};

static void member_release(struct query_member *member) {
    free(member->topics);
    free(member->readers);
    free(member->kept);
    free(member->counters);
    free(member->before);
}

struct query_group *query_group_free(struct query_group *group) {
    if (!group)
        return NULL;
    for (size_t i = 0; group->members && i < group->member_count; i++)
        member_release(&group->members[i]);
    pthread_mutex_destroy(&group->lock);
    free(group->members);
    free(group->topics);
    free(group->readings);
    free(group->lags);
    free(group->begun);
    free(group->upstream);
    free(group->at_end);
    free(group);
    return NULL;
}

void query_groups_release(struct query_groups *groups) {
    for (size_t i = 0; i < groups->count; i++)
        query_group_free(groups->groups[i]);
    free(groups->groups);
    *groups = (struct query_groups){0};
}

bool query_group_writes(const struct query_group *group, const char *topic) {
    for (size_t i = 0; i < group->member_count; i++)
        if (!atomic_load(&group->members[i].removed) && strcmp(group->members[i].plan->sink->sink.topic, topic) == 0)
            return true;
    return false;
}

bool query_group_is_empty(const struct query_group *group) {
    for (size_t i = 0; i < group->member_count; i++)
        if (!atomic_load(&group->members[i].removed))
            return false;
    return true;
}

/* --- what is known
 * ------------------------------------------------------------------------------------------------------------------ */

static int assignment_learn_position(struct assignment *assignment, const struct bus_group_position *at,
                                     struct error *error) {
    struct bus_committed *committed = arena_allocate(&assignment->arena, sizeof *committed);
    struct query_position position;
    int status = committed ? bus_committed(assignment->bus, at->group, at->topic, at->partition, committed, error)
                           : error_no_memory(error);
    if (status || !committed->exists)
        return status;
    status = query_position_read(committed->metadata, &assignment->arena, &position, error);
    if (status)
        return error_wrap(error, "group %s on %s/%d", at->group, at->topic, (int)at->partition);
    for (size_t i = 0; i < position.stage_count; i++) {
        const struct query_position_stage *stage = &position.stages[i];
        if (!memory_reserve((void **)&assignment->known, &assignment->known_capacity, assignment->known_count + 1,
                            sizeof *assignment->known))
            return error_no_memory(error);
        assignment->known[assignment->known_count++] =
            (struct known_stage){at->group, stage->query, stage->definition, stage->stage};
    }
    return 0;
}

/* What a group that works says of a query that it does not have is of the past: the query was removed, and is added
 * again. */
static bool assignment_works(const struct assignment *assignment, const char *name) {
    for (size_t i = 0; i < assignment->running->count; i++)
        if (strcmp(assignment->running->groups[i]->name, name) == 0 &&
            !query_group_is_empty(assignment->running->groups[i]))
            return true;
    return false;
}

static int assignment_learn(struct assignment *assignment, struct error *error) {
    char prefix[QUERY_GROUP_NAME_SIZE];
    int length = snprintf(prefix, sizeof prefix, "%s.sql.", assignment->name);
    int status = bus_groups(assignment->bus, &assignment->positions, error);
    for (size_t i = 0; i < assignment->positions.count && !status; i++)
        if (strncmp(assignment->positions.positions[i].group, prefix, (size_t)length) == 0 &&
            !assignment_works(assignment, assignment->positions.positions[i].group))
            status = assignment_learn_position(assignment, &assignment->positions.positions[i], error);
    return status;
}

static bool assignment_is_taken(const struct assignment *assignment, const char *name) {
    for (size_t i = 0; i < assignment->positions.count; i++)
        if (strcmp(assignment->positions.positions[i].group, name) == 0)
            return true;
    for (size_t i = 0; i < assignment->groups.count; i++)
        if (strcmp(assignment->groups.groups[i]->name, name) == 0)
            return true;
    for (size_t i = 0; i < assignment->running->count; i++)
        if (strcmp(assignment->running->groups[i]->name, name) == 0)
            return true;
    return false;
}

/* --- stages
 * ------------------------------------------------------------------------------------------------------------------ */

static int probe_emit(void *context, const struct sink_plan *sink, const struct bus_record *record, uint32_t origin,
                      struct error *error) {
    (void)context, (void)sink, (void)record, (void)origin, (void)error;
    return 0;
}

/* Opens the stage once, to learn what its operators keep. */
static int member_probe(struct query_member *member, const struct registry *registry, struct error *error) {
    struct emitter nowhere = {.emit = probe_emit};
    struct stage *stage;
    bool replayed = false;
    int status = stage_open(member->plan, registry, &nowhere, &stage, error);
    if (status)
        return error_wrap(error, "query %s", member->query->id);
    member->operator_count = stage_operator_count(stage);
    for (size_t i = 0; i < member->operator_count; i++) {
        member->changelog |= stage_operator(stage, i)->driver->save != NULL;
        replayed |= stage_operator(stage, i)->driver->replay_from != NULL;
    }
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

/* Topic names hold fewer characters than names of queries. */
static void member_name_changelog(struct query_member *member, const char *group) {
    char number[16] = "";
    if (member->number)
        snprintf(number, sizeof number, "-%u", (unsigned)member->number);
    snprintf(member->changelog_topic, sizeof member->changelog_topic, "%.80s-%.120s%s-changelog", group,
             member->query->id, number);
    bool clean = strlen(member->query->id) <= 120 && strlen(group) <= 80;
    for (char *c = member->changelog_topic; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c))
            *c = '_', clean = false;
    size_t length = strlen(member->changelog_topic);
    if (!clean)
        snprintf(member->changelog_topic + length, sizeof member->changelog_topic - length, "-%016llx",
                 (unsigned long long)(member->id ^ query_position_hash(group)));
}

static int assignment_add_stages(struct assignment *assignment, const struct query_plan *query, size_t order,
                                 struct error *error) {
    int status = 0;
    for (size_t i = 0; i < query->stage_count && !status; i++) {
        struct query_member *member = &assignment->stages[assignment->stage_count];
        *member = (struct query_member){.query = query,
                                        .plan = &query->stages[i],
                                        .id = query_position_hash(query->id),
                                        .number = (uint32_t)i,
                                        .order = order + assignment->stage_count};
        assignment->labels[assignment->stage_count] = assignment->stage_count;
        member_name_changelog(member, assignment->name);
        status = member_probe(member, bus_registry(assignment->bus), error);
        assignment->stage_count++;
    }
    return status;
}

static int assignment_find_home(struct assignment *assignment, size_t at, struct error *error) {
    const struct query_member *member = &assignment->stages[at];
    for (size_t i = 0; i < assignment->known_count; i++) {
        const struct known_stage *known = &assignment->known[i];
        if (known->query != member->id || known->stage != member->number)
            continue;
        if (known->definition != member->query->definition)
            return error_set(
                error, ERROR_INVALID,
                "query %s has been changed since group %s worked on it: what it keeps would not fit; give it another "
                "name, start everything in another group "
                "(--group NAME), or forget the positions of all queries and start from the beginning with --reset",
                member->query->id, known->group);
        assignment->homes[at] = known->group;
    }
    return 0;
}

/* --- groups
 * ------------------------------------------------------------------------------------------------------------------ */

static bool stages_share_topic(const struct query_member *left, const struct query_member *right) {
    for (size_t i = 0; i < left->plan->source_count; i++)
        for (size_t j = 0; j < right->plan->source_count; j++)
            if (strcmp(left->plan->sources[i]->source->topic, right->plan->sources[j]->source->topic) == 0)
                return true;
    return false;
}

/* New stages that share a topic, directly or through others, get the same label. */
static void assignment_connect(struct assignment *assignment) {
    for (size_t i = 0; i < assignment->stage_count; i++)
        for (size_t j = 0; j < i; j++) {
            size_t from = assignment->labels[i], to = assignment->labels[j];
            if (assignment->homes[i] || assignment->homes[j] || from == to ||
                !stages_share_topic(&assignment->stages[i], &assignment->stages[j]))
                continue;
            for (size_t k = 0; k < assignment->stage_count; k++)
                if (assignment->labels[k] == from)
                    assignment->labels[k] = to;
        }
}

static size_t group_add_topic(struct query_group *group, const struct source_plan *source) {
    size_t at = 0;
    while (at < group->topic_count && strcmp(group->topics[at].name, source->topic) != 0)
        at++;
    if (at == group->topic_count)
        group->topics[group->topic_count++] = (struct query_topic){.name = source->topic};
    group->topics[at].table |= source->table;
    return at;
}

static size_t group_add_reading(struct query_group *group, const struct source_plan *source) {
    size_t at = 0;
    while (at < group->reading_count && group->readings[at].source != source)
        at++;
    if (at == group->reading_count)
        group->readings[group->reading_count++] = (struct query_reading){source, group_add_topic(group, source)};
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

static int group_add_member(struct query_group *group, struct query_member *member, struct error *error) {
    size_t count = member->plan->source_count;
    member->topics = memory_zero(count, sizeof *member->topics);
    member->readers = memory_zero(count, sizeof *member->readers);
    member->kept = memory_zero(count, sizeof *member->kept);
    if (!member->topics || !member->readers || !member->kept)
        return error_no_memory(error);
    member_find_kept(member, member->plan->sink, false);
    for (size_t i = 0; i < count; i++) {
        member->readers[i] = group_add_reading(group, member->plan->sources[i]->source);
        member->topics[i] = group->readings[member->readers[i]].topic;
        for (size_t j = 0; j < i; j++)
            member->self_joined |= member->topics[j] == member->topics[i];
    }
    return 0;
}

static bool member_reads(const struct query_member *member, const char *topic) {
    for (size_t i = 0; i < member->plan->source_count; i++)
        if (strcmp(member->plan->sources[i]->source->topic, topic) == 0)
            return true;
    return false;
}

/* How the members stand to each other. */
static void group_relate(struct query_group *group) {
    for (size_t i = 0; i < group->topic_count; i++)
        for (size_t m = 0; m < group->member_count; m++)
            group->topics[i].own |= strcmp(group->members[m].plan->sink->sink.topic, group->topics[i].name) == 0;
    for (size_t i = 0; i < group->member_count; i++)
        for (size_t j = 0; j < group->member_count; j++)
            group->members[i].shared_sink |= i != j && strcmp(group->members[i].plan->sink->sink.topic,
                                                              group->members[j].plan->sink->sink.topic) == 0;
    bool changed = true;
    for (size_t round = 0; changed && round <= group->member_count; round++) {
        changed = false;
        for (size_t i = 0; i < group->member_count; i++)
            for (size_t j = 0; j < group->member_count; j++) {
                struct query_member *reader = &group->members[i];
                size_t above = group->members[j].level + 1;
                if (member_reads(reader, group->members[j].plan->sink->sink.topic) && reader->level < above &&
                    above <= group->member_count) {
                    reader->level = above;
                    changed = true;
                }
            }
    }
    for (size_t i = 0; i < group->member_count; i++) {
        group->levels = group->members[i].level + 1 > group->levels ? group->members[i].level + 1 : group->levels;
        group->circular |= group->members[i].level >= group->member_count;
    }
}

static struct query_group *assignment_new_group(struct assignment *assignment) {
    struct query_group *group = memory_zero(1, sizeof *group);
    size_t sources = 0;
    for (size_t i = 0; i < assignment->stage_count; i++)
        sources += assignment->stages[i].plan->source_count;
    if (!group)
        return NULL;
    pthread_mutex_init(&group->lock, NULL);
    group->members = memory_zero(assignment->stage_count, sizeof *group->members);
    group->topics = memory_zero(sources, sizeof *group->topics);
    group->readings = memory_zero(sources, sizeof *group->readings);
    if (!group->members || !group->topics || !group->readings ||
        !memory_reserve((void **)&assignment->groups.groups, &assignment->group_capacity, assignment->groups.count + 1,
                        sizeof(struct query_group *)))
        return query_group_free(group);
    assignment->groups.groups[assignment->groups.count++] = group;
    return group;
}

/* Moves a stage into a group. */
static int assignment_move(struct assignment *assignment, struct query_group *group, size_t at, struct error *error) {
    struct query_member *member = &group->members[group->member_count++];
    memcpy(member, &assignment->stages[at], sizeof *member);
    return group_add_member(group, member, error);
}

static int assignment_resume(struct assignment *assignment, size_t at, struct error *error) {
    for (size_t i = 0; i < assignment->groups.count; i++)
        if (strcmp(assignment->groups.groups[i]->name, assignment->homes[at]) == 0)
            return assignment_move(assignment, assignment->groups.groups[i], at, error);
    struct query_group *group = assignment_new_group(assignment);
    if (!group)
        return error_no_memory(error);
    snprintf(group->name, sizeof group->name, "%s", assignment->homes[at]);
    group->known = true;
    return assignment_move(assignment, group, at, error);
}

static int group_name(struct assignment *assignment, struct query_group *group, struct error *error) {
    char name[QUERY_GROUP_NAME_SIZE];
    const char *topic = group->topics[0].name;
    for (size_t i = 1; i < group->topic_count; i++)
        if (strcmp(group->topics[i].name, topic) < 0)
            topic = group->topics[i].name;
    if (strlen(assignment->name) + strlen(topic) + 20 > sizeof name)
        return error_set(error, ERROR_INVALID, "the group's name is too long: %zu bytes", strlen(assignment->name));
    snprintf(name, sizeof name, "%s.sql.%s", assignment->name, topic);
    for (unsigned number = 2; assignment_is_taken(assignment, name); number++)
        snprintf(name, sizeof name, "%s.sql.%s.%u", assignment->name, topic, number);
    memcpy(group->name, name, sizeof name);
    return 0;
}

/* The new stages of a label, as many as a position's metadata has room for in each group. */
static int assignment_found(struct assignment *assignment, size_t label, struct error *error) {
    struct query_group *group = NULL;
    size_t room = 0;
    int status = 0;
    for (size_t i = 0; i < assignment->stage_count && !status; i++) {
        if (assignment->homes[i] || assignment->labels[i] != label)
            continue;
        size_t need = query_position_room(assignment->stages[i].operator_count);
        if (group && need > room) {
            status = group_name(assignment, group, error);
            group = NULL;
        }
        if (!status && !group) {
            group = assignment_new_group(assignment);
            status = group ? 0 : error_no_memory(error);
            room = BUS_METADATA_MAXIMUM - 64;
        }
        if (!status)
            status = assignment_move(assignment, group, i, error);
        room -= need;
    }
    return status || !group ? status : group_name(assignment, group, error);
}

static int assignment_open(struct assignment *assignment, const struct query_plan *const *plans, size_t count,
                           size_t order, struct error *error) {
    size_t stages = 0;
    int status = 0;
    for (size_t i = 0; i < count; i++)
        stages += plans[i]->stage_count;
    assignment->stages = memory_zero(stages, sizeof *assignment->stages);
    assignment->labels = memory_zero(stages, sizeof *assignment->labels);
    assignment->homes = memory_zero(stages, sizeof *assignment->homes);
    if (!assignment->stages || !assignment->labels || !assignment->homes)
        return error_no_memory(error);
    for (size_t i = 0; i < count && !status; i++)
        status = assignment_add_stages(assignment, plans[i], order, error);
    return status;
}

/* How the members stand to each other, and which topics lie between the stages of a query. */
static void assignment_relate(struct assignment *assignment, struct query_group *group) {
    group_relate(group);
    for (size_t i = 0; i < group->topic_count; i++)
        for (size_t s = 0; s < assignment->stage_count; s++) {
            const struct sink_plan *sink = &assignment->stages[s].plan->sink->sink;
            group->topics[i].internal |= sink->internal && strcmp(sink->topic, group->topics[i].name) == 0;
        }
}

static int assignment_divide(struct assignment *assignment, struct error *error) {
    int status = assignment_learn(assignment, error);
    for (size_t i = 0; i < assignment->stage_count && !status; i++)
        status = assignment_find_home(assignment, i, error);
    for (size_t i = 0; i < assignment->stage_count && !status; i++)
        if (assignment->homes[i])
            status = assignment_resume(assignment, i, error);
    assignment_connect(assignment);
    for (size_t label = 0; label < assignment->stage_count && !status; label++)
        status = assignment_found(assignment, label, error);
    for (size_t i = 0; i < assignment->groups.count && !status; i++)
        assignment_relate(assignment, assignment->groups.groups[i]);
    return status;
}

int query_groups_assign(struct bus *bus, const char *name, const struct query_plan *const *plans, size_t count,
                        size_t order, const struct query_groups *running, struct query_groups *ret_groups,
                        struct error *error) {
    struct assignment assignment = {.bus = bus, .name = name, .running = running};
    int status = assignment_open(&assignment, plans, count, order, error);
    if (!status)
        status = assignment_divide(&assignment, error);
    bus_group_list_release(&assignment.positions);
    arena_release(&assignment.arena);
    free(assignment.known);
    free(assignment.stages);
    free(assignment.labels);
    free(assignment.homes);
    if (status)
        query_groups_release(&assignment.groups);
    else
        *ret_groups = assignment.groups;
    return status;
}
