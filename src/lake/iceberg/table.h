/* What a lake table is made of: how it is partitioned, and its files. */
#ifndef METERLINE_LAKE_ICEBERG_TABLE_H
#define METERLINE_LAKE_ICEBERG_TABLE_H

#include "lake/column/column.h"
#include <stddef.h>

/* By what part of a time the rows of a file are alike. */
enum lake_partition { LAKE_UNPARTITIONED, LAKE_BY_MONTH, LAKE_BY_DAY };

struct lake_table_settings {
    const struct lake_column *columns;
    size_t column_count;
    enum lake_partition partition;
    size_t partition_column; /* a TIMESTAMP */
};

enum lake_content { LAKE_DATA, LAKE_POSITION_DELETES, LAKE_EQUALITY_DELETES };

struct lake_file {
    const char *location; /* as the table's metadata say: what commits name */
    const char *path;     /* how it is opened: a path of the file system */
    enum lake_content content;
    int64_t records, bytes;
    int64_t sequence; /* data sequence number: a delete file counts for data files with a smaller or the same one */
    bool partitioned;
    int64_t partition;                /* months or days since 1970, when partitioned as the table is */
    const struct lake_bounds *bounds; /* by column of the snapshot */
};

#endif
