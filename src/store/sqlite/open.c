/* Opening the embedded store, and its table of functions. */
#include "core/memory.h"
#include "store/sqlite/sqlite_store.h"

static void sqlite_store_close(struct store *door) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    free(store->folder);
    free(store->path);
    free(store);
}

static bool sqlite_store_joins(const struct store *door, struct database *transaction) {
    return strcmp(((const struct sqlite_store *)door)->path, database_path(transaction)) == 0;
}

const struct store_driver sqlite_store_driver = {
    .close = sqlite_store_close,
    .joins = sqlite_store_joins,
    .note_topic = sqlite_note_topic,
    .writer_open = sqlite_writer_open,
    .writer_close = sqlite_writer_close,
    .write = sqlite_write,
    .rolled_back = sqlite_writer_rolled_back,
    .reader_open = sqlite_reader_open,
    .reader_close = sqlite_reader_close,
    .reader_next = sqlite_reader_next,
    .windows = sqlite_windows,
    .count = sqlite_count,
};

int sqlite_store_open(const char *folder, const struct store_options *options, struct store **ret_store,
                      struct error *error) {
    struct sqlite_store *store = memory_zero(1, sizeof *store);
    if (!store)
        return error_no_memory(error);
    store->base.driver = &sqlite_store_driver;
    store->base.options = *options;
    store->folder = strdup(folder);
    int status = store->folder ? sqlite_store_prepare(store, error) : error_no_memory(error);
    if (status) {
        sqlite_store_close(&store->base);
        return status;
    }
    *ret_store = &store->base;
    return 0;
}
