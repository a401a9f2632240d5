/* What an implementation of the store is made of: a table of functions behind the door in store.h, whose comments
 * say what each must do. Each handle of an implementation begins with the struct of the same name here. */
#ifndef METERLINE_STORE_DRIVER_H
#define METERLINE_STORE_DRIVER_H

#include "store/store.h"

struct store_driver {
    bool remote;
    void (*close)(struct store *store);
    bool (*joins)(const struct store *store, struct database *transaction); /* NULL: never */
    int (*note_topic)(struct store *store, const struct store_window *window, const char *topic, char **ret_other,
                      struct error *error); /* NULL: it does not know */
    int (*writer_open)(struct store *store, struct store_writer **ret_writer, struct error *error);
    void (*writer_close)(struct store_writer *writer);
    int (*write)(struct store_writer *writer, struct database *transaction, const struct store_window *window,
                 const struct aggregate_row *rows, size_t count, struct error *error);
    int (*flush)(struct store_writer *writer, struct error *error); /* NULL: write has acknowledged */
    void (*rolled_back)(struct store_writer *writer);               /* NULL: nothing is cached from a transaction */
    int (*reader_open)(struct store *store, const struct store_query *query, struct store_reader **ret_reader,
                       struct error *error);
    void (*reader_close)(struct store_reader *reader);
    int (*reader_next)(struct store_reader *reader, struct aggregate_row *ret_row, struct error *error);
    int (*windows)(struct store *store, struct store_window **ret_windows, size_t *ret_count, struct error *error);
    int (*count)(struct store *store, const struct store_window *window, int64_t *ret_rows, struct error *error);
    void (*counts)(const struct store *store, struct store_counts *ret_counts); /* NULL: not a server */
};

struct store {
    const struct store_driver *driver;
    struct store_options options;
};

struct store_writer {
    const struct store_driver *driver;
};

struct store_reader {
    const struct store_driver *driver;
};

int cassandra_store_open(const char *address, const struct store_options *options, struct store **ret_store,
                         struct error *error);
int sqlite_store_open(const char *folder, const struct store_options *options, struct store **ret_store,
                      struct error *error);

#endif
