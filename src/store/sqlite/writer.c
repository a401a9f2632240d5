/* Rows are inserted in the order of the tables' key, (series, start), so that each page of the tree is touched once
 * for all of its rows. */
#include <stdio.h>

#include "core/arena.h"
#include "core/hash.h"
#include "core/memory.h"
#include "store/sqlite/sqlite_store.h"

enum { WRITER_SIZES = 16 };

struct writer_size {
    struct store_window window;
    sqlite3_stmt *insert;
};

struct writer_series {
    struct series series; /* in `names`; NULL gateway: a free slot */
    int64_t id;
};

struct writer_order {
    int64_t series, start;
    uint32_t row;
};

struct sqlite_writer {
    struct store_writer base;
    struct sqlite_store *store;
    struct database *own;      /* for transactions of our own */
    struct database *prepared; /* the statements below belong to it */
    sqlite3_stmt *find_series, *add_series;
    struct writer_size sizes[WRITER_SIZES];
    size_t size_count;
    struct writer_series *table; /* cache of ids, open addressing */
    size_t table_size, table_used;
    struct arena names;
    struct writer_order *order;
    size_t order_capacity;
};

int sqlite_writer_open(struct store *door, struct store_writer **ret_writer, struct error *error) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    struct sqlite_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    writer->base.driver = &sqlite_store_driver;
    writer->store = store;
    int status = sqlite_store_connect(store, &writer->own, error);
    if (status) {
        sqlite_writer_close(&writer->base);
        return status;
    }
    *ret_writer = &writer->base;
    return 0;
}

static void writer_forget_series(struct sqlite_writer *writer) {
    free(writer->table);
    writer->table = NULL;
    writer->table_size = writer->table_used = 0;
    arena_reset(&writer->names);
}

static void writer_finalize(struct sqlite_writer *writer) {
    sqlite3_finalize(writer->find_series);
    sqlite3_finalize(writer->add_series);
    for (size_t i = 0; i < writer->size_count; i++)
        sqlite3_finalize(writer->sizes[i].insert);
    writer->find_series = writer->add_series = NULL;
    writer->size_count = 0;
    writer->prepared = NULL;
}

void sqlite_writer_close(struct store_writer *door) {
    struct sqlite_writer *writer = (struct sqlite_writer *)door;
    writer_finalize(writer);
    writer_forget_series(writer);
    arena_release(&writer->names);
    free(writer->order);
    database_close(writer->own);
    free(writer);
}

void sqlite_writer_rolled_back(struct store_writer *door) {
    struct sqlite_writer *writer = (struct sqlite_writer *)door;
    /* Series and tables that the transaction made are gone again. */
    writer_forget_series(writer);
    writer_finalize(writer);
}

static int writer_prepare(struct sqlite_writer *writer, struct database *database, struct error *error) {
    if (writer->prepared == database)
        return 0;
    writer_finalize(writer);
    int status = database_prepare(database, "SELECT id FROM store_series WHERE gateway=? AND type=? AND attribute=?",
                                  &writer->find_series, error);
    if (!status)
        status = database_prepare(database, "INSERT INTO store_series(gateway, type, attribute) VALUES(?, ?, ?)",
                                  &writer->add_series, error);
    if (!status)
        writer->prepared = database;
    return status;
}

static int writer_insert_statement(struct sqlite_writer *writer, struct database *database,
                                   const struct store_window *window, sqlite3_stmt **ret_insert, struct error *error) {
    for (size_t i = 0; i < writer->size_count; i++)
        if (store_window_same(&writer->sizes[i].window, window)) {
            *ret_insert = writer->sizes[i].insert;
            return 0;
        }
    if (writer->size_count == WRITER_SIZES)
        return error_set(error, ERROR_INVALID, "more than %d kinds of windows in one store", WRITER_SIZES);
    char sql[540], suffix[STORE_TABLE_SIZE];
    bool calendar = window->calendar[0] != '\0';
    store_window_write_table(suffix, window);
    snprintf(sql, sizeof sql,
             "INSERT INTO store_aggregates_%s(series, start, count, minimum, maximum, sum, revision%s) VALUES(?, ?, ?, "
             "?, ?, ?, ?%s) ON CONFLICT(series, start) "
             "DO UPDATE SET"
             " count=excluded.count, minimum=excluded.minimum, maximum=excluded.maximum, sum=excluded.sum, "
             "revision=excluded.revision%s"
             " WHERE excluded.revision >= revision",
             suffix, calendar ? ", finish" : "", calendar ? ", ?" : "", calendar ? ", finish=excluded.finish" : "");
    int status = sqlite_store_create_window(database, window, error);
    if (!status)
        status = database_prepare(database, sql, ret_insert, error);
    if (!status)
        writer->sizes[writer->size_count++] = (struct writer_size){*window, *ret_insert};
    return status;
}

/* --- series ids
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t series_slot(const struct sqlite_writer *writer, const struct series *series) {
    uint64_t hash = hash_bytes(series->gateway.data, series->gateway.length, hash_seed());
    hash = hash_bytes(series->type.data, series->type.length, hash);
    hash = hash_bytes(series->attribute.data, series->attribute.length, hash);
    size_t mask = writer->table_size - 1, at = (size_t)hash & mask;
    for (; writer->table[at].series.gateway.data; at = (at + 1) & mask) {
        const struct series *other = &writer->table[at].series;
        if (slice_equal(other->gateway, series->gateway) && slice_equal(other->type, series->type) &&
            slice_equal(other->attribute, series->attribute))
            break;
    }
    return at;
}

static bool series_grow(struct sqlite_writer *writer) {
    struct writer_series *old = writer->table;
    size_t old_size = writer->table_size, size = old_size ? old_size * 2 : 256;
    struct writer_series *table = memory_zero(size, sizeof *table);
    if (!table)
        return false;
    writer->table = table;
    writer->table_size = size;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].series.gateway.data)
            table[series_slot(writer, &old[i].series)] = old[i];
    free(old);
    return true;
}

static void series_bind(sqlite3_stmt *statement, const struct series *series) {
    database_bind_slice(statement, 1, series->gateway);
    database_bind_slice(statement, 2, series->type);
    database_bind_slice(statement, 3, series->attribute);
}

static int series_look_up(struct sqlite_writer *writer, struct database *database, const struct series *series,
                          int64_t *ret_id, struct error *error) {
    series_bind(writer->find_series, series);
    int status = database_step(database, writer->find_series, error);
    if (status == 1)
        *ret_id = sqlite3_column_int64(writer->find_series, 0);
    sqlite3_reset(writer->find_series);
    if (status)
        return status < 0 ? status : 0;
    series_bind(writer->add_series, series);
    status = database_run(database, writer->add_series, error);
    if (!status)
        *ret_id = sqlite3_last_insert_rowid(database_handle(database));
    return status;
}

static int series_id(struct sqlite_writer *writer, struct database *database, const struct series *series,
                     int64_t *ret_id, struct error *error) {
    if ((writer->table_used + 1) * 2 > writer->table_size && !series_grow(writer))
        return error_no_memory(error);
    struct writer_series *entry = &writer->table[series_slot(writer, series)];
    if (!entry->series.gateway.data) {
        int64_t id = 0;
        int status = series_look_up(writer, database, series, &id, error);
        if (status)
            return status;
        struct series copy = {arena_copy(&writer->names, series->gateway), arena_copy(&writer->names, series->type),
                              arena_copy(&writer->names, series->attribute)};
        if (!copy.gateway.data || !copy.type.data || !copy.attribute.data)
            return error_no_memory(error);
        *entry = (struct writer_series){copy, id};
        writer->table_used++;
    }
    *ret_id = entry->id;
    return 0;
}

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

static int order_compare(const void *left, const void *right) {
    const struct writer_order *a = left, *b = right;
    if (a->series != b->series)
        return a->series < b->series ? -1 : 1;
    return (a->start > b->start) - (a->start < b->start);
}

static int writer_sort(struct sqlite_writer *writer, struct database *database, const struct aggregate_row *rows,
                       size_t count, struct error *error) {
    if (!memory_reserve((void **)&writer->order, &writer->order_capacity, count, sizeof *writer->order))
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0;
        int status = series_id(writer, database, &rows[i].series, &id, error);
        if (status)
            return status;
        writer->order[i] = (struct writer_order){id, rows[i].window_start, (uint32_t)i};
    }
    qsort(writer->order, count, sizeof *writer->order, order_compare);
    return 0;
}

static int writer_rows(struct sqlite_writer *writer, struct database *database, const struct store_window *window,
                       const struct aggregate_row *rows, size_t count, struct error *error) {
    sqlite3_stmt *insert = NULL;
    int status = writer_prepare(writer, database, error);
    if (!status)
        status = writer_insert_statement(writer, database, window, &insert, error);
    if (!status)
        status = writer_sort(writer, database, rows, count, error);
    for (size_t i = 0; i < count && !status; i++) {
        const struct aggregate_row *row = &rows[writer->order[i].row];
        sqlite3_bind_int64(insert, 1, writer->order[i].series);
        sqlite3_bind_int64(insert, 2, row->window_start);
        sqlite3_bind_int64(insert, 3, (int64_t)row->count);
        sqlite3_bind_double(insert, 4, row->minimum);
        sqlite3_bind_double(insert, 5, row->maximum);
        sqlite3_bind_double(insert, 6, row->sum);
        sqlite3_bind_int64(insert, 7, row->revision);
        if (window->calendar[0])
            sqlite3_bind_int64(insert, 8, row->window_end);
        status = database_run(database, insert, error);
    }
    return status;
}

int sqlite_write(struct store_writer *door, struct database *transaction, const struct store_window *window,
                 const struct aggregate_row *rows, size_t count, struct error *error) {
    struct sqlite_writer *writer = (struct sqlite_writer *)door;
    int status;
    if (transaction && strcmp(database_path(transaction), database_path(writer->own)) == 0) {
        status = writer_rows(writer, transaction, window, rows, count, error);
    } else {
        status = database_begin(writer->own, error);
        if (!status)
            status = writer_rows(writer, writer->own, window, rows, count, error);
        if (!status)
            status = database_commit(writer->own, error);
        if (status) {
            database_rollback(writer->own);
            sqlite_writer_rolled_back(door);
        }
    }
    char name[CALENDAR_TEXT_SIZE];
    store_window_write(name, window);
    return status ? error_wrap(error, "writing %zu aggregates of windows %s", count, name) : 0;
}
