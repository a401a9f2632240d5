/* Keys, values, headers, windows and times of records, column by column. */
#include "stream/source/source_reader.h"

#include "codec/row/reason.h"
#include "core/memory.h"
#include "stream/source/source_rules.h"

struct source_reader {
    const struct source_plan *plan;
    struct row_reader *key, *value;
    uint8_t *key_status, *value_status; /* enum row_read by record */
    const char **key_reasons, **value_reasons;
    struct slice *keys; /* without their windows */
    size_t capacity;
    uint64_t batches; /* read so far */
};

int source_reader_new(const struct source_plan *plan, const struct registry *registry,
                      struct source_reader **ret_reader, struct error *error) {
    const struct row_schema *schema = &plan->schema;
    struct source_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    reader->plan = plan;
    int status = row_reader_new(&plan->key, schema->columns, schema->key_count, registry, &reader->key, error);
    if (!status)
        status = row_reader_new(&plan->value, schema->columns + schema->key_count, plan->value_count, registry,
                                &reader->value, error);
    if (status) {
        source_reader_free(reader);
        return error_wrap(error, "topic %s", plan->topic);
    }
    *ret_reader = reader;
    return 0;
}

struct source_reader *source_reader_free(struct source_reader *reader) {
    if (!reader)
        return NULL;
    row_reader_free(reader->key);
    row_reader_free(reader->value);
    free(reader->key_status);
    free(reader->value_status);
    free(reader->key_reasons);
    free(reader->value_reasons);
    free(reader->keys);
    free(reader);
    return NULL;
}

static bool source_reader_grow(void *array, size_t count, size_t size) {
    void **place = array, *grown = memory_resize(*place, count, size);
    if (grown)
        *place = grown;
    return grown != NULL;
}

static bool source_reader_reserve(struct source_reader *reader, size_t count) {
    if (count <= reader->capacity)
        return true;
    if (!source_reader_grow(&reader->key_status, count, 1) || !source_reader_grow(&reader->value_status, count, 1) ||
        !source_reader_grow(&reader->key_reasons, count, sizeof *reader->key_reasons) ||
        !source_reader_grow(&reader->value_reasons, count, sizeof *reader->value_reasons) ||
        !source_reader_grow(&reader->keys, count, sizeof *reader->keys))
        return false;
    reader->capacity = count;
    return true;
}

static void source_refuse(struct source_rows *rows, size_t row, const char *reason) {
    rows->status[row] = SOURCE_BAD;
    rows->reasons[row] = reason;
}

/* Keys without their windows, which go to the rows. */
static void source_reader_windows(struct source_reader *reader, const struct bus_batch *records,
                                  struct source_rows *to) {
    const struct source_plan *plan = reader->plan;
    for (size_t i = 0; i < records->count; i++) {
        reader->keys[i] = records->records[i].key;
        to->rows->window_starts[i] = to->rows->window_ends[i] = 0;
        if (reader->keys[i].data &&
            !row_window_read(&reader->keys[i], plan->window, plan->window_size, plan->window_calendar,
                             &to->rows->window_starts[i], &to->rows->window_ends[i]))
            source_refuse(to, i, "the key is too short for a key with a window");
    }
}

static void source_set_header(struct vector *column, size_t row, const struct bus_record *record, struct slice name) {
    struct value value = VALUE_NULL;
    for (size_t i = 0; i < record->header_count; i++) /* the last of a name counts */
        if (slice_equal(record->headers[i].name, name))
            value = record->headers[i].value.data ? value_of_text(record->headers[i].value) : VALUE_NULL;
    vector_set(column, row, &value);
}

/* ARRAY<STRUCT<KEY STRING, VALUE BYTES>> */
static bool source_set_all_headers(struct arena *arena, struct vector *column, size_t row,
                                   const struct bus_record *record) {
    size_t count = record->header_count;
    struct sequence *list = arena_allocate(arena, sizeof *list),
                    *pairs = arena_allocate(arena, (count ? count : 1) * sizeof *pairs);
    struct value *items = arena_allocate(arena, (count ? count : 1) * sizeof *items),
                 *fields = arena_allocate(arena, (count ? count : 1) * 2 * sizeof *fields);
    if (!list || !pairs || !items || !fields)
        return false;
    for (size_t i = 0; i < count; i++) {
        fields[2 * i] = value_of_text(record->headers[i].name);
        fields[2 * i + 1] = record->headers[i].value.data ? value_of_text(record->headers[i].value) : VALUE_NULL;
        pairs[i] = (struct sequence){2, &fields[2 * i]};
        items[i] = value_of_sequence(&pairs[i]);
    }
    *list = (struct sequence){count, items};
    struct value value = value_of_sequence(list);
    vector_set(column, row, &value);
    return true;
}

static bool source_reader_headers(const struct source_plan *plan, const struct bus_batch *records, struct arena *arena,
                                  struct rows *rows) {
    for (size_t h = 0; h < plan->header_count; h++)
        for (size_t i = 0; i < records->count; i++) {
            struct vector *column = &rows->columns[plan->schema.key_count + plan->value_count + h];
            if (plan->headers[h].data)
                source_set_header(column, i, &records->records[i], plan->headers[h]);
            else if (!source_set_all_headers(arena, column, i, &records->records[i]))
                return false;
        }
    return true;
}

/* Are all records read, with keys and values? */
static bool source_reader_all_good(const struct source_reader *reader, size_t count, const struct source_rows *to) {
    unsigned found = 0;
    for (size_t i = 0; i < count; i++)
        found |= (unsigned)(reader->key_status[i] | reader->value_status[i] | to->status[i]);
    return found == 0; /* ROW_READ_GOOD, SOURCE_GOOD */
}

/* What became of each record, and which rows are selected. */
static void source_reader_select(const struct source_reader *reader, size_t count, struct source_rows *to) {
    struct rows *rows = to->rows;
    if (source_reader_all_good(reader, count, to)) {
        for (size_t i = 0; i < count; i++)
            rows->selected.rows[i] = (uint32_t)i;
        rows->selected.count = count;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        rows->absent[i] = reader->value_status[i] == ROW_READ_NULL;
        if (to->status[i] == SOURCE_GOOD && reader->key_status[i] == ROW_READ_BAD)
            source_refuse(to, i, reader->key_reasons[i]);
        if (to->status[i] == SOURCE_GOOD && reader->value_status[i] == ROW_READ_BAD)
            source_refuse(to, i, reader->value_reasons[i]);
        rows->selected.rows[rows->selected.count] = (uint32_t)i;
        rows->selected.count += to->status[i] == SOURCE_GOOD;
    }
}

static __attribute__((cold)) const char *source_time_reason(const struct source_plan *plan, const struct rows *rows,
                                                            uint32_t row, bool missing, struct arena *arena) {
    enum { SHOWN_MAXIMUM = 40 };
    struct value value;
    if (!missing)
        return reason_format(arena, "its time, %lld ms, is before 1970", (long long)rows->times[row]);
    struct slice name = plan->schema.columns[plan->timestamp_column].name;
    int name_length = (int)(name.length < 80 ? name.length : 80);
    vector_get(&rows->columns[plan->timestamp_column], row, &value);
    if (value.null || rows->columns[plan->timestamp_column].type->kind != TYPE_STRING)
        return reason_format(arena, "%.*s, which its time comes from, is missing", name_length, name.data);
    char shown[SHOWN_MAXIMUM + 1];
    reason_show(shown, sizeof shown, value.text);
    return reason_format(arena, "%.*s '%s%s' is no time of the form that TIMESTAMP_FORMAT says", name_length, name.data,
                         shown, value.text.length > SHOWN_MAXIMUM ? "..." : "");
}

/* Times from a column, of rows that have a value; rows without a good time leave the selection. */
static int source_reader_times(const struct source_reader *reader, struct evaluation *evaluation,
                               struct source_rows *to, struct error *error) {
    struct rows *rows = to->rows;
    const struct evaluator *timestamp = reader->plan->timestamp;
    struct vector times = {0};
    int status = timestamp ? evaluator_run(timestamp, evaluation, rows, &rows->selected, &times, error) : 0;
    size_t kept = 0;
    for (size_t i = 0; !status && i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        bool missing = false;
        if (timestamp && !rows->absent[row]) {
            missing = times.nulls[row & times.mask];
            rows->times[row] = missing ? -1 : times.integers[row & times.mask];
        }
        if (rows->times[row] < 0 && reader->plan->strict_times)
            return error_set(error, ERROR_INVALID,
                             "topic %s, partition %d, offset %lld: %s, and ksql.timestamp.throw.on.invalid is true",
                             reader->plan->topic, (int)rows->partition, (long long)rows->offsets[row],
                             source_time_reason(reader->plan, rows, row, missing, evaluation->arena));
        if (rows->times[row] < 0)
            source_refuse(to, row, source_time_reason(reader->plan, rows, row, missing, evaluation->arena));
        rows->selected.rows[kept] = row;
        kept += rows->times[row] >= 0;
    }
    rows->selected.count = status ? rows->selected.count : kept;
    return status;
}

static bool source_rows_new(const struct source_plan *plan, const struct bus_batch *records, struct arena *arena,
                            struct source_rows *ret_rows) {
    size_t count = records->count, room = count ? count : 1;
    struct source_rows to = {rows_new(arena, &plan->schema, count), arena_allocate(arena, room),
                             arena_allocate(arena, room * sizeof *to.reasons)};
    if (!to.rows || !to.status || !to.reasons ||
        !(to.rows->offsets = arena_allocate(arena, room * sizeof *to.rows->offsets)))
        return false;
    memset(to.status, SOURCE_GOOD, room);
    to.rows->partition = records->partition;
    for (size_t i = 0; i < count; i++) {
        to.rows->origins[i] = (uint32_t)i;
        to.rows->offsets[i] = records->base_offset + (int64_t)i;
        to.rows->times[i] = records->records[i].timestamp;
    }
    *ret_rows = to;
    return true;
}

int source_reader_read(struct source_reader *reader, const struct bus_batch *records, struct evaluation *evaluation,
                       struct source_rows *ret_rows, struct error *error) {
    const struct source_plan *plan = reader->plan;
    struct arena *arena = evaluation->arena;
    struct source_rows to;
    if (records->count > UINT32_MAX || !source_rows_new(plan, records, arena, &to) ||
        !source_reader_reserve(reader, records->count + 1))
        return error_no_memory(error);
    const struct slice *keys = &records->records[0].key;
    size_t stride = sizeof records->records[0];
    if (plan->window != ROW_WINDOW_NONE) {
        source_reader_windows(reader, records, &to);
        keys = reader->keys;
        stride = sizeof *reader->keys;
    }
    int status = row_reader_read(reader->key, keys, stride, records->count, arena, to.rows->columns, reader->key_status,
                                 reader->key_reasons, error);
    if (!status)
        status = row_reader_read(reader->value, &records->records[0].value, sizeof records->records[0], records->count,
                                 arena, to.rows->columns + plan->schema.key_count, reader->value_status,
                                 reader->value_reasons, error);
    if (!status && !source_reader_headers(plan, records, arena, to.rows))
        status = error_no_memory(error);
    if (status)
        return status;
    source_reader_select(reader, records->count, &to);
    status = source_reader_times(reader, evaluation, &to, error);
    if (status)
        return status;
    if (!source_rules_apply(plan, records, arena, &to))
        return error_no_memory(error);
    to.rows->batch = ++reader->batches;
    *ret_rows = to;
    return 0;
}
