/* Rows to records: key and value in the formats of the sink, the time from ROWTIME or a column. A row that the
 * format cannot hold is counted as failed and reported. */
#include "stream/group/emit.h"

#include "core/memory.h"

struct sink_operator {
    struct stream_operator base;
    const struct sink_plan *plan;
    struct emitter emitter;
    struct row_writer *key, *value;
    struct bytes key_bytes, value_bytes;
};

static bool sink_key_is_null(const struct sink_operator *sink, const struct rows *rows, uint32_t row) {
    if (sink->plan->always_keyed)
        return false;
    for (size_t i = 0; i < sink->plan->schema.key_count; i++)
        if (!rows->columns[i].nulls[row & rows->columns[i].mask])
            return false;
    return true;
}

static bool sink_value_is_null(const struct sink_operator *sink, const struct rows *rows, uint32_t row) {
    const struct row_schema *schema = &sink->plan->schema;
    if (rows->absent[row])
        return true;
    bool bare = schema->count == schema->key_count + 1 && !sink->plan->value.wrapped;
    const struct vector *column =
        bare || sink->plan->value.format == FORMAT_KAFKA ? &rows->columns[schema->key_count] : NULL;
    return column && column->nulls[row & column->mask];
}

/* Key and value bytes of a row; ret_record points into the sink's buffers. */
static int sink_write(struct sink_operator *sink, const struct rows *rows, uint32_t row, struct bus_record *ret_record,
                      struct error *error) {
    const struct row_schema *schema = &sink->plan->schema;
    int status = 0;
    *ret_record = (struct bus_record){.timestamp = rows->times[row]};
    sink->key_bytes.length = sink->value_bytes.length = 0;
    if (!sink_key_is_null(sink, rows, row)) {
        status = row_writer_write(sink->key, rows->columns, row, &sink->key_bytes, error);
        if (!status && rows->window_starts)
            row_window_write(&sink->key_bytes, sink->plan->window, rows->window_starts[row], rows->window_ends[row]);
        ret_record->key = bytes_slice(&sink->key_bytes);
    }
    if (!status && !sink_value_is_null(sink, rows, row)) {
        status = row_writer_write(sink->value, rows->columns + schema->key_count, row, &sink->value_bytes, error);
        ret_record->value = bytes_slice(&sink->value_bytes);
    }
    return !status && (sink->key_bytes.failed || sink->value_bytes.failed) ? error_no_memory(error) : status;
}

static int sink_emit(struct sink_operator *sink, const struct rows *rows, uint32_t row, const struct vector *times,
                     struct operator_context *context, struct error *error) {
    struct bus_record record;
    bool counts = operator_counts(&sink->base, context);
    if (sink->plan->table && sink_key_is_null(sink, rows, row)) {
        context->counters->null += counts;
        return 0;
    }
    int status = sink_write(sink, rows, row, &record, error);
    if (status == ERROR_INVALID && !error->retriable) {
        row_errors_add(context->evaluation.errors, row, "the row cannot be written to topic %s: %s", sink->plan->topic,
                       error->message);
        context->counters->failed += counts;
        return 0;
    }
    if (times) {
        bool missing = times->nulls[row & times->mask];
        record.timestamp = missing ? -1 : times->integers[row & times->mask];
    }
    if (!status && record.timestamp < 0) {
        row_errors_add(context->evaluation.errors, row, "the row for topic %s has no time, or a negative one",
                       sink->plan->topic);
        context->counters->failed += counts;
        return 0;
    }
    if (!status)
        status = sink->emitter.emit(sink->emitter.context, sink->plan, &record, rows, row, error);
    context->counters->emitted += !status;
    context->counters->folded += counts && !status;
    return status;
}

static int sink_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                     struct error *error) {
    (void)input;
    struct sink_operator *sink = (struct sink_operator *)op;
    struct vector times;
    int status = 0;
    if (context->restoring)
        return 0;
    if (sink->plan->timestamp)
        status = evaluator_run(sink->plan->timestamp, &context->evaluation, rows, &rows->selected, &times, error);
    for (size_t i = 0; i < rows->selected.count && !status; i++) {
        uint32_t row = rows->selected.rows[i];
        /* A deletion has no column to take its time from. */
        status =
            sink_emit(sink, rows, row, sink->plan->timestamp && !rows->absent[row] ? &times : NULL, context, error);
    }
    return status;
}

static void sink_free(struct stream_operator *op) {
    struct sink_operator *sink = (struct sink_operator *)op;
    row_writer_free(sink->key);
    row_writer_free(sink->value);
    bytes_release(&sink->key_bytes);
    bytes_release(&sink->value_bytes);
    free(sink);
}

static const struct operator_driver sink_driver = {.name = "sink", .push = sink_push, .free = sink_free};

int sink_operator_new(const struct sink_plan *plan, const struct registry *registry, const struct emitter *emitter,
                      struct stream_operator **ret_operator, struct error *error) {
    const struct row_schema *schema = &plan->schema;
    struct sink_operator *sink = memory_zero(1, sizeof *sink);
    if (!sink)
        return error_no_memory(error);
    *sink = (struct sink_operator){.base = {.driver = &sink_driver}, .plan = plan, .emitter = *emitter};
    int status = row_writer_new(&plan->key, schema->columns, schema->key_count, registry, &sink->key, error);
    if (!status)
        status = row_writer_new(&plan->value, schema->columns + schema->key_count, schema->count - schema->key_count,
                                registry, &sink->value, error);
    if (status) {
        sink_free(&sink->base);
        return error_wrap(error, "topic %s", plan->topic);
    }
    *ret_operator = &sink->base;
    return 0;
}
