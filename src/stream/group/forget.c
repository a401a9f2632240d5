/* Positions go first: what is interrupted between the two steps begins anew all the same, and finds no old topics to
 * trust. */
#include "stream/group/forget.h"

#include "core/memory.h"
#include "stream/group/grouping.h"
#include "stream/group/internal_topic.h"

struct forgotten {
    struct bus *bus;
    const char *name;
    const char *const *ids; /* of queries; NULL: of all */
    size_t count;
};

/* --- topics
 * ------------------------------------------------------------------------------------------------------------------ */

static bool forgotten_topic(const struct forgotten *what, const char *topic) {
    bool found = !what->ids && internal_topic_belongs(topic, what->name, NULL);
    for (size_t i = 0; i < what->count && !found; i++)
        found = internal_topic_belongs(topic, what->name, what->ids[i]);
    return found;
}

static int forget_topics(const struct forgotten *what, struct error *error) {
    struct bus_topic_list list;
    int status = bus_topics(what->bus, &list, error);
    if (status)
        return status;
    for (size_t i = 0; i < list.count && !status; i++)
        if (forgotten_topic(what, list.topics[i].name)) {
            status = bus_topic_delete(what->bus, list.topics[i].name, error);
            status = status == ERROR_NOT_FOUND ? 0 : status;
        }
    bus_topic_list_release(&list);
    return status;
}

/* --- positions
 * ------------------------------------------------------------------------------------------------------------------ */

static bool forgotten_stage(const struct forgotten *what, const struct query_position_stage *stage) {
    for (size_t i = 0; i < what->count; i++)
        if (stage->query == query_position_hash(what->ids[i]))
            return true;
    return false;
}

/* Does the position know a query that is not forgotten? What cannot be read is left to the one who resumes on it,
 * and tells what it is. */
static int position_needed(const struct forgotten *what, const struct bus_group_position *at, struct arena *arena,
                           bool *ret_needed, struct error *error) {
    struct bus_committed *committed = arena_allocate(arena, sizeof *committed);
    struct query_position position;
    struct error unreadable;
    int status = committed ? bus_committed(what->bus, at->group, at->topic, at->partition, committed, error)
                           : error_no_memory(error);
    if (status || !committed->exists)
        return status;
    *ret_needed = query_position_read(committed->metadata, arena, &position, &unreadable) != 0;
    for (size_t i = 0; !*ret_needed && i < position.stage_count; i++)
        *ret_needed = !forgotten_stage(what, &position.stages[i]);
    return 0;
}

/* The positions of a group lie together. */
static int forget_group(const struct forgotten *what, const struct bus_group_position *positions, size_t count,
                        struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    bool needed = false;
    int status = 0;
    for (size_t i = 0; i < count && what->ids && !status && !needed; i++)
        status = position_needed(what, &positions[i], &arena, &needed, error);
    return status || needed ? status : bus_group_reset(what->bus, positions[0].group, error);
}

static int forget_positions(const struct forgotten *what, struct error *error) {
    struct bus_group_list list;
    int status = bus_groups(what->bus, &list, error);
    if (status)
        return status;
    for (size_t i = 0, next; i < list.count && !status; i = next) {
        for (next = i + 1; next < list.count; next++)
            if (strcmp(list.positions[i].group, list.positions[next].group) != 0)
                break;
        if (query_group_belongs(list.positions[i].group, what->name))
            status = forget_group(what, &list.positions[i], next - i, error);
    }
    bus_group_list_release(&list);
    return status;
}

/* Positions first: what is interrupted here begins anew all the same. */
static int forget(const struct forgotten *what, struct error *error) {
    int status = query_group_check_name(what->name, error);
    if (!status)
        status = forget_positions(what, error);
    return status ? status : forget_topics(what, error);
}

int query_forget_all(struct bus *bus, const char *name, struct error *error) {
    const struct forgotten what = {.bus = bus, .name = name};
    return forget(&what, error);
}

int query_forget_queries(struct bus *bus, const char *name, const char *const *ids, size_t count, struct error *error) {
    const struct forgotten what = {bus, name, ids, count};
    return count ? forget(&what, error) : 0;
}
