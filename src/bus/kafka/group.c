/* Committed positions of groups, by clients that name the group and never join it. (The admin client's
 * ListConsumerGroupOffsets ends the process in librdkafka 2.0.2 when a coordinator answers with an error that can be
 * retried, such as one that is just moving.) */
#include <stdio.h>
#include <stdlib.h>

#include "bus/kafka/kafka_bus.h"
#include "core/memory.h"

enum { COMMITTED_TIMEOUT_MS = 10000 };

struct kafka_group {
    struct kafka_group *next;
    char *name;
    rd_kafka_t *client;
};

static void ask_groups(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                       rd_kafka_queue_t *queue) {
    (void)request;
    rd_kafka_ListConsumerGroups(client, options, queue);
}

static void ask_delete(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                       rd_kafka_queue_t *queue) {
    rd_kafka_DeleteGroup_t *group = request;
    rd_kafka_DeleteGroups(client, &group, 1, options, queue);
}

/* `stable`: positions that a transaction is about to move are waited for. */
static int group_client(struct kafka_bus *bus, const char *group, bool stable, rd_kafka_t **ret_client,
                        struct error *error) {
    rd_kafka_conf_t *conf;
    int status = kafka_configure(&bus->handle, KAFKA_CONSUMER, &conf, error);
    if (status)
        return status;
    status = kafka_set(conf, "group.id", group, error);
    if (!status)
        status = kafka_set(conf, "isolation.level", stable ? "read_committed" : "read_uncommitted", error);
    if (!status)
        return kafka_client(bus, RD_KAFKA_CONSUMER, conf, ret_client, error);
    rd_kafka_conf_destroy(conf);
    return status;
}

/* The one that is kept for this group; under positions_lock. */
static int group_find(struct kafka_bus *bus, const char *name, rd_kafka_t **ret_client, struct error *error) {
    for (struct kafka_group *group = bus->groups; group; group = group->next)
        if (strcmp(group->name, name) == 0) {
            *ret_client = group->client;
            return 0;
        }
    struct kafka_group *group = memory_zero(1, sizeof *group);
    int status = group && (group->name = strdup(name)) ? group_client(bus, name, true, &group->client, error)
                                                       : error_no_memory(error);
    if (status) {
        free(group ? group->name : NULL);
        free(group);
        return status;
    }
    group->next = bus->groups;
    bus->groups = group;
    *ret_client = group->client;
    return 0;
}

void kafka_groups_release(struct kafka_bus *bus) {
    while (bus->groups) {
        struct kafka_group *group = bus->groups;
        bus->groups = group->next;
        rd_kafka_destroy(group->client);
        free(group->name);
        free(group);
    }
}

static int position_read(struct kafka_bus *bus, const char *group, const rd_kafka_topic_partition_t *found,
                         struct bus_committed *ret_committed, struct error *error) {
    if (found->err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
        return kafka_error(bus, found->err, "a transaction that moves it is under way; it ends or times out", error,
                           "the position of group %s on %s/%d", group, found->topic, (int)found->partition);
    if (found->err)
        return kafka_error(bus, found->err, NULL, error, "cannot read the position of group %s on %s/%d", group,
                           found->topic, (int)found->partition);
    if (found->metadata_size > BUS_METADATA_MAXIMUM)
        return error_set(error, ERROR_CORRUPT, "the position of group %s on %s/%d has %zu bytes of metadata", group,
                         found->topic, (int)found->partition, found->metadata_size);
    *ret_committed = (struct bus_committed){.exists = found->offset >= 0, .next_offset = found->offset};
    if (found->metadata)
        memcpy(ret_committed->metadata, found->metadata, found->metadata_size);
    return 0;
}

int kafka_committed(struct bus *door, const char *group, const char *topic, int32_t partition,
                    struct bus_committed *ret_committed, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_t *client = NULL;
    pthread_mutex_lock(&bus->positions_lock);
    int status = group_find(bus, group, &client, error);
    rd_kafka_resp_err_t err =
        status ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_committed(client, list, COMMITTED_TIMEOUT_MS);
    if (client)
        rd_kafka_poll(client, 0); /* the error callback */
    pthread_mutex_unlock(&bus->positions_lock);
    if (err)
        status = kafka_error(bus, err,
                             err == RD_KAFKA_RESP_ERR__TIMED_OUT
                                 ? "its coordinator does not answer, or a transaction that moves it is under way"
                                 : NULL,
                             error, "cannot read the position of group %s on %s/%d", group, topic, (int)partition);
    if (!status)
        status = position_read(bus, group, &list->elems[0], ret_committed, error);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int kafka_group_reset(struct bus *door, const char *group, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    rd_kafka_DeleteGroup_t *request = rd_kafka_DeleteGroup_new(group);
    rd_kafka_event_t *event;
    int status =
        kafka_admin(bus, RD_KAFKA_ADMIN_OP_DELETEGROUPS, ask_delete, request, "deleting a group", &event, error);
    rd_kafka_DeleteGroup_destroy(request);
    if (status)
        return status;
    size_t count;
    const rd_kafka_group_result_t **results =
        rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count);
    const rd_kafka_error_t *failure = count == 1 ? rd_kafka_group_result_error(results[0]) : NULL;
    rd_kafka_resp_err_t err = failure ? rd_kafka_error_code(failure) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (err == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP)
        status = error_set(error, ERROR_CONFLICT,
                           "group %s has members that are running (or were killed less than session.timeout.ms ago): "
                           "stop them before its positions are forgotten",
                           group);
    else if (err && err != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        status = kafka_error(bus, err, rd_kafka_error_string(failure), error, "cannot forget the positions of group %s",
                             group);
    rd_kafka_event_destroy(event);
    return status;
}

static int groups_add(struct bus_group_list *list, size_t *capacity, const char *group,
                      const rd_kafka_topic_partition_t *found, struct error *error) {
    if (!memory_reserve((void **)&list->positions, capacity, list->count + 1, sizeof *list->positions))
        return error_no_memory(error);
    struct bus_group_position *position = &list->positions[list->count++];
    *position = (struct bus_group_position){strdup(group), strdup(found->topic), found->partition, found->offset};
    return position->group && position->topic ? 0 : error_no_memory(error);
}

/* Positions of a group on any partition of `all`. */
static int groups_of(struct kafka_bus *bus, const char *group, const rd_kafka_topic_partition_list_t *all,
                     struct bus_group_list *list, size_t *capacity, struct error *error) {
    rd_kafka_t *client;
    int status = group_client(bus, group, false, &client, error);
    if (status)
        return status;
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_copy(all);
    rd_kafka_resp_err_t err = rd_kafka_committed(client, offsets, COMMITTED_TIMEOUT_MS);
    if (err)
        status = kafka_error(bus, err, NULL, error, "cannot read the positions of group %s", group);
    for (int i = 0; i < offsets->cnt && !status; i++)
        if (!offsets->elems[i].err && offsets->elems[i].offset >= 0)
            status = groups_add(list, capacity, group, &offsets->elems[i], error);
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_destroy(client);
    return status;
}

static int groups_partitions(struct kafka_bus *bus, rd_kafka_topic_partition_list_t **ret_all, struct error *error) {
    const struct rd_kafka_metadata *metadata;
    int status = kafka_metadata(bus, &metadata, error);
    if (status)
        return status;
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(16);
    for (int i = 0; i < metadata->topic_cnt; i++)
        for (int p = 0; strncmp(metadata->topics[i].topic, "__", 2) != 0 && p < metadata->topics[i].partition_cnt; p++)
            rd_kafka_topic_partition_list_add(all, metadata->topics[i].topic, metadata->topics[i].partitions[p].id);
    rd_kafka_metadata_destroy(metadata);
    *ret_all = all;
    return 0;
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
    rd_kafka_topic_partition_list_t *all;
    int status = groups_partitions(bus, &all, error);
    if (status)
        return status;
    status = kafka_admin(bus, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, ask_groups, NULL, "listing groups", &event, error);
    if (status) {
        rd_kafka_topic_partition_list_destroy(all);
        return status;
    }
    const rd_kafka_ConsumerGroupListing_t **groups =
        rd_kafka_ListConsumerGroups_result_valid(rd_kafka_event_ListConsumerGroups_result(event), &count);
    for (size_t i = 0; i < count && all->cnt && !status; i++)
        status = groups_of(bus, rd_kafka_ConsumerGroupListing_group_id(groups[i]), all, &list, &capacity, error);
    rd_kafka_event_destroy(event);
    rd_kafka_topic_partition_list_destroy(all);
    if (status) {
        bus_group_list_release(&list);
        return status;
    }
    if (list.count)
        qsort(list.positions, list.count, sizeof *list.positions, group_compare);
    *ret_list = list;
    return 0;
}
