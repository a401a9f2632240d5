/* Topics on Kafka: metadata, watermarks and configuration make up what the door describes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kafka/kafka_bus.h"
#include "core/clock.h"
#include "core/memory.h"

enum { APPEAR_STEP_MS = 20, APPEAR_TIMEOUT_MS = 30000, WATERMARK_TIMEOUT_MS = 10000, VALUE_SIZE = 32 };

static void ask_create(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                       rd_kafka_queue_t *queue) {
    rd_kafka_NewTopic_t *topic = request;
    rd_kafka_CreateTopics(client, &topic, 1, options, queue);
}

static void ask_delete(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                       rd_kafka_queue_t *queue) {
    rd_kafka_DeleteTopic_t *topic = request;
    rd_kafka_DeleteTopics(client, &topic, 1, options, queue);
}

static void ask_describe(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                         rd_kafka_queue_t *queue) {
    rd_kafka_ConfigResource_t *resource = request;
    rd_kafka_DescribeConfigs(client, &resource, 1, options, queue);
}

static void ask_alter(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                      rd_kafka_queue_t *queue) {
    rd_kafka_ConfigResource_t *resource = request;
    rd_kafka_AlterConfigs(client, &resource, 1, options, queue);
}

static void ask_trim(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                     rd_kafka_queue_t *queue) {
    rd_kafka_DeleteRecords_t *records = request;
    rd_kafka_DeleteRecords(client, &records, 1, options, queue);
}

static const struct rd_kafka_metadata_topic *topic_in(const struct rd_kafka_metadata *metadata, const char *name) {
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0 &&
            metadata->topics[i].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && metadata->topics[i].partition_cnt)
            return &metadata->topics[i];
    return NULL;
}

static bool topic_ready(const struct rd_kafka_metadata_topic *topic) {
    for (int p = 0; topic && p < topic->partition_cnt; p++)
        if (topic->partitions[p].leader < 0)
            return false;
    return topic && topic->err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* The number of its partitions, 0 when there is none of that name. */
static int topic_partitions(struct kafka_bus *bus, const char *name, int32_t *ret_partitions, bool *ret_ready,
                            struct error *error) {
    const struct rd_kafka_metadata *metadata;
    int status = kafka_metadata(bus, &metadata, error);
    if (status)
        return status;
    const struct rd_kafka_metadata_topic *topic = topic_in(metadata, name);
    *ret_partitions = topic ? topic->partition_cnt : 0;
    *ret_ready = topic_ready(topic);
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

/* A new topic takes a moment until all brokers know its leaders. */
static int topic_await(struct kafka_bus *bus, const char *name, int32_t *ret_partitions, struct error *error) {
    bool ready = false;
    for (int waited = 0; waited < APPEAR_TIMEOUT_MS; waited += APPEAR_STEP_MS) {
        int status = topic_partitions(bus, name, ret_partitions, &ready, error);
        if (status || ready)
            return status;
        clock_sleep_ns(bus->base.options.clock, INT64_C(1000000) * APPEAR_STEP_MS);
    }
    error_set(error, ERROR_BUSY, "topic %s has no leader for some partition after %d s: a broker is missing", name,
              APPEAR_TIMEOUT_MS / 1000);
    if (error)
        error->retriable = true;
    return ERROR_BUSY;
}

/* The first error in an array of topic results. */
static int topic_result(struct kafka_bus *bus, const rd_kafka_topic_result_t **results, size_t count, const char *what,
                        const char *name, struct error *error) {
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
        if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return error_set(error, ERROR_EXISTS, "topic %s exists already", name);
        if (err)
            return kafka_error(bus, err, rd_kafka_topic_result_error_string(results[i]), error, "cannot %s topic %s",
                               what, name);
    }
    return 0;
}

static int topic_add_setting(rd_kafka_NewTopic_t *topic, const char *name, int64_t value) {
    char text[VALUE_SIZE];
    snprintf(text, sizeof text, "%" PRId64, value);
    return value == BUS_RETENTION_DEFAULT ? 0 : (int)rd_kafka_NewTopic_set_config(topic, name, text);
}

static int topic_replicas(const struct kafka_bus *bus, const struct bus_topic_settings *settings) {
    int32_t replicas = settings->replicas ? settings->replicas : bus->base.options.replication;
    return replicas ? replicas : -1;
}

int kafka_topic_create(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                       struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    struct bus_topic_settings checked = *settings;
    char text[200];
    int status = bus_topic_check(door, name, &checked, error);
    if (status)
        return status;
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, checked.partitions, topic_replicas(bus, &checked), text, sizeof text);
    if (!topic)
        return error_set(error, ERROR_INVALID, "topic %s: %s", name, text);
    /* The brokers' retention goes by the records' times: results of last year's readings would go at once. */
    if (!checked.append_time && checked.retention_time == BUS_RETENTION_DEFAULT)
        checked.retention_time = -1;
    topic_add_setting(topic, "retention.ms", checked.retention_time);
    topic_add_setting(topic, "retention.bytes", checked.retention_bytes);
    if (checked.compacted)
        rd_kafka_NewTopic_set_config(topic, "cleanup.policy",
                                     checked.retention_time >= 0 || checked.retention_bytes >= 0 ? "compact,delete"
                                                                                                 : "compact");
    /* A result may be larger than what it was made of, and a dead letter is. */
    if (!checked.append_time)
        rd_kafka_NewTopic_set_config(topic, "max.message.bytes", KAFKA_MESSAGE_MAXIMUM);
    rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", checked.append_time ? "LogAppendTime" : "CreateTime");
    rd_kafka_event_t *event;
    status = kafka_admin(bus, RD_KAFKA_ADMIN_OP_CREATETOPICS, ask_create, topic, "creating a topic", &event, error);
    rd_kafka_NewTopic_destroy(topic);
    if (status)
        return status;
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    status = topic_result(bus, results, count, "create", name, error);
    rd_kafka_event_destroy(event);
    return status ? status : topic_await(bus, name, &checked.partitions, error);
}

int kafka_topic_ensure(struct bus *door, const char *name, const struct bus_topic_settings *wanted,
                       int32_t *ret_partitions, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    struct bus_topic_settings settings = wanted ? *wanted
                                                : (struct bus_topic_settings){.retention_time = BUS_RETENTION_DEFAULT,
                                                                              .retention_bytes = BUS_RETENTION_DEFAULT,
                                                                              .append_time = true};
    int32_t partitions = 0;
    bool ready;
    int status = bus_topic_check(door, name, &settings, error);
    if (!status)
        status = topic_partitions(bus, name, &partitions, &ready, error);
    if (!status && !partitions) {
        status = kafka_topic_create(door, name, &settings, error);
        if (status == ERROR_EXISTS) /* another process was quicker */
            status = 0;
        if (!status)
            status = topic_await(bus, name, &partitions, error);
    }
    if (!status)
        *ret_partitions = partitions;
    return status;
}

/* Kafka's AlterConfigs replaces all settings of a topic: those that are not to be changed are said again. */
static int topic_alter_resource(const rd_kafka_ConfigResource_t *now, const char *name,
                                const struct bus_topic_settings *settings, rd_kafka_ConfigResource_t **ret_resource,
                                struct error *error) {
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    if (!resource)
        return error_no_memory(error);
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(now, &count);
    for (size_t i = 0; i < count; i++) {
        const char *key = rd_kafka_ConfigEntry_name(entries[i]), *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value && rd_kafka_ConfigEntry_source(entries[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG &&
            (strcmp(key, "retention.ms") != 0 || settings->retention_time == BUS_RETENTION_DEFAULT) &&
            (strcmp(key, "retention.bytes") != 0 || settings->retention_bytes == BUS_RETENTION_DEFAULT))
            rd_kafka_ConfigResource_set_config(resource, key, value);
    }
    char text[VALUE_SIZE];
    snprintf(text, sizeof text, "%" PRId64, settings->retention_time);
    if (settings->retention_time != BUS_RETENTION_DEFAULT)
        rd_kafka_ConfigResource_set_config(resource, "retention.ms", text);
    snprintf(text, sizeof text, "%" PRId64, settings->retention_bytes);
    if (settings->retention_bytes != BUS_RETENTION_DEFAULT)
        rd_kafka_ConfigResource_set_config(resource, "retention.bytes", text);
    *ret_resource = resource;
    return 0;
}

/* The configuration of one topic: an event to destroy, which holds the resource. */
static int topic_configuration(struct kafka_bus *bus, const char *name, rd_kafka_event_t **ret_event,
                               const rd_kafka_ConfigResource_t **ret_resource, struct error *error) {
    rd_kafka_ConfigResource_t *wanted = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    if (!wanted)
        return error_no_memory(error);
    rd_kafka_event_t *event;
    int status =
        kafka_admin(bus, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, ask_describe, wanted, "describing a topic", &event, error);
    rd_kafka_ConfigResource_destroy(wanted);
    if (status)
        return status;
    size_t count;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    rd_kafka_resp_err_t err = count == 1 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR__FAIL;
    if (err) {
        status = kafka_error(bus, err, count == 1 ? rd_kafka_ConfigResource_error_string(resources[0]) : NULL, error,
                             "cannot describe topic %s", name);
        rd_kafka_event_destroy(event);
        return status;
    }
    *ret_event = event;
    *ret_resource = resources[0];
    return 0;
}

int kafka_topic_alter(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                      struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    const rd_kafka_ConfigResource_t *now;
    rd_kafka_ConfigResource_t *resource = NULL;
    rd_kafka_event_t *event;
    int status = topic_configuration(bus, name, &event, &now, error);
    if (status)
        return status == ERROR_NOT_FOUND ? error_set(error, ERROR_NOT_FOUND, "topic %s does not exist", name) : status;
    status = topic_alter_resource(now, name, settings, &resource, error);
    rd_kafka_event_destroy(event);
    if (!status) {
        status =
            kafka_admin(bus, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, ask_alter, resource, "altering a topic", &event, error);
        rd_kafka_ConfigResource_destroy(resource);
    }
    if (status)
        return status;
    size_t count;
    const rd_kafka_ConfigResource_t **results =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    rd_kafka_resp_err_t err = count == 1 ? rd_kafka_ConfigResource_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
    if (err)
        status = kafka_error(bus, err, count == 1 ? rd_kafka_ConfigResource_error_string(results[0]) : NULL, error,
                             "cannot alter topic %s", name);
    rd_kafka_event_destroy(event);
    return status;
}

int kafka_topic_delete(struct bus *door, const char *name, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_event_t *event;
    int status = kafka_admin(bus, RD_KAFKA_ADMIN_OP_DELETETOPICS, ask_delete, topic, "deleting a topic", &event, error);
    rd_kafka_DeleteTopic_destroy(topic);
    if (status)
        return status;
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    status = topic_result(bus, results, count, "delete", name, error);
    rd_kafka_event_destroy(event);
    return status == ERROR_NOT_FOUND ? error_set(error, ERROR_NOT_FOUND, "topic %s does not exist", name) : status;
}

int kafka_trim(struct bus *door, const char *topic, int32_t partition, int64_t offset, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_event_t *event;
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
    int status =
        kafka_admin(bus, RD_KAFKA_ADMIN_OP_DELETERECORDS, ask_trim, records, "deleting records", &event, error);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(list);
    if (status)
        return status;
    const rd_kafka_topic_partition_list_t *results =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    rd_kafka_resp_err_t err = results && results->cnt == 1 ? results->elems[0].err : RD_KAFKA_RESP_ERR__FAIL;
    if (err)
        status = kafka_error(bus, err, NULL, error, "cannot delete the records of %s/%d below offset %lld", topic,
                             (int)partition, (long long)offset);
    rd_kafka_event_destroy(event);
    return status;
}

static int topic_read_settings(struct kafka_bus *bus, const char *name, struct bus_topic_settings *settings,
                               struct error *error) {
    rd_kafka_event_t *event;
    const rd_kafka_ConfigResource_t *resource;
    int status = topic_configuration(bus, name, &event, &resource, error);
    if (status)
        return status;
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    settings->retention_time = settings->retention_bytes = -1;
    for (size_t i = 0; i < count; i++) {
        const char *key = rd_kafka_ConfigEntry_name(entries[i]), *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value && strcmp(key, "retention.ms") == 0)
            settings->retention_time = strtoll(value, NULL, 10);
        else if (value && strcmp(key, "retention.bytes") == 0)
            settings->retention_bytes = strtoll(value, NULL, 10);
        else if (value && strcmp(key, "cleanup.policy") == 0)
            settings->compacted = strstr(value, "compact") != NULL;
    }
    rd_kafka_event_destroy(event);
    return 0;
}

/* Of a topic that has just been made, or while leaders move, brokers give all kinds of answers. */
static int topic_offsets(struct kafka_bus *bus, const char *name, int32_t partition, struct bus_partition_info *info,
                         struct error *error) {
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int waited = 0; waited < WATERMARK_TIMEOUT_MS; waited += APPEAR_STEP_MS) {
        err = rd_kafka_query_watermark_offsets(bus->admin, name, partition, &info->start_offset, &info->end_offset,
                                               WATERMARK_TIMEOUT_MS);
        if (err != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION && err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE &&
            err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && err != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION &&
            err != RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE)
            break;
        clock_sleep_ns(bus->base.options.clock, INT64_C(1000000) * APPEAR_STEP_MS);
    }
    return err ? kafka_error(bus, err, NULL, error, "cannot ask for the offsets of %s/%d", name, (int)partition) : 0;
}

/* Settings and offsets of a topic that metadata has told of. */
static int topic_fill(struct kafka_bus *bus, const struct rd_kafka_metadata_topic *topic,
                      struct bus_topic_info *ret_info, struct error *error) {
    struct bus_topic_info info = {.settings.partitions = topic->partition_cnt};
    snprintf(info.name, sizeof info.name, "%s", topic->topic);
    info.partitions = memory_zero((size_t)topic->partition_cnt, sizeof *info.partitions);
    int status = info.partitions ? topic_read_settings(bus, info.name, &info.settings, error) : error_no_memory(error);
    for (int32_t p = 0; p < topic->partition_cnt && !status; p++) {
        status = topic_offsets(bus, info.name, p, &info.partitions[p], error);
        info.partitions[p].bytes = -1;
    }
    if (status) {
        bus_topic_info_release(&info);
        return status;
    }
    *ret_info = info;
    return 0;
}

static int topic_compare(const void *a, const void *b) {
    return strcmp(((const struct bus_topic_info *)a)->name, ((const struct bus_topic_info *)b)->name);
}

int kafka_topics(struct bus *door, struct bus_topic_list *ret_list, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    const struct rd_kafka_metadata *metadata;
    struct bus_topic_list list = {0};
    int status = kafka_metadata(bus, &metadata, error);
    if (status)
        return status;
    list.topics = memory_zero((size_t)metadata->topic_cnt + 1, sizeof *list.topics);
    if (!list.topics)
        status = error_no_memory(error);
    for (int i = 0; i < metadata->topic_cnt && !status; i++) {
        if (strncmp(metadata->topics[i].topic, "__", 2) == 0 || metadata->topics[i].err) /* Kafka's own */
            continue;
        status = topic_fill(bus, &metadata->topics[i], &list.topics[list.count], error);
        list.count += !status;
        if (status == ERROR_NOT_FOUND) /* it has been deleted since the metadata were read */
            status = 0;
    }
    rd_kafka_metadata_destroy(metadata);
    if (status) {
        bus_topic_list_release(&list);
        return status;
    }
    qsort(list.topics, list.count, sizeof *list.topics, topic_compare);
    *ret_list = list;
    return 0;
}

/* Only the names, for the error that suggests one. */
static int topic_is_unknown(const struct rd_kafka_metadata *metadata, const char *name, struct error *error) {
    struct bus_topic_list names = {.topics = memory_zero((size_t)metadata->topic_cnt + 1, sizeof *names.topics)};
    for (int i = 0; names.topics && i < metadata->topic_cnt; i++)
        if (strncmp(metadata->topics[i].topic, "__", 2) != 0)
            snprintf(names.topics[names.count++].name, sizeof names.topics->name, "%s", metadata->topics[i].topic);
    bus_topic_unknown(name, &names, error);
    bus_topic_list_release(&names);
    return ERROR_NOT_FOUND;
}

/* librdkafka 2.0 asks for no ids of topics: the cluster's is what is known. */
int kafka_topic_origin(struct bus *door, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    (void)name;
    char *cluster = rd_kafka_clusterid(bus->admin, KAFKA_ADMIN_TIMEOUT);
    if (!cluster)
        return kafka_error(bus, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, error, "Kafka at %s does not tell its cluster's id",
                           bus->brokers);
    snprintf(ret_origin, BUS_ORIGIN_SIZE, "kafka %s", cluster);
    rd_kafka_mem_free(bus->admin, cluster);
    return 0;
}

int kafka_topic_describe(struct bus *door, const char *name, struct bus_topic_info *ret_info, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    const struct rd_kafka_metadata *metadata;
    int status = kafka_metadata(bus, &metadata, error);
    if (status)
        return status;
    const struct rd_kafka_metadata_topic *topic = topic_in(metadata, name);
    status = topic ? topic_fill(bus, topic, ret_info, error) : topic_is_unknown(metadata, name, error);
    rd_kafka_metadata_destroy(metadata);
    return status;
}
