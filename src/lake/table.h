/* What the files of this room share of a lake and a table. */
#ifndef METERLINE_LAKE_TABLE_H
#define METERLINE_LAKE_TABLE_H

#include "lake/catalog.h"
#include "lake/lake.h"

struct lake {
    char *url;
    struct lake_options options;
    struct catalog *catalog;
};

struct lake_table {
    struct lake *lake;
    char *name;
    struct objects *objects;
    struct table_metadata metadata; /* as last read */
    struct arena arena;             /* of the shape */
    struct manifest_shape shape;    /* of the metadata */
    size_t partition_column;
};

/* Names of table properties: the offset of TOPIC/PARTITION, and which log TOPIC is of. */
#define LAKE_OFFSET_PROPERTY "meterline.offset."
#define LAKE_ORIGIN_PROPERTY "meterline.origin."
/* Records of TOPIC that are rows of the table, and those that are none. */
#define LAKE_ROWS_PROPERTY   "meterline.rows."
#define LAKE_PASSED_PROPERTY "meterline.passed."
/* In a snapshot's summary: a name of the commit, by which one whose answer was lost is found again. */
#define LAKE_COMMIT_PROPERTY "meterline.commit"

static inline int64_t lake_now(const struct lake *lake) {
    return clock_wall(lake->options.clock);
}

/* Reads the metadata again. */
int table_refresh(struct lake_table *table, struct error *error);
/* The name of the object at a location of the metadata. ERROR_UNSUPPORTED: it lies outside of the table. */
int table_object(const struct lake_table *table, const char *location, const char **ret_name, struct error *error);
/* The location of an object, in `arena`. NULL: no memory. */
const char *table_location(const struct lake_table *table, struct arena *arena, const char *name);
/* A whole object, which lies at `location`, in `arena`. */
int table_read_object(const struct lake_table *table, const char *location, struct arena *arena,
                      struct slice *ret_bytes, struct error *error);
/* The manifests of a snapshot (JSON of the metadata; NULL: none). */
int table_manifests(const struct lake_table *table, const json_t *snapshot, struct arena *arena,
                    struct manifest_list_entry **ret_entries, size_t *ret_count, struct error *error);
/* The entries of one of them, inherited numbers filled in. */
int table_manifest(const struct lake_table *table, const struct manifest_list_entry *manifest, struct arena *arena,
                   struct manifest_entry **ret_entries, size_t *ret_count, struct error *error);

#endif
