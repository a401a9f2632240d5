/* Compaction of the embedded log: of the records of a key only the newest stays, at its offset. Records without a
 * key stay.
 *
 *     before   │ k1 k2 k1 │ k3 k2 │ k1 k4 │ k4 ...        a pass rewrites the batches below `limit` into few ones with gaps
 *     after    │ .. .. .. k3 k2 k1 .. │ k4 ...            and the range of offsets that a batch stands for has none
 *                                     limit
 *
 * `limit` is where every group that has a position on the partition has read to, so that a table which is rebuilt up
 * to a position misses nothing; it is the end when there is no group, as with changelogs. A deletion (null value)
 * stays for one pass more than what it deletes, so that readers see it. The last record of the range always stays.
 *
 * A pass costs the records below the limit, and runs when there have come as many new ones as had stayed: so each
 * record costs a constant. */
#include "bus/sqlite/batch_format.h"
#include "bus/sqlite/sqlite_bus.h"
#include "core/arena.h"
#include "core/hash.h"
#include "core/memory.h"

enum { COMPACTION_MINIMUM = 1000, COMPACTED_BATCH_BYTES = 4 << 20 };

/* The newest offset of each key: open addressing, at most half full. */
struct newest {
    struct slice key;
    int64_t offset;
};

struct compaction {
    struct database *database;
    int64_t partition, compacted_offset, limit;
    sqlite3_stmt *next, *drop, *insert;
    struct batch_reader reader;
    struct arena keys;
    struct newest *slots;
    size_t slot_count, key_count;
    ZSTD_CCtx *context;
    struct bytes records, blob; /* the batch that is being gathered */
    uint32_t count;
    int64_t base_offset, next_offset; /* it stands for these offsets */
    int64_t base_timestamp, append_time, last_offset;
    int64_t gathered_time; /* at which the log took the first record gathered: the batch keeps it */
    int64_t kept, bytes, passed;
    int64_t gathered_to; /* after the offset of the last record gathered */
};

static struct newest *newest_find(const struct compaction *compaction, struct slice key) {
    size_t at = hash_bytes(key.data, key.length, hash_seed()) & (compaction->slot_count - 1);
    while (compaction->slots[at].key.data && !slice_equal(compaction->slots[at].key, key))
        at = (at + 1) & (compaction->slot_count - 1);
    return &compaction->slots[at];
}

static bool newest_grow(struct compaction *compaction) {
    struct compaction larger = {.slot_count = compaction->slot_count ? compaction->slot_count * 2 : 1024};
    larger.slots = memory_zero(larger.slot_count, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < compaction->slot_count; i++)
        if (compaction->slots[i].key.data)
            *newest_find(&larger, compaction->slots[i].key) = compaction->slots[i];
    free(compaction->slots);
    compaction->slots = larger.slots;
    compaction->slot_count = larger.slot_count;
    return true;
}

static bool newest_put(struct compaction *compaction, struct slice key, int64_t offset) {
    if (compaction->key_count * 2 >= compaction->slot_count && !newest_grow(compaction))
        return false;
    struct newest *newest = newest_find(compaction, key);
    if (!newest->key.data) {
        newest->key = arena_copy(&compaction->keys, key);
        if (!newest->key.data)
            return false;
        compaction->key_count++;
    }
    newest->offset = offset;
    return true;
}

static int64_t compaction_offset(const struct compaction *compaction, int64_t base, size_t i) {
    return compaction->reader.gaps ? compaction->reader.offsets[i] : base + (int64_t)i;
}

/* The batch at `offset`, which is decoded into the reader: 1, or 0 when there is none below the limit. */
static int compaction_read(struct compaction *compaction, int64_t offset, int64_t *ret_base, size_t *ret_count,
                           int64_t *ret_size, struct error *error) {
    sqlite3_bind_int64(compaction->next, 1, sqlite_bus_batch_id(compaction->partition, offset));
    sqlite3_bind_int64(compaction->next, 2, sqlite_bus_batch_id(compaction->partition, compaction->limit));
    int status = database_step(compaction->database, compaction->next, error);
    if (status != 1)
        return status;
    int64_t base = sqlite3_column_int64(compaction->next, 0) & ((INT64_C(1) << SQLITE_BUS_OFFSET_BITS) - 1);
    struct slice blob = {sqlite3_column_blob(compaction->next, 1), (size_t)sqlite3_column_bytes(compaction->next, 1)};
    status = batch_read(&compaction->reader, blob.data ? blob : SLICE(""),
                        (struct batch_place){(uint32_t)compaction->partition, base}, ret_count,
                        &compaction->append_time, error);
    sqlite3_reset(compaction->next);
    if (status)
        return status;
    if (base + compaction->reader.covered > compaction->limit) /* only whole batches */
        return 0;
    *ret_base = base;
    *ret_size = (int64_t)blob.length;
    return 1;
}

/* What the newest record of each key is. */
static int compaction_learn(struct compaction *compaction, int64_t start, struct error *error) {
    int64_t base, size;
    size_t count;
    int status;
    compaction->last_offset = -1;
    for (int64_t offset = start; (status = compaction_read(compaction, offset, &base, &count, &size, error)) == 1;
         offset = base + compaction->reader.covered)
        for (size_t i = 0; i < count; i++) {
            struct slice key = compaction->reader.decoded[i].key;
            compaction->last_offset = compaction_offset(compaction, base, i);
            if (key.data && !newest_put(compaction, key, compaction->last_offset))
                return error_no_memory(error);
        }
    return status;
}

static int compaction_flush(struct compaction *compaction, struct error *error) {
    if (compaction->count == 0)
        return 0;
    int status = compaction->records.failed ? error_no_memory(error) : 0;
    if (!status)
        status = batch_seal(compaction->context, bytes_slice(&compaction->records), compaction->count,
                            compaction->base_timestamp, &compaction->blob, error);
    if (status)
        return status;
    int64_t covered = compaction->next_offset - compaction->base_offset;
    batch_set_gaps(&compaction->blob, covered);
    batch_stamp(&compaction->blob, (struct batch_place){(uint32_t)compaction->partition, compaction->base_offset},
                compaction->gathered_time);
    sqlite3_bind_int64(compaction->insert, 1, sqlite_bus_batch_id(compaction->partition, compaction->base_offset));
    sqlite3_bind_int64(compaction->insert, 2, covered);
    sqlite3_bind_int64(compaction->insert, 3, compaction->gathered_time);
    sqlite3_bind_blob64(compaction->insert, 4, compaction->blob.data, compaction->blob.length, SQLITE_STATIC);
    compaction->bytes += (int64_t)compaction->blob.length;
    compaction->base_offset = compaction->gathered_to = compaction->next_offset;
    compaction->records.length = 0;
    compaction->count = 0;
    return database_run(compaction->database, compaction->insert, error);
}

static bool compaction_keeps(const struct compaction *compaction, const struct bus_record *record, int64_t offset) {
    if (!record->key.data || offset == compaction->last_offset)
        return true;
    return newest_find(compaction, record->key)->offset == offset &&
           (record->value.data || offset >= compaction->compacted_offset);
}

/* Moves what stays of the batch in the reader to the one that is gathered. */
static void compaction_gather(struct compaction *compaction, int64_t base, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct bus_record *record = &compaction->reader.decoded[i];
        int64_t offset = compaction_offset(compaction, base, i);
        if (!compaction_keeps(compaction, record, offset)) {
            compaction->passed++;
            continue;
        }
        if (compaction->count++ == 0) {
            compaction->base_timestamp = record->timestamp;
            compaction->gathered_time = compaction->append_time;
        }
        batch_write_gap(&compaction->records, (uint64_t)(offset - compaction->gathered_to));
        batch_write_record(&compaction->records, record, compaction->base_timestamp);
        compaction->gathered_to = offset + 1;
        compaction->kept++;
    }
    compaction->next_offset = base + compaction->reader.covered;
}

static int compaction_rewrite(struct compaction *compaction, int64_t start, struct error *error) {
    int64_t base, size;
    size_t count;
    int status;
    compaction->base_offset = compaction->next_offset = compaction->gathered_to = start;
    while ((status = compaction_read(compaction, compaction->next_offset, &base, &count, &size, error)) == 1) {
        bool full =
            compaction->records.length >= COMPACTED_BATCH_BYTES || compaction->count + count > BATCH_RECORDS_MAXIMUM;
        status = full ? compaction_flush(compaction, error) : 0;
        sqlite3_bind_int64(compaction->drop, 1, sqlite_bus_batch_id(compaction->partition, base));
        if (!status)
            status = database_run(compaction->database, compaction->drop, error);
        if (status)
            return status;
        compaction->bytes -= size;
        compaction_gather(compaction, base, count);
    }
    return status ? status : compaction_flush(compaction, error);
}

static int compaction_note(const struct compaction *compaction, struct error *error) {
    sqlite3_stmt *update;
    int status = database_prepare(
        compaction->database,
        "UPDATE log_partitions SET bytes=bytes+?2, compacted_offset=?3, compacted_records=?4 WHERE id=?1", &update,
        error);
    if (status)
        return status;
    sqlite3_bind_int64(update, 1, compaction->partition);
    sqlite3_bind_int64(update, 2, compaction->bytes);
    sqlite3_bind_int64(update, 3, compaction->next_offset);
    sqlite3_bind_int64(update, 4, compaction->kept);
    status = database_run(compaction->database, update, error);
    sqlite3_finalize(update);
    return status;
}

static int compact_partition(struct compaction *compaction, int64_t start, struct error *error) {
    struct database *database = compaction->database;
    compaction->context = ZSTD_createCCtx();
    int status = compaction->context && newest_grow(compaction) ? 0 : error_no_memory(error);
    if (!status)
        status = database_prepare(database,
                                  "SELECT id, data FROM log_batches WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1",
                                  &compaction->next, error);
    if (!status)
        status = database_prepare(database, "DELETE FROM log_batches WHERE id=?", &compaction->drop, error);
    if (!status)
        status = database_prepare(database, "INSERT INTO log_batches(id, count, append_time, data) VALUES(?, ?, ?, ?)",
                                  &compaction->insert, error);
    if (!status)
        status = compaction_learn(compaction, start, error);
    if (status == ERROR_CORRUPT) { /* readers of the topic report where; it stays as it is */
        compaction->last_offset = -1;
        status = 0;
    }
    if (!status && compaction->last_offset >= 0)
        status = compaction_rewrite(compaction, start, error);
    if (!status && compaction->last_offset >= 0)
        status = compaction_note(compaction, error);
    sqlite3_finalize(compaction->next);
    sqlite3_finalize(compaction->drop);
    sqlite3_finalize(compaction->insert);
    ZSTD_freeCCtx(compaction->context);
    batch_reader_release(&compaction->reader);
    arena_release(&compaction->keys);
    bytes_release(&compaction->records);
    bytes_release(&compaction->blob);
    free(compaction->slots);
    return status;
}

int sqlite_bus_compact(struct database *database, int64_t *ret_records, struct error *error) {
    sqlite3_stmt *statement;
    int64_t records = 0;
    int status = database_prepare(database,
                                  "SELECT p.id, p.start_offset, p.compacted_offset, p.compacted_records, "
                                  "p.next_offset, (SELECT min(g.next_offset) FROM log_positions g"
                                  " WHERE g.topic = t.name AND g.partition = p.partition) FROM log_partitions p JOIN "
                                  "log_topics t ON t.id = p.topic WHERE t.compacted",
                                  &statement, error);
    if (status)
        return status;
    while ((status = database_step(database, statement, error)) == 1) {
        struct compaction compaction = {.database = database,
                                        .partition = sqlite3_column_int64(statement, 0),
                                        .compacted_offset = sqlite3_column_int64(statement, 2)};
        int64_t start = sqlite3_column_int64(statement, 1), kept = sqlite3_column_int64(statement, 3),
                end = sqlite3_column_int64(statement, 4);
        compaction.limit = sqlite3_column_type(statement, 5) == SQLITE_NULL || sqlite3_column_int64(statement, 5) > end
                               ? end
                               : sqlite3_column_int64(statement, 5);
        if (compaction.limit - compaction.compacted_offset < (kept > COMPACTION_MINIMUM ? kept : COMPACTION_MINIMUM))
            continue;
        status = compact_partition(&compaction, start, error);
        if (status)
            break;
        records += compaction.passed;
    }
    sqlite3_finalize(statement);
    if (!status)
        *ret_records = records;
    return status;
}
