#include "stream/group/kept.h"

#include <inttypes.h>

/* How long a stage needs its records, in ms: 0 not at all, KEPT_ORDER as they are until they have been read. */
enum { KEPT_NOTHING, KEPT_ORDER };

static int64_t node_needs(const struct node_plan *node) {
    const struct window_definition *window = &node->aggregate.window;
    int64_t need = KEPT_NOTHING;
    if (node->kind == NODE_JOIN && node->join.inputs == JOIN_STREAM_STREAM)
        need = KEPT_ORDER;
    if (node->kind == NODE_AGGREGATE && window->shape == WINDOW_SHAPE_SESSION)
        need = KEPT_ORDER;
    if (node->kind == NODE_AGGREGATE &&
        (window->shape == WINDOW_SHAPE_TUMBLING || window->shape == WINDOW_SHAPE_HOPPING))
        need = window->size > INT64_MAX - window->grace ? INT64_MAX : window->size + window->grace;
    for (size_t i = 0; i < node->input_count; i++) {
        int64_t below = node_needs(node->inputs[i]);
        need = below > need ? below : need;
    }
    return need;
}

/* What the members that read `topic` as a stream need of it. */
static int64_t topic_needs(const struct query_group *group, size_t topic, const struct query_member **ret_member) {
    int64_t most = KEPT_NOTHING;
    for (size_t m = 0; m < group->member_count; m++) {
        const struct query_member *member = &group->members[m];
        int64_t need = node_needs(member->plan->sink);
        for (size_t s = 0; s < member->plan->source_count; s++)
            if (member->topics[s] == topic && !member->plan->sources[s]->source->table && need > most) {
                most = need;
                *ret_member = member;
            }
    }
    return most;
}

static int topic_check_kept(const struct bus_topic_info *info, const struct query_member *member, int64_t need,
                            struct error *error) {
    int64_t kept = info->settings.retention_time;
    if (info->settings.compacted)
        return error_set(error, ERROR_INVALID,
                         "query %s: topic %s is compacted: of a key all records but the newest disappear, so that open "
                         "windows could not be rebuilt and joins of streams would miss records; give it "
                         "cleanup.policy=delete, read it as a table, or go on all the same with --on-lost-offsets "
                         "earliest",
                         member->query->id, info->name);
    if (need > KEPT_ORDER && kept >= 0 && kept < need)
        return error_set(error, ERROR_INVALID,
                         "query %s: topic %s keeps records for %" PRId64 " s, the longest window and its grace take "
                         "%" PRId64 " s: after a restart open windows could not be rebuilt; lengthen its retention, "
                         "shorten the window or its grace, or go on all the same with --on-lost-offsets earliest",
                         member->query->id, info->name, kept / 1000, need / 1000);
    return 0;
}

int query_group_check_kept(struct bus *bus, const struct query_group *group, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < group->topic_count && !status; i++) {
        const struct query_member *member = NULL;
        int64_t need = group->topics[i].internal ? KEPT_NOTHING : topic_needs(group, i, &member);
        struct bus_topic_info info;
        if (need == KEPT_NOTHING)
            continue;
        status = bus_topic_describe(bus, group->topics[i].name, &info, error);
        if (status)
            return status;
        status = topic_check_kept(&info, member, need, error);
        bus_topic_info_release(&info);
    }
    return status;
}
