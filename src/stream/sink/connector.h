/* Sink connectors: topics brought to the store, the cache or a webhook, each topic by a sink (stream/sink.h) with
 * positions of its own, in group GROUP.connector.NAME. */
#ifndef METERLINE_STREAM_SINK_CONNECTOR_H
#define METERLINE_STREAM_SINK_CONNECTOR_H

#include "store/cache.h"
#include "store/store.h"
#include "stream/sink/sink.h"

enum { CONNECTOR_TOPICS_MAXIMUM = 64 };

struct connector_settings {
    struct bus *bus;
    struct store *store; /* NULL: none */
    /* Gives the cache, which lives longer than the connectors; called when a connector wants it. */
    int (*cache)(void *context, struct cache **ret_cache, struct error *error);
    void *context;
    const struct clock *clock;
    const struct log *log;
    const char *group;   /* of the run */
    atomic_bool *failed; /* set when a connector ends with an error */
};

/* What CREATE SINK CONNECTOR says. */
struct connector_definition {
    const char *name, *type;         /* "store", "cache", "webhook" */
    const char *topics;              /* separated by commas */
    const char *url, *authorization; /* of a webhook; NULL: not given */
};

struct connector;

/* Starts its sinks. ERROR_INVALID: unknown type, a topic that the type cannot take, no store or cache. */
int connector_start(const struct connector_settings *settings, const struct connector_definition *definition,
                    struct connector **ret_connector, struct error *error);
/* Ends it; `drain`: when it has brought over what is in the topics. The first error of its sinks. */
int connector_stop(struct connector *connector, bool drain, struct error *error);
const char *connector_name(const struct connector *connector);

#endif
