/* What a task of queries keeps beside the next offset of a topic: the metadata string of the position (at most 4
 * KiB, as Kafka allows).
 *
 *     q2 p=4 l=900 [9f3c0a51b2e4d677.0 d=17c6a0f2b3d4e5f6 r=1200 c=17 t=1167609600000,- n=4000,,3985,3,,12,,,,,320]
 *
 * version; number of partitions of the topic; offset up to which a table is loaded before the streams beside it
 * (only when there is one); the first offset whose record has the identity of a delivery, " h=" (repeats.h, only when there is one); which results lack records (incomplete.h, " i="); of a repartition topic what those that feed it have passed, " o="; then for each stage of a query whose first topic it is, in brackets: hash of the query's
 * id and number of the stage; hash of the query's definition; the offset from which the topic must be read again to
 * rebuild open windows (- none); the offset from which the stage's changelog counts (only with one); stream time of
 * each operator with state (- none yet); of a stage that writes marks (stream_time.h) its own stream time, " s=";
 * counters since the stage's first record, in the order of struct
 * query_counters, nothing for 0. Other versions are refused. */
#ifndef METERLINE_STREAM_GROUP_POSITION_H
#define METERLINE_STREAM_GROUP_POSITION_H

#include "core/arena.h"
#include "stream/group/incomplete.h"
#include "stream/operator/operator.h"

enum { QUERY_OPERATORS_MAXIMUM = 16 }; /* with state, in a stage */

struct query_position_stage {
    uint64_t query, definition;
    uint32_t stage;
    int64_t replay_from;                    /* INT64_MAX: nothing need be read again */
    int64_t changelog_from;                 /* -1: the stage has no changelog */
    int64_t times[QUERY_OPERATORS_MAXIMUM]; /* INT64_MIN: none yet */
    size_t time_count;
    int64_t
        stream_time; /* of the streams that it reads itself, when it tells others; INT64_MIN: none yet, or no need */
    struct query_counters counters;
};

struct query_position {
    int32_t partitions;
    int64_t load_until;     /* 0: nothing to load first */
    int64_t first_identity; /* INT64_MAX: none so far */
    struct incomplete incomplete;
    struct slice origins; /* of a repartition topic, as stream_time.h has them; empty: none */
    struct query_position_stage *stages;
    size_t stage_count;
};

/* Writes at most `size` bytes with the NUL; ERROR_INVALID when it does not fit. */
int query_position_write(const struct query_position *position, char *to, size_t size, struct error *error);
/* How long the entry of a stage may become in the life of most of us. */
size_t query_position_room(size_t operator_count);
/* Stages lie in `arena`. ERROR_CORRUPT when `text` is not a position written by this version. */
int query_position_read(const char *text, struct arena *arena, struct query_position *ret_position,
                        struct error *error);
const struct query_position_stage *query_position_find(const struct query_position *position, uint64_t query,
                                                       uint32_t stage); /* NULL: it is not there */

/* Of a query's id, as positions have it: FNV-1a, 64 bits. */
uint64_t query_position_hash(const char *id);

#endif
