/* Repeated deliveries: which records of a partition are readings that had come before.
 *
 * A client that got no answer sends again, perhaps through another node, perhaps in other batches. `ingest` marks its
 * records: header `ingest.id` is the identity of the delivery and `ingest.seq` says which of its readings this is; an
 * `ingest.id` of no bytes says that the reading is its own identity: its key and value. Records without the header
 * are never repeats.
 *
 *     generations of 2^19 offsets   [ n - 1           )[ n        o
 *     ───────────────────────────────┼─────────────────┼──────────┼──▶ offset
 *                                    a record at o is a repeat when one before it, in its own generation or the one
 *                                    before, has the same identity
 *
 * So an identity is remembered for at least 2^19 records of its partition, in at most 32 MiB, and whether a record is a
 * repeat follows from the log alone: to decide again from an offset on, the records from repeats_needed on are
 * looked at again. One owner. */
#ifndef METERLINE_STREAM_SOURCE_REPEATS_H
#define METERLINE_STREAM_SOURCE_REPEATS_H

#include "bus/bus.h"
#include "core/digest_set.h"

enum { REPEATS_OFFSETS = 1 << 19 };

struct repeats {
    struct digest_set now, before; /* of this generation, and of the one before */
    int64_t generation;
    int64_t first; /* offset of the first record of the partition that has an identity; INT64_MAX: none so far */
};

#define REPEATS_NONE ((struct repeats){.first = INT64_MAX})

/* Looks at the record of an offset, which are shown in their order; from now on it is known. False: no memory. */
bool repeats_look(struct repeats *repeats, const struct bus_record *record, int64_t offset, bool *ret_known);
/* From which offset on records must be looked at to decide about those from `offset` on, when `first` is known. */
int64_t repeats_needed(int64_t first, int64_t offset);
void repeats_release(struct repeats *repeats); /* as at the beginning */

#endif
