/* Table metadata of Apache Iceberg, format version 2 (https://iceberg.apache.org/spec, "Table Metadata Fields"): one
 * JSON object. It is kept as it was read, so that what other programs have put there survives our commits; what counts
 * for us is looked up by the functions here. */
#ifndef METERLINE_LAKE_ICEBERG_METADATA_H
#define METERLINE_LAKE_ICEBERG_METADATA_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "lake/iceberg/table.h"
#include <jansson.h>

struct table_metadata {
    json_t *json;    /* owned */
    int64_t version; /* of a folder: N of vN.metadata.json; 0 otherwise */
    char *location;  /* owned: of the metadata file itself; NULL: not known */
};

struct metadata_property {
    const char *name, *value; /* value NULL: to be removed */
};

/* From `base` to what a commit makes of it. */
struct metadata_change {
    const struct table_metadata *base;
    json_t *snapshot; /* added, and made the newest; NULL: none */
    const struct metadata_property *properties;
    size_t property_count;
    const int64_t *expired; /* ids of snapshots that go */
    size_t expired_count;
    int64_t now; /* ms */
};

void table_metadata_release(struct table_metadata *metadata); /* usable with cleanup() */
/* ERROR_CORRUPT: no such JSON; ERROR_UNSUPPORTED: another version, encryption: says which. */
int table_metadata_read(struct slice text, struct table_metadata *ret_metadata, struct error *error);
int table_metadata_write(const struct table_metadata *metadata, struct bytes *to, struct error *error);
/* Of a table without snapshots. */
int table_metadata_new(const struct lake_table_settings *settings, const char *location, const char *uuid, int64_t now,
                       struct table_metadata *ret_metadata, struct error *error);
/* The metadata that the change leads to. */
int table_metadata_change(const struct metadata_change *change, struct table_metadata *ret_metadata,
                          struct error *error);

const char *table_metadata_location(const struct table_metadata *metadata);                   /* of the table */
const char *table_metadata_property(const struct table_metadata *metadata, const char *name); /* NULL: none */
/* Snapshot `id`, 0: the newest; NULL: none. Borrowed. */
json_t *table_metadata_snapshot(const struct table_metadata *metadata, int64_t id);
int64_t table_metadata_current(const struct table_metadata *metadata);  /* id of the newest snapshot, 0: none */
int64_t table_metadata_sequence(const struct table_metadata *metadata); /* the last sequence number */
/* The columns of the newest schema, or of schema `id` (-1: the newest). ERROR_UNSUPPORTED: a column of a type that is
 * not flat: names it. */
int table_metadata_columns(const struct table_metadata *metadata, int64_t schema, struct arena *arena,
                           const struct lake_column **ret_columns, size_t *ret_count, struct error *error);
/* How new files are partitioned. ERROR_UNSUPPORTED: in a way that we do not write: says which. */
int table_metadata_partition(const struct table_metadata *metadata, const struct lake_column *columns, size_t count,
                             enum lake_partition *ret_partition, size_t *ret_column, struct error *error);

#endif
