/* Committed positions of groups. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/kafka/kafka_bus.h"
#include "core/memory.h"

static void ask_offsets(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue) {
    rd_kafka_ListConsumerGroupOffsets_t *group = request;
    rd_kafka_ListConsumerGroupOffsets(client, &group, 1, options, queue);
}

static void ask_groups(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue) {
    (void)request;
    rd_kafka_ListConsumerGroups(client, options, queue);
}

static void ask_delete(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue) {
    rd_kafka_DeleteGroup_t *group = request;
    rd_kafka_DeleteGroups(client, &group, 1, options, queue);
}

/* Offsets of the partitions, or of all that the group has committed (NULL). The list belongs to the event, which is to be destroyed. */
static int group_offsets(struct kafka_bus *bus, const char *group, const rd_kafka_topic_partition_list_t *partitions, rd_kafka_event_t **ret_event,
                         const rd_kafka_topic_partition_list_t **ret_list, struct error *error) {
    rd_kafka_ListConsumerGroupOffsets_t *request = rd_kafka_ListConsumerGroupOffsets_new(group, partitions);
    rd_kafka_event_t *event;
    int status = kafka_admin(bus, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, ask_offsets, request, "asking for committed offsets", &event, error);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    if (status)
        return status;
    size_t count;
    const rd_kafka_group_result_t **results = rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    const rd_kafka_error_t *failure = count == 1 ? rd_kafka_group_result_error(results[0]) : NULL;
    if (failure || count != 1) {
        status = kafka_error(bus, failure ? rd_kafka_error_code(failure) : RD_KAFKA_RESP_ERR__FAIL, failure ? rd_kafka_error_string(failure) : NULL, error,
                             "cannot ask for the offsets of group %s", group);
        rd_kafka_event_destroy(event);
        return status;
    }
    *ret_event = event;
    *ret_list = rd_kafka_group_result_partitions(results[0]);
    return 0;
}

static int position_read(struct kafka_bus *bus, const char *group, const rd_kafka_topic_partition_t *found, struct bus_committed *ret_committed, struct error *error) {
    if (found->err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
        return kafka_error(bus, found->err, "a transaction that moves it is under way; it ends or times out", error, "the position of group %s on %s/%d", group, found->topic,
                           (int)found->partition);
    if (found->err)
        return kafka_error(bus, found->err, NULL, error, "cannot read the position of group %s on %s/%d", group, found->topic, (int)found->partition);
    if (found->metadata_size > BUS_METADATA_MAXIMUM)
        return error_set(error, ERROR_CORRUPT, "the position of group %s on %s/%d has %zu bytes of metadata", group, found->topic, (int)found->partition, found->metadata_size);
    *ret_committed = (struct bus_committed){.exists = found->offset >= 0, .next_offset = found->offset};
    if (found->metadata)
        memcpy(ret_committed->metadata, found->metadata, found->metadata_size);
    return 0;
}

int kafka_committed(struct bus *door, const char *group, const char *topic, int32_t partition, struct bus_committed *ret_committed, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(wanted, topic, partition);
    const rd_kafka_topic_partition_list_t *list;
    rd_kafka_event_t *event;
    int status = group_offsets(bus, group, wanted, &event, &list, error);
    rd_kafka_topic_partition_list_destroy(wanted);
    if (status)
        return status;
    if (list->cnt == 1)
        status = position_read(bus, group, &list->elems[0], ret_committed, error);
    else
        *ret_committed = (struct bus_committed){0};
    rd_kafka_event_destroy(event);
    return status;
}

int kafka_group_reset(struct bus *door, const char *group, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    rd_kafka_DeleteGroup_t *request = rd_kafka_DeleteGroup_new(group);
    rd_kafka_event_t *event;
    int status = kafka_admin(bus, RD_KAFKA_ADMIN_OP_DELETEGROUPS, ask_delete, request, "deleting a group", &event, error);
    rd_kafka_DeleteGroup_destroy(request);
    if (status)
        return status;
    size_t count;
    const rd_kafka_group_result_t **results = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count);
    const rd_kafka_error_t *failure = count == 1 ? rd_kafka_group_result_error(results[0]) : NULL;
    rd_kafka_resp_err_t err = failure ? rd_kafka_error_code(failure) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (err == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP)
        status = error_set(error, ERROR_CONFLICT, "group %s has members that are running (or were killed less than session.timeout.ms ago): stop them before its positions are forgotten",
                           group);
    else if (err && err != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        status = kafka_error(bus, err, rd_kafka_error_string(failure), error, "cannot forget the positions of group %s", group);
    rd_kafka_event_destroy(event);
    return status;
}

static int groups_add(struct bus_group_list *list, size_t *capacity, const char *group, const rd_kafka_topic_partition_t *found, struct error *error) {
    if (!memory_reserve((void **)&list->positions, capacity, list->count + 1, sizeof *list->positions))
        return error_no_memory(error);
    struct bus_group_position *position = &list->positions[list->count++];
    *position = (struct bus_group_position){strdup(group), strdup(found->topic), found->partition, found->offset};
    return position->group && position->topic ? 0 : error_no_memory(error);
}

static int groups_of(struct kafka_bus *bus, const char *group, struct bus_group_list *list, size_t *capacity, struct error *error) {
    const rd_kafka_topic_partition_list_t *offsets;
    rd_kafka_event_t *event;
    int status = group_offsets(bus, group, NULL, &event, &offsets, error);
    if (status)
        return status;
    for (int i = 0; i < offsets->cnt && !status; i++)
        if (!offsets->elems[i].err && offsets->elems[i].offset >= 0)
            status = groups_add(list, capacity, group, &offsets->elems[i], error);
    rd_kafka_event_destroy(event);
    return status;
}

static int group_compare(const void *a, const void *b) {
    const struct bus_group_position *left = a, *right = b;
    int order = strcmp(left->group, right->group);
    order = order ? order : strcmp(left->topic, right->topic);
    return order ? order : (left->partition > right->partition) - (left->partition < right->partition);
}

int kafka_groups(struct bus *door, struct bus_group_list *ret_list, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    struct bus_group_list list = {0};
    size_t count, capacity = 0;
    rd_kafka_event_t *event;
    int status = kafka_admin(bus, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, ask_groups, NULL, "listing groups", &event, error);
    if (status)
        return status;
    const rd_kafka_ConsumerGroupListing_t **groups = rd_kafka_ListConsumerGroups_result_valid(rd_kafka_event_ListConsumerGroups_result(event), &count);
    for (size_t i = 0; i < count && !status; i++)
        status = groups_of(bus, rd_kafka_ConsumerGroupListing_group_id(groups[i]), &list, &capacity, error);
    rd_kafka_event_destroy(event);
    if (status) {
        bus_group_list_release(&list);
        return status;
    }
    if (list.count)
        qsort(list.positions, list.count, sizeof *list.positions, group_compare);
    *ret_list = list;
    return 0;
}
