/* Groups: the stages of queries that read together, as one consumer group of the log.
 *
 *     stage 1 reads READINGS ───────────────┐
 *     stage 2 reads READINGS and THRESHOLDS ┼── one group: READINGS and THRESHOLDS are read once, partition p of both by the same task
 *     stage 3 reads THRESHOLDS ─────────────┘
 *     stage 4 reads ALARMS ───────────────────── another one
 *
 * How stages are divided is in grouping.h. */
#ifndef METERLINE_STREAM_GROUP_GROUP_H
#define METERLINE_STREAM_GROUP_GROUP_H

#include "stream/group/position.h"
#include "stream/group/stage.h"
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
    struct arena names;
    const char *sink_topic;      /* what it writes: with internal topics, unlike in its plan, as they are in the log */
    const char **source_topics;  /* by source: what it reads */
    const char *changelog_topic; /* NULL: none of its operators has a changelog */
    size_t *topics, *readers;    /* by source: which of the group's topics and readers */
    bool *kept;          /* by source: a table that is rebuilt by reading its topic again from the oldest record */
    bool self_joined;    /* two of its sources are one topic */
    bool shared_sink;    /* another stage of the group writes its topic too */
    bool timed;          /* it closes something as stream time goes on */
    bool marks;          /* it tells a stage after it how far its stream time has gone (stream_time.h) */
    bool follows;        /* its stream time is what stages before it have told */
    size_t level;        /* 0: no stage of the group writes what it reads; otherwise above those that do */
    atomic_bool removed; /* it works no more */
    /* it has been removed by its worker, as the topic that it writes is gone; the runner has not heard of it yet */
    atomic_bool orphaned;
    /* it could not go on, and was removed for that (runtime/fail.h); `failure`, of before it was set, says why */
    atomic_bool failed;
    bool told; /* the runner's caller knows that it has failed; under the runner's lock */
    struct error failure;
    struct query_counters *counters; /* by partition: what the last commit had; under the group's lock */
    /* by partition: what was committed when this process began with it; under the lock */
    struct query_counters *before;
    size_t *memory; /* by partition: bytes of what it keeps, as of the last look; under the lock */
};

struct query_topic {
    const char *name;
    bool table;    /* some stage reads it as a table */
    bool internal; /* a repartition topic */
    bool own;      /* some stage of the group writes it */
    /* of a repartition topic: the stage that writes it has a task for each of `origins` partitions of these topics */
    const char **feeders;
    size_t feeder_count;
    int32_t origins;
};

struct query_reading {
    const struct source_plan *source;
    size_t topic;
};

struct query_group {
    char name[QUERY_GROUP_NAME_SIZE];
    struct arena names; /* of its topics */
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
    atomic_bool bereft;     /* a topic that it reads was deleted: its workers end, and what is left begins anew */
    atomic_uint removals;   /* members that were removed while it runs: positions are to be written without them */
    atomic_uint *settled;   /* by worker: removals that its commits know of: nothing of theirs is for their topics */
    atomic_size_t finished; /* workers that have read to the end and gone */
    /* end.h: all workers have reached the end of what they had to do for the members below this level */
    atomic_size_t level;
    atomic_uint_fast64_t writes;   /* commits that wrote to its own topics */
    atomic_uint_fast64_t *at_end;  /* by worker: 0, or at which level and number of writes it has reached the end */
    atomic_int_fast64_t active_ns; /* when it last read or wrote something, monotonic */
};

struct query_groups {
    struct query_group **groups;
    size_t count;
};

struct query_group *query_group_new(size_t members, size_t sources); /* room for so many; NULL: no memory */
struct query_group *query_group_free(struct query_group *group);
void query_groups_release(struct query_groups *groups);
void query_member_release(struct query_member *member);
/* Adds the sources of its newest member to what it reads; each source and topic is there once. */
int query_group_read(struct query_group *group, struct query_member *member, struct error *error);
/* How the members stand to each other, when all are there: levels, who writes what another reads. */
void query_group_relate(struct query_group *group);

bool query_group_writes(const struct query_group *group, const char *topic);
/* All of its stages have been removed. */
bool query_group_is_empty(const struct query_group *group);

#endif
