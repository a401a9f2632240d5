/* Stream time after a repartition topic.
 *
 *     READINGS/0 ─▶ task 0 ─┐ rows, each with the stream time that its partition had when it was read
 *     READINGS/1 ─▶ task 1 ─┼──────────────────────────────────────────────▶ repartition topic/p ─▶ windows, sessions, joins
 *     READINGS/2 ─▶ task 2 ─┘ marks, at commits, to every partition p: "origin 1 has passed 12:00"
 *
 * Partition p holds rows of all partitions that feed it, in the order in which tasks came by: after a pause those of
 * one lie days before those of another. So neither lateness nor closing can follow from the times of its rows.
 *
 *   late     a row is late when its window had closed by the stream time that it carries: where it was first read
 *   closed   a window is closed when every origin has passed its end plus grace
 *
 * No row that an origin writes after a mark carries a stream time below that of the mark, so that what is closed has
 * all of its rows: results follow from the partitions that feed the topic alone, not from when who read what. As
 * without a topic in between, only rows that get here move stream time. An origin that has brought none so far, and
 * has read what its partition holds, holds nothing back; one that has fallen silent does, until --idle-close lets
 * its stream time go on.
 *
 * In the topic: header "stream.ms" of a row has milliseconds as text. A mark is a record without key and value, with
 * header "stream.passed": number of the origin, stream time in milliseconds or "-" for none yet, and the offset up
 * to which the first topic of the stage that writes it has been read there. */
#ifndef METERLINE_STREAM_SOURCE_STREAM_TIME_H
#define METERLINE_STREAM_SOURCE_STREAM_TIME_H

#include "bus/bus.h"
#include "core/bytes.h"
#include "stream/source/source_reader.h"

enum { STREAM_TIME_SIZE = 32, STREAM_MARK_SIZE = 80 };

struct stream_mark {
    int32_t origin;
    int64_t time; /* INT64_MIN: none yet */
    int64_t offset;
};

/* Headers, whose values are written into `text`. */
struct bus_header stream_time_header(int64_t time, char text[STREAM_TIME_SIZE]);
struct bus_header stream_mark_header(const struct stream_mark *mark, char text[STREAM_MARK_SIZE]);
bool stream_mark_read(const struct bus_record *record, struct stream_mark *ret_mark); /* false: it is no mark */

/* Of a batch of a repartition topic: marks leave the selection, and get their status; the others get the stream
 * times that they carry (INT64_MIN: none). False: no memory. */
bool stream_times_read(const struct bus_batch *records, struct arena *arena, struct source_rows *rows);

/* What a task has been told by those that feed one of its topics. */
struct origin {
    int64_t passed; /* INT64_MIN: none yet */
    int64_t offset; /* then, how far it has read */
    int64_t wanted; /* and how far it has to, so that it holds nothing back (follow.c) */
};

struct origins {
    struct origin *each;
    int32_t count;
};

bool origins_open(struct origins *origins, int32_t count); /* false: no memory */
void origins_close(struct origins *origins);
void origins_note(struct origins *origins, const struct stream_mark *mark);
/* The smallest stream time of those that have one; INT64_MIN: none has. `ret_silent`: some have none. */
int64_t origins_passed(const struct origins *origins, bool *ret_silent);
/* As text for a position, at most 2 KiB. What comes back is no later than what was written: with many origins, or
 * origins that lie far apart, a little earlier, which closes windows no sooner than they may be. */
void origins_write(const struct origins *origins, struct bytes *to);
bool origins_read(struct origins *origins, const char *text, size_t length);

#endif
