#include "stream/sink/sinks.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "stream/sink/cache_sink.h"
#include "stream/sink/store_sink.h"

static struct sink_settings sinks_settings_of(struct sinks *sinks, size_t at, size_t number) {
    return (struct sink_settings){.bus = sinks->settings.bus,
                                  .group = sinks->names[at][0],
                                  .topic = sinks->names[at][1],
                                  .rejected = sinks->rejected,
                                  .number = number,
                                  .count = sinks->settings.workers,
                                  .clock = sinks->settings.clock,
                                  .log = sinks->settings.log,
                                  .stop = &sinks->end,
                                  .failed = sinks->settings.stop,
                                  .drain = &sinks->drain};
}

static int sinks_add_store(struct sinks *sinks, int64_t window_size, size_t number, struct error *error) {
    const struct aggregate_query *query = sinks->settings.query;
    size_t at = sinks->count;
    void *context = NULL;
    snprintf(sinks->names[at][0], sizeof sinks->names[at][0], "%s.store-%lld", query->group,
             (long long)(window_size / 1000));
    snprintf(sinks->names[at][1], sizeof sinks->names[at][1], "%s-aggregates-%lld", query->topic,
             (long long)(window_size / 1000));
    struct sink_settings settings = sinks_settings_of(sinks, at, number);
    int status = store_sink_new(sinks->settings.store, window_size, &context, error);
    if (!status)
        status = sink_open(&sinks->sinks[at], &settings, &store_sink_target, context, error);
    sinks->count += !status;
    return status;
}

static int sinks_add_cache(struct sinks *sinks, size_t number, struct error *error) {
    const struct aggregate_query *query = sinks->settings.query;
    size_t at = sinks->count;
    void *context = NULL;
    snprintf(sinks->names[at][0], sizeof sinks->names[at][0], "%s.cache", query->group);
    snprintf(sinks->names[at][1], sizeof sinks->names[at][1], "%s", query->topic);
    struct sink_settings settings = sinks_settings_of(sinks, at, number);
    int status = cache_sink_new(sinks->settings.cache, bus_registry(sinks->settings.bus), sinks->settings.cache_values,
                                query->max_ahead, &context, error);
    if (!status)
        status = sink_open(&sinks->sinks[at], &settings, &cache_sink_target, context, error);
    sinks->count += !status;
    return status;
}

static int sinks_open(struct sinks *sinks, struct error *error) {
    const struct window_settings *windows = &sinks->settings.query->windows;
    int status = 0;
    for (size_t n = 0; n < sinks->settings.workers && !status; n++) {
        for (size_t i = 0; sinks->settings.store && i < windows->size_count && !status; i++)
            status = sinks_add_store(sinks, windows->sizes[i], n, error);
        if (!status && sinks->settings.cache)
            status = sinks_add_cache(sinks, n, error);
    }
    return status;
}

static void sinks_release(struct sinks *sinks) {
    for (size_t i = 0; i < sinks->count; i++)
        sink_close(&sinks->sinks[i]);
    free(sinks->sinks);
    free(sinks->names);
    sinks->sinks = NULL;
    sinks->names = NULL;
    sinks->count = sinks->started = 0;
}

int sinks_start(struct sinks *sinks, const struct sinks_settings *settings, struct error *error) {
    *sinks = (struct sinks){.settings = *settings};
    snprintf(sinks->rejected, sizeof sinks->rejected, "%s-rejected", settings->query->topic);
    sinks->sinks = memory_zero(SINKS_MAXIMUM, sizeof *sinks->sinks);
    sinks->names = memory_zero(SINKS_MAXIMUM, sizeof *sinks->names);
    int status = sinks->sinks && sinks->names ? sinks_open(sinks, error) : error_no_memory(error);
    for (; !status && sinks->started < sinks->count; sinks->started += !status) {
        int failed =
            pthread_create(&sinks->sinks[sinks->started].thread, NULL, sink_run, &sinks->sinks[sinks->started]);
        if (failed)
            status = error_set_errno(error, failed, "cannot start a sink");
    }
    if (status)
        sinks_finish(sinks, false, NULL);
    return status;
}

int sinks_finish(struct sinks *sinks, bool drain, struct error *error) {
    int status = 0;
    atomic_store(drain ? &sinks->drain : &sinks->end, true);
    for (size_t i = 0; i < sinks->started; i++) {
        pthread_join(sinks->sinks[i].thread, NULL);
        if (sinks->sinks[i].status && !status) {
            status = sinks->sinks[i].status;
            if (error)
                *error = sinks->sinks[i].error;
        }
    }
    sinks_release(sinks);
    return status;
}
