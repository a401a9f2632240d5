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

/* Numbers that an added entry inherits from its manifest are -1 until then. */
struct manifest_entry {
    enum manifest_status status;
    int64_t snapshot, sequence, file_sequence;
    struct lake_file file; /* `path` is not set */
};

/* Bounds as bytes (bound.h); data NULL: none. */
struct manifest_summary {
    bool contains_null;
    struct slice lower, upper;
};

struct manifest_list_entry {
    const char *path;
    int64_t length;
    int32_t spec;
    bool deletes; /* its entries are delete files */
    int64_t sequence, min_sequence, added_snapshot;
    int64_t added_files, existing_files, deleted_files, added_rows, existing_rows, deleted_rows; /* -1: not said */
    const struct manifest_summary *summaries; /* of each partition column */
    size_t summary_count;
};

/* How the entries of a manifest are partitioned, and by which schema. */
struct manifest_shape {
    const struct lake_column *columns;
    size_t column_count;
    enum lake_partition partition;
    int32_t spec, field; /* ids of the partition spec and of its field */
    const char *partition_name;
    const char *schema_json, *spec_json; /* for the header */
    int64_t schema_id;
};

/* `bytes`: a whole file, `spec` that of its list entry. What is given lies in `arena`, texts in `bytes`. ERROR_CORRUPT;
 * ERROR_UNSUPPORTED, with the file's name: deletion vectors, encryption, files that are not Parquet. Bounds of columns
 * that the shape does not have are passed over, and so are partitions of other specs. */
int manifest_read(struct slice bytes, const struct manifest_shape *shape, int32_t spec, struct arena *arena,
                  struct manifest_entry **ret_entries, size_t *ret_count, struct error *error);
int manifest_write(const struct manifest_shape *shape, const struct manifest_entry *entries, size_t count,
                   struct bytes *to, struct error *error);

int manifest_list_read(struct slice bytes, struct arena *arena, struct manifest_list_entry **ret_entries,
                       size_t *ret_count, struct error *error);
int manifest_list_write(const struct manifest_list_entry *entries, size_t count, int64_t snapshot, int64_t parent,
                        int64_t sequence, struct bytes *to, struct error *error);

#endif
