/* Plans are gathered while statements are read, started together, and followed: what the command topic brings later
 * is added or removed one by one. */
#include "cli/run/run_pipeline.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/group/forget.h"
#include "stream/group/results.h"
#include "stream/runtime/startup.h"

#define FOLLOW_INTERVAL_NS INT64_C(200000000)
enum { FOLLOW_DOUBLINGS = 5 }; /* of the interval, from try to try of what fails */

/* Is it one of the default pipeline, which no statement has made? */
static bool pipeline_is_own(const struct run_pipeline *pipeline, const struct query_plan *plan) {
    for (size_t i = pipeline->own_begin; i < pipeline->own_end; i++)
        if (pipeline->plans[i] == plan)
            return true;
    return false;
}

/* Says once why a query does not run; the first of them is what the run ends with. */
static void pipeline_query_failed(void *context, const struct query_plan *plan, const struct error *why) {
    struct run_pipeline *pipeline = context;
    struct error ignored;
    log_write(pipeline->settings.log, LOG_WARNING, "query %s does not run, all else goes on: %s", plan->id,
              why->message);
    if (!pipeline->failure.code) {
        pipeline->failure = *why;
        error_wrap(&pipeline->failure, "query %s does not run", plan->id);
    }
    if (memory_reserve((void **)&pipeline->failed, &pipeline->failed_capacity, pipeline->failed_count + 1,
                       sizeof(struct query_plan *)))
        pipeline->failed[pipeline->failed_count++] = plan;
    if (!pipeline_is_own(pipeline, plan) && sql_session_note_query(&pipeline->sql, plan->id, why->message, &ignored))
        log_write(pipeline->settings.log, LOG_WARNING, "SHOW QUERIES does not know of it: %s", ignored.message);
}

/* It may have failed in an earlier run. */
static void pipeline_query_runs(struct run_pipeline *pipeline, const struct query_plan *plan) {
    struct error ignored;
    for (size_t i = 0; i < pipeline->failed_count; i++)
        if (pipeline->failed[i] == plan)
            return;
    if (!pipeline_is_own(pipeline, plan) && sql_session_note_query(&pipeline->sql, plan->id, NULL, &ignored))
        log_write(pipeline->settings.log, LOG_WARNING, "SHOW QUERIES does not know that query %s runs: %s", plan->id,
                  ignored.message);
}

static int pipeline_start_queries(struct run_pipeline *pipeline, const struct query_plan *const *plans, size_t count,
                                  struct error *error) {
    int status = query_runner_start(pipeline->runner, plans, count, pipeline_query_failed, pipeline, error);
    for (size_t i = 0; i < count && !status; i++)
        pipeline_query_runs(pipeline, plans[i]);
    return status;
}

static int pipeline_start_query(struct run_pipeline *pipeline, const struct query_plan *plan, struct error *error) {
    if (pipeline->runner)
        return pipeline_start_queries(pipeline, &plan, 1, error);
    if (!memory_reserve((void **)&pipeline->plans, &pipeline->plan_capacity, pipeline->plan_count + 1,
                        sizeof(struct query_plan *)))
        return error_no_memory(error);
    pipeline->plans[pipeline->plan_count++] = plan;
    return 0;
}

/* Dropped, perhaps long ago, and perhaps after it had run. */
static int pipeline_note_dropped(struct run_pipeline *pipeline, const char *id, struct error *error) {
    const char *copy = arena_copy(&pipeline->names, slice_of(id)).data;
    if (!copy || !memory_reserve((void **)&pipeline->dropped, &pipeline->dropped_capacity, pipeline->dropped_count + 1,
                                 sizeof *pipeline->dropped))
        return error_no_memory(error);
    pipeline->dropped[pipeline->dropped_count++] = copy;
    return 0;
}

/* The query ends in any case. What it leaves may have to wait: positions of a group on Kafka while another instance has
 * not ended it yet; the next start forgets them. */
static int pipeline_remove(struct run_pipeline *pipeline, const char *id, struct error *error) {
    int status = query_runner_remove(pipeline->runner, id, true, error);
    if (!status || status == ERROR_NOT_FOUND || status == ERROR_NO_MEMORY)
        return status == ERROR_NOT_FOUND ? 0 : status;
    log_write(pipeline->settings.log, LOG_INFO, "query %s has ended; what it leaves is forgotten later: %s", id,
              error->message);
    return 0;
}

static int pipeline_stop_query(struct run_pipeline *pipeline, const char *id, struct error *error) {
    int status = pipeline->runner ? 0 : pipeline_note_dropped(pipeline, id, error);
    if (status)
        return status;
    for (size_t i = 0; i < pipeline->plan_count; i++)
        if (strcmp(pipeline->plans[i]->id, id) == 0) {
            memmove(&pipeline->plans[i], &pipeline->plans[i + 1],
                    (--pipeline->plan_count - i) * sizeof pipeline->plans[0]);
            return 0;
        }
    if (!pipeline->runner)
        return 0;
    return pipeline_remove(pipeline, id, error);
}

/* --- effects
 * ------------------------------------------------------------------------------------------------------------------ */

static int pipeline_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct run_pipeline *pipeline = context;
    switch (effect->kind) {
    case EFFECT_QUERY_START:
        return pipeline_start_query(pipeline, effect->query, error);
    case EFFECT_CONNECTOR_START:
        return run_connectors_want(&pipeline->connectors, effect->connector, error);
    case EFFECT_CONNECTOR_STOP:
        run_connectors_drop(&pipeline->connectors, effect->text);
        return 0;
    case EFFECT_QUERY_STOP:
        return pipeline_stop_query(pipeline, effect->text.data, error);
    case EFFECT_MESSAGE:
        log_write(pipeline->settings.log, LOG_DEBUG, "%s", effect->text.data);
        return 0;
    default:
        return 0; /* answers are for a prompt */
    }
}

/* The query that writes a topic; NULL: none of those at hand. */
static const struct query_plan *pipeline_writer(const struct run_pipeline *pipeline, const char *topic) {
    for (size_t i = 0; i < pipeline->plan_count; i++) {
        const struct query_plan *plan = pipeline->plans[i];
        if (strcmp(plan->stages[plan->stage_count - 1].sink->sink.topic, topic) == 0)
            return plan;
    }
    return NULL;
}

/* A result is not written twice: when a statement has made a query for it, that one does it. */
static int pipeline_default_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct run_pipeline *pipeline = context;
    if (effect->kind != EFFECT_QUERY_START)
        return pipeline_effect(context, effect, error);
    const char *topic = effect->query->stages[effect->query->stage_count - 1].sink->sink.topic;
    const struct query_plan *writer = pipeline_writer(pipeline, topic);
    if (!writer)
        return pipeline_effect(context, effect, error);
    log_write(pipeline->settings.log, LOG_INFO, "topic %s is written by query %s of the statements in the log", topic,
              writer->id);
    return 0;
}

/* The default pipeline is not a statement of the log: it is planned in a session of its own, and not kept. */
static int pipeline_plan_default(struct run_pipeline *pipeline, struct slice statements, struct error *error) {
    struct session_options options = {.registry = bus_registry(pipeline->settings.bus), .clock = &clock_system};
    int status = session_new(&options, &pipeline->own, error);
    pipeline->own_begin = pipeline->plan_count;
    if (!status)
        status = session_execute(pipeline->own, statements, pipeline_default_effect, pipeline, error);
    pipeline->own_end = pipeline->plan_count;
    return status;
}

/* Beside those of queries, whose ids have no blanks. */
static void pipeline_note_connector(void *context, const char *name, const char *failure) {
    struct run_pipeline *pipeline = context;
    struct error ignored;
    char id[300];
    snprintf(id, sizeof id, "%s%s", SESSION_CONNECTOR_ID, name);
    if (sql_session_note_query(&pipeline->sql, id, failure, &ignored))
        log_write(pipeline->settings.log, LOG_WARNING, "SHOW CONNECTORS does not know of it: %s", ignored.message);
}

int run_pipeline_open(struct run_pipeline *pipeline, const struct query_settings *settings,
                      const struct connector_settings *targets, int64_t limit, struct slice statements, bool lasting,
                      struct error *error) {
    *pipeline = (struct run_pipeline){.settings = *settings};
    run_connectors_open(&pipeline->connectors, targets, limit);
    pipeline->connectors.note = pipeline_note_connector;
    pipeline->connectors.note_context = pipeline;
    pipeline->settings.taps = (struct taps){store_taps_find, &pipeline->connectors.taps};
    int status = sql_session_open(&pipeline->sql, settings->bus, settings->log, pipeline_effect, pipeline, error);
    if (!status)
        status = lasting ? sql_session_execute(&pipeline->sql, statements, true, error)
                         : pipeline_plan_default(pipeline, statements, error);
    if (status)
        run_pipeline_close(pipeline);
    return status;
}

void run_pipeline_close(struct run_pipeline *pipeline) {
    pipeline->runner = query_runner_close(pipeline->runner); /* before the session, whose plans it runs */
    run_connectors_release(&pipeline->connectors);
    sql_session_close(&pipeline->sql);
    pipeline->own = session_free(pipeline->own);
    free(pipeline->plans);
    free(pipeline->failed);
    free(pipeline->dropped);
    arena_release(&pipeline->names);
    pipeline->plans = NULL;
    pipeline->dropped = NULL;
    pipeline->plan_count = pipeline->plan_capacity = 0;
}

/* Results of statements that the log keeps are written by one group, or by several that know of it. */
static int pipeline_check_groups(const struct run_pipeline *pipeline, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const struct query_plan **plans = arena_allocate(&arena, (pipeline->plan_count + 1) * sizeof *plans);
    size_t count = 0;
    if (!plans)
        return error_no_memory(error);
    for (size_t i = 0; i < pipeline->plan_count; i++)
        if (!pipeline_is_own(pipeline, pipeline->plans[i]))
            plans[count++] = pipeline->plans[i];
    return count && !pipeline->yes
               ? query_results_check(pipeline->settings.bus, pipeline->settings.group, plans, count, error)
               : 0;
}

/* One that has been made again is not forgotten. */
static void pipeline_keep_made(struct run_pipeline *pipeline) {
    for (size_t i = pipeline->dropped_count; i-- > 0;)
        for (size_t p = 0; p < pipeline->plan_count; p++)
            if (strcmp(pipeline->plans[p]->id, pipeline->dropped[i]) == 0) {
                pipeline->dropped[i] = pipeline->dropped[--pipeline->dropped_count];
                break;
            }
}

int run_pipeline_start(struct run_pipeline *pipeline, struct error *error) {
    pipeline_keep_made(pipeline);
    int status = pipeline_check_groups(pipeline, error);
    if (!status)
        status = query_runner_open(&pipeline->settings, &pipeline->runner, error);
    if (!status)
        status = query_forget_queries(pipeline->settings.bus, pipeline->settings.group, pipeline->dropped,
                                      pipeline->dropped_count, error);
    pipeline->dropped_count = 0;
    if (!status)
        status = run_connectors_tap_wanted(&pipeline->connectors, error);
    if (!status && pipeline->plan_count)
        status = pipeline_start_queries(pipeline, pipeline->plans, pipeline->plan_count, error);
    bool nothing =
        pipeline->failed_count && pipeline->failed_count == pipeline->plan_count && !pipeline->connectors.wanted_count;
    pipeline->plan_count = 0;
    if (!status && nothing) {
        *error = pipeline->failure;
        return pipeline->failure.code;
    }
    if (!status)
        status = run_connectors_start_wanted(&pipeline->connectors, error);
    return status;
}

/* Until it is time to look for statements again: soon, or later and later while they cannot be done. */
static void pipeline_pause(const struct query_settings *settings, unsigned failures) {
    unsigned pauses = 1u << (failures < FOLLOW_DOUBLINGS ? failures : FOLLOW_DOUBLINGS);
    for (unsigned i = 0; i < pauses && !atomic_load(settings->stop); i++)
        clock_sleep_ns(settings->clock, FOLLOW_INTERVAL_NS);
}

/* What cannot be done now, since the log or the registry is away, is tried again: no statement is lost. */
static int pipeline_catch_up(struct run_pipeline *pipeline, unsigned *failures, struct error *error) {
    int status = sql_session_catch_up(&pipeline->sql, error);
    if (!status || !error->retriable) {
        *failures = 0;
        return status;
    }
    log_write(pipeline->settings.log, *failures ? LOG_DEBUG : LOG_WARNING, "statements wait and are tried again: %s",
              error->message);
    ++*failures;
    return 0;
}

/* Its topic is gone, and no statement has ended it: it fails alone. */
static int pipeline_end_orphan(struct run_pipeline *pipeline, const struct query_plan *plan, struct error *error) {
    struct error why;
    error_set(&why, ERROR_NOT_FOUND, "topic %s was deleted while it was written to; the next run begins it anew",
              plan->stages[plan->stage_count - 1].sink->sink.topic);
    pipeline_query_failed(pipeline, plan, &why);
    return pipeline_remove(pipeline, plan->id, error);
}

/* Queries and connectors that could not go on. */
static void pipeline_note_failed(struct run_pipeline *pipeline) {
    const struct query_plan *plan;
    struct error why;
    run_connectors_look(&pipeline->connectors);
    while ((plan = query_runner_failed(pipeline->runner, &why)))
        pipeline_query_failed(pipeline, plan, &why);
}

/* What is away is waited for: the next look tries again. */
static int pipeline_regroup(struct run_pipeline *pipeline, bool *ret_begun, struct error *error) {
    int status = query_runner_regroup(pipeline->runner, ret_begun, error);
    return status && error->retriable ? 0 : status;
}

/* A topic is deleted after its statement was kept (DROP .. DELETE TOPIC), so that this is known when the topic is
 * missed. */
static int pipeline_look(struct run_pipeline *pipeline, unsigned *failures, struct error *error) {
    const struct query_plan *orphan = query_runner_orphan(pipeline->runner);
    bool begun;
    pipeline_note_failed(pipeline);
    int status = pipeline_catch_up(pipeline, failures, error);
    if (!status)
        status = pipeline_regroup(pipeline, &begun, error);
    if (status || *failures || !orphan || query_runner_orphan(pipeline->runner) != orphan)
        return status;
    return pipeline_end_orphan(pipeline, orphan, error);
}

int run_pipeline_follow(struct run_pipeline *pipeline, struct error *error) {
    const struct query_settings *settings = &pipeline->settings;
    unsigned failures = 0;
    int status = 0;
    while (!status && !settings->until_end && !atomic_load(settings->stop)) {
        pipeline_pause(settings, failures);
        status = pipeline_look(pipeline, &failures, error);
    }
    if (status)
        atomic_store(settings->stop, true);
    struct error ended;
    bool begun = !status;
    int end = query_runner_wait(pipeline->runner, status ? &ended : error);
    while (begun && !status && !end && !atomic_load(settings->stop)) {
        status = query_runner_regroup(pipeline->runner, &begun, error);
        end = begun ? query_runner_wait(pipeline->runner, error) : 0;
    }
    while (!status && !end && !failures && query_runner_orphan(pipeline->runner))
        status = pipeline_look(pipeline, &failures, error);
    pipeline_note_failed(pipeline);
    if (!status && !end && pipeline->failure.code) {
        *error = pipeline->failure;
        end = error->code;
    }
    return status ? status : end;
}

int run_pipeline_reset(const struct run_pipeline *pipeline, struct error *error) {
    const struct query_settings *settings = &pipeline->settings;
    cleanup(bytes_release) struct bytes results = {0};
    int status = query_results_list(settings->bus, pipeline->plans, pipeline->plan_count, &results, error);
    if (!status && results.length && !pipeline->yes)
        return error_set(error, ERROR_EXISTS,
                         "--reset makes all results of group %s anew, and deletes those there are first: topics %.*s; "
                         "what the topics of input no longer hold cannot be made again; add --yes to do it",
                         settings->group, (int)results.length, results.data);
    if (!status)
        status = query_forget_all(settings->bus, settings->group, error);
    return status ? status : query_results_empty(settings->bus, pipeline->plans, pipeline->plan_count, error);
}
