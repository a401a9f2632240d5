/* Table metadata of Apache Iceberg, format version 2 (https://iceberg.apache.org/spec, "Table Metadata Fields"): one
 * JSON object. It is kept as it was read, so that what other programs have put there survives our commits; what counts
 * for us is looked up by the functions here. */
#ifndef METERLINE_LAKE_ICEBERG_METADATA_H
#define METERLINE_LAKE_ICEBERG_METADATA_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "lake/iceberg/manifest.h"
#include "lake/iceberg/table.h"
#include <jansson.h>

struct table_metadata {
    json_t *json;    /* owned */
    int64_t version; /* of a folder: N of vN.metadata.json; 0 otherwise */
    char *location;  /* owned: of the metadata file itself; NULL: not known */
};

struct metadata_property {
    const char *name, *value; /* value NULL: it is removed */
};

/* From `base` to what a commit makes of it. */
struct metadata_change {
    const struct table_metadata *base;
    json_t *snapshot; /* added, and made the newest; borrowed; NULL: none */
    const struct metadata_property *properties;
    size_t property_count;
    const int64_t *expired; /* ids of snapshots that go */
    size_t expired_count;
    int64_t now; /* ms */
};

void table_metadata_release(struct table_metadata *metadata); /* usable with cleanup() */
/* ERROR_CORRUPT: no such JSON; ERROR_UNSUPPORTED: another version, encryption: says which. */
int table_metadata_read(struct slice text, struct table_metadata *ret_metadata, struct error *error);
/* Of a table without snapshots. ERROR_UNSUPPORTED: a nested type; ERROR_INVALID: no columns, or two of one name. */
int table_metadata_new(const struct lake_table_settings *settings, const char *location, const char *uuid, int64_t now,
                       struct table_metadata *ret_metadata, struct error *error);
/* The metadata that the change leads to. */
int table_metadata_change(const struct metadata_change *change, struct table_metadata *ret_metadata,
                          struct error *error);
/* The change as the updates of a REST catalog's commit (a JSON array); NULL: no memory. */
json_t *metadata_updates(const struct metadata_change *change);
int table_metadata_write(const struct table_metadata *metadata, struct bytes *to, struct error *error);

const char *table_metadata_location(const struct table_metadata *metadata);                   /* of the table */
const char *table_metadata_property(const struct table_metadata *metadata, const char *name); /* NULL: none */
/* Snapshot `id`, 0: the newest; NULL: none. Borrowed. */
json_t *table_metadata_snapshot(const struct table_metadata *metadata, int64_t id);
int64_t table_metadata_current(const struct table_metadata *metadata);  /* id of the newest snapshot, 0: none */
int64_t table_metadata_sequence(const struct table_metadata *metadata); /* the last sequence number */
/* The columns of the newest schema, how new files are partitioned, and what manifests say of both; texts live as long as
 * `arena`. ERROR_UNSUPPORTED: a column that is not flat, a partition that we do not write: says which. */
int table_metadata_shape(const struct table_metadata *metadata, struct arena *arena, struct manifest_shape *ret_shape,
                         size_t *ret_partition_column, struct error *error);

#endif
