/* A task of queries: partition p of every topic of a group, with the stages that read them.
 *
 *     input READINGS/p   ──┐ the record with the smallest time  ┌─▶ stage 1 ─▶ sink
 *     input THRESHOLDS/p ──┤ goes first, tables before streams  ├─▶ stage 2 ─▶ sink
 *                          └────────────────────────────────────┴─▶ ...
 *
 * With several topics a record waits until the others have one too, or have been read to their end; so what a log
 * holds is worked on in the order of its times. A task that starts for the first time loads tables up to what is
 * there at that moment before it works on streams.
 *
 * What is written follows from the log alone, not from how it was cut into batches: records go through all stages in
 * runs, and what a run brings about leaves in the order of (record, stage).
 *
 * Recovery: operators get their stream time, then their changelog, then the records from `replay_from` (of kept
 * tables: from the oldest) up to the committed position, which only rebuild state. One worker owns it. */
#ifndef METERLINE_STREAM_RUNTIME_TASK_H
#define METERLINE_STREAM_RUNTIME_TASK_H

#include "stream/runtime/input.h"
#include "stream/state/key_dictionary.h"

/* A member of the group at work. */
struct query_member_task {
    struct query_task *task;
    size_t number; /* of the member */
    struct stage *stage;
    int64_t replay_from;            /* records of its first topic from here on are needed to rebuild; INT64_MAX: none */
    int64_t changelog_from;         /* -1: it has none */
    struct query_counters counters; /* since the query's first record */
    struct query_counters before;   /* what earlier runs had committed of them */
    /* stream_time.h */
    int64_t stream_time;           /* of its own: of rows that it sends on; INT64_MIN: none yet */
    int64_t followed;              /* what has been told by those before it, as far as it has been passed on */
    int64_t asked, ask_next_ns;    /* what had been told when silent origins were asked; when they may be again */
    int64_t marked, marked_offset; /* what has been told to those after it */
    int64_t *stamps;               /* by record of the batch at hand: stream time that its rows carry on; or NULL */
    int64_t idle_time;             /* stream time when the last record came; INT64_MIN: none yet */
};

struct query_task {
    struct query_work *work;
    int32_t partition;
    struct query_input *inputs; /* by topic of the group */
    struct query_member_task *members;
    struct key_dictionaries dictionaries; /* of keys that its stages share */
    bool dirty;                           /* there is something to commit */
    int64_t recovered;                    /* records read again */
    int64_t last_record_ns;               /* monotonic */
    int64_t idle_next_ns;                 /* when idle close looks again */
    int64_t decode_next_ns;               /* when the registry is asked again */
};

/* Finds the positions, rebuilds what changelogs hold, and seeks the consumer to where the rest is rebuilt from.
 * ERROR_INVALID: a position of another definition or number of partitions; ERROR_NOT_FOUND: the log has lost what is
 * needed; both name the ways out. A retriable error leaves the task closed. */
int query_task_open(struct query_task *task, struct query_work *work, int32_t partition, struct error *error);
void query_task_close(struct query_task *task);
/* Goes on with a task whose partition was taken away and has come back: true when the committed positions are still
 * those it has committed. */
int query_task_reopen(struct query_task *task, bool *ret_reopened, struct error *error);

/* The largest stream time of a member and of what it keeps; INT64_MIN: none yet. */
int64_t query_task_stream_time(const struct query_task *task, size_t member);
/* The topic does not have the records from *from on: it has `start` to `end`. *from becomes where to go on; ERROR_NOT_FOUND
 * when results must not lack records: names them. */
int query_task_lost(struct query_task *task, struct query_input *input, int64_t *from, int64_t start, int64_t end,
                    struct error *error);

/* Takes records of one of its topics. A retriable error: the schema registry could not be asked; they are kept, and
 * nothing more comes of the topic, until query_task_decode has decoded them. */
int query_task_take(struct query_task *task, const struct bus_batch *records, struct error *error);
/* Works on what is at hand as far as its order is known. After any error the task is torn: it must be opened anew. */
int query_task_work(struct query_task *task, struct error *error);
/* Tries again to decode what waits for the registry. A retriable error: it still waits. */
int query_task_decode(struct query_task *task, struct error *error);
bool query_task_is_undecoded(const struct query_task *task);
/* Has it records that wait for those of another topic, or for the registry? */
bool query_task_waits(const struct query_task *task);
/* The log gave nothing: looks where topics end that others wait for, without asking a server. `anyway`: it has been
 * silent for long, so they are taken to be at their end. */
int query_task_idle(struct query_task *task, bool anyway, struct error *error);
bool query_task_recovering(const struct query_task *task);
/* Has everything before the inputs' `until` been worked on? */
bool query_task_is_done(const struct query_task *task);

/* Members that follow others go on to what those have passed (follow.c). `at_once`: whether silent ones have more is
 * asked now, and not only now and then. */
int query_task_follow(struct query_task *task, bool at_once, struct error *error);
/* Writes what members have to tell those after them, for a commit; and that it has succeeded. */
int query_task_mark(struct query_task *task, struct error *error);
void query_task_marked(struct query_task *task);
int64_t query_member_time(const struct query_task *task, size_t member); /* the stream time that it tells */
int query_task_advance(struct query_task *task, size_t member, int64_t time, struct error *error);

/* Event time of the members of a level goes on; INT64_MAX closes everything. */
int query_task_finalise(struct query_task *task, size_t level, struct error *error);
/* Stream time has gone on by `silent` ms since the last record. */
int query_task_idle_close(struct query_task *task, size_t level, int64_t silent, struct error *error);

/* Writes what changelogs need, and fills a position for each topic, which lives in the task. Not while it recovers:
 * not everything is there again. */
int query_task_prepare_commit(struct query_task *task, struct bus_position *ret_positions, struct error *error);
/* The commit of those positions has succeeded. */
void query_task_committed(struct query_task *task);

/* Right after a commit: the offset of a topic below which no record is needed any more. */
int64_t query_task_needed(const struct query_task *task, size_t topic);

/* Changelogs of a task's members are loaded (query_changelog.c): for each member where it begins, which is set for
 * new ones. */
int query_changelog_load(struct query_task *task, const bool *known, struct error *error);

#endif
