/* Rows to readings. A local time is the instant that the zone's clock showed it at; one that comes twice, when clocks
 * go back, is the first unless the series has come beyond that already (in a file that goes back in time: the second,
 * unless the series is before that).
 *
 *      clock   02:00  02:30  02:00  02:30  03:00        a file of 30 minutes over the change in October
 *      UTC     00:00  00:30  01:00  01:30  02:00        a time that is not after the last one is the second one */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/reading.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"
#include "replay/import/state.h"

enum { WRONG_TEXT_MAXIMUM = 4096, WRONG_REASON = 300, WRONG_AT_LEAST = 20 };
#define DAY INT64_C(86400000)

struct loader {
    struct import *import;
    size_t file;
    const struct layout *layout;
    uint32_t *fixed; /* the series of each column that names one, UINT32_MAX: not numbered yet */
    int64_t *last;   /* of each series, in this file; [0] for all when the columns name them */
    size_t last_capacity, last_count;
    bool named; /* each row names its series */
    int64_t wrong;
};

/* --- what is wrong
 * ------------------------------------------------------------------------------------------------------------------ */

int import_wrong_add(struct import *import, size_t file, int64_t line, struct slice text, struct error *error,
                     const char *format, ...) {
    char reason[WRONG_REASON];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    text.length = text.length < WRONG_TEXT_MAXIMUM ? text.length : WRONG_TEXT_MAXIMUM;
    length = length < WRONG_REASON ? length : WRONG_REASON - 1;
    import->wrong_bytes += text.length + (size_t)length;
    if (import->wrong_bytes > IMPORT_WRONG_BYTES_MAXIMUM)
        return error_set(error, ERROR_INVALID, "%s:%" PRId64 ": too many wrong rows; the last: %s",
                         import->layouts[file].file, line, reason);
    struct wrong_row wrong = {(uint16_t)file, line, arena_copy(&import->arena, text),
                              arena_copy(&import->arena, (struct slice){reason, (size_t)length})};
    if (!wrong.text.data || !wrong.reason.data ||
        !memory_reserve((void **)&import->wrong, &import->wrong_capacity, import->wrong_count + 1,
                        sizeof *import->wrong))
        return error_no_memory(error);
    import->wrong[import->wrong_count++] = wrong;
    import->counts.wrong++;
    return 0;
}

int import_contradicted(struct import *import, const struct import_reading *reading, double value, const char *where,
                        struct error *error) {
    const struct series *series = &import->source.series[reading->series];
    char row[1024], time[TIME_TEXT_SIZE];
    int length = (int)time_write(time, reading->time);
    int size = snprintf(row, sizeof row, "%.*s,%.*s,%.*s,%.*s,%.17g", (int)series->gateway.length, series->gateway.data,
                        (int)series->type.length, series->type.data, (int)series->attribute.length,
                        series->attribute.data, length, time, reading->value);
    size = size < (int)sizeof row ? size : (int)sizeof row - 1;
    return import_wrong_add(import, reading->file, reading->line, (struct slice){row, (size_t)size}, error,
                            "%.100s has %.15g at %.*s, and %s says %.15g", row, reading->value, length, time, where,
                            value);
}

/* --- times
 * ------------------------------------------------------------------------------------------------------------------ */

/* The instants at which a zone's clock shows a local time: none, one or two, ascending. */
static int zone_instants(const struct time_zone *zone, int64_t local, int64_t ret_instants[2]) {
    int64_t first = time_zone_instant(zone, local);
    if (first + time_zone_offset(zone, first) * INT64_C(1000) != local)
        return 0;
    int64_t after = time_zone_offset(zone, local + DAY) * INT64_C(1000), second = local - after;
    ret_instants[0] = first;
    ret_instants[1] = second;
    return second > first && time_zone_offset(zone, second) * INT64_C(1000) == after ? 2 : 1;
}

struct row_time {
    int64_t instants[2];
    int count;
};

static bool cell_local(const struct loader *loader, const struct row *row, struct cell_time *ret_time,
                       int64_t *ret_local) {
    const struct layout *layout = loader->layout;
    struct cell_time time = cell_time(row->fields[layout->time]);
    if (!(time.forms & layout->date))
        return false;
    *ret_local = layout->date == TIME_MONTH_FIRST ? time.month_first : time.day_first;
    if (layout->clock != SIZE_MAX) {
        struct cell_time clock = cell_time(row->fields[layout->clock]);
        if (clock.forms != TIME_OF_DAY || *ret_local % DAY)
            return false;
        *ret_local += clock.day_first;
        time.has_offset |= clock.has_offset;
        time.offset += clock.offset;
    }
    *ret_time = time;
    return true;
}

static const char *date_word(unsigned date) {
    return date == TIME_YEAR_FIRST    ? "date with the year first"
           : date == TIME_DAY_FIRST   ? "date with the day first"
           : date == TIME_MONTH_FIRST ? "date with the month first"
           : date == TIME_SECONDS     ? "number of seconds since 1970"
                                      : "number of ms since 1970";
}

/* The cells of a row's time, for messages. */
static void time_show(const struct layout *layout, const struct row *row, char to[2 * EXAMPLE_SIZE + 1]) {
    struct example date = {0}, clock = {0};
    example_keep(&date, 1, row->fields[layout->time]);
    example_keep(&clock, 1, layout->clock == SIZE_MAX ? SLICE("") : row->fields[layout->clock]);
    snprintf(to, 2 * EXAMPLE_SIZE + 1, "%s%s%s", date.text, clock.text[0] ? " " : "", clock.text);
}

/* `ret_time->count` 0: the row is wrong, and kept. */
static int load_time(struct loader *loader, const struct row *row, struct row_time *ret_time, struct error *error) {
    const struct layout *layout = loader->layout;
    char shown[2 * EXAMPLE_SIZE + 1];
    struct cell_time time;
    int64_t local;
    ret_time->count = 0;
    time_show(layout, row, shown);
    if (!cell_local(loader, row, &time, &local)) {
        loader->wrong++;
        return import_wrong_add(loader->import, loader->file, row->line, row->text, error, "\"%s\" is no %s%s", shown,
                                date_word(layout->date), layout->clock == SIZE_MAX ? "" : " and time of day");
    }
    if (time.has_offset) {
        ret_time->instants[0] = local - time.offset;
        ret_time->count = 1;
    } else {
        ret_time->count = zone_instants(loader->import->zone, local, ret_time->instants);
    }
    if (!ret_time->count) {
        loader->wrong++;
        struct slice zone = time_zone_name(loader->import->zone);
        return import_wrong_add(loader->import, loader->file, row->line, row->text, error,
                                "%s does not exist in %.*s: clocks went forward", shown, (int)zone.length, zone.data);
    }
    if (ret_time->instants[0] < TIME_MINIMUM || ret_time->instants[ret_time->count - 1] > TIME_MAXIMUM) {
        ret_time->count = 0;
        loader->wrong++;
        return import_wrong_add(loader->import, loader->file, row->line, row->text, error,
                                "%s is not between the years 1970 and 9999", shown);
    }
    return 0;
}

/* Which of two instants it is for a series whose last one in this file was `*last`. */
static int64_t time_choose(struct loader *loader, const struct row_time *time, int64_t *last) {
    bool back = loader->layout->descending;
    int64_t a = time->instants[0], b = time->instants[time->count - 1], chosen = a;
    if (time->count == 2) {
        chosen = back ? (b < *last || a >= *last ? b : a) : a > *last || b <= *last ? a : b;
        loader->import->counts.twice++;
        loader->import->counts.twice_second += chosen == b;
    }
    *last = chosen;
    return chosen;
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static struct slice part_of(struct slice fixed, const struct row *row, size_t column) {
    return fixed.data || column == SIZE_MAX ? fixed : row->fields[column];
}

static int64_t *last_of(struct loader *loader, uint32_t series) {
    size_t at = loader->named ? series : 0;
    if (at >= loader->last_count) {
        if (!memory_reserve((void **)&loader->last, &loader->last_capacity, at + 1, sizeof *loader->last))
            return NULL;
        for (; loader->last_count <= at; loader->last_count++)
            loader->last[loader->last_count] = loader->layout->descending ? INT64_MAX : INT64_MIN;
    }
    return &loader->last[at];
}

static int load_series(struct loader *loader, const struct row *row, size_t at, double value, uint32_t *ret_series,
                       const char **ret_reason, struct error *error) {
    const struct column *column = &loader->layout->columns[at];
    *ret_reason = NULL;
    if (loader->fixed[at] != UINT32_MAX) {
        *ret_series = loader->fixed[at];
        return 0;
    }
    struct reading reading = {.series = {part_of(column->gateway, row, loader->layout->gateway),
                                         part_of(column->type, row, loader->layout->type),
                                         part_of(column->attribute, row, loader->layout->attribute)},
                              .value = value};
    *ret_reason = reading_check(&reading, &loader->import->row);
    if (*ret_reason)
        return 0;
    int status = source_find_series(&loader->import->source, &reading.series, ret_series, error);
    if (!status && column->gateway.data && column->type.data && column->attribute.data)
        loader->fixed[at] = *ret_series;
    return status;
}

static int load_reading(struct loader *loader, const struct row *row, int64_t time, uint32_t series, double value,
                        struct error *error) {
    struct import *import = loader->import;
    if (import->reading_count >= IMPORT_READINGS_MAXIMUM)
        return error_set(error, ERROR_INVALID,
                         "%s:%" PRId64 ": more than %d readings at once: import the files by parts",
                         loader->layout->file, row->line, IMPORT_READINGS_MAXIMUM);
    if (!memory_reserve((void **)&import->readings, &import->reading_capacity, import->reading_count + 1,
                        sizeof *import->readings))
        return error_no_memory(error);
    import->readings[import->reading_count++] = (struct import_reading){
        time, value, series, row->line < UINT32_MAX ? (uint32_t)row->line : UINT32_MAX,
                                (uint16_t)loader->file, false};
    return 0;
}

static int load_value(struct loader *loader, const struct row *row, size_t at, const struct row_time *time,
                      int64_t *row_time, bool *row_timed, bool *row_wrong, struct error *error) {
    struct slice cell = row->fields[at];
    struct example shown = {0};
    const char *reason;
    double values[2];
    uint32_t series;
    if (cell_is_missing(cell)) {
        loader->import->counts.missing++;
        return 0;
    }
    unsigned numbers = cell_number(cell, values), wanted = loader->layout->decimal == ',' ? NUMBER_COMMA : NUMBER_POINT;
    example_keep(&shown, 1, cell);
    if (!(numbers & wanted)) {
        const struct column *column = &loader->layout->columns[at];
        loader->wrong += !*row_wrong;
        int status = *row_wrong
                         ? 0
                         : import_wrong_add(loader->import, loader->file, row->line, row->text, error,
                                            "column \"%.*s\": \"%s\" is no number with a decimal %s",
                                            column->name.length < 60 ? (int)column->name.length : 60, column->name.data,
                                            shown.text, wanted == NUMBER_COMMA ? "comma" : "point");
        *row_wrong = true;
        return status;
    }
    int status = load_series(loader, row, at, values[wanted == NUMBER_COMMA], &series, &reason, error);
    if (status)
        return status;
    if (reason) {
        loader->wrong += !*row_wrong;
        status =
            *row_wrong ? 0 : import_wrong_add(loader->import, loader->file, row->line, row->text, error, "%s", reason);
        *row_wrong = true;
        return status;
    }
    if (!*row_timed || loader->named) {
        int64_t *last = last_of(loader, series);
        if (!last)
            return error_no_memory(error);
        *row_time = time_choose(loader, time, last);
        *row_timed = true;
    }
    return load_reading(loader, row, *row_time, series, values[wanted == NUMBER_COMMA], error);
}

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

/* A sum below the others, or the header once more. */
static bool row_is_passed(const struct layout *layout, const struct row *row) {
    struct slice time = row->fields[layout->time];
    for (size_t i = 0; i < row->count; i++)
        if (row->fields[i].length && (i == layout->time || !time.length) && layout_is_sum(row->fields[i]))
            return true;
    return layout->has_names && time.length && slice_equal(time, layout->columns[layout->time].name);
}

static int load_row(struct loader *loader, const struct row *row, struct error *error) {
    const struct layout *layout = loader->layout;
    struct row_time time;
    int64_t chosen = 0;
    bool timed = false, wrong = false;
    loader->import->counts.rows++;
    arena_reset(&loader->import->row);
    if (row->problem || row->count != layout->count) {
        loader->wrong++;
        return row->problem ? import_wrong_add(loader->import, loader->file, row->line, row->text, error,
                                               "the row is %s", row->problem)
                            : import_wrong_add(loader->import, loader->file, row->line, row->text, error,
                                               "%zu columns where the first row has %zu", row->count, layout->count);
    }
    if (row_is_passed(layout, row)) {
        loader->import->counts.sums++;
        return 0;
    }
    int status = load_time(loader, row, &time, error);
    for (size_t i = 0; i < layout->count && !status && time.count; i++)
        if (layout->columns[i].role == ROLE_VALUE)
            status = load_value(loader, row, i, &time, &chosen, &timed, &wrong, error);
    return status;
}

/* Rows after those that were there first, and a last one that has grown meanwhile, are left for another time. */
static bool row_is_new(const struct layout *layout, const struct rows *rows, const struct row *row) {
    if (row->line > layout->lines.lines)
        return true;
    return row->line == layout->lines.lines && layout->lines.unended && rows_size(rows) != layout->size;
}

static int load_rows(struct loader *loader, struct rows *rows, struct error *error) {
    struct row row;
    int64_t at = 0;
    int status = 0, got;
    while (!status && (got = rows_next(rows, &row, error)) != 0) {
        if (got < 0)
            return got;
        if (row_is_new(loader->layout, rows, &row))
            break;
        if (at++ >= loader->layout->header_rows)
            status = load_row(loader, &row, error);
    }
    return status;
}

static int load_check(const struct loader *loader, struct error *error) {
    const struct import *import = loader->import;
    if (loader->wrong < WRONG_AT_LEAST || 2 * loader->wrong < loader->layout->rows)
        return 0;
    const struct wrong_row *wrong = &import->wrong[import->wrong_count - 1];
    return error_set(error, ERROR_INVALID,
                     "%s: %" PRId64 " of %" PRId64
                     " rows are wrong, so the file is understood wrongly; the last, line %" PRId64 ": %.*s",
                     loader->layout->file, loader->wrong, loader->layout->rows, wrong->line, (int)wrong->reason.length,
                     wrong->reason.data);
}

static int load_file(struct import *import, size_t file, struct error *error) {
    const struct layout *layout = &import->layouts[file];
    struct loader loader = {.import = import, .file = file, .layout = layout};
    struct rows *rows = NULL;
    loader.fixed = memory_zero(layout->count, sizeof *loader.fixed);
    int status =
        loader.fixed ? import_file_open(&import->files[file], layout->delimiter, &rows, error) : error_no_memory(error);
    for (size_t i = 0; loader.fixed && i < layout->count; i++) {
        const struct column *column = &layout->columns[i];
        loader.fixed[i] = UINT32_MAX;
        loader.named |=
            column->role == ROLE_VALUE && !(column->gateway.data && column->type.data && column->attribute.data);
    }
    if (!status)
        status = load_rows(&loader, rows, error);
    if (!status)
        status = load_check(&loader, error);
    rows_close(rows);
    free(loader.fixed);
    free(loader.last);
    return status;
}

int import_load(struct import *import, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < import->file_count && !status; i++)
        status = load_file(import, i, error);
    return status;
}

/* --- orders and repeats
 * ------------------------------------------------------------------------------------------------------------------ */

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int by_series(const void *left, const void *right) {
    const struct import_reading *a = left, *b = right;
    int order = ORDER(a->series, b->series);
    order = order ? order : ORDER(a->time, b->time);
    order = order ? order : ORDER(a->file, b->file);
    return order ? order : ORDER(a->line, b->line);
}

static int by_time(const void *left, const void *right) {
    const struct import_reading *a = left, *b = right;
    int order = ORDER(a->time, b->time);
    return order ? order : ORDER(a->series, b->series);
}

static int by_line(const void *left, const void *right) {
    const struct wrong_row *a = left, *b = right;
    int order = ORDER(a->file, b->file);
    order = order ? order : ORDER(a->line, b->line);
    return order ? order : slice_compare(a->reason, b->reason);
}

void import_order_by_series(struct import *import) {
    if (import->reading_count)
        qsort(import->readings, import->reading_count, sizeof *import->readings, by_series);
}

void import_order_by_time(struct import *import) {
    if (import->reading_count)
        qsort(import->readings, import->reading_count, sizeof *import->readings, by_time);
}

void import_order_wrong(struct import *import) {
    if (import->wrong_count)
        qsort(import->wrong, import->wrong_count, sizeof *import->wrong, by_line);
}

void import_sweep(struct import *import) {
    size_t kept = 0;
    for (size_t i = 0; i < import->reading_count; i++)
        if (!import->readings[i].dropped)
            import->readings[kept++] = import->readings[i];
    import->reading_count = kept;
}

int import_take_repeats(struct import *import, struct error *error) {
    size_t first = 0;
    int status = 0;
    import_order_by_series(import);
    for (size_t i = 1; i < import->reading_count && !status; i++) {
        struct import_reading *kept = &import->readings[first], *reading = &import->readings[i];
        if (reading->series != kept->series || reading->time != kept->time) {
            first = i;
            continue;
        }
        reading->dropped = true;
        if (reading->value == kept->value) {
            import->counts.repeats++;
            continue;
        }
        char where[400];
        snprintf(where, sizeof where, "%s:%" PRIu32, import->layouts[kept->file].file, kept->line);
        status = import_contradicted(import, reading, kept->value, where, error);
    }
    import_sweep(import);
    return status;
}
