/* The blob of a stored batch: a header of 48 bytes, little-endian, and the records, compressed with zstd.
 *
 *      0  u32  CRC-32C of everything after it
 *      4  u8   format version: 1, or 2 when compaction has left gaps
 *      5  u8   codec: 1 = zstd
 *      6  u16  format 1: 0; format 2: upper bits of the number at 44
 *      8  u32  number of records, 1 to 65536
 *     12  u32  length of the records, uncompressed
 *     16  i64  base timestamp
 *     24  i64  append time
 *     32  i64  base offset
 *     40  u32  partition id (the row's)
 *     44  u32  format 2: number of offsets from the base offset on that the batch stands for; format 1: 0, it is the number of records
 *     48       records, compressed
 *
 * Records lie back to back, key beside value, which is where zstd finds its longest matches: varint key length + 1
 * (0 = null), key, varint value length + 1 (0 = null), value, zigzag timestamp - base timestamp, varint number of
 * headers, and for each of those name and value like key and value. In format 2 each record has before it, as a
 * varint, how many offsets lie between it and the record before (the first: and the base offset). */
#ifndef METERLINE_BUS_SQLITE_BATCH_FORMAT_H
#define METERLINE_BUS_SQLITE_BATCH_FORMAT_H

#include "bus/bus.h"
#include "core/bytes.h"
#include <zstd.h>

enum { BATCH_HEADER = 48, BATCH_BYTES_MAXIMUM = 256 << 20, BATCH_RECORDS_MAXIMUM = 65536 };

/* Where a batch is, as its row says; the header must agree. */
struct batch_place {
    uint32_t partition_id;
    int64_t base_offset;
};

/* Appends a gap before a record: all records of a batch have one, or none. */
void batch_write_gap(struct bytes *records, uint64_t offsets);
/* Appends a record in uncompressed form. */
void batch_write_record(struct bytes *records, const struct bus_record *record, int64_t base_timestamp);
/* Compresses `records` into `blob` (emptied first), leaving place, time and checksum open. */
int batch_seal(ZSTD_CCtx *context, struct slice records, uint32_t count, int64_t base_timestamp, struct bytes *blob,
               struct error *error);
/* The records have gaps before them; the batch stands for `offsets` offsets. To be called before batch_stamp. */
void batch_set_gaps(struct bytes *blob, int64_t offsets);
/* Fills in what is known only inside the transaction, and the checksum. */
void batch_stamp(struct bytes *blob, struct batch_place place, int64_t append_time);

struct batch_reader {
    ZSTD_DCtx *context;
    struct bytes records; /* uncompressed; decoded records point into it */
    struct bus_record *decoded;
    size_t decoded_capacity;
    struct bus_header *headers;
    size_t header_capacity;
    bool gaps;        /* the last batch had some: */
    int64_t *offsets; /* the offset of each of its records */
    size_t offset_capacity;
    int64_t covered; /* how many offsets the last batch stands for */
};

/* Checks and decodes a blob. ERROR_CORRUPT says what is wrong; the caller adds where. */
int batch_read(struct batch_reader *reader, struct slice blob, struct batch_place place, size_t *ret_count,
               int64_t *ret_append_time, struct error *error);
void batch_reader_release(struct batch_reader *reader);

#endif
