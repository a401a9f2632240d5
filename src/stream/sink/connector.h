/* Sink connectors: topics brought to the store, the cache or a webhook, each topic by a sink (stream/sink/sink.h) with
 * positions of its own, in group GROUP.connector.NAME. A connector whose target is away, or that has failed, holds up
 * nothing else. One thread starts and ends it. */
#ifndef METERLINE_STREAM_SINK_CONNECTOR_H
#define METERLINE_STREAM_SINK_CONNECTOR_H

#include "store/cache.h"
#include "store/store.h"
#include "stream/sink/lake_sink.h"
#include "stream/sink/sink.h"
#include "stream/sink/store_tap.h"

enum { CONNECTOR_TOPICS_MAXIMUM = 64, CONNECTOR_WORKERS_MAXIMUM = 16 };

struct connector_settings {
    struct bus *bus;
    struct store *store;     /* NULL: none */
    struct store_taps *taps; /* NULL: none; those of its topics are shared with their sinks */
    /* Gives the cache, which lives longer than the connectors; called when a connector wants it. */
    int (*cache)(void *context, struct cache **ret_cache, struct error *error);
    /* Gives the lake of a URL (NULL: the run's), which lives longer than the connectors; NULL: there is none. */
    int (*lake)(void *context, const char *url, struct lake **ret_lake, struct error *error);
    /* How the records of a topic are read, as its stream or table says; in `arena`. ERROR_NOT_FOUND: none is of it. */
    int (*format)(void *context, const char *topic, struct arena *arena, struct lake_sink_format *ret_format,
                  struct error *error);
    void *context;
    const struct clock *clock;
    const struct log *log;
    const char *group;   /* of the run */
    atomic_bool *failed; /* of the caller, for when required connectors have failed */
};

/* What CREATE SINK CONNECTOR says; or the options of a run, for what only they can say. */
struct connector_definition {
    const char *name, *type; /* "store", "cache", "lake", "webhook"; of options also "readings", into the cache */
    const char *topics;      /* separated by commas */
    const char *url, *authorization; /* of a webhook, url of a lake too; NULL: not given */
    const char *table;               /* of a lake; NULL: named as the topic */
    const char *readings;            /* of a lake: the topic that has readings; NULL: "metrics" */
    int64_t commit_interval, commit_bytes, memory, keep_snapshots; /* of a lake (lake_sink.h) */
    const char *group;                                             /* whose positions; NULL: GROUP.connector.NAME */
    bool required;     /* the run ends when all required ones of the name have failed */
    size_t workers;    /* sinks for each topic, up to CONNECTOR_WORKERS_MAXIMUM; 0: one */
    bool values;       /* of "readings": the latest value of each series too */
    int64_t max_ahead; /* of "readings", ms: what is further ahead of the log's clock is passed by */
};

struct connector;

/* What can be known before it starts. ERROR_INVALID, ERROR_UNSUPPORTED: its type, a topic, its url. */
int connector_validate(const struct connector_definition *definition, struct error *error);
/* Before the queries start: what they write to topics of the definition goes to the store without being read back, when
 * the connector brings them there (stream/sink/store_tap.h). Nothing is checked. */
int connector_tap(const struct connector_settings *settings, const struct connector_definition *definition,
                  struct error *error);
/* Starts its sinks. ERROR_INVALID: unknown type, a topic that the type cannot take, no store or cache. */
int connector_start(const struct connector_settings *settings, const struct connector_definition *definition,
                    struct connector **ret_connector, struct error *error);
/* Tells its sinks to end, and does not wait; `drain`: when they have brought over what is in the topics. A connector
 * that drains may be told to end at once. */
void connector_end(struct connector *connector, bool drain);
/* Have its sinks ended? A sink waits for its target's answer, and so may take some seconds. */
bool connector_has_ended(const struct connector *connector);
/* Grows when the targets have taken something. */
uint64_t connector_progress(const struct connector *connector);
/* After connector_end: waits for the sinks, and frees the connector. The first error of its sinks; when they were to
 * drain and did not, ERROR_INTERRUPTED: how much is left, and why. */
int connector_close(struct connector *connector, struct error *error);
bool connector_has_failed(const struct connector *connector); /* a sink of it has ended with an error */
/* True once, when a sink of it has ended with an error: *ret_why. Its other sinks go on. */
bool connector_tell_failed(struct connector *connector, struct error *ret_why);
const char *connector_name(const struct connector *connector);
bool connector_is_required(const struct connector *connector);

#endif
