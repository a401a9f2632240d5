/* A refresh is one transaction: the entries and how far they go are never apart. */
#include "sql/session/key_index.h"

#include "core/hash.h"
#include "core/memory.h"

enum { INDEX_POLL = 100, INDEX_LOCK_TIMEOUT = 30000 };

struct key_index {
    struct database *database;
    struct slice log; /* in `text` */
    char *text;
    sqlite3_stmt *find, *add, *move, *clear, *put, *erase, *all, *some;
};

/* A partition while it is read. */
struct indexed_partition {
    int64_t id;
    int64_t next, end; /* read up to; to be read up to */
    int64_t last;      /* offset of the last record that was read, -1: none */
    int64_t mark;      /* of what that record is, */
    int64_t time;      /* and of when the log took it */
    bool known;        /* `last` is yet to be met again */
};

static const char index_tables[] =
    "CREATE TABLE IF NOT EXISTS indexed_partitions(id INTEGER PRIMARY KEY, log TEXT NOT NULL, topic TEXT NOT NULL, "
    "partition INTEGER NOT NULL, next INTEGER NOT NULL, last INTEGER NOT NULL, last_mark INTEGER NOT NULL, last_time "
    "INTEGER NOT NULL, UNIQUE(log, topic, partition));"
    "CREATE TABLE IF NOT EXISTS indexed_keys(partition INTEGER NOT NULL, key BLOB NOT NULL, place INTEGER NOT NULL, "
    "PRIMARY KEY(partition, key)) WITHOUT ROWID;";

static int index_prepare(struct key_index *index, struct error *error) {
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } statements[] = {
        {&index->find,
         "SELECT id, next, last, last_mark, last_time FROM indexed_partitions WHERE log = ? AND topic = ? "
         "AND partition = ?"},
        {&index->add,
         "INSERT INTO indexed_partitions(log, topic, partition, next, last, last_mark, last_time) VALUES(?, ?, ?, 0, "
         "-1, 0, 0)"},
        {&index->move, "UPDATE indexed_partitions SET next = ?, last = ?, last_mark = ?, last_time = ? WHERE id = ?"},
        {&index->clear, "DELETE FROM indexed_keys WHERE partition = ?"},
        {&index->put, "INSERT OR REPLACE INTO indexed_keys(partition, key, place) VALUES(?, ?, ?)"},
        {&index->erase, "DELETE FROM indexed_keys WHERE partition = ? AND key = ?"},
        {&index->all, "SELECT key, place FROM indexed_keys WHERE partition = ?"},
        {&index->some, "SELECT key, place FROM indexed_keys WHERE partition = ? AND key >= ? AND key <= ?"},
    };
    int status = database_execute(index->database, index_tables, error);
    for (size_t i = 0; i < sizeof statements / sizeof *statements && !status; i++)
        status = database_prepare(index->database, statements[i].sql, statements[i].statement, error);
    return status;
}

int key_index_open(const char *folder, const char *log, struct key_index **ret_index, struct error *error) {
    const struct database_options options = {.create = true, .lock_timeout = INDEX_LOCK_TIMEOUT};
    struct key_index *index = memory_zero(1, sizeof *index);
    if (!index || !(index->text = strdup(log))) {
        free(index);
        return error_no_memory(error);
    }
    index->log = slice_of(index->text);
    int status = database_open(folder, &options, &index->database, error);
    if (!status)
        status = index_prepare(index, error);
    if (status) {
        key_index_close(index);
        return status;
    }
    *ret_index = index;
    return 0;
}

struct key_index *key_index_close(struct key_index *index) {
    if (!index)
        return NULL;
    sqlite3_stmt *statements[] = {index->find, index->add,   index->move, index->clear,
                                  index->put,  index->erase, index->all,  index->some};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        sqlite3_finalize(statements[i]);
    database_close(index->database);
    free(index->text);
    free(index);
    return NULL;
}

/* --- what is known
 * ------------------------------------------------------------------------------------------------------------------ */

static void index_bind_bytes(sqlite3_stmt *statement, int column, struct slice bytes) {
    sqlite3_bind_blob64(statement, column, bytes.length ? bytes.data : "", bytes.length, SQLITE_STATIC);
}

static void index_bind_partition(struct key_index *index, sqlite3_stmt *statement, const char *topic,
                                 int32_t partition) {
    database_bind_slice(statement, 1, index->log);
    database_bind_slice(statement, 2, slice_of(topic));
    sqlite3_bind_int(statement, 3, partition);
}

/* 1: it is known, 0: it is not. */
static int index_find(struct key_index *index, const char *topic, int32_t partition, struct indexed_partition *to,
                      struct error *error) {
    index_bind_partition(index, index->find, topic, partition);
    int found = database_step(index->database, index->find, error);
    if (found <= 0)
        return found;
    to->id = sqlite3_column_int64(index->find, 0);
    to->next = sqlite3_column_int64(index->find, 1);
    to->last = sqlite3_column_int64(index->find, 2);
    to->mark = sqlite3_column_int64(index->find, 3);
    to->time = sqlite3_column_int64(index->find, 4);
    sqlite3_reset(index->find);
    return 1;
}

/* As if nothing had been read. */
static int index_forget(struct key_index *index, struct indexed_partition *partition, int64_t start,
                        struct error *error) {
    sqlite3_bind_int64(index->clear, 1, partition->id);
    partition->next = start;
    partition->last = -1;
    partition->known = false;
    return database_run(index->database, index->clear, error);
}

/* Where to read on, and what has to be met there first. */
static int index_begin(struct key_index *index, struct bus_consumer *consumer, const char *topic, int32_t number,
                       struct indexed_partition *partition, struct error *error) {
    int64_t start;
    int found = index_find(index, topic, number, partition, error);
    if (found == 0) {
        index_bind_partition(index, index->add, topic, number);
        found = database_run(index->database, index->add, error);
        partition->id = sqlite3_last_insert_rowid(database_handle(index->database));
        partition->last = -1;
    }
    int status = found < 0 ? found : bus_offsets(consumer, topic, number, &start, &partition->end, error);
    if (status)
        return status;
    partition->known = partition->last >= start && partition->next <= partition->end;
    if (!partition->known)
        status = index_forget(index, partition, start, error);
    return status ? status
                  : bus_consumer_seek(consumer, topic, number, partition->known ? partition->last : start, error);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int index_record(struct key_index *index, struct indexed_partition *partition, const struct bus_record *record,
                        struct error *error) {
    sqlite3_stmt *statement = record->value.data ? index->put : index->erase;
    if (!record->key.data)
        return 0;
    sqlite3_bind_int64(statement, 1, partition->id);
    index_bind_bytes(statement, 2, record->key);
    if (record->value.data)
        sqlite3_bind_int64(statement, 3, partition->last);
    return database_run(index->database, statement, error);
}

static int64_t index_mark(const struct bus_record *record) {
    uint64_t key = hash_crc32c(0, record->key.data, record->key.length),
             value = hash_crc32c(0, record->value.data, record->value.length);
    return (int64_t)((key << 32 | value) ^ (uint64_t)record->timestamp);
}

/* Is the first record of the batch the one that was the last to be read? */
static bool index_is_met(const struct indexed_partition *partition, const struct bus_batch *batch) {
    return batch->count > 0 && batch->base_offset == partition->last && batch->append_time == partition->time &&
           index_mark(&batch->records[0]) == partition->mark;
}

static int index_take(struct key_index *index, struct indexed_partition *partition, const struct bus_batch *batch,
                      struct error *error) {
    const struct bus_record *last = NULL;
    int status = 0;
    for (size_t i = 0; i < batch->count && !status; i++) {
        int64_t offset = batch->base_offset + (int64_t)i;
        if (offset < partition->next || offset >= partition->end)
            continue;
        partition->last = offset;
        last = &batch->records[i];
        status = index_record(index, partition, last, error);
    }
    int64_t read = batch->base_offset + (int64_t)batch->count;
    partition->next = read > partition->next ? read : partition->next;
    partition->next = partition->next < partition->end ? partition->next : partition->end;
    if (last) {
        partition->mark = index_mark(last);
        partition->time = batch->append_time;
    }
    return status;
}

static bool index_is_read(const struct indexed_partition *partitions, int32_t count) {
    for (int32_t p = 0; p < count; p++)
        if (partitions[p].known || partitions[p].next < partitions[p].end)
            return false;
    return true;
}

/* Nothing has come for a while: a topic that was made anew meanwhile may be shorter. */
static int index_shorten(struct bus_consumer *consumer, const char *topic, struct indexed_partition *partitions,
                         int32_t count, struct error *error) {
    int status = 0;
    for (int32_t p = 0; p < count && !status; p++) {
        int64_t start, end;
        status = bus_offsets(consumer, topic, p, &start, &end, error);
        if (!status && end < partitions[p].end) {
            partitions[p].end = end;
            partitions[p].known = false; /* the next refresh finds another last record */
        }
    }
    return status;
}

/* A partition whose last record is another one by now is read from its beginning. */
static int index_read(struct key_index *index, struct bus_consumer *consumer, const char *topic,
                      struct indexed_partition *partitions, int32_t count, const atomic_bool *stop,
                      struct error *error) {
    struct bus_batch batch;
    int status = 0;
    while (!status && !index_is_read(partitions, count) && !atomic_load(stop)) {
        int got = bus_consumer_poll(consumer, INDEX_POLL, &batch, error);
        if (got <= 0) {
            status = got ? got : index_shorten(consumer, topic, partitions, count, error);
            continue;
        }
        struct indexed_partition *partition = &partitions[batch.partition];
        int64_t start, end;
        if (partition->known && !index_is_met(partition, &batch)) {
            status = bus_offsets(consumer, topic, batch.partition, &start, &end, error);
            if (!status)
                status = index_forget(index, partition, start, error);
            if (!status)
                status = bus_consumer_seek(consumer, topic, batch.partition, start, error);
            continue;
        }
        partition->known = false;
        status = index_take(index, partition, &batch, error);
    }
    return status;
}

static int index_end(struct key_index *index, const struct indexed_partition *partition, struct error *error) {
    sqlite3_bind_int64(index->move, 1, partition->next);
    sqlite3_bind_int64(index->move, 2, partition->last);
    sqlite3_bind_int64(index->move, 3, partition->mark);
    sqlite3_bind_int64(index->move, 4, partition->time);
    sqlite3_bind_int64(index->move, 5, partition->id);
    return database_run(index->database, index->move, error);
}

int key_index_refresh(struct key_index *index, struct bus_consumer *consumer, const char *topic, int32_t partitions,
                      const atomic_bool *stop, struct error *error) {
    struct indexed_partition *states = memory_zero((size_t)partitions, sizeof *states);
    if (!states)
        return error_no_memory(error);
    int status = database_begin(index->database, error);
    for (int32_t p = 0; p < partitions && !status; p++)
        status = index_begin(index, consumer, topic, p, &states[p], error);
    if (!status)
        status = index_read(index, consumer, topic, states, partitions, stop, error);
    for (int32_t p = 0; p < partitions && !status; p++)
        status = index_end(index, &states[p], error);
    if (!status)
        status = database_commit(index->database, error);
    else
        database_rollback(index->database);
    free(states);
    return status;
}

/* --- looking
 * ------------------------------------------------------------------------------------------------------------------ */

int key_index_each(struct key_index *index, const char *topic, int32_t partition, struct slice first, struct slice last,
                   int (*each)(void *context, struct slice key, int64_t offset, struct error *error), void *context,
                   struct error *error) {
    struct indexed_partition known = {0};
    int found = index_find(index, topic, partition, &known, error), status = 0;
    if (found <= 0)
        return found;
    sqlite3_stmt *statement = first.data ? index->some : index->all;
    sqlite3_bind_int64(statement, 1, known.id);
    if (first.data) {
        index_bind_bytes(statement, 2, first);
        index_bind_bytes(statement, 3, last);
    }
    while (!status && (found = database_step(index->database, statement, error)) > 0)
        status = each(context, database_column_slice(statement, 0), sqlite3_column_int64(statement, 1), error);
    sqlite3_reset(statement);
    return status ? status : found;
}
