/* Floors for the Kafka benchmarks: librdkafka and nothing else.
 *
 *     bench_kafka_floor consume BOOTSTRAP TOPIC COUNT          reads committed records of all partitions from the beginning, counts bytes, throws them away
 *     bench_kafka_floor produce BOOTSTRAP FROM TO COUNT        reads COUNT records of FROM into memory, then produces them to TO: only that is measured
 *     bench_kafka_floor produce-runs BOOTSTRAP FROM TO COUNT   the same in the order in which they were read: long runs of one partition
 *     bench_kafka_floor latency BOOTSTRAP RESULTS COUNT        waits for new results; the time from the readings that closed their windows
 *
 * Prints JSON. latency: a result carries the end of its window as timestamp, and the readings of the test are
 * published when their event time comes, so a result's age at arrival, less its grace, is the time from the
 * publication of the reading that closed the window. */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MESSAGES = 4096, PARTITIONS = 4, WAIT_MS = 100, SILENT_ROUNDS = 300 };

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const settings[][2], size_t count) {
    char text[300];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) != RD_KAFKA_CONF_OK) {
            fprintf(stderr, "%s\n", text);
            exit(1);
        }
    rd_kafka_t *made = rd_kafka_new(type, conf, text, sizeof text);
    if (!made) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
    return made;
}

static rd_kafka_t *reader(const char *bootstrap, const char *topic, int64_t offset) {
    const char *const settings[][2] = {{"bootstrap.servers", bootstrap},
                                       {"group.id", "floor"},
                                       {"enable.auto.commit", "false"},
                                       {"isolation.level", "read_committed"},
                                       {"auto.offset.reset", "earliest"}};
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, settings, sizeof settings / sizeof *settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    rd_kafka_poll_set_consumer(consumer);
    for (int p = 0; p < PARTITIONS; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = offset;
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return consumer;
}

/* Some messages, or after a long silence the end of the program. */
static size_t fetch(rd_kafka_queue_t *queue, rd_kafka_message_t **messages) {
    for (int round = 0; round < SILENT_ROUNDS; round++) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 0, messages, MESSAGES);
        if (got == 0)
            got = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, 1);
        if (got > 0)
            return (size_t)got;
    }
    fprintf(stderr, "nothing has come for %d s\n", SILENT_ROUNDS * WAIT_MS / 1000);
    exit(1);
}

static int consume(const char *bootstrap, const char *topic, long count) {
    static rd_kafka_message_t *messages[MESSAGES];
    rd_kafka_t *consumer = reader(bootstrap, topic, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    double begin = seconds(CLOCK_MONOTONIC), used = cpu();
    size_t bytes = 0;
    for (long done = 0; done < count;) {
        size_t got = fetch(queue, messages);
        for (size_t i = 0; i < got; i++) {
            done += messages[i]->err == 0;
            bytes += messages[i]->err ? 0 : messages[i]->len;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    printf("{\"seconds\":%.6f,\"cpu\":%.6f,\"bytes\":%zu}\n", seconds(CLOCK_MONOTONIC) - begin, cpu() - used, bytes);
    return 0;
}

struct record {
    char *bytes;
    size_t key, value;
    int32_t partition;
};

static struct record *load(const char *bootstrap, const char *topic, long count) {
    static rd_kafka_message_t *messages[MESSAGES];
    rd_kafka_t *consumer = reader(bootstrap, topic, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    struct record *records = calloc((size_t)count, sizeof *records);
    for (long done = 0; records && done < count;) {
        size_t got = fetch(queue, messages);
        for (size_t i = 0; i < got; i++) {
            const rd_kafka_message_t *message = messages[i];
            if (!message->err && done < count) {
                struct record *record = &records[done++];
                *record = (struct record){malloc(message->key_len + message->len + 1), message->key_len, message->len,
                                          message->partition};
                if (!record->bytes)
                    exit(1);
                memcpy(record->bytes, message->key, message->key_len);
                memcpy(record->bytes + message->key_len, message->payload, message->len);
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return records;
}

/* The reading's time in Confluent's wire format: after 5 bytes and three short strings, each with its length,
 * doubled, in one byte. */
static const char *record_time(const struct record *record) {
    const char *at = record->bytes + record->key + 5;
    for (int i = 0; i < 3; i++)
        at += 1 + *at / 2;
    return at + 1;
}

/* Consumed, records come in long runs of one partition; published, partitions alternate, which costs more, as
 * neighbours in a partition's queue lie far apart in memory. This brings them into the order of publishing: by time,
 * and of one time from each partition in turn. */
static struct record *published_order(struct record *records, long count) {
    long heads[PARTITIONS], next[PARTITIONS];
    long *followers = malloc((size_t)count * sizeof *followers), last[PARTITIONS];
    struct record *ordered = malloc((size_t)count * sizeof *ordered);
    if (!followers || !ordered)
        exit(1);
    for (int p = 0; p < PARTITIONS; p++)
        heads[p] = last[p] = -1;
    for (long i = 0; i < count; i++) {
        int p = records[i].partition;
        followers[i] = -1;
        if (last[p] < 0)
            heads[p] = i;
        else
            followers[last[p]] = i;
        last[p] = i;
    }
    memcpy(next, heads, sizeof next);
    for (long done = 0; done < count;) {
        const char *first = NULL;
        for (int p = 0; p < PARTITIONS; p++)
            if (next[p] >= 0 && (!first || memcmp(record_time(&records[next[p]]), first, 20) < 0))
                first = record_time(&records[next[p]]);
        for (int p = 0; p < PARTITIONS; p++)
            if (next[p] >= 0 && memcmp(record_time(&records[next[p]]), first, 20) == 0) {
                ordered[done++] = records[next[p]];
                next[p] = followers[next[p]];
            }
    }
    free(followers);
    free(records);
    return ordered;
}

/* The same batching as meterline's; values are not copied, as there. */
static int produce(const char *bootstrap, const char *from, const char *to, long count, bool runs) {
    const char *const settings[][2] = {{"bootstrap.servers", bootstrap},
                                       {"linger.ms", "20"},
                                       {"compression.codec", "lz4"},
                                       {"queue.buffering.max.messages", "1000000"},
                                       {"enable.idempotence", "true"}};
    struct record *records = load(bootstrap, from, count);
    if (!records)
        return 1;
    if (!runs)
        records = published_order(records, count);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, settings, sizeof settings / sizeof *settings);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, to, NULL);
    double begin = seconds(CLOCK_MONOTONIC), used = cpu();
    for (long i = 0; i < count;) {
        const struct record *record = &records[i];
        if (rd_kafka_produce(topic, record->partition, 0, record->bytes + record->key, record->value, record->bytes,
                             record->key, NULL) == 0)
            i++;
        else
            rd_kafka_poll(producer, 10);
    }
    while (rd_kafka_flush(producer, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        continue;
    printf("{\"seconds\":%.6f,\"cpu\":%.6f}\n", seconds(CLOCK_MONOTONIC) - begin, cpu() - used);
    return 0;
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static int latency(const char *bootstrap, const char *topic, long count) {
    static rd_kafka_message_t *messages[MESSAGES];
    rd_kafka_t *consumer = reader(bootstrap, topic, RD_KAFKA_OFFSET_END);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    double *ages = calloc((size_t)count, sizeof *ages);
    for (long done = 0; ages && done < count;) {
        size_t got = fetch(queue, messages);
        double now = seconds(CLOCK_REALTIME) * 1000;
        for (size_t i = 0; i < got; i++) {
            if (!messages[i]->err && done < count)
                ages[done++] = now - (double)rd_kafka_message_timestamp(messages[i], NULL);
            rd_kafka_message_destroy(messages[i]);
        }
    }
    if (!ages)
        return 1;
    qsort(ages, (size_t)count, sizeof *ages, ascending);
    printf("{\"p50\":%.3f,\"p99\":%.3f,\"worst\":%.3f}\n", ages[count / 2], ages[count * 99 / 100], ages[count - 1]);
    return 0;
}

int main(int count, char **words) {
    if (count == 5 && strcmp(words[1], "consume") == 0)
        return consume(words[2], words[3], atol(words[4]));
    if (count == 6 && strcmp(words[1], "produce") == 0)
        return produce(words[2], words[3], words[4], atol(words[5]), false);
    if (count == 6 && strcmp(words[1], "produce-runs") == 0)
        return produce(words[2], words[3], words[4], atol(words[5]), true);
    if (count == 5 && strcmp(words[1], "latency") == 0)
        return latency(words[2], words[3], atol(words[4]));
    fprintf(stderr, "usage: see the file's first comment\n");
    return 2;
}
