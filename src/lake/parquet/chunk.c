#include "lake/parquet/chunk.h"

#include <endian.h>
#include <math.h>

#include "core/hash.h"
#include "core/memory.h"
#include "lake/parquet/encode.h"
#include "lake/parquet/extremes.h"
#include "lake/parquet/thrift.h"

enum { MICROSECONDS = 1000, DICTIONARY_SLOTS = 1 << 18 };
#define CHUNK_BYTES_MAXIMUM ((size_t)1 << 30)

int chunk_writer_open(struct chunk_writer *writer, int level, struct error *error) {
    *writer = (struct chunk_writer){.level = level, .seed = hash_seed()};
    writer->zstd = ZSTD_createCCtx();
    writer->slots = memory_zero(DICTIONARY_SLOTS, sizeof *writer->slots);
    if (writer->zstd && writer->slots &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, level)))
        return 0;
    chunk_writer_close(writer);
    return error_no_memory(error);
}

void chunk_writer_close(struct chunk_writer *writer) {
    ZSTD_freeCCtx(writer->zstd);
    free(writer->values);
    free(writer->indices);
    free(writer->slots);
    free(writer->places);
    bytes_release(&writer->plain);
    bytes_release(&writer->levels);
    bytes_release(&writer->body);
    bytes_release(&writer->pages);
    arena_release(&writer->arena);
    *writer = (struct chunk_writer){0};
}

static int chunk_reserve(struct chunk_writer *writer, size_t count, struct error *error) {
    if (count <= writer->capacity)
        return 0;
    void *values = memory_resize(writer->values, count, sizeof(struct slice));
    writer->values = values ? values : writer->values;
    uint32_t *indices = memory_resize(writer->indices, count, sizeof *indices);
    writer->indices = indices ? indices : writer->indices;
    uint32_t *places = memory_resize(writer->places, count, sizeof *places);
    writer->places = places ? places : writer->places;
    if (!values || !indices || !places)
        return error_no_memory(error);
    writer->capacity = count;
    return 0;
}

/* --- values as they are stored, without NULLs
 * ------------------------------------------------------------------------------------------------------------------ */

/* Rows of a vector in an order. */
struct chunk_rows {
    const struct vector *vector;
    const uint32_t *order;
    size_t count;
};

static inline size_t chunk_row(const struct chunk_rows *rows, size_t i) {
    return (rows->order ? rows->order[i] : i) & rows->vector->mask;
}

static size_t chunk_booleans(struct chunk_writer *writer, const struct chunk_rows *rows) {
    int64_t *to = writer->values;
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = chunk_row(rows, i);
        to[count] = rows->vector->booleans[row] != 0;
        count += !rows->vector->nulls[row];
    }
    return count;
}

/* False: a time does not fit. */
static bool chunk_integers(struct chunk_writer *writer, const struct chunk_rows *rows, size_t *ret_count) {
    enum type_kind kind = rows->vector->type->kind;
    int64_t *to = writer->values, factor = kind == TYPE_TIMESTAMP || kind == TYPE_TIME ? MICROSECONDS : 1;
    size_t count = 0;
    bool fits = true;
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = chunk_row(rows, i);
        if (rows->vector->nulls[row])
            continue;
        fits &= !__builtin_mul_overflow(rows->vector->integers[row], factor, &to[count]);
        count++;
    }
    *ret_count = count;
    return fits;
}

static size_t chunk_doubles(struct chunk_writer *writer, const struct chunk_rows *rows) {
    double *to = writer->values;
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = chunk_row(rows, i);
        to[count] = rows->vector->doubles[row];
        count += !rows->vector->nulls[row];
    }
    return count;
}

static size_t chunk_texts(struct chunk_writer *writer, const struct chunk_rows *rows) {
    struct slice *to = writer->values;
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = chunk_row(rows, i);
        if (!rows->vector->nulls[row])
            to[count++] = rows->vector->texts[row];
    }
    return count;
}

static size_t chunk_small_decimals(struct chunk_writer *writer, const struct chunk_rows *rows) {
    int64_t *to = writer->values;
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = chunk_row(rows, i);
        if (!rows->vector->nulls[row])
            to[count++] = (int64_t)rows->vector->decimals[row];
    }
    return count;
}

/* Big-endian two's complement of a fixed length. */
static bool chunk_decimals(struct chunk_writer *writer, const struct chunk_rows *rows, struct chunk_bounds *bounds,
                           size_t *ret_count) {
    struct slice *to = writer->values;
    size_t length = parquet_decimal_bytes(rows->vector->type->precision), count = 0;
    char *bytes = arena_allocate(&writer->arena, rows->count * length + 1);
    if (!bytes)
        return false;
    for (size_t i = 0; i < rows->count; i++) {
        size_t row = chunk_row(rows, i);
        if (rows->vector->nulls[row])
            continue;
        decimal value = rows->vector->decimals[row];
        bounds->decimal_lower = bounds->any && bounds->decimal_lower <= value ? bounds->decimal_lower : value;
        bounds->decimal_upper = bounds->any && bounds->decimal_upper >= value ? bounds->decimal_upper : value;
        bounds->any = true;
        extremes_write_decimal(value, length, bytes);
        to[count++] = (struct slice){bytes, length};
        bytes += length;
    }
    *ret_count = count;
    return true;
}

static int chunk_gather(struct chunk_writer *writer, const struct lake_column *column, const struct chunk_rows *rows,
                        struct chunk_bounds *bounds, size_t *ret_count, struct error *error) {
    switch (parquet_physical(column->type)) {
    case PARQUET_BOOLEAN:
        *ret_count = chunk_booleans(writer, rows);
        return 0;
    case PARQUET_DOUBLE:
        *ret_count = chunk_doubles(writer, rows);
        return 0;
    case PARQUET_BYTE_ARRAY:
        *ret_count = chunk_texts(writer, rows);
        return 0;
    case PARQUET_FIXED:
        return chunk_decimals(writer, rows, bounds, ret_count) ? 0 : error_no_memory(error);
    default:
        break;
    }
    if (column->type->kind == TYPE_DECIMAL)
        *ret_count = chunk_small_decimals(writer, rows);
    else if (!chunk_integers(writer, rows, ret_count))
        return error_set(error, ERROR_INVALID, "column %.*s: a time is beyond what 64 bits of microseconds hold",
                         (int)column->name.length, column->name.data);
    return 0;
}

/* --- dictionary
 * ------------------------------------------------------------------------------------------------------------------ */

static inline uint64_t chunk_mix(uint64_t bits) {
    bits *= UINT64_C(0x9e3779b97f4a7c15);
    return bits ^ bits >> 29;
}

/* Indices of doubles, by their bits; 0: there are too many distinct ones. */
static size_t chunk_index_doubles(struct chunk_writer *writer, size_t count, size_t limit) {
    const uint64_t *values = writer->values;
    size_t distinct = 0, mask = writer->slot_count - 1;
    for (size_t i = 0; i < count; i++) {
        size_t slot = chunk_mix(values[i] ^ writer->seed) >> 20 & mask;
        while (writer->slots[slot] && values[writer->places[writer->slots[slot] - 1]] != values[i])
            slot = (slot + 1) & mask;
        if (!writer->slots[slot]) {
            if (distinct == limit)
                return 0;
            writer->places[distinct++] = (uint32_t)i;
            writer->slots[slot] = (uint32_t)distinct;
        }
        writer->indices[i] = writer->slots[slot] - 1;
    }
    return distinct;
}

static size_t chunk_index_texts(struct chunk_writer *writer, size_t count, size_t limit) {
    const struct slice *values = writer->values;
    size_t distinct = 0, mask = writer->slot_count - 1;
    for (size_t i = 0; i < count; i++) {
        if (i && values[i].length == values[i - 1].length &&
            (values[i].data == values[i - 1].data || slice_equal(values[i], values[i - 1]))) {
            writer->indices[i] = writer->indices[i - 1];
            continue;
        }
        size_t slot = hash_bytes(values[i].data, values[i].length, writer->seed) & mask;
        while (writer->slots[slot] && !slice_equal(values[writer->places[writer->slots[slot] - 1]], values[i]))
            slot = (slot + 1) & mask;
        if (!writer->slots[slot]) {
            if (distinct == limit)
                return 0;
            writer->places[distinct++] = (uint32_t)i;
            writer->slots[slot] = (uint32_t)distinct;
        }
        writer->indices[i] = writer->slots[slot] - 1;
    }
    return distinct;
}

/* The number of distinct values when a dictionary pays: with half of the values distinct it does not. */
static size_t chunk_index(struct chunk_writer *writer, enum parquet_physical physical, size_t count) {
    size_t limit = count / 2 + 1, slots = 1024;
    while (slots < count && slots < DICTIONARY_SLOTS)
        slots *= 2;
    writer->slot_count = slots;
    limit = limit < slots / 2 ? limit : slots / 2;
    memset(writer->slots, 0, slots * sizeof *writer->slots);
    return physical == PARQUET_DOUBLE ? chunk_index_doubles(writer, count, limit)
                                      : chunk_index_texts(writer, count, limit);
}

/* --- pages
 * ------------------------------------------------------------------------------------------------------------------ */

static void chunk_plain_booleans(struct bytes *to, const int64_t *values, size_t count) {
    for (size_t at = 0; at < count; at += 8) {
        unsigned bits = 0;
        for (size_t i = 0; i < 8 && at + i < count; i++)
            bits |= (unsigned)values[at + i] << i;
        bytes_append_char(to, (char)bits);
    }
}

/* `places` NULL: all values in order. */
static void chunk_plain(struct bytes *to, enum parquet_physical physical, const void *values, const uint32_t *places,
                        size_t count) {
    const struct slice *texts = values;
    const uint64_t *numbers = values;
    if (physical == PARQUET_BOOLEAN) {
        chunk_plain_booleans(to, values, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = places ? places[i] : i;
        if (physical == PARQUET_DOUBLE) {
            uint64_t little = htole64(numbers[at]);
            bytes_append(to, &little, 8);
            continue;
        }
        uint32_t length = htole32((uint32_t)texts[at].length);
        if (physical == PARQUET_BYTE_ARRAY)
            bytes_append(to, &length, 4);
        bytes_append_slice(to, texts[at]);
    }
}

static int chunk_compress(struct chunk_writer *writer, struct slice plain, struct bytes *to, struct error *error) {
    if (plain.length > CHUNK_BYTES_MAXIMUM)
        return error_set(error, ERROR_INVALID, "the values of a row group take more than 1 GiB");
    size_t bound = ZSTD_compressBound(plain.length);
    char *at = bytes_reserve(to, bound);
    if (!at)
        return error_no_memory(error);
    size_t length = ZSTD_compress2(writer->zstd, at, bound, plain.data, plain.length);
    if (ZSTD_isError(length))
        return error_set(error, ERROR_NO_MEMORY, "zstd: %s", ZSTD_getErrorName(length));
    to->length += length;
    return 0;
}

static void chunk_page_begin(struct bytes *to, int16_t *last, enum parquet_page page, size_t plain, size_t compressed) {
    thrift_i32(to, last, 1, page);
    thrift_i32(to, last, 2, (int64_t)plain);
    thrift_i32(to, last, 3, (int64_t)compressed);
}

static int chunk_dictionary_page(struct chunk_writer *writer, enum parquet_physical physical, size_t distinct,
                                 struct error *error) {
    int16_t last = 0, inner = 0;
    writer->plain.length = writer->body.length = 0;
    chunk_plain(&writer->plain, physical, writer->values, writer->places, distinct);
    int status = chunk_compress(writer, bytes_slice(&writer->plain), &writer->body, error);
    if (status)
        return status;
    chunk_page_begin(&writer->pages, &last, PARQUET_DICTIONARY_PAGE, writer->plain.length, writer->body.length);
    thrift_struct(&writer->pages, &last, 7);
    thrift_i32(&writer->pages, &inner, 1, (int64_t)distinct);
    thrift_i32(&writer->pages, &inner, 2, PARQUET_PLAIN);
    thrift_stop(&writer->pages);
    thrift_stop(&writer->pages);
    bytes_append_slice(&writer->pages, bytes_slice(&writer->body));
    return 0;
}

/* Definition levels of an optional column: 1 where there is a value. */
static void chunk_levels(struct chunk_writer *writer, const struct chunk_rows *rows, bool nulls) {
    static const uint32_t one = 1;
    writer->levels.length = 0;
    if (!nulls) {
        bytes_append_varint(&writer->levels, rows->count << 1);
        bytes_append_char(&writer->levels, (char)one);
        return;
    }
    /* the indices have been written: their memory is free again */
    for (size_t i = 0; i < rows->count; i++)
        writer->indices[i] = !rows->vector->nulls[chunk_row(rows, i)];
    encode_hybrid(&writer->levels, writer->indices, rows->count, 1);
}

static void chunk_encode(struct chunk_writer *writer, enum parquet_physical physical, size_t count, size_t distinct,
                         struct chunk_written *written) {
    writer->plain.length = 0;
    if (distinct) {
        unsigned width = encode_width(distinct - 1);
        written->encoding = PARQUET_RLE_DICTIONARY;
        bytes_append_char(&writer->plain, (char)width);
        encode_hybrid(&writer->plain, writer->indices, count, width);
    } else if (physical == PARQUET_INT32 || physical == PARQUET_INT64) {
        written->encoding = PARQUET_DELTA;
        encode_delta(&writer->plain, writer->values, count, physical == PARQUET_INT32);
    } else {
        written->encoding = PARQUET_PLAIN;
        chunk_plain(&writer->plain, physical, writer->values, NULL, count);
    }
}

static int chunk_data_page(struct chunk_writer *writer, const struct chunk_rows *rows, size_t values,
                           struct chunk_written *written, struct error *error) {
    int16_t last = 0, inner = 0;
    writer->body.length = 0;
    int status = chunk_compress(writer, bytes_slice(&writer->plain), &writer->body, error);
    if (status)
        return status;
    size_t levels = writer->levels.length;
    chunk_page_begin(&writer->pages, &last, PARQUET_DATA_PAGE_V2, writer->plain.length + levels,
                     writer->body.length + levels);
    thrift_struct(&writer->pages, &last, 8);
    thrift_i32(&writer->pages, &inner, 1, (int64_t)rows->count);
    thrift_i32(&writer->pages, &inner, 2, (int64_t)(rows->count - values));
    thrift_i32(&writer->pages, &inner, 3, (int64_t)rows->count);
    thrift_i32(&writer->pages, &inner, 4, written->encoding);
    thrift_i32(&writer->pages, &inner, 5, (int64_t)levels);
    thrift_i32(&writer->pages, &inner, 6, 0);
    thrift_stop(&writer->pages);
    thrift_stop(&writer->pages);
    bytes_append_slice(&writer->pages, bytes_slice(&writer->levels));
    bytes_append_slice(&writer->pages, bytes_slice(&writer->body));
    return 0;
}

static int chunk_write_pages(struct chunk_writer *writer, const struct lake_column *column,
                             const struct chunk_rows *rows, size_t values, int64_t offset,
                             struct chunk_written *written, struct error *error) {
    enum parquet_physical physical = parquet_physical(column->type);
    bool indexed = physical == PARQUET_DOUBLE || physical == PARQUET_BYTE_ARRAY || physical == PARQUET_FIXED;
    size_t distinct = indexed && values ? chunk_index(writer, physical, values) : 0, plain;
    int status = 0;
    writer->pages.length = 0;
    written->dictionary = distinct > 0;
    written->dictionary_offset = distinct ? offset : -1;
    if (distinct)
        status = chunk_dictionary_page(writer, physical, distinct, error);
    plain = distinct ? writer->plain.length : 0;
    written->data_offset = offset + (int64_t)writer->pages.length;
    chunk_encode(writer, physical, values, distinct, written);
    writer->levels.length = 0;
    if (!column->required)
        chunk_levels(writer, rows, values < rows->count);
    plain += writer->plain.length + writer->levels.length;
    if (!status)
        status = chunk_data_page(writer, rows, values, written, error);
    written->plain_bytes = (int64_t)plain;
    written->bytes = (int64_t)writer->pages.length;
    if (!status && (writer->pages.failed || writer->plain.failed || writer->levels.failed))
        status = error_no_memory(error);
    return status;
}

int chunk_write(struct chunk_writer *writer, const struct lake_column *column, const struct vector *vector,
                const uint32_t *order, size_t count, int64_t offset, struct arena *arena, struct chunk_bounds *bounds,
                struct chunk_written *ret_written, struct error *error) {
    struct chunk_rows rows = {vector, order, count};
    struct chunk_bounds own = {0};
    struct chunk_written written = {.values = (int64_t)count};
    size_t values;
    arena_reset(&writer->arena);
    int status = chunk_reserve(writer, count, error);
    if (!status)
        status = chunk_gather(writer, column, &rows, &own, &values, error);
    if (!status && column->required && values < count)
        return error_set(error, ERROR_INVALID, "column %.*s may not be NULL", (int)column->name.length,
                         column->name.data);
    if (status)
        return status;
    written.nulls = (int64_t)(count - values);
    extremes_collect(column->type, writer->values, values, &own);
    if (!extremes_write(column->type, &own, arena, &written))
        return error_no_memory(error);
    extremes_merge(column->type, bounds, &own);
    status = chunk_write_pages(writer, column, &rows, values, offset, &written, error);
    if (!status)
        *ret_written = written;
    return status;
}
