/* Avro object container files (Apache Avro 1.11 specification, "Object Container Files"), as manifests are kept in:
 * read into trees of values whose fields carry Iceberg's field ids, written from records that are encoded already.
 *
 * codec/avro knows records of topics, as columns; here are files of any schema, whose fields are found by ids. */
#ifndef METERLINE_LAKE_ICEBERG_AVRO_FILE_H
#define METERLINE_LAKE_ICEBERG_AVRO_FILE_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/property.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum avro_datum_kind { AVRO_NULL, AVRO_NUMBER, AVRO_BYTES, AVRO_LIST, AVRO_RECORD };

struct avro_datum {
    enum avro_datum_kind kind;
    int64_t number; /* boolean, int, long, the place of an enum */
    struct slice bytes;
    const struct avro_field *fields; /* of a record; of a list they are its elements, without ids */
    size_t count;
};

struct avro_field {
    int32_t id; /* -1: none */
    struct avro_datum value;
};

struct avro_file {
    const struct avro_datum *records;
    size_t count;
};

/* All records of a file; they lie in `arena`. ERROR_CORRUPT; ERROR_UNSUPPORTED: its compression. */
int avro_file_read(struct slice bytes, struct arena *arena, struct avro_file *ret_file, struct error *error);
/* The field `id` of a record; NULL when it has none, or it is null. */
const struct avro_datum *avro_find(const struct avro_datum *record, int32_t id);
/* The number of field `id`, or `fallback`. */
int64_t avro_number(const struct avro_datum *record, int32_t id, int64_t fallback);

/* A file of one block, not compressed; `metadata` go into its header, the schema first. */
void avro_file_write(struct slice schema, const struct client_property *metadata, size_t metadata_count,
                     struct slice records, size_t count, struct bytes *to);

#endif
