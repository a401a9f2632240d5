#include "stream/sink/connector.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/sink/cache_topic_sink.h"
#include "stream/sink/store_sink.h"
#include "stream/sink/webhook_sink.h"

struct connector_sink {
    struct sink sink;
    char topic[BUS_TOPIC_NAME_MAXIMUM + 1], rejected[BUS_TOPIC_NAME_MAXIMUM + 16];
};

struct connector {
    struct connector_settings settings;
    char name[256], group[700];
    struct connector_sink *sinks;
    size_t count, started;
    atomic_bool end, drain;
};

/* N of TOPIC-aggregates-N, in ms; 0: it is none. */
static int64_t connector_window(const char *topic) {
    const char *mark = strstr(topic, "-aggregates-");
    char *end;
    int64_t seconds = mark ? strtoll(mark + strlen("-aggregates-"), &end, 10) : 0;
    return mark && *end == '\0' && seconds > 0 && seconds < INT64_MAX / 1000 ? seconds * 1000 : 0;
}

static int connector_target(const struct connector *connector, const struct connector_definition *definition,
                            const char *topic, const struct sink_target **ret_target, void **ret_context,
                            struct error *error) {
    const struct connector_settings *settings = &connector->settings;
    if (strcmp(definition->type, "store") == 0) {
        int64_t window = connector_window(topic);
        if (!settings->store)
            return error_set(error, ERROR_INVALID, "there is no store: give one by --store");
        if (!window)
            return error_set(error, ERROR_INVALID,
                             "the store takes topics of aggregates, whose names end in -aggregates-SECONDS; %s is none",
                             topic);
        *ret_target = &store_sink_target;
        return store_sink_new(settings->store, window, ret_context, error);
    }
    if (strcmp(definition->type, "cache") == 0) {
        struct cache *cache;
        int status = settings->cache(settings->context, &cache, error);
        if (status)
            return status;
        *ret_target = &cache_topic_sink_target;
        return cache_topic_sink_new(cache, ret_context, error);
    }
    if (strcmp(definition->type, "webhook") == 0) {
        if (!definition->url)
            return error_set(error, ERROR_INVALID,
                             "a webhook needs its url: WITH ('type'='webhook', 'url'='http://..', 'topics'='..')");
        *ret_target = &webhook_sink_target;
        return webhook_sink_new(definition->url, definition->authorization, bus_registry(settings->bus), ret_context,
                                error);
    }
    return error_set(error, ERROR_UNSUPPORTED,
                     "connectors of type %s are not there yet; there are store, cache and webhook", definition->type);
}

static int connector_add(struct connector *connector, const struct connector_definition *definition, struct slice topic,
                         struct error *error) {
    struct connector_sink *at = &connector->sinks[connector->count];
    const struct sink_target *target;
    void *context;
    if (topic.length == 0 || topic.length > BUS_TOPIC_NAME_MAXIMUM || connector->count == CONNECTOR_TOPICS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "'topics' is a list of 1 to %d names of topics",
                         CONNECTOR_TOPICS_MAXIMUM);
    snprintf(at->topic, sizeof at->topic, "%.*s", (int)topic.length, topic.data);
    snprintf(at->rejected, sizeof at->rejected, "%s-rejected", at->topic);
    int status = connector_target(connector, definition, at->topic, &target, &context, error);
    if (status)
        return status;
    struct sink_settings settings = {.bus = connector->settings.bus,
                                     .group = connector->group,
                                     .topic = at->topic,
                                     .rejected = at->rejected,
                                     .count = 1,
                                     .clock = connector->settings.clock,
                                     .log = connector->settings.log,
                                     .stop = &connector->end,
                                     .failed = connector->settings.failed,
                                     .drain = &connector->drain};
    status = sink_open(&at->sink, &settings, target, context, error);
    connector->count += !status;
    return status;
}

static int connector_open(struct connector *connector, const struct connector_definition *definition,
                          struct error *error) {
    int status = 0;
    for (const char *at = definition->topics; at && !status;) {
        const char *comma = strchr(at, ',');
        struct slice topic = {at, comma ? (size_t)(comma - at) : strlen(at)};
        while (topic.length && *topic.data == ' ')
            topic.data++, topic.length--;
        while (topic.length && topic.data[topic.length - 1] == ' ')
            topic.length--;
        status = connector_add(connector, definition, topic, error);
        at = comma ? comma + 1 : NULL;
    }
    for (; !status && connector->started < connector->count; connector->started += !status) {
        struct sink *sink = &connector->sinks[connector->started].sink;
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
    snprintf(connector->name, sizeof connector->name, "%s", definition->name);
    snprintf(connector->group, sizeof connector->group, "%s.connector.%s", settings->group, definition->name);
    connector->sinks = memory_zero(CONNECTOR_TOPICS_MAXIMUM, sizeof *connector->sinks);
    int status = connector->sinks ? connector_open(connector, definition, error) : error_no_memory(error);
    if (status) {
        connector_stop(connector, false, NULL);
        return error_wrap(error, "connector %s", definition->name);
    }
    *ret_connector = connector;
    return 0;
}

int connector_stop(struct connector *connector, bool drain, struct error *error) {
    int status = 0;
    atomic_store(drain ? &connector->drain : &connector->end, true);
    for (size_t i = 0; i < connector->started; i++) {
        struct sink *sink = &connector->sinks[i].sink;
        pthread_join(sink->thread, NULL);
        if (sink->status && !status) {
            status = sink->status;
            if (error)
                *error = sink->error;
        }
    }
    for (size_t i = 0; i < connector->count; i++)
        sink_close(&connector->sinks[i].sink);
    free(connector->sinks);
    if (status && error)
        error_wrap(error, "connector %s", connector->name);
    free(connector);
    return status;
}

const char *connector_name(const struct connector *connector) {
    return connector->name;
}
