/* Groups: the stages of queries that read together, as one consumer group of the log.
 *
 *     stage 1 reads READINGS ───────────────┐
 *     stage 2 reads READINGS and THRESHOLDS ┼── one group: READINGS and THRESHOLDS are read once, partition p of both by the same task
 *     stage 3 reads THRESHOLDS ─────────────┘
 *     stage 4 reads ALARMS ───────────────────── another one
 *
 * A stage belongs to the group that has a position of it. Those that have none are new; they make groups of their
 * own, named GROUP.sql.TOPIC after the first of their topics by name, or GROUP.sql.TOPIC.2, .3, ... when groups of
 * that name have positions already: a query that is added later begins with the oldest record, and does not hold up
 * the others. What is where follows from the committed positions alone. */
#ifndef METERLINE_STREAM_RUNTIME_GROUP_H
#define METERLINE_STREAM_RUNTIME_GROUP_H

#include "stream/runtime/position.h"
#include "stream/runtime/stage.h"
#include <pthread.h>
#include <stdatomic.h>

enum { QUERY_GROUP_NAME_SIZE = 600 };

/* A stage of a query in its group. */
struct query_member {
    const struct query_plan *query;
    const struct stage_plan *plan;
    uint64_t id;           /* hash of the query's */
    uint32_t number;       /* among the query's stages */
    size_t order;          /* of the run: what one record brings about in several stages is written in this order */
    size_t operator_count; /* with state */
    bool changelog;        /* some of them have one: in topic `changelog_topic` */
    char changelog_topic[BUS_TOPIC_NAME_MAXIMUM + 1];
    size_t *topics, *readers; /* by source: which of the group's topics and readers */
    bool *kept;               /* by source: a table that is rebuilt by reading its topic again from the oldest record */
    bool self_joined;         /* two of its sources are one topic */
    bool shared_sink;         /* another stage of the group writes its topic too */
    size_t level;             /* 0: no stage of the group writes what it reads; otherwise above those that do */
    atomic_bool removed;      /* it works no more */
    struct query_counters *counters; /* by partition: what the last commit had; under the group's lock */
    /* by partition: what was committed when this process began with it; under the lock */
    struct query_counters *before;
};

struct query_topic {
    const char *name;
    bool table;    /* some stage reads it as a table */
    bool internal; /* a repartition topic */
    bool own;      /* some stage of the group writes it */
};

struct query_reading {
    const struct source_plan *source;
    size_t topic;
};

struct query_group {
    char name[QUERY_GROUP_NAME_SIZE];
    struct query_member *members;
    size_t member_count;
    struct query_topic *topics;
    size_t topic_count;
    struct query_reading *readings; /* each source once, however many stages use it */
    size_t reading_count;
    size_t levels;      /* of its members */
    bool circular;      /* what a stage writes comes back to it */
    bool known;         /* it has positions */
    int32_t partitions; /* of each of its topics */
    pthread_mutex_t lock;
    bool *begun;   /* by partition: this process has worked on it; under the lock */
    int64_t *lags; /* by partition: records not yet read, of all topics; under the lock */

    uint64_t commits, rewinds; /* under the lock */
    int64_t recovered;         /* records read again to rebuild what is kept; under the lock */

    struct query_group **upstream; /* those of this run that write its topics, or topics of those, and so on */
    size_t upstream_count;
    size_t workers;
    atomic_bool cancelled;  /* it could not be started as a whole: its workers end */
    atomic_uint removals;   /* members that were removed while it runs: positions are to be written without them */
    atomic_size_t finished; /* workers that have read to the end and gone */
    /* members below it are finished: all workers have reached the end of what they had to do for them */
    atomic_size_t level;
    atomic_uint_fast64_t writes;   /* commits that wrote to its own topics */
    atomic_uint_fast64_t *at_end;  /* by worker: 0, or at which level and number of writes it has reached the end */
    atomic_int_fast64_t active_ns; /* when it last read or wrote something, monotonic */
};

struct query_groups {
    struct query_group **groups;
    size_t count;
};

/* Divides the stages of `plans` into groups, as the committed positions of `name` say; `running` are groups of this
 * process, whose names are taken. ERROR_INVALID: a query has been changed since its position was committed, with the
 * ways out. Topics need not exist yet. `order`: of the first stage. */
int query_groups_assign(struct bus *bus, const char *name, const struct query_plan *const *plans, size_t count,
                        size_t order, const struct query_groups *running, struct query_groups *ret_groups,
                        struct error *error);
void query_groups_release(struct query_groups *groups);
struct query_group *query_group_free(struct query_group *group);
bool query_group_writes(const struct query_group *group, const char *topic);
/* All of its stages have been removed. */
bool query_group_is_empty(const struct query_group *group);

#endif
