/* Columns of readings are those of the row readers; the rules of key and time are those of the shipped declaration. */
#include "codec/reading.h"

#include <math.h>

#include "codec/row/reason.h"
#include "codec/row/row_codec.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "model/schema.h"
#include "model/time/time.h"

static const struct row_column reading_columns[READING_COLUMNS] = {
    [READING_GATEWAY] = {{"gateway", 7}, &type_string},
    [READING_TYPE] = {{"metricType", 10}, &type_string},
    [READING_ATTRIBUTE] = {{"metricAttribute", 15}, &type_string},
    [READING_TIMESTAMP] = {{"timestamp", 9}, &type_string},
    [READING_VALUE] = {{"value", 5}, &type_double},
};

struct reading_reader {
    struct row_reader *rows;
};

int reading_reader_new(enum format format, const struct registry *registry, struct reading_reader **ret_reader,
                       struct error *error) {
    struct reading_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    int status = row_reader_new(&(struct row_format){.format = format, .wrapped = true}, reading_columns,
                                READING_COLUMNS, registry, &reader->rows, error);
    if (status) {
        reading_reader_free(reader);
        return status;
    }
    *ret_reader = reader;
    return 0;
}

struct reading_reader *reading_reader_free(struct reading_reader *reader) {
    if (!reader)
        return NULL;
    row_reader_free(reader->rows);
    free(reader);
    return NULL;
}

const char *reading_check(const struct reading *reading, struct arena *arena) {
    const struct slice parts[] = {reading->series.gateway, reading->series.type, reading->series.attribute};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *name = reading_columns[READING_GATEWAY + i].name.data;
        if (parts[i].length == 0)
            return reason_format(arena, "%s is empty", name);
        if (!text_without_controls(parts[i]))
            return reason_format(arena, "%s has control characters", name);
    }
    if (series_key_length(&reading->series) > SERIES_KEY_MAXIMUM)
        return reason_format(arena, "the series key has %zu bytes; at most %d are possible",
                             series_key_length(&reading->series), SERIES_KEY_MAXIMUM);
    if (reading->timestamp < TIME_MINIMUM || reading->timestamp > TIME_MAXIMUM)
        return reason_range(arena, "timestamp", reading->timestamp);
    return isfinite(reading->value) ? NULL : "value is not a finite number";
}

static void reading_take(const struct vector *columns, size_t row, struct arena *arena, struct reading *to) {
    for (size_t c = 0; c < READING_COLUMNS; c++)
        if (columns[c].nulls[row]) {
            to->reason = reason_format(arena, "%s is missing", reading_columns[c].name.data);
            return;
        }
    struct slice timestamp = columns[READING_TIMESTAMP].texts[row];
    to->series = (struct series){columns[READING_GATEWAY].texts[row], columns[READING_TYPE].texts[row],
                                 columns[READING_ATTRIBUTE].texts[row]};
    to->value = columns[READING_VALUE].doubles[row];
    if (time_read(timestamp, &to->timestamp) || number_read_integer(timestamp, &to->timestamp))
        to->reason = reading_check(to, arena);
    else
        to->reason = reason_timestamp(arena, reading_columns[READING_TIMESTAMP].name.data, timestamp);
}

int reading_reader_read(struct reading_reader *reader, const struct slice *values, size_t stride, size_t count,
                        struct arena *arena, struct reading **ret_readings, struct error *error) {
    struct vector columns[READING_COLUMNS];
    size_t room = count ? count : 1;
    struct reading *readings = arena_allocate(arena, room * sizeof *readings);
    uint8_t *outcomes = arena_allocate(arena, room);
    const char **reasons = arena_allocate(arena, room * sizeof *reasons);
    bool done = readings && outcomes && reasons;
    for (size_t c = 0; c < READING_COLUMNS && done; c++)
        done = vector_allocate(arena, reading_columns[c].type, room, &columns[c]);
    if (!done)
        return error_no_memory(error);
    int status = row_reader_read(reader->rows, values, stride, count, arena, columns, outcomes, reasons, error);
    for (size_t row = 0; row < count && !status; row++) {
        readings[row] = (struct reading){.reason = reasons[row], .null = outcomes[row] == ROW_READ_NULL};
        if (outcomes[row] == ROW_READ_GOOD)
            reading_take(columns, row, arena, &readings[row]);
    }
    if (!status)
        *ret_readings = readings;
    return status;
}
