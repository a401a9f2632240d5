/* A connector is a sink for each of its topics; its own thread is its caller's. */
#include "stream/sink/connector.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/sink/cache_sink.h"
#include "stream/sink/cache_topic_sink.h"
#include "stream/sink/store_sink.h"
#include "stream/sink/webhook_sink.h"

struct connector_sink {
    struct sink sink;
    struct feed *feed; /* NULL: none */
    char topic[BUS_TOPIC_NAME_MAXIMUM + 1], rejected[BUS_TOPIC_NAME_MAXIMUM + 16];
};

struct connector {
    struct connector_settings settings;
    char name[256], group[700];
    struct connector_sink **sinks;
    size_t count, started, capacity;
    bool required;
    bool told; /* that a sink of it has failed */
    atomic_bool end, drain;
};

/* --- what it is to do
 * ------------------------------------------------------------------------------------------------------------------ */

/* The next of the topics, without blanks; *at becomes NULL after the last one. */
static struct slice connector_next_topic(const char **at) {
    const char *comma = strchr(*at, ',');
    struct slice topic = {*at, comma ? (size_t)(comma - *at) : strlen(*at)};
    *at = comma ? comma + 1 : NULL;
    while (topic.length && *topic.data == ' ')
        topic.data++, topic.length--;
    while (topic.length && topic.data[topic.length - 1] == ' ')
        topic.length--;
    return topic;
}

static int connector_validate_topic(const struct connector_definition *definition, struct slice topic,
                                    struct error *error) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 1];
    if (topic.length == 0 || topic.length > BUS_TOPIC_NAME_MAXIMUM)
        return error_set(error, ERROR_INVALID, "'topics' is a list of 1 to %d names of topics",
                         CONNECTOR_TOPICS_MAXIMUM);
    snprintf(name, sizeof name, "%.*s", (int)topic.length, topic.data);
    int status = bus_topic_check_name(name, error);
    if (!status && strcmp(definition->type, "store") == 0 && !store_window_of_topic(name, &(struct store_window){0}))
        return error_set(error, ERROR_INVALID,
                         "the store takes topics of aggregates, whose names end in -aggregates-SECONDS; %s is none",
                         name);
    return status;
}

static int connector_validate_topics(const struct connector_definition *definition, struct error *error) {
    const char *at = definition->topics;
    size_t count = 0;
    int status = 0;
    while (at && !status) {
        status = connector_validate_topic(definition, connector_next_topic(&at), error);
        if (!status && ++count > CONNECTOR_TOPICS_MAXIMUM)
            return error_set(error, ERROR_INVALID, "'topics' is a list of 1 to %d names of topics",
                             CONNECTOR_TOPICS_MAXIMUM);
    }
    return status;
}

int connector_validate(const struct connector_definition *definition, struct error *error) {
    static const char *const types[] = {"store", "cache", "lake", "webhook"};
    bool known = false;
    if (!definition->type || !definition->topics)
        return error_set(error, ERROR_INVALID,
                         "its %s is missing: WITH ('type'='store'|'cache'|'lake'|'webhook', 'topics'='..')",
                         definition->type ? "topics" : "type");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known |= strcmp(definition->type, types[i]) == 0;
    if (!known && !(definition->group && strcmp(definition->type, "readings") == 0))
        return error_set(error, ERROR_UNSUPPORTED,
                         "there are no connectors of type %s; there are store, cache, lake and webhook",
                         definition->type);
    if (strcmp(definition->type, "webhook") == 0) {
        if (!definition->url)
            return error_set(error, ERROR_INVALID,
                             "a webhook needs its url: WITH ('type'='webhook', 'url'='http://..', 'topics'='..')");
        int status = webhook_validate(definition->url, definition->authorization, error);
        if (status)
            return status;
    }
    return connector_validate_topics(definition, error);
}

/* --- sinks
 * ------------------------------------------------------------------------------------------------------------------ */

/* Rows of two topics in one store: of one series the last that comes stays. */
static int connector_note_topic(const struct connector *connector, const char *topic, const struct store_window *window,
                                struct error *error) {
    char *other, name[CALENDAR_TEXT_SIZE];
    bool calendar = window->calendar[0] != '\0';
    store_window_write(name, window);
    int status = store_note_topic(connector->settings.store, window, topic, &other, error);
    if (!status && other)
        log_write(connector->settings.log, LOG_WARNING,
                  "connector %s: the store has windows %s%s%s of topic %s too: of one series and window the rows of "
                  "%s replace them; --store, or --data, gives them a store of their own",
                  connector->name, calendar ? "" : "of ", name, calendar ? "" : " s", other, topic);
    free(other);
    return status;
}

/* The table of one topic. Unreadable readings of a run's own pipeline are dead letters of its queries. */
static int connector_lake(const struct connector *connector, const struct connector_definition *definition,
                          const char *topic, void **ret_context, struct error *error) {
    const struct connector_settings *settings = &connector->settings;
    cleanup(arena_release) struct arena arena = {0};
    bool readings = strcmp(topic, definition->readings ? definition->readings : "metrics") == 0;
    struct lake_sink_format format;
    struct lake_sink_settings sink = {.bus = settings->bus,
                                      .topic = topic,
                                      .table = definition->table ? definition->table
                                               : readings        ? LAKE_READINGS
                                                                 : NULL,
                                      .format = readings ? NULL : &format,
                                      .reject = !definition->required,
                                      .commit_interval = definition->commit_interval,
                                      .commit_bytes = definition->commit_bytes,
                                      .memory = definition->memory,
                                      .keep_snapshots = definition->keep_snapshots,
                                      .clock = settings->clock,
                                      .log = settings->log};
    int status = settings->lake(settings->context, definition->url, &sink.lake, error);
    if (!status && !readings)
        status = settings->format(settings->context, topic, &arena, &format, error);
    return status ? status : lake_sink_new(&sink, ret_context, error);
}

static int connector_target(const struct connector *connector, const struct connector_definition *definition,
                            const char *topic, const struct sink_target **ret_target, void **ret_context,
                            struct error *error) {
    const struct connector_settings *settings = &connector->settings;
    if (strcmp(definition->type, "store") == 0) {
        if (!settings->store)
            return error_set(error, ERROR_INVALID, "there is no store: give one by --store");
        struct store_window window;
        if (!store_window_of_topic(topic, &window))
            return error_set(error, ERROR_INVALID, "topic %s does not say which windows it has", topic);
        int status = connector_note_topic(connector, topic, &window, error);
        *ret_target = &store_sink_target;
        return status ? status : store_sink_new(settings->store, &window, ret_context, error);
    }
    if (strcmp(definition->type, "cache") == 0 || strcmp(definition->type, "readings") == 0) {
        struct cache *cache;
        bool readings = definition->type[0] == 'r';
        int status = settings->cache(settings->context, &cache, error);
        if (status)
            return status;
        *ret_target = readings ? &cache_sink_target : &cache_topic_sink_target;
        return readings ? cache_sink_new(cache, bus_registry(settings->bus), definition->values, definition->max_ahead,
                                         ret_context, error)
                        : cache_topic_sink_new(cache, ret_context, error);
    }
    if (strcmp(definition->type, "lake") == 0) {
        *ret_target = &lake_sink_target;
        return connector_lake(connector, definition, topic, ret_context, error);
    }
    *ret_target = &webhook_sink_target;
    return webhook_sink_new(definition->url, definition->authorization, bus_registry(settings->bus), ret_context,
                            error);
}

static void connector_free_sink(struct connector_sink *sink) {
    if (sink->feed)
        store_taps_return_feed(sink->feed);
    free(sink);
}

static int connector_add_sink(struct connector *connector, const struct connector_definition *definition,
                              struct slice topic, size_t number, size_t workers, struct error *error) {
    const struct sink_target *target;
    void *context;
    struct connector_sink *at = memory_zero(1, sizeof *at);
    if (!at || !memory_reserve((void **)&connector->sinks, &connector->capacity, connector->count + 1,
                               sizeof(struct connector_sink *))) {
        free(at);
        return error_no_memory(error);
    }
    snprintf(at->topic, sizeof at->topic, "%.*s", (int)topic.length, topic.data);
    snprintf(at->rejected, sizeof at->rejected, "%s-rejected", at->topic);
    struct sink_settings settings = {.bus = connector->settings.bus,
                                     .group = connector->group,
                                     .topic = at->topic,
                                     .rejected = at->rejected,
                                     .number = number,
                                     .count = workers,
                                     .clock = connector->settings.clock,
                                     .log = connector->settings.log,
                                     .stop = &connector->end,
                                     .drain = &connector->drain};
    if (strcmp(definition->type, "store") == 0 && workers == 1)
        settings.feed = at->feed = store_taps_take_feed(connector->settings.taps, at->topic);
    int status = connector_target(connector, definition, at->topic, &target, &context, error);
    if (!status)
        status = sink_open(&at->sink, &settings, target, context, error);
    if (status)
        connector_free_sink(at);
    else
        connector->sinks[connector->count++] = at;
    return status;
}

static int connector_add(struct connector *connector, const struct connector_definition *definition, struct slice topic,
                         struct error *error) {
    size_t workers = definition->workers ? definition->workers : 1;
    int status = 0;
    for (size_t i = 0; i < workers && !status; i++)
        status = connector_add_sink(connector, definition, topic, i, workers, error);
    return status;
}

int connector_tap(const struct connector_settings *settings, const struct connector_definition *definition,
                  struct error *error) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 1];
    int status = 0;
    if (!settings->store || !settings->taps || strcmp(definition->type, "store") != 0)
        return 0;
    for (const char *at = definition->topics; at && !status;) {
        struct slice topic = connector_next_topic(&at);
        if (topic.length >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)topic.length, topic.data);
        struct store_window window;
        if (store_window_of_topic(name, &window))
            status = store_taps_add(settings->taps, settings->store, name, &window, error);
    }
    return status;
}

static int connector_open(struct connector *connector, const struct connector_definition *definition,
                          struct error *error) {
    int status = connector_validate(definition, error);
    for (const char *at = definition->topics; at && !status;)
        status = connector_add(connector, definition, connector_next_topic(&at), error);
    for (; !status && connector->started < connector->count; connector->started += !status) {
        struct sink *sink = &connector->sinks[connector->started]->sink;
        int failed = pthread_create(&sink->thread, NULL, sink_run, sink);
        if (failed)
            status = error_set_errno(error, failed, "cannot start a sink");
    }
    return status;
}

int connector_start(const struct connector_settings *settings, const struct connector_definition *definition,
                    struct connector **ret_connector, struct error *error) {
    struct connector *connector = memory_zero(1, sizeof *connector);
    if (!connector)
        return error_no_memory(error);
    connector->settings = *settings;
    connector->required = definition->required;
    snprintf(connector->name, sizeof connector->name, "%s", definition->name);
    if (definition->group)
        snprintf(connector->group, sizeof connector->group, "%s", definition->group);
    else
        snprintf(connector->group, sizeof connector->group, "%s.connector.%s", settings->group, definition->name);
    int status = connector_open(connector, definition, error);
    if (status) {
        connector_end(connector, false);
        connector_close(connector, NULL);
        return error_wrap(error, "connector %s", definition->name);
    }
    *ret_connector = connector;
    return 0;
}

/* --- the end
 * ------------------------------------------------------------------------------------------------------------------ */

void connector_end(struct connector *connector, bool drain) {
    atomic_store(drain ? &connector->drain : &connector->end, true);
}

bool connector_has_ended(const struct connector *connector) {
    for (size_t i = 0; i < connector->started; i++)
        if (!atomic_load(&connector->sinks[i]->sink.ended))
            return false;
    return true;
}

/* The first that has ended with an error; NULL: none has. */
static const struct sink *connector_find_failed(const struct connector *connector) {
    for (size_t i = 0; i < connector->started; i++) {
        const struct sink *sink = &connector->sinks[i]->sink;
        if (atomic_load(&sink->ended) && sink->status)
            return sink;
    }
    return NULL;
}

bool connector_has_failed(const struct connector *connector) {
    return connector_find_failed(connector) != NULL;
}

bool connector_tell_failed(struct connector *connector, struct error *ret_why) {
    const struct sink *failed = connector->told ? NULL : connector_find_failed(connector);
    if (failed)
        *ret_why = failed->error;
    connector->told |= failed != NULL;
    return failed != NULL;
}

uint64_t connector_progress(const struct connector *connector) {
    uint64_t progress = 0;
    for (size_t i = 0; i < connector->started; i++)
        progress += atomic_load(&connector->sinks[i]->sink.counts.commits);
    return progress;
}

/* How the sink ended, as an error of the connector: also when it was to bring over all, and did not. */
static int connector_sink_status(const struct connector *connector, const struct sink *sink, struct error *error) {
    if (sink->status) {
        *error = sink->error;
        return sink->status;
    }
    if (!atomic_load(&connector->drain) || sink->left == 0)
        return 0;
    char left[32] = "records";
    if (sink->left > 0)
        snprintf(left, sizeof left, "%lld records", (long long)sink->left);
    return error_set(error, ERROR_INTERRUPTED, "%s of topic %s are not delivered%s%s; the next run goes on with them",
                     left, sink->settings.topic, sink->waits_for.code ? ": " : "",
                     sink->waits_for.code ? sink->waits_for.message : "");
}

int connector_close(struct connector *connector, struct error *error) {
    struct error other;
    int status = 0;
    for (size_t i = 0; i < connector->started; i++) {
        pthread_join(connector->sinks[i]->sink.thread, NULL);
        if (!status)
            status = connector_sink_status(connector, &connector->sinks[i]->sink, error ? error : &other);
    }
    for (size_t i = 0; i < connector->count; i++) {
        sink_close(&connector->sinks[i]->sink);
        connector_free_sink(connector->sinks[i]);
    }
    free(connector->sinks);
    if (status && error)
        error_wrap(error, "connector %s", connector->name);
    free(connector);
    return status;
}

bool connector_is_required(const struct connector *connector) {
    return connector->required;
}

const char *connector_name(const struct connector *connector) {
    return connector->name;
}
