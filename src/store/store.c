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

int store_note_topic(struct store *store, const struct store_window *window, const char *topic, char **ret_other,
                     struct error *error) {
    *ret_other = NULL;
    return store->driver->note_topic ? store->driver->note_topic(store, window, topic, ret_other, error) : 0;
}

struct store_writer *store_writer_close(struct store_writer *writer) {
    if (writer)
        writer->driver->writer_close(writer);
    return NULL;
}

int store_write(struct store_writer *writer, struct database *transaction, const struct store_window *window,
                const struct aggregate_row *rows, size_t count, struct error *error) {
    return writer->driver->write(writer, transaction, window, rows, count, error);
}

int store_flush(struct store_writer *writer, struct error *error) {
    return writer->driver->flush ? writer->driver->flush(writer, error) : 0;
}

void store_writer_rolled_back(struct store_writer *writer) {
    if (writer->driver->rolled_back)
        writer->driver->rolled_back(writer);
}

/* "windows of 60 s", "windows day@Europe/Athens" */
static void store_write_windows(char *to, size_t size, const struct store_window *window) {
    char name[CALENDAR_TEXT_SIZE];
    store_window_write(name, window);
    snprintf(to, size, window->calendar[0] ? "windows %s" : "windows of %s s", name);
}

static int store_check_window(struct store *store, const struct store_window *window, struct error *error) {
    struct store_window *windows;
    size_t count, length = 0;
    char list[512] = "", name[CALENDAR_TEXT_SIZE], wanted[CALENDAR_TEXT_SIZE + 16];
    bool found = false;
    int status = store_windows(store, &windows, &count, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++) {
        found |= store_window_same(&windows[i], window);
        store_window_write(name, &windows[i]);
        if (length < sizeof list)
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", name);
    }
    free(windows);
    if (found)
        return 0;
    store_write_windows(wanted, sizeof wanted, window);
    return error_set(error, ERROR_NOT_FOUND,
                     count ? "the store has no %s, but of %s: others are there when run --windows has them and "
                             "the first has closed (run --until-end --final closes all)"
                           : "the store has no %s%s yet: 'meterline run' fills it",
                     wanted, list);
}

int store_reader_open(struct store *store, const struct store_query *query, struct store_reader **ret_reader,
                      struct error *error) {
    int status = store_check_window(store, &query->window, error);
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

int store_windows(struct store *store, struct store_window **ret_windows, size_t *ret_count, struct error *error) {
    int status = store->driver->windows(store, ret_windows, ret_count, error);
    if (!status && *ret_count)
        qsort(*ret_windows, *ret_count, sizeof **ret_windows, store_window_compare);
    return status;
}

int store_count(struct store *store, const struct store_window *window, int64_t *ret_rows, struct error *error) {
    return store->driver->count(store, window, ret_rows, error);
}

void store_counts(const struct store *store, struct store_counts *ret_counts) {
    *ret_counts = (struct store_counts){0};
    if (store && store->driver->counts)
        store->driver->counts(store, ret_counts);
}
