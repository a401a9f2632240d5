/* Positions of groups in memory, moved by compare-and-set on their revision as in the embedded log. */
#include <stdio.h>

#include "bus/memory/memory_log.h"
#include "core/memory.h"

static int position_compare(const struct memory_position *left, const char *group, const char *topic,
                            int32_t partition) {
    int order = strcmp(left->group, group);
    if (!order)
        order = strcmp(left->topic, topic);
    return order ? order : (left->partition > partition) - (left->partition < partition);
}

/* Where it is among the others, or would be. */
static size_t position_place(const struct memory_bus *bus, const char *group, const char *topic, int32_t partition,
                             bool *ret_exists) {
    size_t low = 0, high = bus->position_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (position_compare(&bus->positions[middle], group, topic, partition) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_exists = low < bus->position_count && position_compare(&bus->positions[low], group, topic, partition) == 0;
    return low;
}

int memory_position_check(struct memory_bus *bus, const struct bus_position *position, struct error *error) {
    bool exists;
    size_t at = position_place(bus, position->group, position->topic, position->partition, &exists);
    if (position->metadata && strlen(position->metadata) > BUS_METADATA_MAXIMUM)
        return error_set(error, ERROR_INVALID, "the position's metadata is longer than %d bytes", BUS_METADATA_MAXIMUM);
    if (position->expected != (exists ? bus->positions[at].revision : 0))
        return error_set(error, ERROR_CONFLICT,
                         "the position of group %s on %s/%d was moved by another process: only one can work with a "
                         "group at a time",
                         position->group, position->topic, (int)position->partition);
    return 0;
}

static void position_release(struct memory_position *position) {
    free(position->group);
    free(position->topic);
    free(position->metadata);
}

static bool position_copy(const struct bus_position *from, struct memory_position *to) {
    *to = (struct memory_position){.group = strdup(from->group),
                                   .topic = strdup(from->topic),
                                   .metadata = strdup(from->metadata ? from->metadata : ""),
                                   .partition = from->partition,
                                   .next_offset = from->next_offset,
                                   .revision = from->expected + 1};
    return to->group && to->topic && to->metadata;
}

/* There is room for one more. */
static void position_put(struct memory_bus *bus, const struct memory_position *position) {
    bool exists;
    size_t at = position_place(bus, position->group, position->topic, position->partition, &exists);
    if (exists) {
        position_release(&bus->positions[at]);
    } else {
        memmove(&bus->positions[at + 1], &bus->positions[at], (bus->position_count - at) * sizeof *bus->positions);
        bus->position_count++;
    }
    bus->positions[at] = *position;
}

int memory_positions_set(struct memory_bus *bus, const struct bus_position *positions, size_t count,
                         struct error *error) {
    struct memory_position *copies = memory_zero(count + 1, sizeof *copies);
    bool room = copies && memory_reserve((void **)&bus->positions, &bus->position_capacity, bus->position_count + count,
                                         sizeof *bus->positions);
    for (size_t i = 0; i < count && room; i++)
        room = position_copy(&positions[i], &copies[i]);
    for (size_t i = 0; i < count && copies; i++)
        if (room)
            position_put(bus, &copies[i]);
        else
            position_release(&copies[i]);
    free(copies);
    return room ? 0 : error_no_memory(error);
}

void memory_positions_forget(struct memory_bus *bus, const char *group, const char *topic) {
    size_t kept = 0;
    for (size_t i = 0; i < bus->position_count; i++)
        if ((!group || strcmp(bus->positions[i].group, group) == 0) &&
            (!topic || strcmp(bus->positions[i].topic, topic) == 0))
            position_release(&bus->positions[i]);
        else
            bus->positions[kept++] = bus->positions[i];
    bus->position_count = kept;
}

int memory_committed(struct bus *door, const char *group, const char *topic, int32_t partition,
                     struct bus_committed *ret_committed, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    int status = memory_bus_fault(bus, MEMORY_BUS_ASK, error);
    if (status)
        return status;
    pthread_mutex_lock(&bus->lock);
    size_t at = position_place(bus, group, topic, partition, &ret_committed->exists);
    const struct memory_position *found = ret_committed->exists ? &bus->positions[at] : NULL;
    ret_committed->next_offset = found ? found->next_offset : 0;
    ret_committed->revision = found ? found->revision : 0;
    snprintf(ret_committed->metadata, sizeof ret_committed->metadata, "%s", found ? found->metadata : "");
    pthread_mutex_unlock(&bus->lock);
    return 0;
}

int memory_group_reset(struct bus *door, const char *group, struct error *error) {
    (void)error;
    struct memory_bus *bus = (struct memory_bus *)door;
    pthread_mutex_lock(&bus->lock);
    memory_positions_forget(bus, group, NULL);
    pthread_mutex_unlock(&bus->lock);
    return 0;
}

int memory_groups(struct bus *door, struct bus_group_list *ret_list, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    struct bus_group_list list = {0};
    pthread_mutex_lock(&bus->lock);
    list.positions = memory_zero(bus->position_count + 1, sizeof *list.positions);
    bool room = list.positions;
    for (size_t i = 0; i < bus->position_count && room; i++) {
        const struct memory_position *from = &bus->positions[i];
        list.positions[list.count++] =
            (struct bus_group_position){strdup(from->group), strdup(from->topic), from->partition, from->next_offset};
        room = list.positions[i].group && list.positions[i].topic;
    }
    pthread_mutex_unlock(&bus->lock);
    if (!room) {
        bus_group_list_release(&list);
        return error_no_memory(error);
    }
    *ret_list = list;
    return 0;
}
