/* The two buffers of a stream-stream join: rows of each side by key and event time, and which of them are held until
 * their window has passed.
 *
 *     ts of a left row                        ts + after       ts + after + grace
 *   ────┃──────── partners may come ──────────────┃──────── partners may be late ────┃─ held rows leave ─▶ stream time
 *
 *   ts of a row of a side                                        ts + before + after + grace
 *   ────┃──────────────── found by the other side ───────────────────────┃─ forgotten ─▶ largest ts of the side
 *
 * A row is kept while it can be found or is held; what is kept is in a table by sequence number (order of arrival),
 * from which the changelog is made. One owner, one thread. */
#ifndef METERLINE_STREAM_JOIN_JOIN_BUFFER_H
#define METERLINE_STREAM_JOIN_JOIN_BUFFER_H

#include "stream/join/join.h"
#include "stream/state/state_table.h"

struct join_key;

struct join_row {
    struct join_key *key;
    char *data; /* a stored row */
    uint32_t length;
    uint8_t side;
    bool held;              /* waits for a partner until its window has passed */
    bool found_by, waiting; /* is among the rows of its key; is in the heap of held rows (perhaps no longer held) */
    int64_t time;
    uint64_t sequence;
};

/* Rows by (time, sequence), the smallest first. */
struct join_heap {
    struct join_row **rows;
    size_t count, capacity;
};

struct join_buffer {
    int64_t look[2]; /* how far behind its own time a row of this side has partners: after, before */
    int64_t grace, retention;
    int64_t stream_time, largest[2]; /* INT64_MIN: none yet */
    uint64_t sequence;               /* of the next row */
    bool times_changed;              /* since the last commit */
    bool followed;                   /* rows carry stream times: those of the buffer move by `join_buffer_pass` */
    bool unlinked;                   /* rows have been loaded into `rows` only */
    struct state_table *rows;        /* by sequence number: struct join_row */
    struct state_table *keys[2];     /* by join key: struct join_key */
    struct join_heap oldest[2], held[2];
    size_t bytes;
};

bool join_buffer_open(struct join_buffer *buffer, int64_t before, int64_t after, int64_t grace); /* false: no memory */
void join_buffer_close(struct join_buffer *buffer);

/* A row of a side has come: moves the times on, and forgets what cannot be found any more. False: no memory. */
bool join_buffer_arrive(struct join_buffer *buffer, unsigned side, int64_t time);
/* After a repartition topic: stream time, and so that of both sides, has gone on to `time`. False: no memory. */
bool join_buffer_pass(struct join_buffer *buffer, int64_t time);
/* The first row whose window has passed, of those that are held or have been, ordered by (time, the right side
 * first, as in Kafka Streams, sequence); then it has to leave. NULL: none. */
struct join_row *join_buffer_due(const struct join_buffer *buffer);
bool join_buffer_leave(struct join_buffer *buffer, struct join_row *row); /* false: no memory */
/* The stream time at which every row that is held now is due; the current one when none is. */
int64_t join_buffer_closing_time(const struct join_buffer *buffer);

/* The rows of a side with that key and from <= time <= to, ascending by (time, sequence); valid until the buffer
 * changes. */
struct join_row **join_buffer_find(struct join_buffer *buffer, unsigned side, struct slice key, int64_t from,
                                   int64_t to, size_t *ret_count);
/* The row has found a partner. False: no memory. */
bool join_buffer_match(struct join_buffer *buffer, struct join_row *row);
/* Rows of a side that are not later than this are not found any more at `stream_time` of it. */
int64_t join_buffer_forgotten(const struct join_buffer *buffer, int64_t stream_time);
/* Keeps a copy of a row that has arrived, when that of its side was `stream_time`, unless it is neither held nor can
 * be found. False: no memory. */
bool join_buffer_add(struct join_buffer *buffer, unsigned side, int64_t stream_time, struct slice key,
                     struct slice stored, bool held);
struct slice join_row_key(const struct join_buffer *buffer, const struct join_row *row);

/* Changelog, in join_buffer_log.c. Loaded rows find their places in join_buffer_link, which is called before
 * anything else is done. */
int join_buffer_save(struct join_buffer *buffer, state_save *each, void *context, struct error *error);
void join_buffer_saved(struct join_buffer *buffer);
int join_buffer_load(struct join_buffer *buffer, const struct join_plan *plan, struct slice key, struct slice value,
                     struct arena *arena, struct error *error);
bool join_buffer_link(struct join_buffer *buffer); /* false: no memory */
/* Rows without a place, of loading. NULL, false: no memory. */
struct join_row *join_buffer_put(struct join_buffer *buffer, uint64_t sequence, unsigned side, struct slice key,
                                 struct slice stored, bool held);
bool join_buffer_remove_unlinked(struct join_buffer *buffer, uint64_t sequence);
size_t join_buffer_memory(const struct join_buffer *buffer);

#endif
