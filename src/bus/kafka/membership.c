/* The group's side of a consumer. librdkafka says which partitions come and go and waits for our answer:
 *
 *     fetched messages ─▶ given out by poll ─▶ rebalance noted ─▶ poll finds nothing left ─▶ member->assigned / revoked ─▶ answer
 *
 * The answer waits until nothing fetched is left over, so that no message of a partition that has gone can follow
 * its leave. */
#include <stddef.h>
#include <stdlib.h>

#include "bus/kafka/consumer.h"
#include "core/bytes.h"
#include "core/memory.h"

void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t event, rd_kafka_topic_partition_list_t *partitions,
                        void *opaque) {
    struct kafka_consumer *consumer =
        (struct kafka_consumer *)((char *)opaque - offsetof(struct kafka_consumer, handle));
    if (consumer->closing) {
        rd_kafka_assign(client, NULL);
        return;
    }
    atomic_fetch_add(&consumer->bus->rebalances, 1);
    if (consumer->event_partitions)
        rd_kafka_topic_partition_list_destroy(consumer->event_partitions);
    consumer->event = event;
    consumer->event_partitions = rd_kafka_topic_partition_list_copy(partitions);
}

/* The partitions' numbers, each once; `ret_even`: each is there for every topic. NULL: no memory. */
static int32_t *membership_numbers(const struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list,
                                   size_t *ret_count, bool *ret_even) {
    int32_t *numbers = memory_zero((size_t)list->cnt + 1, sizeof *numbers);
    size_t count = 0;
    for (int i = 0; numbers && i < list->cnt; i++) {
        size_t at = 0;
        while (at < count && numbers[at] != list->elems[i].partition)
            at++;
        if (at == count)
            numbers[count++] = list->elems[i].partition;
    }
    *ret_count = count;
    *ret_even = (size_t)list->cnt == count * consumer->topic_count;
    return numbers;
}

/* Tells librdkafka which partitions are to be read now; NULL: none. */
static int membership_done(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list,
                           struct error *error) {
    rd_kafka_resp_err_t err = rd_kafka_assign(consumer->client, list);
    return err ? kafka_error(consumer->bus, err, NULL, error, "group %s: cannot %s partitions", consumer->group,
                             list ? "take" : "give up")
               : 0;
}

/* Partitions that the member did not seek begin at their end: it has said in an error why. */
static int membership_assign(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list,
                             struct error *error) {
    size_t count;
    bool even;
    int32_t *numbers = membership_numbers(consumer, list, &count, &even);
    if (!numbers)
        return error_no_memory(error);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    consumer->starting = list;
    int status = even ? consumer->member->assigned(consumer->member->context, numbers, count, error)
                      : error_set(error, ERROR_CONFLICT,
                                  "group %s: not all members read the same topics (%s), or these differ in their "
                                  "partitions: stop the others, or use another group",
                                  consumer->group, consumer->topics);
    consumer->starting = NULL;
    free(numbers);
    for (int i = 0; i < list->cnt && !status; i++)
        rd_kafka_topic_partition_list_add(consumer->assigned, list->elems[i].topic, list->elems[i].partition)->offset =
            list->elems[i].offset;
    struct error *where = status ? NULL : error;
    int answered = membership_done(consumer, list, where);
    return status ? status : answered;
}

static int membership_revoke(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list,
                             struct error *error) {
    size_t count;
    bool even;
    int32_t *numbers = membership_numbers(consumer, list, &count, &even);
    if (!numbers)
        return error_no_memory(error);
    bool lost = rd_kafka_assignment_lost(consumer->client) != 0;
    if (lost)
        atomic_fetch_add(&consumer->bus->partitions_lost, (uint_fast64_t)list->cnt);
    for (int i = 0; i < list->cnt; i++)
        rd_kafka_topic_partition_list_del(consumer->assigned, list->elems[i].topic, list->elems[i].partition);
    int status = consumer->member->revoked(consumer->member->context, numbers, count, lost, error);
    free(numbers);
    kafka_consumer_forget(consumer, list);
    if (consumer->paused) /* a pause would outlive the assignment */
        rd_kafka_resume_partitions(consumer->client, list);
    consumer->paused = false;
    struct error *where = status ? NULL : error;
    int answered = membership_done(consumer, NULL, where);
    return status ? status : answered;
}

int kafka_membership_answer(struct kafka_consumer *consumer, struct error *error) {
    rd_kafka_topic_partition_list_t *list = consumer->event_partitions;
    rd_kafka_resp_err_t event = consumer->event;
    consumer->event_partitions = NULL;
    int status = 0;
    if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        status = membership_assign(consumer, list, error);
    else if (event == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        status = membership_revoke(consumer, list, error);
    else
        status = kafka_error(consumer->bus, event, NULL, error, "group %s: cannot share out the partitions of %s",
                             consumer->group, consumer->topics);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

/* Topics with different numbers of partitions cannot go together. Those that are not there yet are not compared. */
static int membership_compare(struct kafka_bus *bus, const char *const *topics, size_t count, struct error *error) {
    const struct rd_kafka_metadata *metadata;
    const struct rd_kafka_metadata_topic *first = NULL;
    int status = kafka_metadata(bus, &metadata, error);
    if (status)
        return status;
    for (size_t t = 0; t < count && !status; t++)
        for (int i = 0; i < metadata->topic_cnt && !status; i++) {
            const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
            if (strcmp(topic->topic, topics[t]) != 0 || topic->partition_cnt == 0)
                continue;
            if (first && first->partition_cnt != topic->partition_cnt)
                status =
                    bus_topics_differ(first->topic, first->partition_cnt, topic->topic, topic->partition_cnt, error);
            first = first ? first : topic;
        }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

static char *membership_topics(const char *const *topics, size_t count) {
    cleanup(bytes_release) struct bytes text = {0};
    for (size_t i = 0; i < count; i++) {
        bytes_append_string(&text, i ? ", " : "");
        bytes_append_string(&text, topics[i]);
    }
    bytes_append_char(&text, '\0');
    return text.failed ? NULL : strdup(text.data);
}

int kafka_consumer_join(struct bus_consumer *door, const char *const *topics, size_t topic_count, size_t number,
                        size_t count, const struct bus_member *member, struct error *error) {
    struct kafka_consumer *consumer = (struct kafka_consumer *)door;
    (void)number, (void)count; /* the group shares out the partitions, over all processes */
    int status = topic_count > 1 ? membership_compare(consumer->bus, topics, topic_count, error) : 0;
    if (status)
        return status;
    consumer->topics = membership_topics(topics, topic_count);
    if (!consumer->topics)
        return error_no_memory(error);
    consumer->topic_count = topic_count;
    consumer->member = member;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)topic_count);
    for (size_t i = 0; i < topic_count; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? kafka_error(consumer->bus, err, NULL, error, "group %s cannot subscribe to %s", consumer->group,
                             consumer->topics)
               : 0;
}

int kafka_membership(struct kafka_consumer *consumer, rd_kafka_consumer_group_metadata_t **ret_metadata,
                     struct error *error) {
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(consumer->client);
    /* Asked after the metadata was taken: had the partitions been lost before, we would hear of it now; if they are
     * lost afterwards, the broker refuses the generation that the metadata names. */
    if (metadata && !rd_kafka_assignment_lost(consumer->client)) {
        *ret_metadata = metadata;
        return 0;
    }
    if (metadata)
        rd_kafka_consumer_group_metadata_destroy(metadata);
    return error_set(error, ERROR_ABORTED, "group %s has given our partitions to others, as we had not been heard of",
                     consumer->group);
}
