#include "stream/runtime/regroup.h"

#include "core/memory.h"
#include "stream/group/apart.h"
#include "stream/runtime/fail.h"

/* The first topic of a member that is no more; NULL: all are there. */
static int member_find_lost(struct bus *bus, const struct query_member *member, const char **ret_topic,
                            struct error *error) {
    *ret_topic = NULL;
    for (size_t s = 0; s < member->plan->source_count; s++) {
        struct bus_topic_info info;
        int status = bus_topic_describe(bus, member->source_topics[s], &info, error);
        if (!status) {
            bus_topic_info_release(&info);
            continue;
        }
        *ret_topic = status == ERROR_NOT_FOUND ? member->source_topics[s] : NULL;
        return *ret_topic ? 0 : status;
    }
    return 0;
}

static int member_lose(struct bus *bus, struct query_group *group, size_t at, const char *topic, struct error *error) {
    struct error why;
    int status = 0;
    for (int32_t p = 0; p < group->partitions && !status; p++)
        status = query_apart_set(bus, group->name, &group->members[at], p, error);
    error_set(&why, ERROR_NOT_FOUND, "topic %s, which it reads, was deleted", topic);
    if (!status)
        query_member_fail(group, at, &why);
    return status;
}

static void plans_add(const struct query_plan **plans, size_t *count, const struct query_plan *plan) {
    for (size_t i = 0; i < *count; i++)
        if (plans[i] == plan)
            return;
    plans[(*count)++] = plan;
}

int query_group_divide(struct bus *bus, struct query_group *group, const struct query_plan **plans, size_t *count,
                       struct error *error) {
    int status = 0;
    for (size_t m = 0; m < group->member_count && !status; m++) {
        struct query_member *member = &group->members[m];
        const char *lost;
        if (atomic_load(&member->removed))
            continue;
        status = member_find_lost(bus, member, &lost, error);
        if (!status && lost)
            status = member_lose(bus, group, m, lost, error);
    }
    for (size_t m = 0; m < group->member_count && !status; m++)
        if (!atomic_exchange(&group->members[m].removed, true))
            plans_add(plans, count, group->members[m].query);
    return status;
}
