#include "cli/run/run_lake.h"

#include <string.h>

#include "sql/catalog/catalog.h"
#include "sql/catalog/source.h"

int run_lakes_open(struct run_lakes *lakes, const char *url, struct lake **ret_lake, struct error *error) {
    struct lake_options options = {.create = true, .clock = &clock_system, .log = lakes->log};
    char own[4096];
    url = url ? url : lakes->url;
    int status = cli_lake_url(lakes->common, url, own, sizeof own, error);
    if (status)
        return status;
    for (size_t i = 0; i < lakes->count; i++)
        if (strcmp(lake_url(lakes->opened[i]), own) == 0) {
            *ret_lake = lakes->opened[i];
            return 0;
        }
    if (lakes->count == RUN_LAKES_MAXIMUM)
        return error_set(error, ERROR_INVALID, "connectors of a run bring records to at most %d lakes",
                         RUN_LAKES_MAXIMUM);
    status = lake_open(own, &options, &lakes->opened[lakes->count], error);
    if (!status)
        *ret_lake = lakes->opened[lakes->count++];
    return status;
}

void run_lakes_close(struct run_lakes *lakes) {
    while (lakes->count)
        lake_close(lakes->opened[--lakes->count]);
}

static const struct source *lake_source(const struct session *session, const char *topic) {
    const struct catalog *catalog = session ? session_catalog(session) : NULL;
    for (size_t i = 0; catalog && i < catalog_source_count(catalog); i++)
        if (slice_equal(catalog_source_at(catalog, i)->topic, slice_of(topic)))
            return catalog_source_at(catalog, i);
    return NULL;
}

static struct row_format lake_row_format(const struct source *source, const struct source_encoding *encoding, bool key,
                                         const char *subject, size_t columns) {
    return (struct row_format){.format = encoding->format,
                               .delimiter = encoding->delimiter,
                               .wrapped = key ? columns > 1 : source->wrapped,
                               .subject = subject,
                               .schema_id = encoding->schema_id,
                               .schema_name = encoding->schema_name};
}

static const char *lake_subject(const char *topic, const char *end, struct arena *arena) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 16];
    snprintf(name, sizeof name, "%s-%s", topic, end);
    return arena_copy(arena, slice_of(name)).data;
}

/* Key columns first. */
static size_t lake_columns(const struct source *source, bool key, struct row_column *to) {
    size_t count = 0;
    for (size_t c = 0; c < source->column_count; c++) {
        const struct source_column *column = &source->columns[c];
        if (key ? source_is_key(column) : source_is_value(column))
            to[count++] = (struct row_column){column->name, column->type};
    }
    return count;
}

int run_lake_format(const struct session *one, const struct session *other, const char *topic, struct arena *arena,
                    struct lake_sink_format *ret_format, struct error *error) {
    const struct source *source = lake_source(one, topic);
    source = source ? source : lake_source(other, topic);
    if (!source)
        return error_set(
            error, ERROR_NOT_FOUND,
            "there is no stream or table of topic %s, which says its columns: CREATE STREAM or TABLE .. WITH "
            "(kafka_topic='%s', ..)",
            topic, topic);
    struct row_column *columns = arena_allocate(arena, (source->column_count + 1) * sizeof *columns);
    const char *key = lake_subject(topic, "key", arena), *value = lake_subject(topic, "value", arena);
    if (!columns || !key || !value)
        return error_no_memory(error);
    size_t keys = lake_columns(source, true, columns), values = lake_columns(source, false, columns + keys);
    *ret_format = (struct lake_sink_format){.key = lake_row_format(source, &source->key, true, key, keys),
                                            .value = lake_row_format(source, &source->value, false, value, values),
                                            .columns = columns,
                                            .count = keys + values,
                                            .key_count = keys,
                                            .window = source->window == WINDOW_NONE      ? ROW_WINDOW_NONE
                                                      : source->window == WINDOW_SESSION ? ROW_WINDOW_SESSION
                                                                                         : ROW_WINDOW_TIME,
                                            .window_size = source->window_size,
                                            .calendar = source->window_calendar != NULL};
    return 0;
}
