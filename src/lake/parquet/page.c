#include "lake/parquet/page.h"

#include <endian.h>
#include <zlib.h>
#include <zstd.h>

#include "lake/parquet/decode.h"
#include "lake/parquet/encode.h"
#include "lake/parquet/thrift.h"

enum { PAGE_BYTES_MAXIMUM = 1 << 30 };

struct page_header {
    int64_t kind, plain, compressed, values, encoding, level_bytes, repetition_bytes;
    bool is_compressed;
};

struct page_reader {
    const struct footer_column *column;
    const struct footer_chunk *chunk;
    size_t rows;
    struct bytes *scratch;
    struct arena *arena;
    struct page_values *to;
    /* the dictionary: */
    struct page_values dictionary;
    bool has_dictionary;
};

static int page_damaged(struct error *error) {
    return error_set(error, ERROR_CORRUPT, "a page is damaged");
}

/* --- headers
 * ------------------------------------------------------------------------------------------------------------------ */

static void page_read_data_header(struct thrift_reader *reader, struct page_header *header, bool second) {
    int16_t last = 0;
    enum thrift_type type;
    while (thrift_next(reader, &last, &type)) {
        if (last == 1)
            header->values = thrift_read_integer(reader);
        else if (last == (second ? 4 : 2))
            header->encoding = thrift_read_integer(reader);
        else if (second && last == 5)
            header->level_bytes = thrift_read_integer(reader);
        else if (second && last == 6)
            header->repetition_bytes = thrift_read_integer(reader);
        else if (second && last == 7)
            header->is_compressed = type == THRIFT_TRUE;
        else
            thrift_skip(reader, type);
    }
}

static int page_read_header(struct thrift_reader *reader, struct page_header *header, struct error *error) {
    int16_t last = 0;
    enum thrift_type type;
    *header = (struct page_header){.kind = -1, .is_compressed = true};
    while (thrift_next(reader, &last, &type)) {
        switch (last) {
        case 1:
            header->kind = thrift_read_integer(reader);
            break;
        case 2:
            header->plain = thrift_read_integer(reader);
            break;
        case 3:
            header->compressed = thrift_read_integer(reader);
            break;
        case 5:
        case 7:
            page_read_data_header(reader, header, false);
            break;
        case 8:
            page_read_data_header(reader, header, true);
            break;
        default:
            thrift_skip(reader, type);
        }
    }
    bool good = !reader->failed && header->plain >= 0 && header->plain <= PAGE_BYTES_MAXIMUM &&
                header->compressed >= 0 && header->compressed <= reader->end - reader->at && header->values >= 0 &&
                header->level_bytes >= 0 && header->repetition_bytes == 0;
    return good ? 0 : page_damaged(error);
}

/* --- bytes
 * ------------------------------------------------------------------------------------------------------------------ */

static bool page_inflate(struct slice from, char *to, size_t length) {
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)from.data,
                       .avail_in = (unsigned)from.length,
                       .next_out = (unsigned char *)to,
                       .avail_out = (unsigned)length};
    if (inflateInit2(&stream, 15 + 32) != Z_OK)
        return false;
    int status = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return status == Z_STREAM_END && stream.avail_out == 0;
}

/* A dictionary lives as long as the chunk, so its bytes lie in the arena. What claims to be larger than its compressed
 * bytes can be is refused before memory is taken. */
static int page_uncompress(struct page_reader *reader, struct slice from, size_t length, bool compressed,
                           struct slice *ret_plain, struct error *error) {
    if (reader->chunk->codec == PARQUET_UNCOMPRESSED) {
        *ret_plain = from;
        return from.length == length ? 0 : page_damaged(error);
    }
    if (!compressed) { /* the bytes of the chunk are gone when its texts are read */
        *ret_plain = arena_copy(reader->arena, from);
        return !ret_plain->data ? error_no_memory(error) : from.length == length ? 0 : page_damaged(error);
    }
    if (reader->chunk->codec != PARQUET_ZSTD && reader->chunk->codec != PARQUET_GZIP)
        return error_set(error, ERROR_UNSUPPORTED,
                         "column %.*s: its compression (%d of parquet.thrift) is not read here",
                         (int)reader->column->name.length, reader->column->name.data, reader->chunk->codec);
    bool zstd = reader->chunk->codec == PARQUET_ZSTD;
    if (zstd && ZSTD_getFrameContentSize(from.data, from.length) != length &&
        ZSTD_getFrameContentSize(from.data, from.length) != ZSTD_CONTENTSIZE_UNKNOWN && length)
        return page_damaged(error);
    if (!zstd && length / 1100 > from.length)
        return page_damaged(error);
    char *to = arena_allocate(reader->arena, length + 8);
    if (!to)
        return error_no_memory(error);
    if (length &&
        !(zstd ? ZSTD_decompress(to, length, from.data, from.length) == length : page_inflate(from, to, length)))
        return page_damaged(error);
    *ret_plain = (struct slice){to, length};
    return 0;
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static bool page_is_text(const struct footer_column *column) {
    return column->physical == PARQUET_BYTE_ARRAY || column->physical == PARQUET_FIXED;
}

static bool page_plain_texts(const struct footer_column *column, const char *at, const char *end, struct slice *to,
                             size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t length = column->length;
        if (column->physical == PARQUET_BYTE_ARRAY) {
            if (end - at < 4)
                return false;
            memcpy(&length, at, 4);
            length = le32toh(length);
            at += 4;
        }
        if ((size_t)(end - at) < length)
            return false;
        to[i] = (struct slice){at, length};
        at += length;
    }
    return true;
}

/* Appends `count` PLAIN values after the first `to->values`. */
static bool page_plain(const struct footer_column *column, struct slice bytes, size_t count, struct page_values *to) {
    const char *at = bytes.data, *end = at + bytes.length;
    size_t width = column->physical == PARQUET_INT32 || column->physical == PARQUET_FLOAT ? 4 : 8;
    if (page_is_text(column))
        return page_plain_texts(column, at, end, to->texts + to->values, count);
    if (column->physical == PARQUET_BOOLEAN) {
        for (size_t i = 0; i < count && i / 8 < bytes.length; i++)
            to->integers[to->values + i] = at[i / 8] >> i % 8 & 1;
        return (count + 7) / 8 <= bytes.length;
    }
    if (bytes.length / width < count)
        return false;
    for (size_t i = 0; i < count; i++, at += width) {
        uint64_t bits = 0;
        memcpy(&bits, at, width);
        bits = le64toh(bits);
        int64_t number = width == 4 ? (int32_t)bits : (int64_t)bits;
        uint32_t half = (uint32_t)bits;
        float single;
        memcpy(&single, &half, 4);
        if (column->physical == PARQUET_DOUBLE)
            memcpy(&to->doubles[to->values + i], &bits, 8);
        else if (column->physical == PARQUET_FLOAT)
            to->doubles[to->values + i] = (double)single;
        else
            to->integers[to->values + i] = number;
    }
    return true;
}

static void *page_room(const struct footer_column *column, struct arena *arena, size_t count) {
    return arena_allocate(arena, count * (page_is_text(column) ? sizeof(struct slice) : 8) + 16);
}

static int page_read_dictionary(struct page_reader *reader, const struct page_header *header, struct slice bytes,
                                struct error *error) {
    struct slice plain;
    int status = page_uncompress(reader, bytes, (size_t)header->plain, true, &plain, error);
    size_t smallest = reader->column->physical == PARQUET_BYTE_ARRAY ? 4 : 1;
    if (status)
        return status;
    if ((uint64_t)header->values > plain.length / smallest)
        return page_damaged(error);
    reader->dictionary =
        (struct page_values){.texts = page_room(reader->column, reader->arena, (size_t)header->values)};
    if (!reader->dictionary.texts)
        return error_no_memory(error);
    if (!page_plain(reader->column, plain, (size_t)header->values, &reader->dictionary))
        return page_damaged(error);
    reader->dictionary.values = (size_t)header->values;
    reader->has_dictionary = true;
    return 0;
}

static bool page_look_up(struct page_reader *reader, const uint32_t *indices, size_t count) {
    struct page_values *to = reader->to;
    const struct page_values *from = &reader->dictionary;
    for (size_t i = 0; i < count; i++) {
        if (indices[i] >= from->values)
            return false;
        if (page_is_text(reader->column))
            to->texts[to->values + i] = from->texts[indices[i]];
        else
            to->integers[to->values + i] = from->integers[indices[i]];
    }
    return true;
}

static int page_indices(struct page_reader *reader, struct slice bytes, size_t count, struct error *error) {
    const char *at = bytes.data, *end = at + bytes.length;
    uint32_t *indices = (uint32_t *)(void *)bytes_reserve(reader->scratch, count * sizeof *indices + 8);
    if (!indices)
        return error_no_memory(error);
    if (!reader->has_dictionary || (count && at == end))
        return page_damaged(error);
    unsigned width = count ? (unsigned char)*at++ : 0;
    return decode_hybrid(&at, end, width, indices, count) && page_look_up(reader, indices, count) ? 0
                                                                                                  : page_damaged(error);
}

static int page_values(struct page_reader *reader, const struct page_header *header, struct slice bytes, size_t count,
                       struct error *error) {
    const struct footer_column *column = reader->column;
    const char *at = bytes.data, *end = at + bytes.length;
    bool whole = column->physical == PARQUET_INT32 || column->physical == PARQUET_INT64;
    switch (header->encoding) {
    case PARQUET_PLAIN:
        return page_plain(column, bytes, count, reader->to) ? 0 : page_damaged(error);
    case PARQUET_RLE_DICTIONARY:
    case PARQUET_PLAIN_DICTIONARY:
        return page_indices(reader, bytes, count, error);
    case PARQUET_DELTA:
        if (whole)
            return decode_delta(&at, end, reader->to->integers + reader->to->values, count,
                                column->physical == PARQUET_INT32)
                       ? 0
                       : page_damaged(error);
        break;
    case PARQUET_RLE:
        if (column->physical == PARQUET_BOOLEAN && bytes.length >= 4) {
            uint32_t *bits = (uint32_t *)(void *)bytes_reserve(reader->scratch, count * sizeof *bits + 8);
            at += 4;
            if (!bits)
                return error_no_memory(error);
            if (!decode_hybrid(&at, end, 1, bits, count))
                return page_damaged(error);
            for (size_t i = 0; i < count; i++)
                reader->to->integers[reader->to->values + i] = bits[i] != 0;
            return 0;
        }
        break;
    default:
        break;
    }
    return error_set(error, ERROR_UNSUPPORTED, "column %.*s: its encoding (%lld of parquet.thrift) is not read here",
                     (int)column->name.length, column->name.data, (long long)header->encoding);
}

/* NULL marks of the page's rows from its levels; *ret_values: how many are not NULL. */
static int page_levels(struct page_reader *reader, struct slice levels, size_t rows, size_t *ret_values,
                       struct error *error) {
    uint8_t *nulls = reader->to->nulls + reader->to->rows;
    const char *at = levels.data;
    size_t values = 0;
    if (!reader->column->optional) {
        memset(nulls, 0, rows);
        *ret_values = rows;
        return 0;
    }
    uint32_t *bits = (uint32_t *)(void *)bytes_reserve(reader->scratch, rows * sizeof *bits + 8);
    if (!bits)
        return error_no_memory(error);
    if (!decode_hybrid(&at, levels.data + levels.length, 1, bits, rows))
        return page_damaged(error);
    for (size_t i = 0; i < rows; i++) {
        nulls[i] = bits[i] == 0;
        values += bits[i] != 0;
    }
    *ret_values = values;
    return 0;
}

static int page_read_data(struct page_reader *reader, const struct page_header *header, struct slice bytes,
                          struct error *error) {
    size_t rows = (size_t)header->values, values, level_bytes = (size_t)header->level_bytes;
    struct slice plain, levels = {bytes.data, level_bytes};
    bool second = header->kind == PARQUET_DATA_PAGE_V2;
    if (rows > reader->rows - reader->to->rows ||
        (second && (level_bytes > bytes.length || level_bytes > (size_t)header->plain)))
        return page_damaged(error);
    if (second)
        bytes = (struct slice){bytes.data + level_bytes, bytes.length - level_bytes};
    int status = page_uncompress(reader, bytes, (size_t)header->plain - (second ? level_bytes : 0),
                                 header->is_compressed, &plain, error);
    if (!status && !second && reader->column->optional) { /* in version 1 they are compressed too, after their length */
        uint32_t length = 0;
        if (plain.length >= 4)
            memcpy(&length, plain.data, 4);
        length = le32toh(length);
        if (plain.length < 4 || length > plain.length - 4)
            return page_damaged(error);
        levels = (struct slice){plain.data + 4, length};
        plain = (struct slice){plain.data + 4 + length, plain.length - 4 - length};
    }
    if (!status)
        status = page_levels(reader, levels, rows, &values, error);
    if (!status)
        status = page_values(reader, header, plain, values, error);
    if (status)
        return status;
    reader->to->rows += rows;
    reader->to->values += values;
    return 0;
}

int page_read_chunk(struct slice bytes, const struct footer_column *column, const struct footer_chunk *chunk,
                    size_t rows, struct bytes *scratch, struct arena *arena, struct page_values *values,
                    struct error *error) {
    struct page_reader reader = {
        .column = column, .chunk = chunk, .rows = rows, .scratch = scratch, .arena = arena, .to = values};
    struct thrift_reader thrift = {bytes.data, bytes.data + bytes.length, false};
    struct page_header header;
    int status = 0;
    values->rows = values->values = 0;
    while (values->rows < rows && !status) {
        scratch->length = 0;
        status = page_read_header(&thrift, &header, error);
        if (status)
            return status;
        struct slice body = {thrift.at, (size_t)header.compressed};
        thrift.at += header.compressed;
        if (header.kind == PARQUET_DICTIONARY_PAGE)
            status = page_read_dictionary(&reader, &header, body, error);
        else if (header.kind == PARQUET_DATA_PAGE || header.kind == PARQUET_DATA_PAGE_V2)
            status = page_read_data(&reader, &header, body, error);
    }
    return status;
}
