#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "lake/maintain.h"
#include "lake/table.h"

struct check {
    struct lake_table *table;
    const struct lake_snapshot *snapshot;
    lake_report *report;
    void *context;
    struct lake_checked checked;
    bool readings; /* the columns are those of the table of readings */
};

static void check_problem(struct check *check, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void check_problem(struct check *check, const char *file, const char *format, ...) {
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check->checked.problems++;
    check->report(check->context, file, text);
}

static int check_compare(const struct type *type, const struct value *a, const struct value *b) {
    return type->kind == TYPE_STRING ? slice_compare(a->text, b->text) : value_compare(type, a, b);
}

/* What rows of a file have been seen so far. */
struct check_file {
    const struct lake_file *file;
    struct bytes last; /* type, attribute, gateway of the row before, each after its length */
    bool any, unsorted, outside;
};

static void check_bounds(struct check *check, struct check_file *seen, const struct vector *columns, size_t row) {
    for (size_t c = 0; c < check->snapshot->column_count && !seen->outside; c++) {
        const struct lake_bounds *bounds = &seen->file->bounds[c];
        const struct lake_column *column = &check->snapshot->columns[c];
        struct value value;
        vector_get(&columns[c], row, &value);
        if (value.null || !bounds->bounded || (column->type->kind == TYPE_DOUBLE && isnan(value.number)) ||
            (check_compare(column->type, &bounds->lower, &value) <= 0 &&
             check_compare(column->type, &value, &bounds->upper) <= 0))
            continue;
        seen->outside = true;
        check_problem(check, seen->file->path, "column %.*s has values outside of the bounds that its entry says",
                      (int)column->name.length, column->name.data);
    }
}

/* Readings are in the order (type, attribute, gateway). */
static void check_order(struct check *check, struct check_file *seen, const struct vector *columns, size_t row) {
    static const size_t order[] = {LAKE_TYPE, LAKE_ATTRIBUTE, LAKE_GATEWAY};
    size_t at = 0;
    int direction = 0;
    for (size_t i = 0; i < 3 && direction == 0 && seen->any; i++) {
        struct slice now = columns[order[i]].texts[row & columns[order[i]].mask], before;
        memcpy(&before.length, seen->last.data + at, sizeof before.length);
        before.data = seen->last.data + at + sizeof before.length;
        at += sizeof before.length + before.length;
        direction = slice_compare(before, now);
    }
    if (direction > 0 && !seen->unsorted) {
        seen->unsorted = true;
        check_problem(check, seen->file->path, "its rows are not in the order of type, attribute, gateway");
    }
    if (direction == 0 && seen->any)
        return;
    seen->any = true;
    seen->last.length = 0;
    for (size_t i = 0; i < 3; i++) {
        struct slice now = columns[order[i]].texts[row & columns[order[i]].mask];
        bytes_append(&seen->last, &now.length, sizeof now.length);
        bytes_append_slice(&seen->last, now);
    }
}

static int check_rows(struct check *check, struct check_file *seen, struct lake_reader *reader, int64_t *rows,
                      struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct vector *columns = memory_zero(check->snapshot->column_count + 1, sizeof *columns);
    struct selection selected;
    int got = columns ? 1 : error_no_memory(error);
    while (got == 1) {
        arena_reset(&arena);
        got = lake_reader_next(reader, &arena, columns, &selected, error);
        for (size_t i = 0; got == 1 && i < selected.count; i++) {
            check_bounds(check, seen, columns, selected.rows[i]);
            if (check->readings)
                check_order(check, seen, columns, selected.rows[i]);
        }
        *rows += got == 1 ? (int64_t)selected.count : 0;
    }
    free(columns);
    return got;
}

/* What cannot be read is a problem of the file, not of the check. */
static int check_file(struct check *check, const struct lake_file *file, bool data, struct error *error) {
    struct check_file seen = {.file = file};
    const char *name;
    int64_t bytes, rows = 0;
    struct lake_reader *reader = NULL;
    int status = table_object(check->table, file->location, &name, error);
    if (!status)
        status = check->table->objects->driver->size(check->table->objects, name, &bytes, error);
    if (!status && bytes != file->bytes)
        status = error_set(error, ERROR_CORRUPT, "it has %lld bytes, where its entry says %lld", (long long)bytes,
                           (long long)file->bytes);
    if (!status)
        status = lake_reader_open(check->table, check->snapshot, file, NULL, &reader, error);
    if (!status && data)
        status = check_rows(check, &seen, reader, &rows, error);
    if (!status && data && rows > file->records)
        check_problem(check, file->path, "it has %lld rows, where its entry says %lld", (long long)rows,
                      (long long)file->records);
    if (!status && data && rows < file->records && check->snapshot->delete_count == 0)
        check_problem(check, file->path, "it has %lld rows, where its entry says %lld", (long long)rows,
                      (long long)file->records);
    lake_reader_close(reader);
    bytes_release(&seen.last);
    check->checked.files++;
    check->checked.bytes += file->bytes;
    check->checked.rows += data ? rows : file->records;
    if (status == ERROR_NO_MEMORY)
        return status;
    if (status)
        check_problem(check, file->path, "%s", error->message);
    return 0;
}

/* Rows that sinks have brought, of all topics; -1: none of them has. */
static int check_brought(struct check *check, int64_t *ret_rows, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const struct lake_position *positions;
    size_t count;
    int64_t rows, passed;
    int status = lake_positions(check->table, &arena, &positions, &count, error);
    *ret_rows = count ? 0 : -1;
    for (size_t i = 0; i < count && !status; i++) {
        if (i && strcmp(positions[i].topic, positions[i - 1].topic) == 0)
            continue;
        status = lake_counts(check->table, positions[i].topic, &rows, &passed, error);
        *ret_rows = rows < 0 ? -1 : *ret_rows + rows;
    }
    return status;
}

static bool check_is_readings(const struct lake_snapshot *snapshot) {
    bool same = snapshot->column_count >= LAKE_READING_COLUMNS;
    for (size_t c = 0; c < LAKE_READING_COLUMNS && same; c++)
        same = slice_equal(snapshot->columns[c].name, lake_readings.columns[c].name) &&
               type_equal(snapshot->columns[c].type, lake_readings.columns[c].type);
    return same;
}

int lake_check(struct lake_table *table, bool data, lake_report *report, void *context,
               struct lake_checked *ret_checked, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct lake_snapshot snapshot;
    struct check check = {.table = table, .snapshot = &snapshot, .report = report, .context = context};
    int64_t brought;
    int status = lake_snapshot_read(table, 0, &arena, &snapshot, error);
    if (status)
        return status;
    check.readings = check_is_readings(&snapshot);
    for (size_t i = 0; i < snapshot.file_count && !status; i++)
        status = check_file(&check, &snapshot.files[i], data, error);
    if (!status)
        status = check_brought(&check, &brought, error);
    if (!status && brought >= 0 && snapshot.delete_count == 0 && brought != check.checked.rows &&
        check.checked.problems == 0)
        check_problem(&check, NULL,
                      "it has %lld rows, and %lld were brought by sinks: another program has added or removed some",
                      (long long)check.checked.rows, (long long)brought);
    if (!status)
        *ret_checked = check.checked;
    return status;
}
