/* Connectors are started one by one, so that one that cannot start does not hold up the others, and are ended as the
 * picture in run_connectors.h shows. */
#include "cli/run/run_connectors.h"

#include <stdio.h>

#include <stdlib.h>

#include "core/arena.h"
#include "core/memory.h"
#include "core/options.h"
#include "sql/catalog/properties.h"

#define LOOK_NS     INT64_C(20000000)
#define PATIENCE_NS INT64_C(800000000) /* for the answers that are awaited when all ends */

void run_connectors_open(struct run_connectors *connectors, const struct connector_settings *settings, int64_t limit) {
    *connectors = (struct run_connectors){.settings = *settings, .limit = limit};
    connectors->settings.taps = &connectors->taps;
}

void run_connectors_release(struct run_connectors *connectors) {
    store_taps_release(&connectors->taps);
    arena_release(&connectors->arena);
}

/* --- of options
 * ------------------------------------------------------------------------------------------------------------------ */

int run_connectors_add(struct run_connectors *connectors, const struct connector_definition *definition,
                       struct error *error) {
    struct arena *arena = &connectors->arena;
    if (connectors->added_count == RUN_CONNECTORS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "at most %d connectors can run", RUN_CONNECTORS_MAXIMUM);
    struct connector_definition *at = &connectors->added[connectors->added_count];
    *at = *definition;
    at->name = arena_copy(arena, slice_of(definition->name)).data;
    at->topics = arena_copy(arena, slice_of(definition->topics)).data;
    at->group = arena_copy(arena, slice_of(definition->group)).data;
    at->readings = arena_copy(arena, slice_of(definition->readings)).data;
    if (!at->name || !at->topics || !at->group || (definition->readings && !at->readings))
        return error_no_memory(error);
    connectors->added_count++;
    return 0;
}

int run_connectors_reset(const struct run_connectors *connectors, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < connectors->added_count && !status; i++)
        status = bus_group_reset(connectors->settings.bus, connectors->added[i].group, error);
    return status;
}

/* Those that were dropped and have ended are freed; the end of the others is not waited for. */
static void connectors_reap(struct run_connectors *connectors) {
    for (size_t i = connectors->dropped_count; i-- > 0;)
        if (connector_has_ended(connectors->dropped[i])) {
            connector_close(connectors->dropped[i], NULL);
            connectors->dropped[i] = connectors->dropped[--connectors->dropped_count];
        }
}

static int connectors_start(struct run_connectors *connectors, const struct connector_definition *definition,
                            struct error *error) {
    connectors_reap(connectors);
    if (connectors->count + connectors->dropped_count >= 2 * RUN_CONNECTORS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "at most %d connectors can run", 2 * RUN_CONNECTORS_MAXIMUM);
    int status = connector_start(&connectors->settings, definition, &connectors->running[connectors->count], error);
    connectors->count += !status;
    return status;
}

/* --- of statements
 * ------------------------------------------------------------------------------------------------------------------ */

/* A string among the properties of a connector, NUL-terminated in `arena`; NULL: not given. */
static const char *connectors_property(const struct session_connector *connector, const char *name,
                                       struct arena *arena) {
    const struct property *property = property_of(connector->properties, name);
    return property && property->value->kind == EXPRESSION_STRING ? arena_copy(arena, property->value->text).data
                                                                  : NULL;
}

/* The secret stands in the environment, under a name that the statement gives, or in the statement. */
static int connectors_authorization(const struct run_connectors *connectors, const struct session_connector *wanted,
                                    struct arena *arena, struct connector_definition *definition, struct error *error) {
    const char *variable = connectors_property(wanted, "authorization.env", arena);
    definition->authorization = variable ? getenv(variable) : connectors_property(wanted, "authorization", arena);
    if (variable && !definition->authorization)
        return error_set(error, ERROR_INVALID,
                         "connector %s: the environment has no variable %s, which its 'authorization.env' names",
                         definition->name, variable);
    if (!variable && definition->authorization)
        log_write(connectors->settings.log, LOG_WARNING,
                  "connector %s: its 'authorization' stands in plain text in the topic of statements; keep it in the "
                  "environment: 'authorization.env' = 'NAME'",
                  definition->name);
    return 0;
}

static int connectors_duration(const struct session_connector *wanted, const char *name, int64_t fallback,
                               struct arena *arena, int64_t *ret_duration, struct error *error) {
    const char *text = connectors_property(wanted, name, arena);
    *ret_duration = fallback;
    return text ? options_read_duration(name, text, ret_duration, error) : 0;
}

static int connectors_bytes(const struct session_connector *wanted, const char *name, int64_t fallback,
                            struct arena *arena, int64_t *ret_bytes, struct error *error) {
    const char *text = connectors_property(wanted, name, arena);
    *ret_bytes = fallback;
    return !text || options_read_bytes(text, ret_bytes)
               ? 0
               : error_set(error, ERROR_INVALID, "'%s' is a number of bytes such as 128M, not %s", name, text);
}

/* How a lake's table is committed to. */
static int connectors_define_lake(const struct session_connector *wanted, struct arena *arena,
                                  struct connector_definition *definition, struct error *error) {
    int status =
        connectors_duration(wanted, "commit.interval", LAKE_SINK_INTERVAL, arena, &definition->commit_interval, error);
    if (!status)
        status = connectors_duration(wanted, "snapshots", LAKE_SINK_KEEP_SNAPSHOTS, arena, &definition->keep_snapshots,
                                     error);
    if (!status)
        status = connectors_bytes(wanted, "commit.size", LAKE_SINK_BYTES, arena, &definition->commit_bytes, error);
    return status ? status : connectors_bytes(wanted, "memory", LAKE_SINK_MEMORY, arena, &definition->memory, error);
}

static int connectors_define(const struct session_connector *wanted, struct arena *arena,
                             struct connector_definition *ret_definition, struct error *error) {
    *ret_definition = (struct connector_definition){.name = arena_copy(arena, wanted->name).data,
                                                    .type = connectors_property(wanted, "type", arena),
                                                    .topics = connectors_property(wanted, "topics", arena),
                                                    .url = connectors_property(wanted, "url", arena),
                                                    .table = connectors_property(wanted, "table", arena),
                                                    .readings = connectors_property(wanted, "readings", arena)};
    if (!ret_definition->name || !ret_definition->type || !ret_definition->topics)
        return error_no_memory(error);
    return connectors_define_lake(wanted, arena, ret_definition, error);
}

static int connectors_run(struct run_connectors *connectors, const struct session_connector *wanted,
                          struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct connector_definition definition;
    int status = connectors_define(wanted, &arena, &definition, error);
    if (!status)
        status = connectors_authorization(connectors, wanted, &arena, &definition, error);
    return status ? status : connectors_start(connectors, &definition, error);
}

static void connectors_note(const struct run_connectors *connectors, const char *name, const char *failure) {
    if (connectors->note)
        connectors->note(connectors->note_context, name, failure);
}

/* Have all that the option of one has asked for failed? */
static bool connectors_failed_together(const struct run_connectors *connectors, const struct connector *one) {
    for (size_t i = 0; i < connectors->count; i++)
        if (strcmp(connector_name(connectors->running[i]), connector_name(one)) == 0 &&
            !connector_has_failed(connectors->running[i]))
            return false;
    return true;
}

void run_connectors_look(struct run_connectors *connectors) {
    struct error why;
    for (size_t i = 0; i < connectors->count; i++) {
        struct connector *connector = connectors->running[i];
        if (connector_tell_failed(connector, &why) && !connector_is_required(connector))
            connectors_note(connectors, connector_name(connector), why.message);
        if (connector_is_required(connector) && connector_has_failed(connector) &&
            connectors_failed_together(connectors, connector))
            atomic_store(connectors->settings.failed, true);
    }
}

static void connectors_try(struct run_connectors *connectors, const struct session_connector *wanted) {
    struct error error;
    int status = connectors_run(connectors, wanted, &error);
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)wanted->name.length, wanted->name.data);
    connectors_note(connectors, name, status ? error.message : NULL);
    if (!status)
        return;
    log_write(connectors->settings.log, LOG_ERROR, "%s; all else goes on", error.message);
    if (!connectors->status) {
        connectors->error = error;
        connectors->status = error.code;
    }
}

int run_connectors_want(struct run_connectors *connectors, const struct session_connector *connector,
                        struct error *error) {
    if (connectors->wanted_count == RUN_CONNECTORS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "at most %d connectors can run", RUN_CONNECTORS_MAXIMUM);
    connectors_reap(connectors);
    for (size_t i = 0; i < connectors->dropped_count; i++) /* its last commit would move the position of the new one */
        if (slice_equal(slice_of(connector_name(connectors->dropped[i])), connector->name))
            return error_set(error, ERROR_BUSY, "connector %s is still ending", connector_name(connectors->dropped[i]));
    if (connectors->started)
        connectors_try(connectors, connector);
    else
        connectors->wanted[connectors->wanted_count++] = connector;
    return 0;
}

int run_connectors_tap_wanted(struct run_connectors *connectors, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    int status = 0;
    for (size_t i = 0; i < connectors->added_count && !status; i++)
        status = connector_tap(&connectors->settings, &connectors->added[i], error);
    for (size_t i = 0; i < connectors->wanted_count && !status; i++) {
        struct connector_definition definition;
        status = connectors_define(connectors->wanted[i], &arena, &definition, error);
        if (!status)
            status = connector_tap(&connectors->settings, &definition, error);
    }
    return status;
}

int run_connectors_start_wanted(struct run_connectors *connectors, struct error *error) {
    int status = 0;
    connectors->started = true;
    for (size_t i = 0; i < connectors->added_count && !status; i++)
        status = connectors_start(connectors, &connectors->added[i], error);
    if (status)
        return status;
    for (size_t i = 0; i < connectors->wanted_count; i++)
        connectors_try(connectors, connectors->wanted[i]);
    connectors->wanted_count = 0;
    return 0;
}

/* Takes a connector out of the running ones. */
static struct connector *connectors_take(struct run_connectors *connectors, size_t at) {
    struct connector *connector = connectors->running[at];
    connectors->running[at] = connectors->running[--connectors->count];
    return connector;
}

void run_connectors_drop(struct run_connectors *connectors, struct slice name) {
    char copy[256];
    snprintf(copy, sizeof copy, "%.*s", (int)name.length, name.data);
    connectors_note(connectors, copy, NULL);
    for (size_t i = connectors->wanted_count; i-- > 0;)
        if (slice_equal(connectors->wanted[i]->name, name))
            connectors->wanted[i] = connectors->wanted[--connectors->wanted_count];
    for (size_t i = connectors->count; i-- > 0;)
        if (slice_equal(slice_of(connector_name(connectors->running[i])), name)) {
            struct connector *connector = connectors_take(connectors, i);
            connector_end(connector, false);
            connectors->dropped[connectors->dropped_count++] = connector;
        }
    connectors_reap(connectors);
}

/* --- the end
 * ------------------------------------------------------------------------------------------------------------------ */

static bool connectors_have_ended(const struct run_connectors *connectors) {
    bool ended = true;
    for (size_t i = 0; i < connectors->count && ended; i++)
        ended = connector_has_ended(connectors->running[i]);
    return ended;
}

static void connectors_tell(struct run_connectors *connectors, bool drain) {
    for (size_t i = 0; i < connectors->count; i++)
        connector_end(connectors->running[i], drain);
}

/* Until all has been brought over, the user asks to stop, or no target has taken anything for the limit. */
static void connectors_drain(struct run_connectors *connectors, const atomic_bool *asked) {
    const struct clock *clock = connectors->settings.clock;
    int64_t last = clock_monotonic_ns(clock);
    uint64_t before = 0;
    connectors_tell(connectors, true);
    while (!connectors_have_ended(connectors) && !atomic_load(asked)) {
        uint64_t progress = 0;
        for (size_t i = 0; i < connectors->count; i++)
            progress += connector_progress(connectors->running[i]);
        last = progress != before ? clock_monotonic_ns(clock) : last;
        before = progress;
        if (clock_monotonic_ns(clock) - last >= connectors->limit * 1000000)
            return;
        clock_sleep_ns(clock, LOOK_NS);
    }
}

static void connectors_abandon(struct run_connectors *connectors, struct connector *connector) {
    log_write(connectors->settings.log, LOG_WARNING,
              "connector %s still waits for an answer: the run ends without it, and the next one goes on where it was",
              connector_name(connector));
    connectors->abandoned = true;
}

int run_connectors_end(struct run_connectors *connectors, bool drain, const atomic_bool *asked, struct error *error) {
    const struct clock *clock = connectors->settings.clock;
    struct error found;
    if (drain)
        connectors_drain(connectors, asked);
    run_connectors_look(connectors);
    connectors_tell(connectors, false);
    int64_t begin = clock_monotonic_ns(clock);
    while (!connectors_have_ended(connectors) && clock_monotonic_ns(clock) - begin < PATIENCE_NS)
        clock_sleep_ns(clock, LOOK_NS);
    while (connectors->count) {
        struct connector *connector = connectors_take(connectors, 0);
        bool ended = connector_has_ended(connector), required = connector_is_required(connector);
        int status = ended ? connector_close(connector, &found) : 0;
        if (!ended)
            connectors_abandon(connectors, connector);
        if (status && atomic_load(asked) && (status == ERROR_INTERRUPTED || !required)) {
            log_write(connectors->settings.log, LOG_WARNING, "%s", found.message);
        } else if (status && !connectors->status) {
            connectors->error = found;
            connectors->status = status;
            connectors->required_failed = required;
        }
    }
    connectors_reap(connectors);
    connectors->abandoned |= connectors->dropped_count > 0;
    if (!connectors->required_failed && atomic_load(asked))
        return 0;
    if (connectors->status)
        *error = connectors->error;
    return connectors->status;
}
