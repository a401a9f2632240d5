/* Opening the log on Kafka: the brokers, the properties, the clients' common configuration, and the table of
 * functions. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "bus/kafka/kafka_bus.h"
#include "core/memory.h"

/* What the guarantees stand on is not the user's to set. */
static const char *const kafka_own_properties[] = {
    "bootstrap.servers",        "metadata.broker.list", "group.id",
    "group.instance.id",        "transactional.id",     "enable.auto.commit",
    "enable.auto.offset.store", "isolation.level",      "enable.partition.eof",
    "auto.offset.reset",        "enable.idempotence",   "partition.assignment.strategy",
    "offset.store.method",
};

static bool kafka_is_secret(const char *name) {
    static const char *const parts[] = {"password", "secret", "pem", "token", "oauthbearer.config", "sasl.jaas"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

static void kafka_on_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    const struct kafka_handle *handle = rd_kafka_opaque(client);
    (void)facility;
    if (handle)
        log_write(&handle->bus->log, level <= 2 ? LOG_WARNING : LOG_DEBUG, "kafka: %s", text);
}

static void kafka_on_error(rd_kafka_t *client, int err, const char *reason, void *opaque) {
    struct kafka_bus *bus = ((struct kafka_handle *)opaque)->bus;
    (void)client;
    pthread_mutex_lock(&bus->problem_lock);
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__SSL)
        bus->refused = !bus->accepted;
    if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || !bus->problem[0])
        snprintf(bus->problem, sizeof bus->problem, "%s", reason);
    pthread_mutex_unlock(&bus->problem_lock);
    atomic_fetch_add(&bus->reconnects, err == RD_KAFKA_RESP_ERR__TRANSPORT);
    log_write(&bus->log, LOG_DEBUG, "kafka: %s", reason);
}

int kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *error) {
    char text[200];
    return rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK
               ? 0
               : error_set(error, ERROR_UNSUPPORTED, "librdkafka %s: %s", rd_kafka_version_str(), text);
}

static int kafka_set_property(rd_kafka_conf_t *conf, const struct client_property *property, struct error *error) {
    char text[200];
    for (size_t i = 0; i < sizeof kafka_own_properties / sizeof *kafka_own_properties; i++)
        if (strcasecmp(property->name, kafka_own_properties[i]) == 0)
            return error_set(error, ERROR_INVALID,
                             "-X %s: meterline sets this property itself, its guarantees stand on it", property->name);
    switch (rd_kafka_conf_set(conf, property->name, property->value, text, sizeof text)) {
    case RD_KAFKA_CONF_OK:
        return 0;
    case RD_KAFKA_CONF_UNKNOWN:
        return error_set(error, ERROR_INVALID, "-X %s: librdkafka %s has no such property (see its CONFIGURATION.md)",
                         property->name, rd_kafka_version_str());
    default:
        return error_set(error, ERROR_INVALID, "-X %s: %s", property->name,
                         kafka_is_secret(property->name) ? "the value is not valid" : text);
    }
}

/* Ours first, so that the user's overrule them. */
static int kafka_defaults(rd_kafka_conf_t *conf, enum kafka_role role, struct error *error) {
    static const struct {
        enum kafka_role role;
        const char *name, *value;
    } defaults[] = {
        {KAFKA_CONSUMER, "session.timeout.ms", "10000"}, /* how long the partitions of a killed instance lie idle */
        {KAFKA_CONSUMER, "heartbeat.interval.ms", "2000"},
        {KAFKA_CONSUMER, "topic.metadata.refresh.interval.ms", "10000"}, /* added partitions are noticed so soon */
        {KAFKA_CONSUMER, "fetch.error.backoff.ms", "100"},
        {KAFKA_CONSUMER, "fetch.wait.max.ms",
         "100"}, /* how late the end of a partition is noticed; records come at once */
        {KAFKA_PRODUCER, "message.max.bytes", KAFKA_MESSAGE_MAXIMUM},
        {KAFKA_PRODUCER, "retry.backoff.ms", "5"}, /* a transaction waits for its coordinator in such steps */
        {KAFKA_PRODUCER, "linger.ms", "20"},       /* a commit does not wait for it */
        {KAFKA_PRODUCER, "compression.codec", "lz4"},
        {KAFKA_PRODUCER, "queue.buffering.max.messages", "1000000"},
    };
    int status = kafka_set(conf, "client.id", "meterline", error);
    if (!status)
        status = kafka_set(conf, "reconnect.backoff.max.ms", "2000", error);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults && !status; i++)
        if (defaults[i].role == role)
            status = kafka_set(conf, defaults[i].name, defaults[i].value, error);
    return status;
}

int kafka_configure(struct kafka_handle *handle, enum kafka_role role, rd_kafka_conf_t **ret_conf,
                    struct error *error) {
    const struct kafka_bus *bus = handle->bus;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, handle);
    rd_kafka_conf_set_log_cb(conf, kafka_on_log);
    rd_kafka_conf_set_error_cb(conf, kafka_on_error);
    int status = kafka_defaults(conf, role, error);
    for (size_t i = 0; i < bus->property_count && !status; i++)
        status = kafka_set_property(conf, &bus->properties[i], error);
    if (!status)
        status = kafka_set(conf, "bootstrap.servers", bus->brokers, error);
    if (status) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *ret_conf = conf;
    return 0;
}

int kafka_client(struct kafka_bus *bus, rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_client,
                 struct error *error) {
    char text[400];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, ERROR_INVALID, "Kafka at %s: %s", bus->brokers, text);
    }
    *ret_client = client;
    return 0;
}

static void kafka_properties_free(struct kafka_bus *bus) {
    for (size_t i = 0; bus->properties && i < bus->property_count; i++) {
        char *value = (char *)bus->properties[i].value;
        if (value)
            explicit_bzero(value, strlen(value));
        free(value);
        free((char *)bus->properties[i].name);
    }
    free(bus->properties);
}

static int kafka_properties_copy(struct kafka_bus *bus, const struct bus_options *options, struct error *error) {
    bus->properties = memory_zero(options->property_count + 1, sizeof *bus->properties);
    if (!bus->properties)
        return error_no_memory(error);
    for (size_t i = 0; i < options->property_count; i++) {
        bus->properties[i] =
            (struct client_property){strdup(options->properties[i].name), strdup(options->properties[i].value)};
        bus->property_count++;
        if (!bus->properties[i].name || !bus->properties[i].value)
            return error_no_memory(error);
    }
    return 0;
}

static void kafka_bus_close(struct bus *door) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    kafka_groups_release(bus);
    if (bus->admin)
        rd_kafka_destroy(bus->admin);
    kafka_properties_free(bus);
    pthread_mutex_destroy(&bus->admin_lock);
    pthread_mutex_destroy(&bus->positions_lock);
    pthread_mutex_destroy(&bus->problem_lock);
    free(bus->brokers);
    free(bus->instance);
    free(bus);
}

static int kafka_apply_retention(struct bus *door, int64_t *ret_records, struct error *error) {
    (void)door, (void)error; /* the brokers do it */
    *ret_records = 0;
    return 0;
}

static void kafka_counts(struct bus *door, struct bus_counts *ret_counts) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    *ret_counts = (struct bus_counts){.rebalances = atomic_load(&bus->rebalances),
                                      .partitions_lost = atomic_load(&bus->partitions_lost),
                                      .transactions = atomic_load(&bus->transactions),
                                      .transactions_aborted = atomic_load(&bus->transactions_aborted),
                                      .reconnects = atomic_load(&bus->reconnects)};
}

static int no_registry_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena,
                            struct slice *ret_schema, struct error *error) {
    (void)context, (void)arena, (void)ret_schema;
    return error_set(error, ERROR_INVALID,
                     "schema %d is needed to read %s: say where the schema registry is (--registry http://HOST:8081)",
                     (int)id, schema_kind_name(kind));
}

static int no_registry_add(void *context, const char *subject, enum schema_kind kind, struct slice schema,
                           int32_t *ret_id, struct error *error) {
    (void)context, (void)kind, (void)schema, (void)ret_id;
    return error_set(error, ERROR_INVALID,
                     "the schema of %s must be registered to write Avro: say where the schema registry is (--registry "
                     "http://HOST:8081), or write JSON",
                     subject);
}

const struct bus_driver kafka_bus_driver = {
    .remote = true,
    .close = kafka_bus_close,
    .topic_create = kafka_topic_create,
    .topic_ensure = kafka_topic_ensure,
    .topic_alter = kafka_topic_alter,
    .topic_delete = kafka_topic_delete,
    .topics = kafka_topics,
    .topic_describe = kafka_topic_describe,
    .topic_origin = kafka_topic_origin,
    .apply_retention = kafka_apply_retention,
    .trim = kafka_trim,
    .committed = kafka_committed,
    .group_reset = kafka_group_reset,
    .groups = kafka_groups,
    .counts = kafka_counts,
    .consumer_open = kafka_consumer_open,
    .consumer_close = kafka_consumer_close,
    .consumer_join = kafka_consumer_join,
    .consumer_pause = kafka_consumer_pause,
    .consumer_seek = kafka_consumer_seek,
    .consumer_poll = kafka_consumer_poll,
    .offsets = kafka_offsets,
    .known_end = kafka_known_end,
    .producer_open = kafka_producer_open,
    .producer_close = kafka_producer_close,
    .producer_topic = kafka_producer_topic,
    .produce = kafka_produce,
    .producer_begin = kafka_producer_begin,
    .producer_written = kafka_producer_written,
    .producer_commit = kafka_producer_commit,
    .producer_abort = kafka_producer_abort,
};

/* HOST[:PORT][,...]: credentials do not belong into the URL. */
static int kafka_check_brokers(const char *brokers, struct error *error) {
    if (!*brokers)
        return error_set(error, ERROR_INVALID, "--bus: the broker is missing; use kafka://HOST:9092");
    if (strpbrk(brokers, "@"))
        return error_set(error, ERROR_INVALID,
                         "--bus: user and password do not belong into the URL of Kafka; give them with -X "
                         "sasl.username, -X sasl.password or --config FILE");
    if (strpbrk(brokers, "/ \t\n"))
        return error_set(error, ERROR_INVALID,
                         "--bus kafka://%s: only brokers may follow; use kafka://HOST:9092,HOST:9092", brokers);
    return 0;
}

int kafka_bus_open(const char *brokers, const struct bus_options *options, struct bus **ret_bus, struct error *error) {
    int status = kafka_check_brokers(brokers, error);
    struct kafka_bus *bus = status ? NULL : memory_zero(1, sizeof *bus);
    if (!bus)
        return status ? status : error_no_memory(error);
    bus->base.driver = &kafka_bus_driver;
    bus->handle.bus = bus;
    bus->base.options = *options;
    bus->base.options.properties = NULL;
    bus->base.options.property_count = 0;
    bus->no_registry = (struct registry){.find = no_registry_find, .add = no_registry_add};
    bus->base.registry = options->registry ? options->registry : &bus->no_registry;
    bus->log = options->log ? *options->log : (struct log){LOG_ERROR};
    pthread_mutex_init(&bus->admin_lock, NULL);
    pthread_mutex_init(&bus->positions_lock, NULL);
    pthread_mutex_init(&bus->problem_lock, NULL);
    bus->brokers = strdup(brokers);
    bus->instance = options->instance ? strdup(options->instance) : NULL;
    rd_kafka_conf_t *conf;
    if (!bus->brokers || (options->instance && !bus->instance))
        status = error_no_memory(error);
    if (!status)
        status = kafka_properties_copy(bus, options, error);
    if (!status)
        status = kafka_configure(&bus->handle, KAFKA_ADMIN, &conf, error);
    if (!status)
        status = kafka_client(bus, RD_KAFKA_PRODUCER, conf, &bus->admin, error);
    if (status) {
        kafka_bus_close(&bus->base);
        return status;
    }
    *ret_bus = &bus->base;
    return 0;
}
