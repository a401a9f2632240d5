#include "sql/plan/series_aggregates.h"

#include <inttypes.h>
#include <stdio.h>

#include "sql/syntax/print.h"

#define ISO "'yyyy-MM-dd''T''HH:mm:ssX'"
#define LIST                                                                                                           \
    "SERIES, FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), " ISO                                                        \
    ") AS `windowStart`, FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWEND), " ISO ") AS `windowEnd`, "                         \
    "COUNT(*) AS `sampleCount`, MIN(`value`) AS `min`, MAX(`value`) AS `max`, SUM(`value`) AS `sum`, AVG(`value`) AS " \
    "`average`, "                                                                                                      \
    "LATEST_BY_OFFSET(`metricType`) AS `metricType`, LATEST_BY_OFFSET(`metricAttribute`) AS `metricAttribute`, "       \
    "LATEST_BY_OFFSET(`gateway`) AS `gateway`"

static const char *const reading_names[] = {"SERIES", "gateway", "metricType", "metricAttribute", "timestamp", "value"};
enum { READING_NAMES = sizeof reading_names / sizeof *reading_names };

/* The readings as the reading decoder knows them: key and value of topic `metrics`, with the time that is in them. */
static bool series_reads_readings(const struct source_plan *source) {
    if (source->table || source->window != ROW_WINDOW_NONE || source->key.format != FORMAT_KAFKA ||
        (source->value.format != FORMAT_AVRO && source->value.format != FORMAT_JSON) || !source->timestamp ||
        source->schema.count != READING_NAMES || source->schema.key_count != 1)
        return false;
    for (size_t i = 0; i < READING_NAMES; i++)
        if (!slice_equal(source->schema.columns[i].name, slice_of(reading_names[i])) ||
            source->schema.columns[i].type->kind != (i + 1 < READING_NAMES ? TYPE_STRING : TYPE_DOUBLE))
            return false;
    return true;
}

bool series_aggregate_recognise(const struct query_plan *query, struct series_aggregate *ret_aggregate) {
    char topic[600];
    const struct node_plan *sink = query->stages[0].sink, *project = sink->inputs[0], *group = project->inputs[0];
    if (query->stage_count != 1 || project->kind != NODE_PROJECT || strcmp(project->text, LIST) != 0 || !group ||
        group->kind != NODE_AGGREGATE || group->inputs[0]->kind != NODE_SOURCE)
        return false;
    const struct group_aggregate_plan *aggregate = &group->aggregate;
    const struct source_plan *source = group->inputs[0]->source;
    if (!aggregate->final || aggregate->window.shape != WINDOW_SHAPE_TUMBLING || aggregate->window.size % 1000 ||
        sink->sink.timestamp || !series_reads_readings(source))
        return false;
    snprintf(topic, sizeof topic, "%s-aggregates-%" PRId64, source->topic, aggregate->window.size / 1000);
    if (strcmp(topic, sink->sink.topic) != 0 || sink->sink.window != ROW_WINDOW_NONE ||
        sink->sink.key.format != FORMAT_KAFKA || sink->sink.value.format != FORMAT_JSON)
        return false;
    *ret_aggregate = (struct series_aggregate){source->topic, aggregate->window.size, aggregate->window.grace};
    return true;
}

void series_aggregates_write(struct bytes *to, const char *topic, const struct window_settings *windows) {
    bytes_append_string(to, "CREATE STREAM READINGS (SERIES STRING KEY, `gateway` STRING, `metricType` STRING, "
                            "`metricAttribute` STRING, `timestamp` STRING, "
                            "`value` DOUBLE) WITH (KAFKA_TOPIC = ");
    print_string(to, slice_of(topic));
    bytes_append_string(
        to, ", KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO', TIMESTAMP = '`timestamp`', TIMESTAMP_FORMAT = " ISO ");\n");
    for (size_t i = 0; i < windows->size_count; i++)
        bytes_append_format(to,
                            "CREATE TABLE AGGREGATES_%" PRId64 " WITH (KAFKA_TOPIC = '%s-aggregates-%" PRId64
                            "', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE) AS SELECT " LIST
                            " FROM READINGS WINDOW TUMBLING (SIZE %" PRId64 " SECONDS, GRACE PERIOD %" PRId64
                            " MILLISECONDS) GROUP BY SERIES EMIT FINAL;\n",
                            windows->sizes[i] / 1000, topic, windows->sizes[i] / 1000, windows->sizes[i] / 1000,
                            windows->grace);
}
