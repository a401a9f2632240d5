#include "batch/views.h"

#include <inttypes.h>

#include "codec/avro/avro_text.h"
#include "core/memory.h"

/* --- store_rows(i): all rows of the store's windows of kind number i
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct olap_column store_columns[] = {
    {"gateway", OLAP_TEXT},   {"type", OLAP_TEXT},           {"attribute", OLAP_TEXT},   {"windowStart", OLAP_TIME},
    {"windowEnd", OLAP_TIME}, {"sampleCount", OLAP_INTEGER}, {"min", OLAP_DOUBLE},       {"max", OLAP_DOUBLE},
    {"sum", OLAP_DOUBLE},     {"average", OLAP_DOUBLE},      {"revision", OLAP_INTEGER},
};

static int store_rows_open(void *context, int64_t number, void **ret_scan, struct error *error) {
    const struct views *views = context;
    if (number < 0 || number >= (int64_t)views->window_count)
        return error_set(error, ERROR_INVALID, "store_rows: there are no windows of number %" PRId64, number);
    struct store_query query = {.window = views->windows[number], .from = INT64_MIN, .to = INT64_MAX, .limit = -1};
    struct store_reader *reader;
    int status = store_reader_open(views->store, &query, &reader, error);
    if (!status)
        *ret_scan = reader;
    return status;
}

static void store_rows_put(struct olap_rows *rows, size_t row, const struct aggregate_row *from) {
    const struct slice texts[] = {from->series.gateway, from->series.type, from->series.attribute};
    const int64_t times[] = {from->window_start * 1000, from->window_end * 1000, (int64_t)from->count};
    const double values[] = {from->minimum, from->maximum, from->sum, from->average};
    size_t column = 0;
    for (size_t i = 0; i < 3; i++)
        olap_rows_text(rows, column++, row, texts[i]);
    for (size_t i = 0; i < 3; i++)
        ((int64_t *)olap_rows_data(rows, column++))[row] = times[i];
    for (size_t i = 0; i < 4; i++)
        ((double *)olap_rows_data(rows, column++))[row] = values[i];
    ((int64_t *)olap_rows_data(rows, column))[row] = from->revision;
}

static int store_rows_read(void *scan, struct olap_rows *rows, struct error *error) {
    struct aggregate_row row;
    int count = 0, got = 1;
    while (count < OLAP_ROWS && (got = store_reader_next(scan, &row, error)) == 1)
        store_rows_put(rows, (size_t)count++, &row);
    return got < 0 ? got : count;
}

static void store_rows_close(void *scan) {
    store_reader_close(scan);
}

static const struct olap_table store_rows_table = {.name = "store_rows",
                                                   .parameter = true,
                                                   .columns = store_columns,
                                                   .column_count = sizeof store_columns / sizeof *store_columns,
                                                   .open = store_rows_open,
                                                   .read = store_rows_read,
                                                   .close = store_rows_close};

/* --- log_alarms(): the records of the topic of alarms, as JSON
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct olap_column alarm_columns[] = {
    {"partition", OLAP_INTEGER}, {"offset", OLAP_INTEGER}, {"time", OLAP_TIME}, {"record", OLAP_TEXT}};

struct alarms_scan {
    struct topic_scan *topic;
    struct avro_text *avro;
    struct bus_batch batch;
    size_t at;
    struct bytes text;
};

static void alarms_close(void *data) {
    struct alarms_scan *scan = data;
    topic_scan_close(scan->topic);
    avro_text_free(scan->avro);
    bytes_release(&scan->text);
    free(scan);
}

static int alarms_open(void *context, int64_t parameter, void **ret_scan, struct error *error) {
    const struct views *views = context;
    struct alarms_scan *scan = memory_zero(1, sizeof *scan);
    (void)parameter;
    if (!scan)
        return error_no_memory(error);
    int status = topic_scan_open(views->bus, views->alarms, views->alarm_ranges, views->alarm_range_count, views->stop,
                                 &scan->topic, error);
    if (!status)
        status = avro_text_new(bus_registry(views->bus), &scan->avro, error);
    if (status) {
        alarms_close(scan);
        return status;
    }
    *ret_scan = scan;
    return 0;
}

/* Avro becomes JSON; JSON stays. Other records, and those without a value, are left out. */
static int alarms_text(struct alarms_scan *scan, struct slice value, bool *ret_some, struct error *error) {
    bool written = false;
    scan->text.length = 0;
    int status = value.data ? avro_text_write(scan->avro, value, &scan->text, &written, error) : 0;
    if (!status && value.data && !written && value.length && value.data[0] == '{')
        bytes_append_slice(&scan->text, value);
    *ret_some = scan->text.length > 0;
    return status || !scan->text.failed ? status : error_no_memory(error);
}

static int alarms_read(void *data, struct olap_rows *rows, struct error *error) {
    struct alarms_scan *scan = data;
    size_t count = 0;
    while (count < OLAP_ROWS) {
        if (scan->at == scan->batch.count) {
            int got = topic_scan_next(scan->topic, &scan->batch, error);
            if (got < 0)
                return got;
            if (got == 0)
                break;
            scan->at = 0;
        }
        const struct bus_record *record = &scan->batch.records[scan->at];
        bool some;
        int status = alarms_text(scan, record->value, &some, error);
        if (status)
            return status;
        if (some) {
            ((int64_t *)olap_rows_data(rows, 0))[count] = scan->batch.partition;
            ((int64_t *)olap_rows_data(rows, 1))[count] = scan->batch.base_offset + (int64_t)scan->at;
            ((int64_t *)olap_rows_data(rows, 2))[count] = record->timestamp * 1000;
            olap_rows_text(rows, 3, count++, bytes_slice(&scan->text));
        }
        scan->at++;
    }
    return (int)count;
}

static const struct olap_table alarms_table = {.name = "log_alarms",
                                               .columns = alarm_columns,
                                               .column_count = sizeof alarm_columns / sizeof *alarm_columns,
                                               .open = alarms_open,
                                               .read = alarms_read,
                                               .close = alarms_close};

/* --- views
 * ------------------------------------------------------------------------------------------------------------------ */

static const char common_views[] =
    "CREATE OR REPLACE MACRO tumble(t, seconds) AS make_timestamptz(epoch_us(t) - epoch_us(t) % (seconds::BIGINT * "
    "1000000));"
    "CREATE OR REPLACE MACRO unix_seconds(t) AS epoch_us(t) // 1000000;"
    "CREATE OR REPLACE VIEW latest AS SELECT gateway, type, attribute, max(ts) AS ts, max_by(value, ts) AS value FROM "
    "readings GROUP BY gateway, type, attribute";

static const char alarm_view[] =
    "CREATE OR REPLACE VIEW alarms AS SELECT record->>'$.gateway' AS gateway, record->>'$.metricType' AS type, "
    "record->>'$.metricAttribute' AS attribute, (record->>'$.timestamp')::TIMESTAMPTZ AS ts, "
    "(record->>'$.value')::DOUBLE AS value, (record->>'$.minValue')::DOUBLE AS \"minValue\", "
    "(record->>'$.maxValue')::DOUBLE AS \"maxValue\", record->>'$.alarmType' AS \"alarmType\" FROM log_alarms()";

static int views_aggregates(struct views *views, struct olap_connection *connection, struct error *error) {
    char name[STORE_TABLE_SIZE];
    int status = olap_register(connection, &store_rows_table, views, error);
    if (!status)
        status = store_windows(views->store, &views->windows, &views->window_count, error);
    for (size_t i = 0; i < views->window_count && !status; i++) {
        store_window_write_table(name, &views->windows[i]);
        status = olap_execute_format(connection, error, "CREATE OR REPLACE VIEW aggregates_%s AS FROM store_rows(%zu)",
                                     name, i);
    }
    return status;
}

static int views_alarms(struct views *views, struct olap_connection *connection, struct error *error) {
    int status =
        topic_ranges(views->bus, views->alarms, &views->arena, &views->alarm_ranges, &views->alarm_range_count, error);
    if (!status)
        status = olap_register(connection, &alarms_table, views, error);
    return status ? status : olap_execute(connection, alarm_view, error);
}

int views_make(struct views *views, struct olap_connection *connection, struct error *error) {
    int status = olap_execute(connection, common_views, error);
    if (!status && views->store)
        status = views_aggregates(views, connection, error);
    return status || !views->bus ? status : views_alarms(views, connection, error);
}

void views_release(struct views *views) {
    arena_release(&views->arena);
    free(views->windows);
    *views = (struct views){0};
}
