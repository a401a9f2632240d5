/* What a node has written lately, so that most deliveries that come again are not written twice. What it has forgotten,
 * or another node has written, is found by the queries that read the log (stream/source/repeats.h).
 *
 * A delivery with an identity is known by it, and by which reading of it is meant; its contents must be the same.
 * Without one a reading that told its own time is known by its series, time and value. Others are always new.
 * Known are the last 500,000 to a million readings of the last five to ten minutes, in at most 43 MB. */
#ifndef METERLINE_INGEST_DELIVERED_H
#define METERLINE_INGEST_DELIVERED_H

#include "ingest/commit.h"

struct delivered;

/* NULL: no memory. */
struct delivered *delivered_new(const struct clock *clock);
struct delivered *delivered_free(struct delivered *delivered); /* NULL is fine; returns NULL */
/* For a committer, which ends before it is freed. */
struct commit_repeats delivered_repeats(struct delivered *delivered);

#endif
