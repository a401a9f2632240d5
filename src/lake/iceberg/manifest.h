/* Manifests and manifest lists of Apache Iceberg (https://iceberg.apache.org/spec, "Manifests"): Avro files that list
 * data files with their bounds, and the manifests of a snapshot. Read by field ids, so that the order and the further
 * fields of other writers do not matter; written as format version 2 has them. */
#ifndef METERLINE_LAKE_ICEBERG_MANIFEST_H
#define METERLINE_LAKE_ICEBERG_MANIFEST_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "lake/iceberg/table.h"

enum manifest_status { MANIFEST_EXISTING, MANIFEST_ADDED, MANIFEST_DELETED };

/* Sequence numbers of added entries are inherited from their manifest: -1 until then. */
struct manifest_entry {
    enum manifest_status status;
    int64_t snapshot, sequence, file_sequence; /* -1: null */
    struct lake_file file;                     /* `path` is not set */
};

struct manifest_list_entry {
    const char *path;
    int64_t length;
    int32_t spec;
    bool deletes; /* its entries are delete files */
    int64_t sequence, min_sequence, added_snapshot;
    int64_t added_files, existing_files, deleted_files, added_rows, existing_rows, deleted_rows; /* -1: not said */
    bool has_summary; /* of the partitions: */
    bool contains_null;
    int32_t lower, upper;
};

/* What the entries of a manifest have in common. */
struct manifest_shape {
    const struct lake_column *columns;
    size_t column_count;
    struct slice schema; /* JSON, of the table */
    int64_t schema_id;
    enum lake_partition partition;
    size_t partition_column;
    int32_t spec;
};

/* `bytes`: a whole file. What is given lies in `arena`. ERROR_CORRUPT; ERROR_UNSUPPORTED: deletion vectors, files that
 * are not Parquet, ..: names the file. Bounds of columns that the shape does not have are passed over; the partition is
 * taken when it is one number of spec `shape->spec`. */
int manifest_read(struct slice bytes, const struct manifest_shape *shape, int32_t spec, struct arena *arena,
                  struct manifest_entry **ret_entries, size_t *ret_count, struct error *error);
int manifest_write(const struct manifest_shape *shape, const struct manifest_entry *entries, size_t count,
                   struct bytes *to, struct error *error);

int manifest_list_read(struct slice bytes, struct arena *arena, struct manifest_list_entry **ret_entries,
                       size_t *ret_count, struct error *error);
int manifest_list_write(const struct manifest_list_entry *entries, size_t count, int64_t snapshot, int64_t parent,
                        int64_t sequence, bool partitioned, struct bytes *to, struct error *error);

#endif
