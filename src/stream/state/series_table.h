/* The series a task has open windows for: from (gateway, type, attribute) to a record of 8 bytes and one cell index
 * for each window size.
 *
 * An open-addressing hash table of 8-byte slots (32 bits of hash, 32 bits of index + 1; linear probing, at most 3/4
 * full) over records in chunks, and the key bytes `gateway.TYPE.ATTRIBUTE` in blocks of 2 MiB that never move.
 * Look-ups of a whole run of rows are staged so that their cache misses overlap. Series cannot be removed one by
 * one: series_table_rebuild drops those without cells. */
#ifndef METERLINE_STREAM_STATE_SERIES_TABLE_H
#define METERLINE_STREAM_STATE_SERIES_TABLE_H

#include "model/batch.h"
#include "model/series.h"
#include "stream/state/chunks.h"

struct series_record {
    uint32_t key;     /* offset of its key bytes */
    uint32_t lengths; /* of gateway (12 bits), type (10), attribute (10) */
    uint32_t cells[]; /* the newest open cell of each size, or CHUNKS_NONE */
};

struct series_table {
    uint64_t *slots;
    size_t slot_count; /* a power of two */
    struct chunks records;
    char **keys; /* blocks of key bytes */
    size_t key_blocks, key_block_capacity;
    uint32_t key_used; /* bytes of the last block */
    size_t size_count;
};

enum { SERIES_RUN = 64 }; /* rows looked up together */

bool series_table_open(struct series_table *table, size_t size_count);
void series_table_close(struct series_table *table);
/* The records of rows [first, first + count) that are ROW_GOOD, added when new; count <= SERIES_RUN. False: no
 * memory. */
bool series_table_find(struct series_table *table, const struct batch *batch, size_t first, size_t count,
                       uint32_t *ret_records);
/* Drops every series without cells; `ret_moved[old index]` is the new index (CHUNKS_NONE: dropped), for the caller
 * to free. On failure the table is as it was. */
bool series_table_rebuild(struct series_table *table, uint32_t **ret_moved);
size_t series_table_memory(const struct series_table *table);

static inline struct series_record *series_record_at(const struct series_table *table, uint32_t index) {
    return chunks_at(&table->records, index);
}

enum { SERIES_KEY_BLOCK = 2 << 20 };

static inline const char *series_record_key(const struct series_table *table, const struct series_record *record) {
    return table->keys[record->key / SERIES_KEY_BLOCK] + record->key % SERIES_KEY_BLOCK;
}

/* The series of a record; its slices point into the table. */
static inline struct series series_record_series(const struct series_table *table, const struct series_record *record,
                                                 struct slice *ret_key) {
    const char *key = series_record_key(table, record);
    size_t gateway = record->lengths >> 20, type = record->lengths >> 10 & 1023, attribute = record->lengths & 1023;
    *ret_key = (struct slice){key, gateway + type + attribute + 2};
    return (struct series){{key, gateway}, {key + gateway + 1, type}, {key + gateway + type + 2, attribute}};
}

#endif
