/* A file: "PAR1", the chunks of each row group, the footer (FileMetaData), its length in four bytes, "PAR1". */
#include "lake/parquet/parquet_writer.h"

#include <endian.h>
#include <stdlib.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "lake/parquet/chunk.h"
#include "lake/parquet/extremes.h"
#include "lake/parquet/thrift.h"

/* parquet.thrift: ConvertedType, for readers that know no logical types */
enum { CONVERTED_UTF8 = 0, CONVERTED_DECIMAL = 5, CONVERTED_DATE = 6, CONVERTED_TIME = 8, CONVERTED_TIMESTAMP = 10 };
/* LogicalType's fields */
enum { LOGICAL_STRING = 1, LOGICAL_DECIMAL = 5, LOGICAL_DATE = 6, LOGICAL_TIME = 7, LOGICAL_TIMESTAMP = 8, MICROS = 2 };

struct parquet_writer {
    struct parquet_output output;
    const struct lake_column *columns;
    size_t count;
    struct chunk_writer chunk;
    int64_t offset, records;
    struct chunk_bounds *bounds; /* of the file, by column; texts in `arena` */
    int64_t *nulls;
    struct bytes groups; /* RowGroups of the footer, one after the other */
    size_t group_count;
    struct arena arena, group_arena;
    struct chunk_written *written; /* of the group at hand, by column */
};

static int parquet_put(struct parquet_writer *writer, const void *data, size_t length, struct error *error) {
    int status = writer->output.write(writer->output.context, data, length, error);
    writer->offset += status ? 0 : (int64_t)length;
    return status;
}

int parquet_writer_open(const struct parquet_output *output, const struct lake_column *columns, size_t count, int level,
                        struct parquet_writer **ret_writer, struct error *error) {
    struct parquet_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    writer->output = *output;
    writer->columns = columns;
    writer->count = count;
    writer->bounds = memory_zero(count, sizeof *writer->bounds);
    writer->written = memory_zero(count, sizeof *writer->written);
    writer->nulls = memory_zero(count, sizeof *writer->nulls);
    int status = writer->bounds && writer->written && writer->nulls ? 0 : error_no_memory(error);
    if (!status)
        status = chunk_writer_open(&writer->chunk, level ? level : PARQUET_LEVEL, error);
    if (!status)
        status = parquet_put(writer, PARQUET_MAGIC, 4, error);
    if (status)
        parquet_writer_free(writer);
    else
        *ret_writer = writer;
    return status;
}

struct parquet_writer *parquet_writer_free(struct parquet_writer *writer) {
    if (!writer)
        return NULL;
    chunk_writer_close(&writer->chunk);
    bytes_release(&writer->groups);
    arena_release(&writer->arena);
    arena_release(&writer->group_arena);
    free(writer->bounds);
    free(writer->written);
    free(writer->nulls);
    free(writer);
    return NULL;
}

int64_t parquet_writer_bytes(const struct parquet_writer *writer) {
    return writer->offset;
}

/* --- row groups
 * ------------------------------------------------------------------------------------------------------------------ */

static void parquet_statistics(struct bytes *to, const struct chunk_written *written) {
    int16_t last = 0;
    thrift_i64(to, &last, 3, written->nulls);
    if (written->upper.data)
        thrift_binary(to, &last, 5, written->upper);
    if (written->lower.data)
        thrift_binary(to, &last, 6, written->lower);
    if (written->upper.data)
        thrift_bool(to, &last, 7, written->exact_upper);
    if (written->lower.data)
        thrift_bool(to, &last, 8, written->exact_lower);
    thrift_stop(to);
}

static void parquet_chunk_metadata(struct bytes *to, const struct lake_column *column,
                                   const struct chunk_written *written) {
    int16_t last = 0;
    thrift_i32(to, &last, 1, parquet_physical(column->type));
    thrift_list(to, &last, 2, THRIFT_I32, written->dictionary ? 3 : 2);
    if (written->dictionary)
        bytes_append_zigzag(to, PARQUET_PLAIN);
    bytes_append_zigzag(to, written->encoding);
    bytes_append_zigzag(to, PARQUET_RLE);
    thrift_list(to, &last, 3, THRIFT_BINARY, 1);
    thrift_text(to, column->name);
    thrift_i32(to, &last, 4, PARQUET_ZSTD);
    thrift_i64(to, &last, 5, written->values);
    thrift_i64(to, &last, 6, written->plain_bytes);
    thrift_i64(to, &last, 7, written->bytes);
    thrift_i64(to, &last, 9, written->data_offset);
    if (written->dictionary)
        thrift_i64(to, &last, 11, written->dictionary_offset);
    thrift_struct(to, &last, 12);
    parquet_statistics(to, written);
    thrift_stop(to);
}

static int parquet_note_group(struct parquet_writer *writer, size_t rows, int64_t begin, struct error *error) {
    struct bytes *to = &writer->groups;
    int16_t last = 0;
    int64_t plain = 0;
    thrift_list(to, &last, 1, THRIFT_STRUCT, writer->count);
    for (size_t c = 0; c < writer->count; c++) {
        const struct chunk_written *written = &writer->written[c];
        int16_t inner = 0;
        thrift_i64(to, &inner, 2, written->dictionary ? written->dictionary_offset : written->data_offset);
        thrift_struct(to, &inner, 3);
        parquet_chunk_metadata(to, &writer->columns[c], written);
        thrift_stop(to);
        plain += written->plain_bytes;
    }
    thrift_i64(to, &last, 2, plain);
    thrift_i64(to, &last, 3, (int64_t)rows);
    thrift_i64(to, &last, 5, begin);
    thrift_i64(to, &last, 6, writer->offset - begin);
    thrift_stop(to);
    writer->group_count++;
    writer->records += (int64_t)rows;
    return to->failed ? error_no_memory(error) : 0;
}

/* The texts of bounds outlive the rows. */
static int parquet_keep_bounds(struct parquet_writer *writer, size_t column, struct error *error) {
    struct chunk_bounds *bounds = &writer->bounds[column];
    if (parquet_physical(writer->columns[column].type) != PARQUET_BYTE_ARRAY || !bounds->any)
        return 0;
    bounds->text_lower = arena_copy(&writer->arena, bounds->text_lower);
    bounds->text_upper = arena_copy(&writer->arena, bounds->text_upper);
    return bounds->text_lower.data && bounds->text_upper.data ? 0 : error_no_memory(error);
}

int parquet_writer_group(struct parquet_writer *writer, const struct vector *columns, const uint32_t *order,
                         size_t count, struct error *error) {
    int64_t begin = writer->offset;
    int status = 0;
    arena_reset(&writer->group_arena);
    for (size_t c = 0; c < writer->count && count && !status; c++) {
        status = chunk_write(&writer->chunk, &writer->columns[c], &columns[c], order, count, writer->offset,
                             &writer->group_arena, &writer->bounds[c], &writer->written[c], error);
        writer->nulls[c] += status ? 0 : writer->written[c].nulls;
        if (!status)
            status = parquet_keep_bounds(writer, c, error);
        if (!status)
            status = parquet_put(writer, writer->chunk.pages.data, writer->chunk.pages.length, error);
    }
    return status || !count ? status : parquet_note_group(writer, count, begin, error);
}

/* --- footer
 * ------------------------------------------------------------------------------------------------------------------ */

static int parquet_converted_type(const struct type *type) {
    switch (type->kind) {
    case TYPE_STRING:
        return CONVERTED_UTF8;
    case TYPE_DECIMAL:
        return CONVERTED_DECIMAL;
    case TYPE_DATE:
        return CONVERTED_DATE;
    case TYPE_TIME:
        return CONVERTED_TIME;
    case TYPE_TIMESTAMP:
        return CONVERTED_TIMESTAMP;
    default:
        return -1;
    }
}

/* TimeType and TimestampType: whether it is in UTC, and the unit. */
static void parquet_time_type(struct bytes *to, bool utc) {
    int16_t last = 0, unit = 0;
    thrift_bool(to, &last, 1, utc);
    thrift_struct(to, &last, 2);
    thrift_struct(to, &unit, MICROS);
    thrift_stop(to);
    thrift_stop(to);
}

static void parquet_logical_type(struct bytes *to, const struct type *type) {
    static const int16_t fields[TYPE_KINDS] = {[TYPE_STRING] = LOGICAL_STRING,
                                               [TYPE_DECIMAL] = LOGICAL_DECIMAL,
                                               [TYPE_DATE] = LOGICAL_DATE,
                                               [TYPE_TIME] = LOGICAL_TIME,
                                               [TYPE_TIMESTAMP] = LOGICAL_TIMESTAMP};
    int16_t last = 0, inner = 0;
    thrift_struct(to, &last, fields[type->kind]);
    if (type->kind == TYPE_DECIMAL) {
        thrift_i32(to, &inner, 1, type->scale);
        thrift_i32(to, &inner, 2, type->precision);
    } else if (type->kind == TYPE_TIME || type->kind == TYPE_TIMESTAMP) {
        parquet_time_type(to, type->kind == TYPE_TIMESTAMP);
    }
    thrift_stop(to);
    thrift_stop(to);
}

static void parquet_schema_column(struct bytes *to, const struct lake_column *column) {
    const struct type *type = column->type;
    int16_t last = 0;
    int converted = parquet_converted_type(type);
    thrift_i32(to, &last, 1, parquet_physical(type));
    if (parquet_physical(type) == PARQUET_FIXED)
        thrift_i32(to, &last, 2, parquet_decimal_bytes(type->precision));
    thrift_i32(to, &last, 3, column->required ? 0 : 1);
    thrift_binary(to, &last, 4, column->name);
    if (converted >= 0)
        thrift_i32(to, &last, 6, converted);
    if (type->kind == TYPE_DECIMAL) {
        thrift_i32(to, &last, 7, type->scale);
        thrift_i32(to, &last, 8, type->precision);
    }
    thrift_i32(to, &last, 9, column->id);
    if (converted >= 0) {
        thrift_struct(to, &last, 10);
        parquet_logical_type(to, type);
    }
    thrift_stop(to);
}

static void parquet_schema(const struct parquet_writer *writer, struct bytes *to, int16_t *last) {
    int16_t root = 0;
    thrift_list(to, last, 2, THRIFT_STRUCT, writer->count + 1);
    thrift_binary(to, &root, 4, SLICE("table"));
    thrift_i32(to, &root, 5, (int64_t)writer->count);
    thrift_stop(to);
    for (size_t c = 0; c < writer->count; c++)
        parquet_schema_column(to, &writer->columns[c]);
}

static void parquet_properties(struct bytes *to, int16_t *last, const struct client_property *properties,
                               size_t count) {
    if (count == 0)
        return;
    thrift_list(to, last, 5, THRIFT_STRUCT, count);
    for (size_t i = 0; i < count; i++) {
        int16_t inner = 0;
        thrift_binary(to, &inner, 1, slice_of(properties[i].name));
        thrift_binary(to, &inner, 2, slice_of(properties[i].value));
        thrift_stop(to);
    }
}

/* Statistics are in the order of the type. */
static void parquet_orders(const struct parquet_writer *writer, struct bytes *to, int16_t *last) {
    thrift_list(to, last, 7, THRIFT_STRUCT, writer->count);
    for (size_t c = 0; c < writer->count; c++) {
        int16_t inner = 0;
        thrift_struct(to, &inner, 1);
        thrift_stop(to);
        thrift_stop(to);
    }
}

static void parquet_footer(const struct parquet_writer *writer, const struct client_property *properties, size_t count,
                           struct bytes *to) {
    int16_t last = 0;
    thrift_i32(to, &last, 1, 2);
    parquet_schema(writer, to, &last);
    thrift_i64(to, &last, 3, writer->records);
    thrift_list(to, &last, 4, THRIFT_STRUCT, writer->group_count);
    bytes_append_slice(to, bytes_slice(&writer->groups));
    parquet_properties(to, &last, properties, count);
    thrift_binary(to, &last, 6, SLICE("meterline"));
    parquet_orders(writer, to, &last);
    thrift_stop(to);
    uint32_t length = htole32((uint32_t)to->length);
    bytes_append(to, &length, 4);
    bytes_append(to, PARQUET_MAGIC, 4);
}

static int parquet_file_bounds(const struct parquet_writer *writer, struct arena *arena, struct lake_bounds *bounds,
                               struct error *error) {
    for (size_t c = 0; c < writer->count; c++) {
        bounds[c] = (struct lake_bounds){.values = writer->records, .nulls = writer->nulls[c]};
        if (!extremes_bounds(writer->columns[c].type, &writer->bounds[c], arena, &bounds[c]))
            return error_no_memory(error);
    }
    return 0;
}

int parquet_writer_finish(struct parquet_writer *writer, const struct client_property *properties, size_t count,
                          struct arena *arena, struct lake_bounds *bounds, int64_t *ret_records, int64_t *ret_bytes,
                          struct error *error) {
    cleanup(bytes_release) struct bytes footer = {0};
    parquet_footer(writer, properties, count, &footer);
    if (footer.failed)
        return error_no_memory(error);
    int status = parquet_put(writer, footer.data, footer.length, error);
    if (!status)
        status = parquet_file_bounds(writer, arena, bounds, error);
    if (status)
        return status;
    *ret_records = writer->records;
    *ret_bytes = writer->offset;
    return 0;
}
