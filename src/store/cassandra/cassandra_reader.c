/* Reading: the partitions of the answer, in its order, are known before the first row is asked for. Up to
 * READER_AHEAD of them are fetched at the same time, each into a list of its own; rows leave partition by partition.
 *
 *     partitions   (key, bucket) (key, bucket) (key, bucket) (key, bucket) ...     by key bytes, then bucket, descending when asked for
 *                   leaving now   fetched       being fetched  being fetched
 *
 * Which partitions there are follows from the question when it names one series and bounds the time; otherwise the
 * table is asked (SELECT DISTINCT). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/series.h"
#include "model/time/time.h"
#include "store/cassandra/cassandra_store.h"

#define DAY_MS INT64_C(86400000)
enum { READER_AHEAD = 32, READER_PAGE = 2000, READER_POLL_MS = 1000, READER_BUCKETS = 10000 };

struct reader_partition {
    struct series series;
    struct slice key;
    int64_t day;
};

struct reader_row {
    int64_t start, count, revision;
    double minimum, maximum, average, sum;
};

struct reader_fetch {
    struct cassandra_reader *reader;
    const struct reader_partition *partition;
    struct reader_row *rows;
    size_t count, capacity;
    bool done;
};

struct cassandra_reader {
    struct store_reader base;
    struct cassandra_store *store;
    struct store_query query;
    struct cassandra_table table;
    struct cql_cluster *cluster;
    const struct cql_statement *select;
    struct arena arena;
    struct reader_partition *partitions;
    size_t count, capacity;
    struct reader_fetch fetches[READER_AHEAD]; /* of partition p: p % READER_AHEAD */
    size_t asked, leaving, row; /* partitions asked for; the one whose rows leave now, and the next of them */
    int64_t left;
    struct slice paging_state; /* of the table's partitions */
    struct error error;
    struct window_bounds bounds;
};

static bool reader_wants(const char *wanted, struct slice got) {
    return !wanted || slice_equal(slice_of(wanted), got);
}

static int reader_add(struct cassandra_reader *reader, const struct series *series, int64_t day) {
    if (!memory_reserve((void **)&reader->partitions, &reader->capacity, reader->count + 1, sizeof *reader->partitions))
        return ERROR_NO_MEMORY;
    char *key = arena_allocate(&reader->arena, series_key_length(series) + 1);
    struct series copy = {arena_copy(&reader->arena, series->gateway), arena_copy(&reader->arena, series->type),
                          arena_copy(&reader->arena, series->attribute)};
    if (!key || !copy.gateway.data || !copy.type.data || !copy.attribute.data)
        return ERROR_NO_MEMORY;
    series_key_write(&copy, key);
    reader->partitions[reader->count++] = (struct reader_partition){copy, {key, series_key_length(&copy)}, day};
    return 0;
}

static bool reader_read_day(const struct cassandra_table *table, struct slice cell, int64_t *ret_day) {
    int64_t time;
    if (table->bucket_type == BUCKET_TIMESTAMP) {
        if (!cql_cell_integer(cell, &time))
            return false;
        *ret_day = time / DAY_MS;
        return true;
    }
    if (table->bucket_type == BUCKET_TEXT) {
        if (!cell.data || !time_read(cell, &time))
            return false;
        *ret_day = time / DAY_MS;
        return true;
    }
    if (!cell.data || cell.length != 4)
        return false;
    struct cql_reader number = cql_reader_of(cell);
    *ret_day = (int64_t)(uint32_t)cql_read_int(&number) - INT64_C(0x80000000);
    return true;
}

/* A bucket without a window of the answer is not asked for. */
static bool reader_wants_day(const struct cassandra_reader *reader, int64_t day) {
    if (reader->table.bucket == BUCKET_NONE)
        return true;
    int64_t days = reader->table.bucket == BUCKET_DAY ? 1 : 31;
    return (reader->query.to == INT64_MAX || day * DAY_MS < reader->query.to) &&
           (reader->query.from == INT64_MIN || (day + days) * DAY_MS > reader->query.from);
}

static void reader_distinct_answer(void *context, const struct cql_response *response, const struct error *error) {
    struct cassandra_reader *reader = context;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    const struct store_query *query = &reader->query;
    uint32_t wanted = reader->table.bucket == BUCKET_NONE ? 3 : 4;
    reader->paging_state = (struct slice){NULL, 0};
    if (error) {
        reader->error = *error;
        return;
    }
    if (response->opcode != CQL_RESULT || response->kind != CQL_RESULT_ROWS || response->rows.columns.count != wanted) {
        error_set(&reader->error, ERROR_CORRUPT, "Cassandra answers SELECT DISTINCT with something else");
        return;
    }
    struct cql_rows rows = response->rows;
    while (cql_rows_next(&rows, cells) && !reader->error.code) {
        struct series series = {cells[0], cells[1], cells[2]};
        int64_t day = 0;
        if (!series.gateway.data || !series.type.data || !series.attribute.data ||
            (wanted == 4 && !reader_read_day(&reader->table, cells[3], &day)))
            continue; /* not a partition of ours */
        if (reader_wants(query->gateway, series.gateway) && reader_wants(query->type, series.type) &&
            reader_wants(query->attribute, series.attribute) && reader_wants_day(reader, day) &&
            reader_add(reader, &series, day))
            error_no_memory(&reader->error);
    }
    if (rows.paging_state.data)
        reader->paging_state = arena_copy(&reader->arena, rows.paging_state);
}

/* All partitions of the table, page by page. */
static int reader_find_partitions(struct cassandra_reader *reader, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, &reader->table.window);
    struct bytes text = {0};
    bytes_append_format(&text, "SELECT DISTINCT gateway, metric, attribute%s FROM %s.metrics_aggregates_%s",
                        reader->table.bucket == BUCKET_NONE ? "" : ", bucket", reader->store->settings.keyspace,
                        suffix);
    int status = text.failed ? error_no_memory(error) : 0;
    do {
        struct cql_request *request;
        if (!status)
            status = cql_cluster_take(reader->cluster, &request, error);
        if (status)
            break;
        request->consistency = reader->store->settings.consistency;
        request->idempotent = true;
        request->page_size = READER_PAGE;
        cql_request_query(request, bytes_slice(&text));
        if (reader->paging_state.data)
            cql_request_page(request, reader->paging_state);
        status = cql_cluster_run(reader->cluster, request, reader_distinct_answer, reader, error);
        if (!status && reader->error.code) {
            *error = reader->error;
            status = error->code;
        }
    } while (!status && reader->paging_state.data);
    bytes_release(&text);
    return status;
}

/* Whole buckets between from and to, when they are few enough. */
static bool reader_list_partitions(struct cassandra_reader *reader, int *ret_status) {
    const struct store_query *query = &reader->query;
    if (!query->gateway || !query->type || !query->attribute)
        return false;
    struct series series = {slice_of(query->gateway), slice_of(query->type), slice_of(query->attribute)};
    *ret_status = 0;
    if (reader->table.bucket == BUCKET_NONE) {
        *ret_status = reader_add(reader, &series, 0);
        return true;
    }
    if (query->from < 0 || query->to > TIME_MAXIMUM || query->to - query->from > READER_BUCKETS * DAY_MS)
        return false;
    int64_t previous = -1;
    for (int64_t time = query->from / DAY_MS * DAY_MS; time < query->to && !*ret_status; time += DAY_MS) {
        int64_t day = cassandra_bucket_day(reader->table.bucket, time);
        if (day != previous)
            *ret_status = reader_add(reader, &series, day);
        previous = day;
    }
    return true;
}

static int reader_compare(const void *a, const void *b, void *context) {
    const struct reader_partition *left = a, *right = b;
    const struct cassandra_reader *reader = context;
    int order = slice_compare(left->key, right->key);
    int days = (left->day > right->day) - (left->day < right->day);
    return order ? order : reader->query.descending ? -days : days;
}

static int reader_prepare(struct cassandra_reader *reader, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, &reader->table.window);
    struct bytes text = {0};
    const struct cassandra_table *table = &reader->table;
    bytes_append_format(&text,
                        "SELECT windowstart, min, max, avg, samplecount%s%s FROM %s.metrics_aggregates_%s"
                        " WHERE gateway=? AND metric=? AND attribute=?%s"
                        " AND windowstart >= ? AND windowstart < ? ORDER BY windowstart %s",
                        table->has_sum ? ", sum" : "", table->has_revision ? ", revision" : "",
                        reader->store->settings.keyspace, suffix, table->bucket == BUCKET_NONE ? "" : " AND bucket=?",
                        reader->query.descending ? "DESC" : "ASC");
    bytes_append_char(&text, '\0');
    int status =
        text.failed ? error_no_memory(error) : cql_cluster_prepare(reader->cluster, text.data, &reader->select, error);
    bytes_release(&text);
    return status;
}

static int reader_ask(struct reader_fetch *fetch, struct slice paging_state, struct error *error);

/* A row that the original has written has no sum. False: not a row of ours. */
static bool reader_read_row(const struct cassandra_table *table, const struct slice *cells, struct reader_row *row) {
    size_t next = 5;
    *row = (struct reader_row){0};
    if (!cql_cell_integer(cells[0], &row->start) || !cql_cell_double(cells[1], &row->minimum) ||
        !cql_cell_double(cells[2], &row->maximum) || !cql_cell_double(cells[3], &row->average) ||
        !cql_cell_integer(cells[4], &row->count))
        return false;
    if (!table->has_sum || !cql_cell_double(cells[next++], &row->sum))
        row->sum = row->average * (double)row->count;
    if (table->has_revision && !cql_cell_integer(cells[next], &row->revision))
        row->revision = 0;
    return true;
}

static void reader_answer(void *context, const struct cql_response *response, const struct error *error) {
    struct reader_fetch *fetch = context;
    struct cassandra_reader *reader = fetch->reader;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    uint32_t columns = 5u + reader->table.has_sum + reader->table.has_revision;
    if (error) {
        if (!reader->error.code)
            reader->error = *error;
        return;
    }
    if (response->opcode != CQL_RESULT || response->kind != CQL_RESULT_ROWS ||
        response->rows.columns.count != columns) {
        error_set(&reader->error, ERROR_CORRUPT, "Cassandra answers SELECT with something else");
        return;
    }
    struct cql_rows rows = response->rows;
    while (cql_rows_next(&rows, cells)) {
        if (!memory_reserve((void **)&fetch->rows, &fetch->capacity, fetch->count + 1, sizeof *fetch->rows)) {
            error_no_memory(&reader->error);
            return;
        }
        fetch->count += reader_read_row(&reader->table, cells, &fetch->rows[fetch->count]);
    }
    if (!rows.paging_state.data)
        fetch->done = true;
    else
        reader_ask(fetch, rows.paging_state, &reader->error); /* its error ends the answer */
}

static int reader_ask(struct reader_fetch *fetch, struct slice paging_state, struct error *error) {
    struct cassandra_reader *reader = fetch->reader;
    const struct reader_partition *partition = fetch->partition;
    struct cql_request *request;
    int status = cql_cluster_take(reader->cluster, &request, error);
    if (status)
        return status;
    request->consistency = reader->store->settings.consistency;
    request->idempotent = true;
    request->page_size = READER_PAGE;
    cql_request_execute(request, reader->select);
    cql_bind_bytes(request, partition->series.gateway);
    cql_bind_bytes(request, partition->series.type);
    cql_bind_bytes(request, partition->series.attribute);
    if (reader->table.bucket != BUCKET_NONE)
        cassandra_bind_bucket(request, &reader->table, partition->day);
    cql_bind_bigint(request, reader->query.from);
    cql_bind_bigint(request, reader->query.to);
    if (paging_state.data)
        cql_request_page(request, paging_state);
    return cql_cluster_submit(reader->cluster, request, reader_answer, fetch, error);
}

int cassandra_reader_open(struct store *door, const struct store_query *query, struct store_reader **ret_reader,
                          struct error *error) {
    struct cassandra_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    reader->base.driver = &cassandra_store_driver;
    reader->store = (struct cassandra_store *)door;
    reader->query = *query;
    reader->left = query->limit;
    int status = cassandra_borrow(reader->store, &reader->cluster, error);
    if (!status)
        status = cassandra_table_describe(reader->store, reader->cluster, &query->window, &reader->table, error);
    if (!status)
        status = window_bounds_open(&reader->bounds, &query->window, error);
    if (!status)
        status = reader_prepare(reader, error);
    int listed = 0;
    if (!status && reader_list_partitions(reader, &listed))
        status = listed ? error_no_memory(error) : 0;
    else if (!status)
        status = reader_find_partitions(reader, error);
    if (status) {
        cassandra_reader_close(&reader->base);
        return status;
    }
    if (reader->count)
        qsort_r(reader->partitions, reader->count, sizeof *reader->partitions, reader_compare, reader);
    *ret_reader = &reader->base;
    return 0;
}

void cassandra_reader_close(struct store_reader *door) {
    struct cassandra_reader *reader = (struct cassandra_reader *)door;
    cassandra_give_back(reader->store, reader->cluster);
    for (size_t i = 0; i < READER_AHEAD; i++)
        free(reader->fetches[i].rows);
    free(reader->partitions);
    arena_release(&reader->arena);
    window_bounds_release(&reader->bounds);
    free(reader);
}

/* Asks for partitions while there is room for what they bring. */
static int reader_ask_ahead(struct cassandra_reader *reader, struct error *error) {
    int status = 0;
    while (reader->asked < reader->count && reader->asked < reader->leaving + READER_AHEAD && !status) {
        struct reader_fetch *fetch = &reader->fetches[reader->asked % READER_AHEAD];
        fetch->reader = reader;
        fetch->partition = &reader->partitions[reader->asked];
        fetch->count = 0;
        fetch->done = false;
        status = reader_ask(fetch, (struct slice){NULL, 0}, error);
        reader->asked += !status;
    }
    return status == ERROR_BUSY && reader->asked > reader->leaving
               ? 0
               : status; /* as much as the client takes is under way */
}

static void reader_fill(const struct cassandra_reader *reader, const struct reader_fetch *fetch,
                        struct aggregate_row *ret_row) {
    const struct reader_row *row = &fetch->rows[reader->row];
    *ret_row = (struct aggregate_row){.series = fetch->partition->series,
                                      .key = fetch->partition->key,
                                      .window_start = row->start,
                                      .window_end = window_bounds_end(&reader->bounds, row->start),
                                      .count = (uint64_t)row->count,
                                      .minimum = row->minimum,
                                      .maximum = row->maximum,
                                      .sum = row->sum,
                                      .average = row->average,
                                      .revision = row->revision};
}

int cassandra_reader_next(struct store_reader *door, struct aggregate_row *ret_row, struct error *error) {
    struct cassandra_reader *reader = (struct cassandra_reader *)door;
    while (reader->left != 0 && reader->leaving < reader->count) {
        struct reader_fetch *fetch = &reader->fetches[reader->leaving % READER_AHEAD];
        int status = reader_ask_ahead(reader, error);
        while (!status && !fetch->done && !reader->error.code)
            cql_cluster_poll(reader->cluster, READER_POLL_MS);
        if (!status && reader->error.code) {
            *error = reader->error;
            status = error->code;
        }
        if (status)
            return status;
        if (reader->row < fetch->count) {
            reader_fill(reader, fetch, ret_row);
            reader->row++;
            reader->left -= reader->left > 0;
            return 1;
        }
        reader->leaving++;
        reader->row = 0;
    }
    return 0;
}

struct reader_windows {
    struct store_window *windows;
    size_t count, capacity;
    int64_t number;
    struct error error;
};

/* Tables of calendars have the name of their windows as comment. */
static bool reader_window_of(struct slice table, struct slice comment, struct store_window *ret_window) {
    static const struct slice prefix = SLICE("metrics_aggregates_");
    char suffix[STORE_TABLE_SIZE];
    int64_t seconds;
    if (!table.data || table.length <= prefix.length || memcmp(table.data, prefix.data, prefix.length) != 0)
        return false;
    struct slice rest = {table.data + prefix.length, table.length - prefix.length};
    if (number_read_integer(rest, &seconds) && seconds >= 1 && seconds <= INT64_MAX / 1000) {
        *ret_window = store_window_of(seconds * 1000);
        return true;
    }
    if (!comment.length || store_window_read("", comment, ret_window, NULL) || !ret_window->calendar[0])
        return false;
    store_window_write_table(suffix, ret_window);
    return slice_equal(rest, slice_of(suffix));
}

static void reader_tables_answer(void *context, const struct cql_response *response, const struct error *error) {
    struct reader_windows *found = context;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    if (error || response->opcode != CQL_RESULT || response->kind != CQL_RESULT_ROWS ||
        response->rows.columns.count != 2)
        return;
    struct cql_rows rows = response->rows;
    while (cql_rows_next(&rows, cells)) {
        struct store_window window;
        if (!reader_window_of(cells[0], cells[1], &window))
            continue;
        if (!memory_reserve((void **)&found->windows, &found->capacity, found->count + 1, sizeof *found->windows))
            error_no_memory(&found->error);
        else
            found->windows[found->count++] = window;
    }
}

static int reader_run(struct cql_cluster *cluster, const struct bytes *text, cql_callback *callback,
                      struct reader_windows *found, struct error *error) {
    struct cql_request *request;
    int status = text->failed ? error_no_memory(error) : cql_cluster_take(cluster, &request, error);
    if (status)
        return status;
    request->consistency = CQL_ONE;
    request->idempotent = true;
    cql_request_query(request, bytes_slice(text));
    status = cql_cluster_run(cluster, request, callback, found, error);
    if (!status && found->error.code) {
        *error = found->error;
        status = error->code;
    }
    return status;
}

int cassandra_windows(struct store *door, struct store_window **ret_windows, size_t *ret_count, struct error *error) {
    struct cassandra_store *store = (struct cassandra_store *)door;
    struct reader_windows found = {0};
    struct bytes text = {0};
    struct cql_cluster *cluster;
    int status = cassandra_borrow(store, &cluster, error);
    if (status)
        return status;
    bytes_append_format(&text, "SELECT table_name, comment FROM system_schema.tables WHERE keyspace_name='%s'",
                        store->settings.keyspace);
    status = reader_run(cluster, &text, reader_tables_answer, &found, error);
    bytes_release(&text);
    cassandra_give_back(store, cluster);
    if (status) {
        free(found.windows);
        return status;
    }
    *ret_windows = found.windows;
    *ret_count = found.count;
    return 0;
}

static void reader_count_answer(void *context, const struct cql_response *response, const struct error *error) {
    struct reader_windows *found = context;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    if (error || response->opcode != CQL_RESULT || response->kind != CQL_RESULT_ROWS ||
        response->rows.columns.count != 1)
        return;
    struct cql_rows rows = response->rows;
    if (!cql_rows_next(&rows, cells) || !cql_cell_integer(cells[0], &found->number))
        error_set(&found->error, ERROR_CORRUPT, "Cassandra answers SELECT count with something else");
}

int cassandra_count(struct store *door, const struct store_window *window, int64_t *ret_rows, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, window);
    struct cassandra_store *store = (struct cassandra_store *)door;
    struct reader_windows found = {0};
    struct bytes text = {0};
    struct cql_cluster *cluster;
    int status = cassandra_borrow(store, &cluster, error);
    if (status)
        return status;
    bytes_append_format(&text, "SELECT count(*) FROM %s.metrics_aggregates_%s", store->settings.keyspace, suffix);
    status = reader_run(cluster, &text, reader_count_answer, &found, error);
    bytes_release(&text);
    cassandra_give_back(store, cluster);
    if (!status)
        *ret_rows = found.number;
    return status;
}
