/* Fuzz target: any bytes as a stored batch, as they are and with a checksum made right; then the bytes as records
 * that are written and must read back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus/sqlite/batch_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct batch_place place = {.partition_id = 3, .base_offset = 99};

static bool read_batch(struct batch_reader *reader, const struct bytes *blob, size_t *ret_count) {
    int64_t append_time;
    return batch_read(reader, bytes_slice(blob), place, ret_count, &append_time, NULL) == 0;
}

/* Every byte that a record points to must be there: the sanitizer looks while they are added up. */
static size_t touch(struct slice slice) {
    size_t sum = 0;
    for (size_t i = 0; i < slice.length; i++)
        sum += (unsigned char)slice.data[i];
    return sum;
}

volatile size_t fuzz_touched; /* so that reading the bytes is not optimised away */

static void decode(const uint8_t *data, size_t size) {
    struct bytes blob = {0};
    struct batch_reader reader = {0};
    size_t count;
    bytes_append(&blob, data, size);
    read_batch(&reader, &blob, &count);
    if (size >= BATCH_HEADER) {
        batch_stamp(&blob, place, 0);
        if (read_batch(&reader, &blob, &count))
            for (size_t i = 0; i < count; i++) {
                fuzz_touched += touch(reader.decoded[i].key) + touch(reader.decoded[i].value);
                for (size_t h = 0; h < reader.decoded[i].header_count; h++)
                    fuzz_touched +=
                        touch(reader.decoded[i].headers[h].name) + touch(reader.decoded[i].headers[h].value);
            }
    }
    batch_reader_release(&reader);
    bytes_release(&blob);
}

/* The same bytes as uncompressed records, so that the fuzzer need not find its way through zstd. */
static void decode_records(const uint8_t *data, size_t size) {
    struct bytes blob = {0};
    struct batch_reader reader = {0};
    size_t count;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    struct slice raw = {(const char *)data + 1, size - 1};
    if (!context || batch_seal(context, raw, data[0], 0, &blob, NULL))
        abort();
    batch_set_gaps(&blob, 1 << 20);
    batch_stamp(&blob, place, 0);
    if (read_batch(&reader, &blob, &count))
        for (size_t i = 0; i < count; i++)
            if (reader.offsets[i] < (i ? reader.offsets[i - 1] + 1 : place.base_offset) ||
                reader.offsets[i] >= place.base_offset + (1 << 20))
                abort();
    blob.length = 0;
    if (batch_seal(context, raw, data[0], 0, &blob, NULL))
        abort();
    batch_stamp(&blob, place, 0);
    if (read_batch(&reader, &blob, &count)) {
        struct bytes again = {0};
        for (size_t i = 0; i < count; i++)
            batch_write_record(&again, &reader.decoded[i], 0);
        struct bytes second = {0};
        struct batch_reader back = {0};
        size_t back_count;
        if (batch_seal(context, bytes_slice(&again), (uint32_t)count, 0, &second, NULL))
            abort();
        batch_stamp(&second, place, 0);
        if (!read_batch(&back, &second, &back_count) || back_count != count)
            abort();
        for (size_t i = 0; i < count; i++)
            if (!slice_equal(back.decoded[i].key, reader.decoded[i].key) ||
                !slice_equal(back.decoded[i].value, reader.decoded[i].value) ||
                back.decoded[i].timestamp != reader.decoded[i].timestamp ||
                back.decoded[i].header_count != reader.decoded[i].header_count)
                abort();
        batch_reader_release(&back);
        bytes_release(&second);
        bytes_release(&again);
    }
    batch_reader_release(&reader);
    bytes_release(&blob);
    ZSTD_freeCCtx(context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode(data, size);
    if (size)
        decode_records(data, size);
    return 0;
}
