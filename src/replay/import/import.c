/* Opening, what is told about it, and the source that gives the readings. */
#include "replay/import/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"
#include "replay/import/state.h"

enum { DESCRIBED_COLUMNS = 12, DESCRIBED_READINGS = 3 };

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

/* A column that is named must be in one of the files. */
static int columns_check(const struct import *import, struct error *error) {
    for (size_t k = 0; k < import->settings.column_count; k++) {
        struct slice name, role;
        bool found = !role_split(import->settings.columns[k], &name, &role);
        for (size_t f = 0; f < import->file_count && !found; f++)
            for (size_t i = 0; i < import->layouts[f].count && !found; i++)
                found = column_is_called(&import->layouts[f], i, name);
        if (found)
            continue;
        const struct layout *layout = &import->layouts[0];
        struct bytes there = {0};
        for (size_t i = 0; i < layout->count && i < DESCRIBED_COLUMNS; i++)
            bytes_append_format(&there, "%s%.*s", i ? ", " : "", (int)layout->columns[i].name.length,
                                layout->columns[i].name.data);
        int status = error_set(error, ERROR_INVALID, "no column is called \"%.*s\": %s has %.*s%s", (int)name.length,
                               name.data, layout->file, (int)there.length, there.data ? there.data : "",
                               layout->count > DESCRIBED_COLUMNS ? ", .." : "");
        bytes_release(&there);
        return status;
    }
    return 0;
}

static int import_find_zone(struct import *import, struct error *error) {
    import->zones = (struct time_zones){.folder = TIME_ZONE_FOLDER};
    import->zone = time_zone_utc;
    return import->settings.zone
               ? time_zone_find(&import->zones, &import->arena, slice_of(import->settings.zone), &import->zone, error)
               : 0;
}

static void import_measure(struct import *import) {
    struct import_counts *counts = &import->counts;
    counts->readings = (int64_t)import->reading_count;
    counts->first_time = import->reading_count ? import->readings[0].time : 0;
    counts->last_time = import->reading_count ? import->readings[import->reading_count - 1].time : 0;
}

static int import_fill(struct import *import, const char *const *files, struct error *error) {
    int status = import_find_zone(import, error);
    for (size_t i = 0; i < import->file_count && !status; i++) {
        import->files[i].name = files[i];
        status = layout_sniff(&import->settings, &import->files[i], &import->arena, &import->layouts[i], error);
    }
    if (!status)
        status = columns_check(import, error);
    if (!status)
        status = layout_settle(&import->settings, import->layouts, import->file_count, &import->arena, error);
    if (!status)
        status = import_load(import, error);
    if (!status)
        status = import_take_repeats(import, error);
    import_order_by_time(import);
    import_order_wrong(import);
    import_measure(import);
    return status;
}

int import_open(const struct import_settings *settings, const char *const *files, size_t file_count,
                struct import **ret_import, struct error *error) {
    *ret_import = NULL;
    if (file_count == 0 || file_count > IMPORT_FILES_MAXIMUM)
        return error_set(error, ERROR_INVALID, "%zu files: expected 1 to %d", file_count, IMPORT_FILES_MAXIMUM);
    struct import *import = memory_zero(1, sizeof *import);
    if (!import)
        return error_no_memory(error);
    import->settings = *settings;
    import->source.driver = &source_import;
    import->source.state = import;
    import->files = memory_zero(file_count, sizeof *import->files);
    import->layouts = memory_zero(file_count, sizeof *import->layouts);
    if (!import->files || !import->layouts) {
        import_close(import);
        return error_no_memory(error);
    }
    for (size_t i = 0; i < file_count; i++)
        import->files[i].copy = -1;
    import->file_count = file_count;
    *ret_import = import;
    return import_fill(import, files, error);
}

struct import *import_close(struct import *import) {
    if (!import)
        return NULL;
    for (size_t i = 0; i < import->file_count; i++)
        if (import->files[i].copy >= 0)
            close(import->files[i].copy);
    time_zones_release(&import->zones);
    arena_release(&import->arena);
    arena_release(&import->row);
    arena_release(&import->source.arena);
    free(import->source.series);
    free(import->source.slots);
    free(import->readings);
    free(import->wrong);
    free(import->files);
    free(import->layouts);
    free(import);
    return NULL;
}

const struct import_counts *import_counts(const struct import *import) {
    return &import->counts;
}

struct import_wrong import_wrong(const struct import *import, size_t i) {
    const struct wrong_row *wrong = &import->wrong[i];
    return (struct import_wrong){import->layouts[wrong->file].file, wrong->line, wrong->text, wrong->reason};
}

/* --- the source
 * ------------------------------------------------------------------------------------------------------------------ */

static int source_next(struct replay_source *source, struct replay_reading *ret_reading, struct error *error) {
    struct import *import = source->state;
    (void)error;
    if (import->next == import->reading_count)
        return 0;
    const struct import_reading *reading = &import->readings[import->next++];
    *ret_reading = (struct replay_reading){reading->series, false, reading->time, reading->value};
    return 1;
}

const struct source_driver source_import = {.type = "import", .next = source_next};

struct replay_source *import_source(struct import *import) {
    return &import->source;
}

/* --- what was understood
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *delimiter_word(char delimiter) {
    return delimiter == '\t' ? "tabs" : delimiter == ';' ? "';'" : delimiter == ',' ? "','" : "'|'";
}

static const char *date_form(const struct layout *layout) {
    const struct column_cells *cells = &layout->columns[layout->time].cells;
    return layout->date == TIME_YEAR_FIRST     ? "year-month-day"
           : layout->date == TIME_SECONDS      ? "seconds since 1970"
           : layout->date == TIME_MILLISECONDS ? "ms since 1970"
           : layout->date == TIME_DAY_FIRST    ? cells->dotted ? "day.month.year" : "day/month/year"
                                               : "month/day/year";
}

static void describe_interval(int64_t interval, struct bytes *to) {
    static const struct {
        int64_t size;
        const char *word;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    for (size_t i = 0; i < 5 && interval; i++)
        if (interval % units[i].size == 0) {
            bytes_append_format(to, "; most steps are %" PRId64 " %s", interval / units[i].size, units[i].word);
            return;
        }
}

static void describe_header(const struct layout *layout, struct bytes *to) {
    if (!layout->header_rows)
        bytes_append_string(to, "  no header: columns go by number (column 1, ..)\n");
    else
        bytes_append_format(to, "  header: %" PRId64 " row%s before line %" PRId64 "%s%s\n", layout->header_rows,
                            layout->header_rows == 1 ? "" : "s", layout->first_line,
                            layout->has_names ? ", with names" : ", without names",
                            layout->has_units ? " and units" : "");
}

static void describe_time(const struct import *import, const struct layout *layout, struct bytes *to) {
    const struct column *time = &layout->columns[layout->time];
    bytes_append_format(to, "  time: \"%.*s\"", (int)time->name.length, time->name.data);
    if (layout->clock != SIZE_MAX)
        bytes_append_format(to, " and \"%.*s\"", (int)layout->columns[layout->clock].name.length,
                            layout->columns[layout->clock].name.data);
    bytes_append_format(to, " as %s, ", date_form(layout));
    if (layout->date >= TIME_SECONDS)
        bytes_append_string(to, "UTC");
    else if (import->settings.zone && time->cells.local)
        bytes_append_format(to, "local time of %s%s", import->settings.zone,
                            time->cells.offsets ? " where no offset is said" : "");
    else
        bytes_append_string(to, "with offsets");
    describe_interval(layout->interval, to);
    bytes_append_char(to, '\n');
}

static void describe_part(struct slice part, const struct layout *layout, size_t column, struct bytes *to) {
    if (part.data)
        bytes_append_slice(to, part);
    else
        bytes_append_format(to, "(%.*s)", (int)layout->columns[column].name.length, layout->columns[column].name.data);
}

static void describe_column(const struct layout *layout, const struct column *column, struct bytes *to) {
    bytes_append_format(to, "  \"%.*s\"", (int)column->name.length, column->name.data);
    if (column->unit.length)
        bytes_append_format(to, " in %.*s", (int)column->unit.length, column->unit.data);
    bytes_append_string(to, " -> ");
    describe_part(column->gateway, layout, layout->gateway, to);
    bytes_append_char(to, '.');
    describe_part(column->type, layout, layout->type, to);
    bytes_append_char(to, '.');
    describe_part(column->attribute, layout, layout->attribute, to);
    bytes_append_format(to, "   first: %s\n", column->cells.first.text);
}

static void describe_columns(const struct layout *layout, struct bytes *to) {
    size_t values = 0, left_out = 0;
    for (size_t i = 0; i < layout->count; i++)
        if (layout->columns[i].role == ROLE_VALUE && values++ < DESCRIBED_COLUMNS)
            describe_column(layout, &layout->columns[i], to);
    if (values > DESCRIBED_COLUMNS)
        bytes_append_format(to, "  and %zu columns more\n", values - DESCRIBED_COLUMNS);
    for (size_t i = 0; i < layout->count; i++)
        if (layout->columns[i].role == ROLE_IGNORED && left_out++ < DESCRIBED_COLUMNS)
            bytes_append_format(to, "%s\"%.*s\" (%s)", left_out == 1 ? "  not used: " : ", ",
                                (int)layout->columns[i].name.length, layout->columns[i].name.data,
                                layout->columns[i].why ? layout->columns[i].why : "as you say");
    bytes_append_string(to, left_out > DESCRIBED_COLUMNS ? ", ..\n" : left_out ? "\n" : "");
}

static void describe_file(const struct import *import, size_t at, struct bytes *to) {
    const struct layout *layout = &import->layouts[at];
    char encoding[80];
    snprintf(encoding, sizeof encoding, layout->lines.wide ? "UTF-16" : "UTF-8");
    if (layout->lines.recoded)
        snprintf(encoding, sizeof encoding, "Windows-1252 on %" PRId64 " line%s", layout->lines.recoded,
                 layout->lines.recoded == 1 ? "" : "s");
    bytes_append_format(to, "%s: %" PRId64 " rows, %s, columns split by %s, decimal %s\n", layout->file, layout->rows,
                        encoding, delimiter_word(layout->delimiter), layout->decimal == ',' ? "comma" : "point");
    describe_header(layout, to);
    describe_time(import, layout, to);
    describe_columns(layout, to);
}

static bool layouts_agree(const struct layout *a, const struct layout *b) {
    bool same = a->count == b->count && a->delimiter == b->delimiter && a->decimal == b->decimal &&
                a->date == b->date && a->header_rows == b->header_rows && a->time == b->time && a->clock == b->clock;
    for (size_t i = 0; same && i < a->count; i++)
        same = slice_equal(a->columns[i].name, b->columns[i].name) && a->columns[i].role == b->columns[i].role &&
               slice_equal(a->columns[i].gateway, b->columns[i].gateway);
    return same;
}

static void describe_readings(const struct import *import, struct bytes *to) {
    for (size_t i = 0; i < import->reading_count && i < DESCRIBED_READINGS; i++) {
        const struct import_reading *reading = &import->readings[i];
        const struct series *series = &import->source.series[reading->series];
        char time[TIME_TEXT_SIZE], value[NUMBER_DOUBLE_SIZE];
        bytes_append_string(to, i ? "         " : "  first: ");
        bytes_append(to, time, time_write(time, reading->time));
        bytes_append_format(to, "  %.*s.%.*s.%.*s  ", (int)series->gateway.length, series->gateway.data,
                            (int)series->type.length, series->type.data, (int)series->attribute.length,
                            series->attribute.data);
        bytes_append(to, value, number_write_double(value, reading->value));
        bytes_append_char(to, '\n');
    }
}

void import_describe(const struct import *import, struct bytes *to) {
    const struct import_counts *counts = &import->counts;
    for (size_t i = 0; i < import->file_count; i++) {
        if (i && layouts_agree(&import->layouts[i - 1], &import->layouts[i]))
            bytes_append_format(to, "%s: %" PRId64 " rows, as the one before\n", import->layouts[i].file,
                                import->layouts[i].rows);
        else
            describe_file(import, i, to);
    }
    bytes_append_format(to,
                        "%" PRId64 " rows: %" PRId64 " readings of %zu series, %" PRId64
                        " cells without a value, %" PRId64 " repeats, %" PRId64 " wrong",
                        counts->rows, counts->readings, import->source.series_count, counts->missing, counts->repeats,
                        counts->wrong);
    if (counts->sums)
        bytes_append_format(to, ", %" PRId64 " of sums or names passed over", counts->sums);
    bytes_append_char(to, '\n');
    describe_readings(import, to);
    if (counts->twice)
        bytes_append_format(to,
                            "  %" PRId64 " times are in an hour that clocks showed twice: %" PRId64
                            " taken for the first, %" PRId64 " for the second, by the order of rows\n",
                            counts->twice, counts->twice - counts->twice_second, counts->twice_second);
}

void import_map_write(const struct import *import, struct bytes *to) {
    const struct layout *layout = &import->layouts[0];
    const struct import_settings *settings = &import->settings;
    bytes_append_format(to, "# How %s is read: meterline import --map THIS FILE ..\n", layout->file);
    bytes_append_format(to, "delimiter = %s\n", layout->delimiter == '\t' ? "tab" : (char[]){layout->delimiter, '\0'});
    bytes_append_format(to, "decimal = %s\n", layout->decimal == ',' ? "comma" : "point");
    if (layout->date < TIME_SECONDS)
        bytes_append_format(to, "date = %s\n",
                            layout->date == TIME_YEAR_FIRST  ? "year-first"
                            : layout->date == TIME_DAY_FIRST ? "day-first"
                                                             : "month-first");
    bytes_append_format(to, "header = %" PRId64 "\n", layout->header_rows);
    const struct {
        const char *name, *value;
    } texts[] = {{"zone", settings->zone},
                 {"gateway", settings->gateway},
                 {"gateway-from", settings->gateway_from},
                 {"type", settings->type},
                 {"attribute", settings->attribute}};
    for (size_t i = 0; i < 5; i++)
        if (texts[i].value)
            bytes_append_format(to, "%s = %s\n", texts[i].name, texts[i].value);
    for (size_t i = 0; i < layout->count; i++) {
        const struct column *column = &layout->columns[i];
        bytes_append_format(to, "column %.*s = %s", (int)column->name.length, column->name.data,
                            role_word(column->role));
        if (column->role == ROLE_VALUE && column->alias.length)
            bytes_append_format(to, " %.*s", (int)column->alias.length, column->alias.data);
        else if (column->whole)
            bytes_append_format(to, " %.*s.%.*s.%.*s", (int)column->gateway.length, column->gateway.data,
                                (int)column->type.length, column->type.data, (int)column->attribute.length,
                                column->attribute.data);
        bytes_append_char(to, '\n');
    }
}
