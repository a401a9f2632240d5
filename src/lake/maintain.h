/* Looking after tables: what is wrong with one, few large files out of many small ones, and what nothing needs any
 * more. None of it harms a reader: a snapshot that is kept keeps its files. */
#ifndef METERLINE_LAKE_MAINTAIN_H
#define METERLINE_LAKE_MAINTAIN_H

#include "lake/lake.h"
#include <stdatomic.h>

/* One thing that is wrong; `file` NULL: it is of the table. */
typedef void lake_report(void *context, const char *file, const char *what);

struct lake_checked {
    int64_t files, rows, bytes, problems;
};

/* Reads the newest snapshot: is every file there, with the size, rows and bounds that its entry says; are readings in
 * order within a file; are as many rows there as the sinks have brought. `data`: rows are read too, else only the ends of
 * files. An error: the table could not be read at all. */
int lake_check(struct lake_table *table, bool data, lake_report *report, void *context,
               struct lake_checked *ret_checked, struct error *error);

struct lake_compaction {
    int64_t target;          /* bytes of a file that is large enough; 0: 128 MiB */
    size_t smallest;         /* at least so many files make new ones of them; 0: 2 */
    const atomic_bool *stop; /* between months; NULL: none */
};

struct lake_compacted {
    int64_t files, new_files, bytes, new_bytes, rows, conflicts;
};

/* Merges the small files of each month, readings sorted as files are, in the order of the log. What other programs have
 * deleted is left out. A month that changes meanwhile is left as it is, and counted. */
int lake_compact(struct lake_table *table, const struct lake_compaction *compaction,
                 struct lake_compacted *ret_compacted, struct error *error);

struct lake_expiry {
    int64_t keep;    /* ms: older snapshots go, but for the newest */
    int64_t orphans; /* ms: objects that no snapshot needs go when they are older */
};

struct lake_expired {
    int64_t snapshots, objects, bytes;
};

int lake_expire(struct lake_table *table, const struct lake_expiry *expiry, struct lake_expired *ret_expired,
                struct error *error);

#endif
