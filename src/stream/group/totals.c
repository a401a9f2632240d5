#include "stream/group/totals.h"

#include <string.h>

static int query_totals_add(struct bus *bus, const struct bus_group_position *at, uint64_t query,
                            struct query_counters *counters, bool *found, struct error *error) {
    struct bus_committed committed;
    struct query_position position;
    struct arena arena = {0};
    int status = bus_committed(bus, at->group, at->topic, at->partition, &committed, error);
    if (!status && committed.exists && query_position_read(committed.metadata, &arena, &position, NULL) == 0)
        for (size_t i = 0; i < position.stage_count; i++)
            if (position.stages[i].query == query) {
                query_counters_add(counters, &position.stages[i].counters);
                *found = true;
            }
    arena_release(&arena);
    return status;
}

int query_totals(struct bus *bus, const char *id, struct query_counters *ret_counters, bool *ret_found,
                 struct error *error) {
    struct bus_group_list list;
    struct query_counters counters = {0};
    bool found = false;
    int status = bus_groups(bus, &list, error);
    if (status)
        return status;
    for (size_t i = 0; i < list.count && !status; i++)
        if (strstr(list.positions[i].group, ".sql.")) /* stream/query_group.h names them so */
            status = query_totals_add(bus, &list.positions[i], query_position_hash(id), &counters, &found, error);
    bus_group_list_release(&list);
    if (!status) {
        *ret_counters = counters;
        *ret_found = found;
    }
    return status;
}
