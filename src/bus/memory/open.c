/* The log in memory opened and closed: one lock over everything, one condition that wakes consumers when something
 * was committed. */
#include "bus/memory/memory_log.h"
#include "core/memory.h"

/* Nothing of that kind can happen to it. */
static void memory_counts(struct bus *door, struct bus_counts *ret_counts) {
    (void)door;
    *ret_counts = (struct bus_counts){0};
}

static void memory_close(struct bus *door) {
    struct memory_bus *bus = (struct memory_bus *)door;
    memory_positions_forget(bus, NULL, NULL);
    for (size_t i = 0; i < bus->topic_count; i++)
        memory_topic_free(bus->topics[i]);
    while (bus->deleted) {
        struct memory_topic *next = bus->deleted->next;
        memory_topic_free(bus->deleted);
        bus->deleted = next;
    }
    free(bus->topics);
    free(bus->positions);
    registry_memory_free(bus->schemas);
    pthread_cond_destroy(&bus->news);
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

const struct bus_driver memory_bus_driver = {
    .close = memory_close,
    .topic_create = memory_topic_create,
    .topic_ensure = memory_topic_ensure,
    .topic_alter = memory_topic_alter,
    .topic_delete = memory_topic_delete,
    .topics = memory_topics,
    .topic_describe = memory_topic_describe,
    .topic_origin = memory_topic_origin,
    .apply_retention = memory_apply_retention,
    .trim = memory_trim,
    .committed = memory_committed,
    .group_reset = memory_group_reset,
    .groups = memory_groups,
    .counts = memory_counts,
    .consumer_open = memory_consumer_open,
    .consumer_close = memory_consumer_close,
    .consumer_join = memory_consumer_join,
    .consumer_pause = memory_consumer_pause,
    .consumer_seek = memory_consumer_seek,
    .consumer_poll = memory_consumer_poll,
    .offsets = memory_offsets,
    .producer_open = memory_producer_open,
    .producer_close = memory_producer_close,
    .producer_topic = memory_producer_topic,
    .produce = memory_produce,
    .producer_begin = memory_producer_begin,
    .producer_commit = memory_producer_commit,
    .producer_abort = memory_producer_abort,
};

int memory_bus_open(const struct bus_options *options, const struct memory_bus_options *memory, struct bus **ret_bus,
                    struct error *error) {
    struct memory_bus *bus = memory_zero(1, sizeof *bus);
    pthread_condattr_t attributes;
    if (!bus || !(bus->schemas = registry_memory_new())) {
        free(bus);
        return error_no_memory(error);
    }
    bus->base = (struct bus){.driver = &memory_bus_driver, .options = *options};
    bus->base.registry = options->registry ? options->registry : registry_memory_registry(bus->schemas);
    if (memory)
        bus->injected = *memory;
    pthread_mutex_init(&bus->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&bus->news, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret_bus = &bus->base;
    return 0;
}

int memory_bus_fault(struct memory_bus *bus, enum memory_bus_call call, struct error *error) {
    return bus->injected.fault ? bus->injected.fault(bus->injected.context, call, error) : 0;
}
