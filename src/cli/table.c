/* Rows are held back until the widths of the columns are known, then printed as they come. CSV and JSON lines are
 * printed at once. */
#include "cli/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/json/json.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"

enum { TABLE_COLUMNS = 24, TABLE_HELD_ROWS = 1000, TABLE_WIDTH_MAXIMUM = 200 };

struct table_cell {
    struct slice text;
    bool right;
};

struct table {
    enum table_format format;
    const char *columns[TABLE_COLUMNS];
    size_t column_count, at;
    size_t widths[TABLE_COLUMNS];
    bool settled;            /* widths are found, rows are printed as they come */
    struct table_cell *held; /* TABLE_HELD_ROWS rows at most */
    size_t held_count, held_capacity;
    struct arena arena;
    struct bytes line;
    int failed; /* errno of the first write that failed, or ENOMEM */
};

enum table_format table_format_of(const char *name) {
    if (name && strcmp(name, "json") == 0)
        return TABLE_JSON;
    if (name && strcmp(name, "csv") == 0)
        return TABLE_CSV;
    return name || isatty(STDOUT_FILENO) ? TABLE_ALIGNED : TABLE_CSV;
}

static void table_flush_line(struct table *table) {
    bytes_append_char(&table->line, '\n');
    if (table->line.failed)
        table->failed = table->failed ? table->failed : ENOMEM;
    else if (!table->failed && fwrite(table->line.data, 1, table->line.length, stdout) != table->line.length)
        table->failed = errno ? errno : EIO;
    table->line.length = 0;
    table->line.failed = false;
}

int table_begin(enum table_format format, const char *const *columns, size_t column_count, struct table **ret_table,
                struct error *error) {
    if (column_count > TABLE_COLUMNS)
        return error_set(error, ERROR_INVALID, "a table of more than %d columns", TABLE_COLUMNS);
    struct table *table = memory_zero(1, sizeof *table);
    if (!table)
        return error_no_memory(error);
    table->format = format;
    table->column_count = column_count;
    for (size_t i = 0; i < column_count; i++) {
        table->columns[i] = columns[i];
        table->widths[i] = strlen(columns[i]);
        if (format == TABLE_CSV) {
            bytes_append_string(&table->line, i ? "," : "");
            bytes_append_string(&table->line, columns[i]);
        }
    }
    if (format == TABLE_CSV)
        table_flush_line(table);
    *ret_table = table;
    return 0;
}

static void table_csv_text(struct bytes *to, struct slice text) {
    bool plain = true;
    for (size_t i = 0; i < text.length; i++)
        plain &= text.data[i] != ',' && text.data[i] != '"' && text.data[i] != '\n' && text.data[i] != '\r';
    if (plain) {
        bytes_append_slice(to, text);
        return;
    }
    bytes_append_quoted(to, text);
}

static void table_aligned_cell(struct bytes *to, struct slice text, size_t width, bool right, bool last) {
    size_t pad = text.length < width ? width - text.length : 0;
    for (size_t i = 0; right && i < pad; i++)
        bytes_append_char(to, ' ');
    for (size_t i = 0; i < text.length; i++)
        bytes_append_char(to, (unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f ? '?' : text.data[i]);
    for (size_t i = 0; !right && !last && i < pad; i++)
        bytes_append_char(to, ' ');
    bytes_append_string(to, last ? "" : "  ");
}

/* Prints the header and the rows held back, now that the widths are known. */
static void table_settle(struct table *table) {
    table->settled = true;
    for (size_t i = 0; i < table->column_count; i++)
        table_aligned_cell(&table->line, slice_of(table->columns[i]), table->widths[i],
                           i < table->held_count && table->held[i].right, i + 1 == table->column_count);
    table_flush_line(table);
    for (size_t i = 0; i < table->held_count; i++) {
        size_t column = i % table->column_count;
        table_aligned_cell(&table->line, table->held[i].text, table->widths[column], table->held[i].right,
                           column + 1 == table->column_count);
        if (column + 1 == table->column_count)
            table_flush_line(table);
    }
    table->held_count = 0;
}

static void table_hold(struct table *table, struct slice text, bool right) {
    struct slice copy = arena_copy(&table->arena, text.data ? text : SLICE(""));
    if (!copy.data ||
        !memory_reserve((void **)&table->held, &table->held_capacity, table->held_count + 1, sizeof *table->held)) {
        table->failed = ENOMEM;
        return;
    }
    size_t width = text.length < TABLE_WIDTH_MAXIMUM ? text.length : TABLE_WIDTH_MAXIMUM;
    if (width > table->widths[table->at])
        table->widths[table->at] = width;
    table->held[table->held_count++] = (struct table_cell){copy, right};
}

static void table_cell(struct table *table, struct slice text, bool right, bool quote) {
    if (table->failed)
        return;
    struct bytes *line = &table->line;
    bool last = table->at + 1 == table->column_count;
    if (table->format == TABLE_JSON) {
        bytes_append_char(line, table->at ? ',' : '{');
        json_write_string(line, slice_of(table->columns[table->at]));
        bytes_append_char(line, ':');
        if (quote)
            json_write_string(line, text);
        else
            bytes_append_slice(line, text);
    } else if (table->format == TABLE_CSV) {
        bytes_append_string(line, table->at ? "," : "");
        table_csv_text(line, text);
    } else if (table->settled) {
        table_aligned_cell(line, text, table->widths[table->at], right, last);
    } else {
        table_hold(table, text, right);
    }
    table->at++;
}

void table_text(struct table *table, struct slice text) {
    if (!text.data && table->format == TABLE_JSON)
        table_cell(table, SLICE("null"), false, false);
    else
        table_cell(table, text.data ? text : SLICE(""), false, true);
}

void table_integer(struct table *table, int64_t value) {
    char text[NUMBER_INTEGER_SIZE];
    table_cell(table, (struct slice){text, number_write_integer(text, value)}, true, false);
}

void table_double(struct table *table, double value) {
    char text[NUMBER_DOUBLE_SIZE];
    table_cell(table, (struct slice){text, number_write_double(text, value)}, true, false);
}

void table_time(struct table *table, int64_t time) {
    char text[TIME_TEXT_SIZE];
    int64_t shown = time < TIME_MINIMUM ? TIME_MINIMUM : time > TIME_MAXIMUM ? TIME_MAXIMUM : time;
    table_cell(table, (struct slice){text, time_write(text, shown)}, false, true);
}

void table_json(struct table *table, struct slice json) {
    table_cell(table, json, false, false);
}

void table_row_end(struct table *table) {
    table->at = 0;
    if (table->format == TABLE_JSON)
        bytes_append_char(&table->line, '}');
    if (table->format != TABLE_ALIGNED || table->settled)
        table_flush_line(table);
    else if (table->held_count >= TABLE_HELD_ROWS * table->column_count)
        table_settle(table);
}

bool table_flush(struct table *table) {
    if (table->format == TABLE_ALIGNED && !table->settled && !table->failed && table->held_count)
        table_settle(table);
    errno = 0;
    if (!table->failed && fflush(stdout) != 0)
        table->failed = errno;
    return !table->failed;
}

int table_end(struct table *table, struct error *error) {
    if (!table)
        return 0;
    if (table->format == TABLE_ALIGNED && !table->settled && !table->failed)
        table_settle(table);
    errno = 0;
    if (!table->failed && fflush(stdout) != 0)
        table->failed = errno;
    int failed = table->failed;
    bytes_release(&table->line);
    arena_release(&table->arena);
    free(table->held);
    free(table);
    if (!failed || failed == EPIPE) /* a reader that has seen enough is no failure */
        return 0;
    return error_set_errno(error, failed, "cannot write the results to stdout");
}

int table_print_listing(enum table_format format, const struct listing *listing, struct error *error) {
    struct table *table;
    int status = table_begin(format, listing->titles, listing->column_count, &table, error);
    if (status)
        return status;
    for (size_t row = 0; row < listing->row_count; row++) {
        for (size_t column = 0; column < listing->column_count; column++)
            table_text(table, listing->cells[row * listing->column_count + column]);
        table_row_end(table);
    }
    return table_end(table, error);
}
