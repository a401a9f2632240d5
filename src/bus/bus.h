/* The log: topics of partitions of records, positions of consumer groups. One door, two implementations: sqlite:DIR
 * (embedded) and kafka://HOST:PORT,... (Apache Kafka). What an implementation must do is in bus/driver.h.
 *
 * A topic is created with a number of partitions; a record's offset is its place in its partition, from 0;
 * compaction leaves gaps, on Kafka transaction markers too. Producers write in transactions: records, positions and
 * (embedded, same file) serving rows become visible together, or not at all; consumers see only what was committed.
 *
 * Threads: a `struct bus` may be shared; a consumer and a producer belong to one thread each. Several processes may
 * use one log at once. All pointers in a record batch belong to the consumer and live until its next poll. */
#ifndef METERLINE_BUS_BUS_H
#define METERLINE_BUS_BUS_H

#include "core/clock.h"
#include "core/database.h"
#include "core/error.h"
#include "core/log.h"
#include "core/property.h"
#include "core/slice.h"
#include "model/registry.h"
#include <stdbool.h>
#include <stdint.h>

struct bus;
struct bus_consumer;
struct bus_producer;

struct bus_header {
    struct slice name, value;
};

struct bus_record {
    struct slice key, value; /* data NULL: null */
    int64_t timestamp;       /* ms; for `metrics` the wall clock of its publisher */
    const struct bus_header *headers;
    size_t header_count;
};

/* Records of one partition with consecutive offsets base_offset, base_offset + 1, ... Without records (count 0) it
 * says that the partition has been read up to base_offset, where there is nothing yet: offsets before it that
 * brought no record never will. */
struct bus_batch {
    const char *topic;
    int32_t partition;
    int64_t base_offset;
    /* wall clock (ms) at which the log took the batch, the same for ever; 0: each record's timestamp is that */
    int64_t append_time;
    const struct bus_record *records;
    size_t count;
};

struct bus_options {
    bool durable; /* an acknowledged transaction survives a power cut */
    bool create;  /* make the log when it is missing */
    const struct clock *clock;
    int32_t partitions;              /* of topics that are created on first use */
    int32_t replication;             /* Kafka: replicas of topics that are created, 0: as the brokers are set */
    const struct registry *registry; /* the registry of schemas; NULL: the log's own (embedded), or none (Kafka) */
    /* Kafka: a name that stays the same over restarts of this process and is used by no other one; NULL: a new one
     * each time */
    const char *instance;
    const struct log *log;                    /* NULL: silent */
    const struct client_property *properties; /* Kafka; borrowed while bus_open runs */
    size_t property_count;
};

enum {
    BUS_PARTITIONS_DEFAULT = 4,
    BUS_PARTITIONS_MAXIMUM = 1024,
    BUS_TOPIC_NAME_MAXIMUM = 249,
    BUS_RECORD_MAXIMUM = 16 * 1024 * 1024
};

/* `url`: "sqlite:DIR" (a path alone is the same) or "kafka://HOST:PORT,HOST:PORT". Kafka need not answer yet. */
int bus_open(const char *url, const struct bus_options *options, struct bus **ret_bus, struct error *error);
struct bus *bus_close(struct bus *bus);
/* Is it on servers of its own? Then offsets are not numbers of records: transactions and what was aborted take some. */
bool bus_is_remote(const struct bus *bus);
/* The registry of schemas that lives beside the log. Lives as long as the bus; may be used by any thread. */
const struct registry *bus_registry(struct bus *bus);

/* Topics. Names as Kafka's: [a-zA-Z0-9._-]{1,249}, not "." or "..". ERROR_INVALID: the name is none. */
int bus_topic_check_name(const char *name, struct error *error);
enum { BUS_RETENTION_DEFAULT = -2 };

struct bus_topic_settings {
    int32_t partitions; /* 0: the bus's default */
    /* ms since append (Kafka without append_time: since the record's time), -1: for ever, BUS_RETENTION_DEFAULT: as the
     * log is set (embedded, and Kafka without append_time: for ever) */
    int64_t retention_time;
    int64_t retention_bytes; /* stored bytes of each partition, -1: any number, or BUS_RETENTION_DEFAULT */
    bool compacted;          /* of the records of one key all but the newest may disappear; set when a topic is made */
    int32_t replicas;        /* Kafka, when it is made; 0: as bus_options says */
    /* Kafka, when it is made: records get the brokers' time, by which the clocks of meters are checked; otherwise they
     * keep the time that their producer gives. The embedded log keeps both */
    bool append_time;
};

struct bus_partition_info {
    int64_t start_offset, end_offset; /* the oldest kept, the next to be written */
    int64_t bytes;                    /* stored, compressed; -1: the log does not say */
    int64_t last_append;              /* ms, 0: nothing yet, or the log does not say */
};

struct bus_topic_info {
    char name[BUS_TOPIC_NAME_MAXIMUM + 1];
    struct bus_topic_settings settings;
    struct bus_partition_info *partitions; /* settings.partitions of them */
};

struct bus_topic_list {
    struct bus_topic_info *topics; /* by name */
    size_t count;
};

int bus_topic_create(struct bus *bus, const char *name, const struct bus_topic_settings *settings,
                     struct error *error); /* ERROR_EXISTS */
/* Creates it with `settings` when it is missing; an existing topic is left as it is. NULL: a topic of readings, with
 * the log's retention and append_time. */
int bus_topic_ensure(struct bus *bus, const char *name, const struct bus_topic_settings *settings,
                     int32_t *ret_partitions, struct error *error);
/* Retention only; BUS_RETENTION_DEFAULT: as it is. */
int bus_topic_alter(struct bus *bus, const char *name, const struct bus_topic_settings *settings, struct error *error);
int bus_topic_delete(struct bus *bus, const char *name, struct error *error); /* ERROR_NOT_FOUND */
int bus_topics(struct bus *bus, struct bus_topic_list *ret_list, struct error *error);
/* One topic; ERROR_NOT_FOUND names the nearest topic. Free with bus_topic_info_release. */
int bus_topic_describe(struct bus *bus, const char *name, struct bus_topic_info *ret_info, struct error *error);
void bus_topic_info_release(struct bus_topic_info *info);
void bus_topic_list_release(struct bus_topic_list *list);
/* Which log, and which topic of it, for ever: positions that are kept elsewhere are of it. A topic that was deleted and made
 * anew has another one (embedded; on Kafka it is the cluster's). */
enum { BUS_ORIGIN_SIZE = 128 };
int bus_topic_origin(struct bus *bus, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error);
/* Deletes whole batches that are beyond retention, and compacts; returns the number of records deleted. Called by
 * producers now and then as well; Kafka's brokers do it alone. */
int bus_apply_retention(struct bus *bus, int64_t *ret_records, struct error *error);
/* Drops the records of a partition below `offset`, which are needed no more; the embedded log drops whole
 * batches. */
int bus_trim(struct bus *bus, const char *topic, int32_t partition, int64_t offset, struct error *error);

/* Positions. */
enum { BUS_METADATA_MAXIMUM = 4096 };

struct bus_position {
    const char *group, *topic;
    int32_t partition;
    int64_t next_offset;
    const char *metadata; /* NUL-terminated, at most BUS_METADATA_MAXIMUM bytes */
    /* embedded: compare-and-set: the revision read before, 0 when there was none; Kafka fences by membership and
     * producer epoch */
    int64_t expected;
};

struct bus_committed {
    bool exists;
    int64_t next_offset;
    int64_t revision; /* embedded: grows by one with every commit; give it back as `expected` */
    char metadata[BUS_METADATA_MAXIMUM + 1];
};

/* Waits while a transaction that moves this position is under way; ERROR_BUSY, retriable, when that takes too long. */
int bus_committed(struct bus *bus, const char *group, const char *topic, int32_t partition,
                  struct bus_committed *ret_committed, struct error *error);
int bus_group_reset(struct bus *bus, const char *group, struct error *error); /* forgets all positions of the group */
/* Takes the group for this process until the claim is released or the process ends. Kafka, where members of any number
 * of processes share a group: the claim is NULL. ERROR_CONFLICT: another process has it, with its number. */
struct bus_claim;
int bus_group_claim(struct bus *bus, const char *group, struct bus_claim **ret_claim, struct error *error);
struct bus_claim *bus_group_release(struct bus *bus, struct bus_claim *claim); /* NULL is fine; returns NULL */

struct bus_group_position {
    char *group, *topic;
    int32_t partition;
    int64_t next_offset;
};
struct bus_group_list {
    struct bus_group_position *positions; /* by group, topic, partition */
    size_t count;
};
int bus_groups(struct bus *bus, struct bus_group_list *ret_list, struct error *error);
void bus_group_list_release(struct bus_group_list *list);

/* Consumer: reads the partitions it is told to, or those that the group gives it, from the offsets it is told to.
 * `group` (NULL: none) is the group that it may join. */
int bus_consumer_open(struct bus *bus, const char *group, struct bus_consumer **ret_consumer, struct error *error);
struct bus_consumer *bus_consumer_close(struct bus_consumer *consumer); /* leaves the group */

/* Membership: which partitions of the topics that it joins are this consumer's. Topics that are joined together have
 * the same number of partitions, and go together: a consumer that has partition 2 of one has partition 2 of all, so the
 * callbacks are told numbers. Both are called by bus_consumer_poll, in its thread; an error ends that poll. When
 * members come or go Kafka takes all partitions away and gives new ones at once, often the same. */
struct bus_member {
    /* They, and no others, are ours from now on: seek each of them in every topic. */
    int (*assigned)(void *context, const int32_t *partitions, size_t count, struct error *error);
    /* They are taken away. Unless `lost` they are still ours until this returns: commit what was done. When `lost`,
     * others may have them already and a commit of theirs is refused. */
    int (*revoked)(void *context, const int32_t *partitions, size_t count, bool lost, struct error *error);
    void *context;
};
/* The embedded log gives the partitions p with p % count == number, once; Kafka's group decides among all members of
 * all processes, which must join the same topics. ERROR_INVALID when the topics differ in their number of
 * partitions. */
int bus_consumer_join(struct bus_consumer *consumer, const char *const *topics, size_t topic_count, size_t number,
                      size_t count, const struct bus_member *member, struct error *error);
/* Adds a partition, or moves it when it is there already. `offset` from start to end offset; one below the start is
 * ERROR_NOT_FOUND (eaten by retention) and one beyond the end ERROR_INVALID, both with the topic, the partition and
 * the offsets there are (Kafka: at a later poll). */
int bus_consumer_seek(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t offset,
                      struct error *error);
/* Holds a partition back, or lets it go on where it was; Kafka may still give what was fetched before. A seek leaves
 * it as it is. */
int bus_consumer_pause(struct bus_consumer *consumer, const char *topic, int32_t partition, bool paused,
                       struct error *error);
/* The next records of any of its partitions, which take turns; waits up to `timeout` ms for some (embedded: news
 * wake it within 10 ms). Returns 1 with a batch, 0 when there was nothing, or an error. A damaged batch is
 * ERROR_CORRUPT with topic, partition and offset; it is not skipped: the next poll meets it again. */
int bus_consumer_poll(struct bus_consumer *consumer, int64_t timeout, struct bus_batch *ret_batch, struct error *error);
/* The oldest offset kept and the end offset now (Kafka: of what is committed). */
int bus_offsets(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t *ret_start,
                int64_t *ret_end, struct error *error);
/* The end offset as of the last answer that a server has given with records (Kafka), also of what is not committed
 * yet; -1: there was none, or the log is no server, and asking costs nothing. */
bool bus_is_server(const struct bus_consumer *consumer);
int64_t bus_known_end(const struct bus_consumer *consumer, const char *topic, int32_t partition);

/* Producer: records gather in memory until the commit writes all of them in one transaction. */
struct bus_producer_options {
    /* what it is for, such as "replay.FILE"; on Kafka, of two producers with one name the older is fenced off. NULL:
     * no other is meant */
    const char *name;
    /* positions are those of its group and fenced by its membership; NULL: of any group. Outlives the producer */
    struct bus_consumer *member;
    bool at_least_once; /* Kafka: no transaction: records are written first, then the positions */
    bool offsets;       /* bus_producer_written is wanted, which costs Kafka a report for each record */
};
int bus_producer_open(struct bus *bus, const struct bus_producer_options *options, struct bus_producer **ret_producer,
                      struct error *error);
struct bus_producer *bus_producer_close(struct bus_producer *producer); /* what was not committed is dropped */
/* A handle for a topic, created when missing as bus_topic_ensure does; it stays valid until the producer is closed. */
int bus_producer_topic(struct bus_producer *producer, const char *name, const struct bus_topic_settings *settings,
                       int32_t *ret_topic, int32_t *ret_partitions, struct error *error);
/* Copies the record. ERROR_INVALID when it is larger than BUS_RECORD_MAXIMUM. */
int bus_produce(struct bus_producer *producer, int32_t topic, int32_t partition, const struct bus_record *record,
                struct error *error);
size_t bus_producer_pending_records(const struct bus_producer *producer);
size_t bus_producer_pending_bytes(
    const struct bus_producer *producer); /* uncompressed; the caller commits before it grows too far */
/* Opens the transaction ahead of the commit and gives the database it runs in, so that a store in the same file can
 * join; NULL on a bus whose transaction cannot be joined. */
int bus_producer_begin(struct bus_producer *producer, struct database **ret_database, struct error *error);
/* Writes pending records and positions; afterwards both are visible to all, and durable as the bus was opened.
 * ERROR_CONFLICT: another owner has taken over; nothing was written. ERROR_ABORTED (Kafka): whether it was written
 * is to be seen in the committed positions: go back to them and work again. On any other error the transaction is
 * rolled back; the pending records are kept after a retriable one and dropped by bus_producer_abort. */
int bus_producer_commit(struct bus_producer *producer, const struct bus_position *positions, size_t count,
                        struct error *error);
/* After a commit that has failed: the topic for which the log refuses a record for good (too large, no permission), until
 * the abort; -1: it was nothing of the kind. */
int32_t bus_producer_refused(const struct bus_producer *producer);
void bus_producer_abort(struct bus_producer *producer);
/* The offsets that the records of the last commit have got in a partition, [*ret_from, *ret_to), when no records of
 * others lie between. The end marker of this producer's transaction before counts as part of it (Kafka). False: there
 * were none, the log does not say, or others do lie between. */
bool bus_producer_written(const struct bus_producer *producer, int32_t topic, int32_t partition, int64_t *ret_from,
                          int64_t *ret_to);

/* What has happened so far, over all consumers and producers: for the metrics page. Zeros on the embedded bus. */
struct bus_counts {
    uint64_t rebalances, partitions_lost, transactions, transactions_aborted, reconnects;
};
void bus_counts(struct bus *bus, struct bus_counts *ret_counts);

/* Partition of a key as Kafka's Java client: murmur2(key) & 0x7fffffff modulo partitions. */
int32_t bus_partition(struct slice key, int32_t partitions);

#endif
