/* Opening the embedded log, and its table of functions. */
#include "bus/sqlite/sqlite_bus.h"
#include "core/memory.h"

enum { LOCK_TIMEOUT = 30000 };

int sqlite_bus_connect(const struct sqlite_bus *bus, struct database **ret_database, struct error *error) {
    struct database_options options = {
        .durable = bus->base.options.durable, .create = bus->base.options.create, .lock_timeout = LOCK_TIMEOUT};
    return database_open(bus->folder, &options, ret_database, error);
}

static void sqlite_bus_close(struct bus *door) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    database_close(bus->admin);
    pthread_mutex_destroy(&bus->admin_lock);
    pthread_mutex_destroy(&bus->write_lock);
    free(bus->folder);
    free(bus);
}

static void sqlite_counts(struct bus *door, struct bus_counts *ret_counts) {
    (void)door;
    *ret_counts = (struct bus_counts){0};
}

const struct bus_driver sqlite_bus_driver = {
    .close = sqlite_bus_close,
    .topic_create = sqlite_topic_create,
    .topic_ensure = sqlite_topic_ensure,
    .topic_alter = sqlite_topic_alter,
    .topic_delete = sqlite_topic_delete,
    .topics = sqlite_topics,
    .topic_describe = sqlite_topic_describe,
    .topic_origin = sqlite_topic_origin,
    .apply_retention = sqlite_apply_retention,
    .trim = sqlite_trim,
    .committed = sqlite_committed,
    .group_reset = sqlite_group_reset,
    .group_claim = sqlite_group_claim,
    .group_release = sqlite_group_release,
    .groups = sqlite_groups,
    .counts = sqlite_counts,
    .consumer_open = sqlite_consumer_open,
    .consumer_close = sqlite_consumer_close,
    .consumer_join = sqlite_consumer_join,
    .consumer_pause = sqlite_consumer_pause,
    .consumer_seek = sqlite_consumer_seek,
    .consumer_poll = sqlite_consumer_poll,
    .offsets = sqlite_offsets,
    .producer_open = sqlite_producer_open,
    .producer_close = sqlite_producer_close,
    .producer_topic = sqlite_producer_topic,
    .produce = sqlite_produce,
    .producer_begin = sqlite_producer_begin,
    .producer_commit = sqlite_producer_commit,
    .producer_written = sqlite_producer_written,
    .producer_abort = sqlite_producer_abort,
};

int sqlite_bus_open(const char *folder, const struct bus_options *options, struct bus **ret_bus, struct error *error) {
    struct sqlite_bus *bus = memory_zero(1, sizeof *bus);
    if (!bus)
        return error_no_memory(error);
    bus->base.driver = &sqlite_bus_driver;
    bus->base.options = *options;
    pthread_mutex_init(&bus->admin_lock, NULL);
    pthread_mutex_init(&bus->write_lock, NULL);
    sqlite_bus_registry_open(bus);
    bus->base.registry = options->registry ? options->registry : &bus->registry;
    bus->folder = strdup(folder);
    int status = bus->folder ? sqlite_bus_connect(bus, &bus->admin, error) : error_no_memory(error);
    if (!status)
        status = sqlite_bus_create_tables(bus->admin, error);
    if (status) {
        sqlite_bus_close(&bus->base);
        return status;
    }
    *ret_bus = &bus->base;
    return 0;
}
