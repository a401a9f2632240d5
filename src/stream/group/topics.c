/* Topics that are read come first, as what is written takes its number of partitions from them. */
#include "stream/group/topics.h"

#include "stream/group/internal_topic.h"

static const struct bus_topic_settings source_settings = {.retention_time = -1, .retention_bytes = -1};

/* The stage that reads or writes an internal topic of the plan; NULL: none does, so it is no such topic. */
static const struct stage_plan *topic_writer(const struct query_plan *plan, const char *topic) {
    for (size_t i = 0; i < plan->stage_count; i++)
        if (plan->stages[i].sink->sink.internal && strcmp(plan->stages[i].sink->sink.topic, topic) == 0)
            return &plan->stages[i];
    return NULL;
}

static const struct stage_plan *topic_reader(const struct query_plan *plan, const char *topic) {
    for (size_t i = 0; i < plan->stage_count; i++)
        for (size_t s = 0; s < plan->stages[i].source_count; s++)
            if (strcmp(plan->stages[i].sources[s]->source->topic, topic) == 0)
                return &plan->stages[i];
    return NULL;
}

/* `depth` bounds a plan that would go in circles. */
static int topic_partitions(struct bus *bus, const struct query_plan *plan, const char *topic, size_t depth,
                            int32_t *ret_partitions, struct error *error) {
    const struct stage_plan *writer = topic_writer(plan, topic), *reader = writer ? topic_reader(plan, topic) : NULL;
    int32_t most = 0;
    int status = 0;
    if (!writer || depth > plan->stage_count)
        return bus_topic_ensure(bus, topic, &source_settings, ret_partitions, error);
    for (size_t i = 0; reader && i < reader->source_count && !status; i++) {
        const char *beside = reader->sources[i]->source->topic;
        int32_t partitions = 0;
        const struct stage_plan *other = topic_writer(plan, beside);
        if (other)
            status = topic_partitions(bus, plan, other->sources[0]->source->topic, depth + 1, &partitions, error);
        else
            status = bus_topic_ensure(bus, beside, &source_settings, ret_partitions, error);
        if (!other) /* a topic that others fill: its partitions are given */
            return status;
        most = partitions > most ? partitions : most;
    }
    if (!status && !reader)
        status = topic_partitions(bus, plan, writer->sources[0]->source->topic, depth + 1, &most, error);
    if (!status)
        *ret_partitions = most;
    return status;
}

static int topic_ensure_sink(struct bus *bus, const char *group, const struct query_plan *plan,
                             const struct stage_plan *stage, struct error *error) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 1];
    const struct sink_plan *sink = &stage->sink->sink;
    /* What is between stages is dropped when it has been worked on (worker.c). Its records have times of long
     * ago, by which brokers would delete them before. */
    struct bus_topic_settings settings = {.partitions = sink->partitions,
                                          .retention_time = sink->internal ? -1 : sink->retention,
                                          .retention_bytes = -1,
                                          .compacted = sink->compacted,
                                          .replicas = sink->replicas};
    int32_t made;
    int status = 0;
    if (settings.partitions == 0)
        status = topic_partitions(bus, plan, sink->internal ? sink->topic : stage->sources[0]->source->topic, 0,
                                  &settings.partitions, error);
    if (sink->internal)
        internal_topic_name(INTERNAL_REPARTITION, group, plan->id, (size_t)(stage - plan->stages), name);
    return status ? status : bus_topic_ensure(bus, sink->internal ? name : sink->topic, &settings, &made, error);
}

int query_topics_ensure(struct bus *bus, const char *group, const struct query_plan *plan, struct error *error) {
    int status = 0;
    int32_t partitions;
    for (size_t i = 0; i < plan->stage_count && !status; i++) {
        const struct stage_plan *stage = &plan->stages[i];
        for (size_t s = 0; s < stage->source_count && !status; s++)
            if (!topic_writer(plan, stage->sources[s]->source->topic))
                status = bus_topic_ensure(bus, stage->sources[s]->source->topic, &source_settings, &partitions, error);
        if (!status)
            status = topic_ensure_sink(bus, group, plan, stage, error);
    }
    return status ? error_wrap(error, "query %s", plan->id) : 0;
}

static int group_open_changelog(struct bus *bus, const struct query_group *group, const struct query_member *member,
                                struct error *error) {
    struct bus_topic_settings settings = {
        .partitions = group->partitions, .retention_time = -1, .retention_bytes = -1, .compacted = true};
    struct bus_topic_info info;
    int32_t partitions;
    if (group->known) {
        int status = bus_topic_describe(bus, member->changelog_topic, &info, error);
        if (status == ERROR_NOT_FOUND)
            return error_set(
                error, ERROR_NOT_FOUND,
                "topic %s, which holds what query %s keeps, is gone: start the group from the beginning with --reset",
                member->changelog_topic, member->query->id);
        if (status)
            return status;
        bus_topic_info_release(&info);
    }
    int status = bus_topic_ensure(bus, member->changelog_topic, &settings, &partitions, error);
    if (!status && partitions != group->partitions)
        return error_set(error, ERROR_INVALID,
                         "topic %s has %d partitions, the topics that query %s reads have %d: delete it, and start the "
                         "group from the beginning with --reset",
                         member->changelog_topic, (int)partitions, member->query->id, (int)group->partitions);
    return status;
}

int query_topics_open(struct bus *bus, struct query_group *group, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < group->topic_count && !status; i++) {
        int32_t partitions = 0;
        status = bus_topic_ensure(bus, group->topics[i].name, &source_settings, &partitions, error);
        if (!status && i && partitions != group->partitions)
            return error_set(error, ERROR_INVALID,
                             "topics that are read together need the same number of partitions: %s has %d, %s has %d; "
                             "make one of them anew, or copy it by a query WITH "
                             "(PARTITIONS = %d)",
                             group->topics[0].name, (int)group->partitions, group->topics[i].name, (int)partitions,
                             (int)group->partitions);
        group->partitions = partitions;
        if (!status && group->topics[i].feeder_count)
            status =
                bus_topic_ensure(bus, group->topics[i].feeders[0], &source_settings, &group->topics[i].origins, error);
    }
    for (size_t i = 0; i < group->member_count && !status; i++)
        if (group->members[i].plan->single_partition && group->partitions > 1)
            status = error_set(error, ERROR_INVALID,
                               "query %s joins tables by a column that is not their key, for which their topics need "
                               "one partition; %s has %d: copy the tables "
                               "by queries WITH "
                               "(PARTITIONS = 1)",
                               group->members[i].query->id, group->topics[group->members[i].topics[0]].name,
                               (int)group->partitions);
    for (size_t i = 0; i < group->member_count && !status; i++)
        if (group->members[i].changelog_topic)
            status = group_open_changelog(bus, group, &group->members[i], error);
    return status;
}
