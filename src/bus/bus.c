/* Which log a URL means, and the names of topics. */
#include "bus/bus.h"

#include "bus/sqlite/sqlite_bus.h"
#include "core/memory.h"

enum { LOCK_TIMEOUT = 30000 };

bool bus_topic_name_valid(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return length > 0 && length <= BUS_TOPIC_NAME_MAXIMUM && name[length] == '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int bus_folder(const char *url, const char **ret_folder, struct error *error) {
    if (strncmp(url, "sqlite:", 7) == 0)
        url += 7;
    else if (strncmp(url, "kafka:", 6) == 0)
        return error_set(error, ERROR_UNSUPPORTED, "--bus %s: this build has no Kafka bus yet; use sqlite:DIR", url);
    else if (strstr(url, "://"))
        return error_set(error, ERROR_INVALID, "--bus %s: no bus of this kind is known; use sqlite:DIR", url);
    if (!*url)
        return error_set(error, ERROR_INVALID, "--bus: the folder is missing; use sqlite:DIR");
    *ret_folder = url;
    return 0;
}

int sqlite_bus_connect(const struct bus *bus, struct database **ret_database, struct error *error) {
    struct database_options options = {.durable = bus->options.durable, .create = bus->options.create, .lock_timeout = LOCK_TIMEOUT};
    return database_open(bus->folder, &options, ret_database, error);
}

int bus_open(const char *url, const struct bus_options *options, struct bus **ret_bus, struct error *error) {
    const char *folder = NULL;
    int status = bus_folder(url, &folder, error);
    if (status)
        return status;
    struct bus *bus = memory_zero(1, sizeof *bus);
    if (!bus)
        return error_no_memory(error);
    bus->options = *options;
    pthread_mutex_init(&bus->admin_lock, NULL);
    pthread_mutex_init(&bus->write_lock, NULL);
    sqlite_bus_registry_open(bus);
    bus->folder = strdup(folder);
    status = bus->folder ? sqlite_bus_connect(bus, &bus->admin, error) : error_no_memory(error);
    if (!status)
        status = sqlite_bus_create_tables(bus->admin, error);
    if (status) {
        bus_close(bus);
        return status;
    }
    *ret_bus = bus;
    return 0;
}

struct bus *bus_close(struct bus *bus) {
    if (!bus)
        return NULL;
    database_close(bus->admin);
    pthread_mutex_destroy(&bus->admin_lock);
    pthread_mutex_destroy(&bus->write_lock);
    free(bus->folder);
    free(bus);
    return NULL;
}

const struct registry *bus_registry(struct bus *bus) {
    return &bus->registry;
}
