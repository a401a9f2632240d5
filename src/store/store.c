/* Which store a URL means, and the door's functions, which hand over to the driver. */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/driver.h"

int store_open(const char *url, const struct store_options *options, struct store **ret_store, struct error *error) {
    const char *folder = strncmp(url, "sqlite:", 7) == 0 ? url + 7 : url;
    if (strncmp(url, "cassandra://", 12) == 0)
        return cassandra_store_open(url + 12, options, ret_store, error);
    if (folder == url && strchr(url, ':'))
        return error_set(error, ERROR_INVALID,
                         "--store: no store of this kind is known; use sqlite:DIR or cassandra://HOST:9042/KEYSPACE");
    if (!*folder)
        return error_set(error, ERROR_INVALID, "--store: the folder is missing; use sqlite:DIR");
    return sqlite_store_open(folder, options, ret_store, error);
}

struct store *store_close(struct store *store) {
    if (store)
        store->driver->close(store);
    return NULL;
}

bool store_is_remote(const struct store *store) {
    return store->driver->remote;
}

bool store_joins(const struct store *store, struct database *transaction) {
    return transaction && store->driver->joins && store->driver->joins(store, transaction);
}

int store_writer_open(struct store *store, struct store_writer **ret_writer, struct error *error) {
    return store->driver->writer_open(store, ret_writer, error);
}

int store_note_topic(struct store *store, int64_t window_size, const char *topic, char **ret_other,
                     struct error *error) {
    *ret_other = NULL;
    return store->driver->note_topic ? store->driver->note_topic(store, window_size, topic, ret_other, error) : 0;
}

struct store_writer *store_writer_close(struct store_writer *writer) {
    if (writer)
        writer->driver->writer_close(writer);
    return NULL;
}

int store_write(struct store_writer *writer, struct database *transaction, int64_t window_size,
                const struct aggregate_row *rows, size_t count, struct error *error) {
    return writer->driver->write(writer, transaction, window_size, rows, count, error);
}

int store_flush(struct store_writer *writer, struct error *error) {
    return writer->driver->flush ? writer->driver->flush(writer, error) : 0;
}

void store_writer_rolled_back(struct store_writer *writer) {
    if (writer->driver->rolled_back)
        writer->driver->rolled_back(writer);
}

static int store_check_size(struct store *store, int64_t window_size, struct error *error) {
    int64_t *sizes;
    size_t count, length = 0;
    char list[256] = "";
    bool found = false;
    int status = store_window_sizes(store, &sizes, &count, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++) {
        found |= sizes[i] == window_size;
        if (length < sizeof list)
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%lld", i ? ", " : "",
                                       (long long)(sizes[i] / 1000));
    }
    free(sizes);
    if (found)
        return 0;
    return error_set(error, ERROR_NOT_FOUND,
                     count ? "the store has no windows of %lld s; there are %s"
                           : "the store has no windows of %lld s%s yet: 'meterline run' fills it",
                     (long long)(window_size / 1000), list);
}

int store_reader_open(struct store *store, const struct store_query *query, struct store_reader **ret_reader,
                      struct error *error) {
    int status = store_check_size(store, query->window_size, error);
    return status ? status : store->driver->reader_open(store, query, ret_reader, error);
}

struct store_reader *store_reader_close(struct store_reader *reader) {
    if (reader)
        reader->driver->reader_close(reader);
    return NULL;
}

int store_reader_next(struct store_reader *reader, struct aggregate_row *ret_row, struct error *error) {
    return reader->driver->reader_next(reader, ret_row, error);
}

int store_window_sizes(struct store *store, int64_t **ret_sizes, size_t *ret_count, struct error *error) {
    return store->driver->window_sizes(store, ret_sizes, ret_count, error);
}

int store_count(struct store *store, int64_t window_size, int64_t *ret_rows, struct error *error) {
    return store->driver->count(store, window_size, ret_rows, error);
}

void store_counts(const struct store *store, struct store_counts *ret_counts) {
    *ret_counts = (struct store_counts){0};
    if (store && store->driver->counts)
        store->driver->counts(store, ret_counts);
}
