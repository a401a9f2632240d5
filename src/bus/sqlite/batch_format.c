/* Writing and reading of batches as batch_format.h draws them. Records are packed in the order of their offsets, each
 * as lengths and deltas in varints; the checksum covers what stands after it, so a torn or altered blob is found
 * before a record of it is handed out. */
#include "bus/sqlite/batch_format.h"

#include <zstd_errors.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/varint.h"

enum {
    BATCH_FORMAT = 1,
    BATCH_FORMAT_GAPS = 2,
    BATCH_ZSTD = 1,
    BATCH_RECORD_MINIMUM = 4 /* two nulls, time, no headers */,
    BATCH_LEVEL = 3 /* measured on readings: 6 bytes a record; level 1 needs 7 and is not faster */
};

static void put_u32(char *to, uint32_t value) {
    memcpy(to, &value, sizeof value);
}

static void put_i64(char *to, int64_t value) {
    memcpy(to, &value, sizeof value);
}

static uint32_t get_u32(const char *from) {
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static int64_t get_i64(const char *from) {
    int64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static void batch_write_slice(struct bytes *to, struct slice slice) {
    if (!slice.data) {
        bytes_append_char(to, 0);
        return;
    }
    bytes_append_varint(to, slice.length + 1);
    bytes_append_slice(to, slice);
}

void batch_write_gap(struct bytes *records, uint64_t offsets) {
    bytes_append_varint(records, offsets);
}

void batch_write_record(struct bytes *records, const struct bus_record *record, int64_t base_timestamp) {
    batch_write_slice(records, record->key);
    batch_write_slice(records, record->value);
    bytes_append_zigzag(records, (int64_t)((uint64_t)record->timestamp - (uint64_t)base_timestamp));
    bytes_append_varint(records, record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        batch_write_slice(records, record->headers[i].name);
        batch_write_slice(records, record->headers[i].value);
    }
}

int batch_seal(ZSTD_CCtx *context, struct slice records, uint32_t count, int64_t base_timestamp, struct bytes *blob,
               struct error *error) {
    blob->length = 0;
    size_t bound = ZSTD_compressBound(records.length);
    char *to = bytes_reserve(blob, BATCH_HEADER + bound);
    if (!to) {
        blob->failed = false;
        return error_no_memory(error);
    }
    size_t length = ZSTD_compressCCtx(context, to + BATCH_HEADER, bound, records.data, records.length, BATCH_LEVEL);
    if (ZSTD_isError(length))
        return error_set(error, ERROR_NO_MEMORY, "cannot compress a batch: %s", ZSTD_getErrorName(length));
    memset(to, 0, BATCH_HEADER);
    to[4] = BATCH_FORMAT;
    to[5] = BATCH_ZSTD;
    put_u32(to + 8, count);
    put_u32(to + 12, (uint32_t)records.length);
    put_i64(to + 16, base_timestamp);
    blob->length = BATCH_HEADER + length;
    return 0;
}

void batch_set_gaps(struct bytes *blob, int64_t offsets) {
    uint16_t upper = (uint16_t)(offsets >> 32);
    blob->data[4] = BATCH_FORMAT_GAPS;
    memcpy(blob->data + 6, &upper, sizeof upper);
    put_u32(blob->data + 44, (uint32_t)offsets);
}

static int64_t batch_covered(struct slice blob, uint32_t count) {
    uint16_t upper;
    memcpy(&upper, blob.data + 6, sizeof upper);
    return blob.data[4] == BATCH_FORMAT_GAPS ? (int64_t)upper << 32 | get_u32(blob.data + 44) : count;
}

void batch_stamp(struct bytes *blob, struct batch_place place, int64_t append_time) {
    put_i64(blob->data + 24, append_time);
    put_i64(blob->data + 32, place.base_offset);
    put_u32(blob->data + 40, place.partition_id);
    put_u32(blob->data, hash_crc32c(0, blob->data + 4, blob->length - 4));
}

static int batch_check(struct slice blob, struct batch_place place, struct error *error) {
    if (blob.length < BATCH_HEADER)
        return error_set(error, ERROR_CORRUPT, "the batch is cut off after %zu bytes", blob.length);
    uint32_t stored = get_u32(blob.data), computed = hash_crc32c(0, blob.data + 4, blob.length - 4);
    if (stored != computed)
        return error_set(error, ERROR_CORRUPT, "the checksum of the batch does not match (stored %08x, computed %08x)",
                         stored, computed);
    if ((blob.data[4] != BATCH_FORMAT && blob.data[4] != BATCH_FORMAT_GAPS) || blob.data[5] != BATCH_ZSTD)
        return error_set(error, ERROR_CORRUPT, "the batch has format %d and codec %d, which this version does not know",
                         blob.data[4], blob.data[5]);
    if (get_i64(blob.data + 32) != place.base_offset || get_u32(blob.data + 40) != place.partition_id)
        return error_set(error, ERROR_CORRUPT, "the batch belongs to offset %lld of another place",
                         (long long)get_i64(blob.data + 32));
    uint32_t count = get_u32(blob.data + 8), length = get_u32(blob.data + 12);
    if (count == 0 || count > BATCH_RECORDS_MAXIMUM || length > BATCH_BYTES_MAXIMUM ||
        count > length / BATCH_RECORD_MINIMUM)
        return error_set(error, ERROR_CORRUPT, "the batch claims %u records in %u bytes", count, length);
    unsigned long long frame = ZSTD_getFrameContentSize(blob.data + BATCH_HEADER, blob.length - BATCH_HEADER);
    if (frame != length)
        return error_set(error, ERROR_CORRUPT, "the batch claims %u bytes, its compressed records %llu", length, frame);
    return 0;
}

static bool batch_read_slice(const char **at, const char *end, struct slice *ret_slice) {
    uint64_t length;
    if (!varint_read(at, end, &length) || (length && length - 1 > (uint64_t)(end - *at)))
        return false;
    *ret_slice = length ? (struct slice){*at, (size_t)length - 1} : (struct slice){NULL, 0};
    *at += ret_slice->length;
    return true;
}

/* Headers go into one array for the whole batch; as it may move, records hold their index until the end. */
static int batch_read_record(struct batch_reader *reader, const char **at, const char *end, int64_t base_timestamp,
                             struct bus_record *record, size_t *header_count) {
    int64_t delta;
    uint64_t headers;
    if (!batch_read_slice(at, end, &record->key) || !batch_read_slice(at, end, &record->value) ||
        !zigzag_read(at, end, &delta) || !varint_read(at, end, &headers) || headers > (uint64_t)(end - *at) / 2)
        return ERROR_CORRUPT;
    record->timestamp = (int64_t)((uint64_t)base_timestamp + (uint64_t)delta);
    record->headers = NULL;
    record->header_count = (size_t)headers;
    if (!headers)
        return 0;
    if (!memory_reserve((void **)&reader->headers, &reader->header_capacity, *header_count + headers,
                        sizeof *reader->headers))
        return ERROR_NO_MEMORY;
    for (uint64_t i = 0; i < headers; i++) {
        struct bus_header *header = &reader->headers[(*header_count)++];
        if (!batch_read_slice(at, end, &header->name) || !batch_read_slice(at, end, &header->value))
            return ERROR_CORRUPT;
    }
    return 0;
}

/* The offset of record `i`, of a batch with gaps. */
static bool batch_read_gap(struct batch_reader *reader, const char **at, const char *end, int64_t base_offset,
                           uint32_t i) {
    uint64_t gap;
    int64_t next = i ? reader->offsets[i - 1] + 1 : base_offset, left = base_offset + reader->covered - next;
    if (!varint_read(at, end, &gap) || left <= 0 || gap >= (uint64_t)left)
        return false;
    reader->offsets[i] = next + (int64_t)gap;
    return true;
}

static int batch_read_records(struct batch_reader *reader, uint32_t count, int64_t base_offset, int64_t base_timestamp,
                              struct error *error) {
    const char *at = reader->records.data, *end = at + reader->records.length;
    size_t headers = 0;
    for (uint32_t i = 0; i < count; i++) {
        int status = reader->gaps && !batch_read_gap(reader, &at, end, base_offset, i) ? ERROR_CORRUPT : 0;
        if (!status)
            status = batch_read_record(reader, &at, end, base_timestamp, &reader->decoded[i], &headers);
        if (status == ERROR_NO_MEMORY)
            return error_no_memory(error);
        if (status)
            return error_set(error, ERROR_CORRUPT, "record %u of the batch is damaged", i);
    }
    if (at != end)
        return error_set(error, ERROR_CORRUPT, "the batch has %zu bytes after its last record", (size_t)(end - at));
    headers = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (reader->decoded[i].header_count)
            reader->decoded[i].headers = reader->headers + headers;
        headers += reader->decoded[i].header_count;
    }
    return 0;
}

int batch_read(struct batch_reader *reader, struct slice blob, struct batch_place place, size_t *ret_count,
               int64_t *ret_append_time, struct error *error) {
    int status = batch_check(blob, place, error);
    if (status)
        return status;
    uint32_t count = get_u32(blob.data + 8), length = get_u32(blob.data + 12);
    reader->gaps = blob.data[4] == BATCH_FORMAT_GAPS;
    reader->covered = batch_covered(blob, count);
    if (!reader->context && !(reader->context = ZSTD_createDCtx()))
        return error_no_memory(error);
    reader->records.length = 0;
    if (!bytes_reserve(&reader->records, (size_t)length + 1) ||
        !memory_reserve((void **)&reader->decoded, &reader->decoded_capacity, count, sizeof *reader->decoded) ||
        (reader->gaps &&
         !memory_reserve((void **)&reader->offsets, &reader->offset_capacity, count, sizeof *reader->offsets))) {
        reader->records.failed = false;
        return error_no_memory(error);
    }
    size_t got = ZSTD_decompressDCtx(reader->context, reader->records.data, length, blob.data + BATCH_HEADER,
                                     blob.length - BATCH_HEADER);
    if (ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        return error_no_memory(error);
    if (got != length)
        return error_set(error, ERROR_CORRUPT, "the batch does not decompress: %s",
                         ZSTD_isError(got) ? ZSTD_getErrorName(got) : "wrong length");
    reader->records.length = length;
    status = batch_read_records(reader, count, place.base_offset, get_i64(blob.data + 16), error);
    if (status)
        return status;
    *ret_count = count;
    *ret_append_time = get_i64(blob.data + 24);
    return 0;
}

void batch_reader_release(struct batch_reader *reader) {
    ZSTD_freeDCtx(reader->context);
    bytes_release(&reader->records);
    free(reader->decoded);
    free(reader->headers);
    free(reader->offsets);
    *reader = (struct batch_reader){0};
}
