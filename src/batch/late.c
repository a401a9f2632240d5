#include "batch/late.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

struct late {
    struct arena arena;
    char topic[BUS_TOPIC_NAME_MAXIMUM + 8];
    struct log_readings log;
    struct slice *keys; /* of series, sorted */
    size_t key_count, key_capacity;
    int64_t count, from, to;
};

struct late *late_free(struct late *late) {
    if (!late)
        return NULL;
    arena_release(&late->arena);
    free(late->keys);
    free(late);
    return NULL;
}

static int key_compare(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static int late_read_keys(struct late *late, struct olap_connection *connection, struct error *error) {
    struct olap_result *result;
    int count,
        status = olap_query(connection, "SELECT DISTINCT gateway || '.' || type || '.' || attribute FROM batch_late",
                            &result, error);
    if (status)
        return status;
    while ((count = olap_result_next(result, error)) > 0)
        for (size_t row = 0; row < (size_t)count; row++) {
            struct slice key = arena_copy(&late->arena, olap_text(olap_result_data(result, 0), row));
            if (!key.data ||
                !memory_reserve((void **)&late->keys, &late->key_capacity, late->key_count + 1, sizeof *late->keys)) {
                olap_result_close(result);
                return error_no_memory(error);
            }
            late->keys[late->key_count++] = key;
        }
    olap_result_close(result);
    if (late->key_count)
        qsort(late->keys, late->key_count, sizeof *late->keys, key_compare);
    return count;
}

static int late_read(struct late *late, const struct late_settings *settings, struct error *error) {
    struct olap_connection *connection = settings->connection;
    int status = olap_register(connection, &late_readings_table, &late->log, error);
    if (!status)
        status = olap_execute_format(connection, error,
                                     "CREATE OR REPLACE TABLE batch_late AS SELECT DISTINCT * FROM late_readings() "
                                     "WHERE epoch_ms(ts) - epoch_ms(ts) %% size >= %" PRId64
                                     " AND epoch_ms(ts) - epoch_ms(ts) %% size < %" PRId64,
                                     settings->from, settings->to);
    if (!status)
        status = olap_query_integer(connection, "SELECT count(*) FROM batch_late", 0, &late->count, error);
    if (!status)
        status = olap_query_integer(connection, "SELECT min(epoch_ms(ts) - epoch_ms(ts) % size) FROM batch_late", 0,
                                    &late->from, error);
    if (!status)
        status = olap_query_integer(connection, "SELECT max(epoch_ms(ts)) FROM batch_late", 0, &late->to, error);
    return status ? status : late_read_keys(late, connection, error);
}

int late_load(const struct late_settings *settings, struct late **ret_late, struct error *error) {
    struct late *late = memory_zero(1, sizeof *late);
    struct topic_range *ranges;
    size_t count;
    if (!late)
        return error_no_memory(error);
    snprintf(late->topic, sizeof late->topic, "%s-late", settings->topic);
    int status = topic_ranges(settings->bus, late->topic, &late->arena, &ranges, &count, error);
    if (!status) {
        late->log = (struct log_readings){
            .bus = settings->bus, .topic = late->topic, .ranges = ranges, .range_count = count, .stop = settings->stop};
        status = late_read(late, settings, error);
    }
    if (status) {
        late_free(late);
        return error_wrap(error, "reading %s-late", settings->topic);
    }
    *ret_late = late;
    return 0;
}

int64_t late_count(const struct late *late) {
    return late->count;
}

bool late_has_series(const struct late *late, const struct series *series) {
    char text[SERIES_KEY_MAXIMUM];
    size_t length = series_key_length(series);
    if (length > sizeof text || late->key_count == 0)
        return false;
    series_key_write(series, text);
    struct slice key = {text, length};
    return bsearch(&key, late->keys, late->key_count, sizeof *late->keys, key_compare) != NULL;
}

bool late_bounds(const struct late *late, int64_t *ret_from, int64_t *ret_to) {
    *ret_from = late->from;
    *ret_to = late->to;
    return late->count > 0;
}
