/* Rows are held back until the widths of the columns are known, then printed as they come. CSV and JSON lines are
 * printed at once. Widths are columns of the terminal, not bytes. */
#include "cli/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "codec/json/json.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "model/time/time.h"

enum { TABLE_COLUMNS = 200, TABLE_HELD_ROWS = 1000, TABLE_WIDTH_MAXIMUM = 200, TABLE_NARROWEST = 6, TABLE_GAP = 2 };
enum { TABLE_SLOW_WIDTH = 12 }; /* of a column whose rows have not come yet */

struct table_cell {
    struct slice text;
    bool right;
};

struct table {
    enum table_format format;
    const char *columns[TABLE_COLUMNS];
    size_t column_count, at;
    size_t widths[TABLE_COLUMNS], terminal; /* terminal 0: as wide as it likes */
    bool numbers[TABLE_COLUMNS];            /* columns of numbers and times, which are not cut */
    bool stacked;
    uint64_t rows;           /* printed stacked */
    bool settled;            /* widths are found, rows are printed as they come */
    struct table_cell *held; /* TABLE_HELD_ROWS rows at most */
    size_t held_count, held_capacity;
    struct arena arena;
    struct bytes line;
    int failed; /* errno of the first write that failed, or ENOMEM */
};

static bool expanded; /* of this process: one command, one prompt */

void table_expand(bool wanted) {
    expanded = wanted;
}

bool table_expanded(void) {
    return expanded;
}

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
    table->terminal = terminal_width(STDOUT_FILENO);
    table->stacked = expanded;
    for (size_t i = 0; i < column_count; i++) {
        table->columns[i] = columns[i];
        table->widths[i] = terminal_text_width(slice_of(columns[i]));
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

/* A text without control characters: runs of them, such as a newline and an indentation, become a blank. */
static void table_plain(struct bytes *to, struct slice text) {
    bool blank = false;
    for (size_t i = 0; i < text.length; i++) {
        bool control = (unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f;
        if (control ? !blank : !(blank && text.data[i] == ' '))
            bytes_append_char(to, control ? ' ' : text.data[i]);
        blank = control || (blank && text.data[i] == ' ');
    }
}

/* `wanted` columns of a text that has more: its beginning and its end, where names often differ. */
static void table_cut(struct bytes *to, struct slice text, size_t wanted) {
    size_t behind = (wanted - 1) / 3, ahead = wanted - 1 - behind, at = terminal_text_fit(text, ahead);
    bytes_append(to, text.data, at);
    for (size_t i = terminal_text_width((struct slice){text.data, at}); i < ahead; i++)
        bytes_append_char(to, ' ');
    bytes_append_string(to, "\xe2\x80\xa6");
    struct slice end = {text.data + at, text.length - at};
    while (terminal_text_width(end) > behind) {
        size_t step = utf8_length(end.data, end.length);
        step = step ? step : 1;
        end = (struct slice){end.data + step, end.length - step};
    }
    bytes_append_slice(to, end);
    for (size_t i = terminal_text_width(end); i < behind; i++)
        bytes_append_char(to, ' ');
}

static void table_aligned_cell(struct table *table, size_t column, struct slice cell, bool right) {
    struct bytes *to = &table->line, plain = {0};
    bool last = column + 1 == table->column_count;
    table_plain(&plain, cell);
    struct slice text = bytes_slice(&plain);
    size_t width = terminal_text_width(text), wanted = table->widths[column];
    size_t pad = width < wanted ? wanted - width : 0;
    for (size_t i = 0; right && i < pad; i++)
        bytes_append_char(to, ' ');
    if (table->terminal && width > wanted && wanted > 1)
        table_cut(to, text, wanted);
    else
        bytes_append_slice(to, text);
    for (size_t i = 0; !right && !last && i < pad; i++)
        bytes_append_char(to, ' ');
    bytes_append_string(to, last ? "" : "  ");
    to->failed |= plain.failed;
    bytes_release(&plain);
}

static void table_stacked_cell(struct table *table, size_t column, struct slice text) {
    size_t widest = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        size_t width = terminal_text_width(slice_of(table->columns[i]));
        widest = width > widest ? width : widest;
    }
    if (column == 0) {
        bytes_append_format(&table->line, "-[ %llu ]", (unsigned long long)++table->rows);
        for (size_t i = table->line.length; i < widest + 12; i++)
            bytes_append_char(&table->line, '-');
        table_flush_line(table);
    }
    bytes_append_string(&table->line, table->columns[column]);
    for (size_t i = terminal_text_width(slice_of(table->columns[column])); i < widest; i++)
        bytes_append_char(&table->line, ' ');
    bytes_append_string(&table->line, " | ");
    table_plain(&table->line, text);
    table_flush_line(table);
}

static void table_print_cell(struct table *table, size_t column, struct slice text, bool right) {
    if (table->stacked) {
        table_stacked_cell(table, column, text);
        return;
    }
    table_aligned_cell(table, column, text, right);
    if (column + 1 == table->column_count)
        table_flush_line(table);
}

static size_t table_total(const struct table *table) {
    size_t total = TABLE_GAP * (table->column_count - 1);
    for (size_t i = 0; i < table->column_count; i++)
        total += table->widths[i];
    return total;
}

/* Takes columns from the widest text, one by one, while the table is too wide; stacks it when nothing is left. */
static void table_fit(struct table *table) {
    while (table->terminal && table_total(table) > table->terminal) {
        size_t widest = SIZE_MAX;
        for (size_t i = 0; i < table->column_count; i++)
            if (!table->numbers[i] && table->widths[i] > TABLE_NARROWEST &&
                (widest == SIZE_MAX || table->widths[i] > table->widths[widest]))
                widest = i;
        if (widest == SIZE_MAX) {
            table->stacked = true;
            return;
        }
        table->widths[widest]--;
    }
}

/* Prints the header and the rows held back, now that the widths are known. */
static void table_settle(struct table *table) {
    table->settled = true;
    if (!table->stacked)
        table_fit(table);
    for (size_t i = 0; i < table->column_count && !table->stacked; i++)
        table_print_cell(table, i, slice_of(table->columns[i]), i < table->held_count && table->held[i].right);
    for (size_t i = 0; i < table->held_count; i++)
        table_print_cell(table, i % table->column_count, table->held[i].text, table->held[i].right);
    table->held_count = 0;
}

void table_show_header(struct table *table) {
    if (table->format != TABLE_ALIGNED || table->settled)
        return;
    for (size_t i = 0; i < table->column_count; i++)
        table->widths[i] = table->widths[i] < TABLE_SLOW_WIDTH ? TABLE_SLOW_WIDTH : table->widths[i];
    size_t share = table->terminal / table->column_count;
    for (size_t i = 0; i < table->column_count && share > TABLE_SLOW_WIDTH + TABLE_GAP; i++)
        table->widths[i] = table->widths[i] < share - TABLE_GAP ? share - TABLE_GAP : table->widths[i];
    table_settle(table);
    table_flush(table);
}

static void table_hold(struct table *table, struct slice text, bool right) {
    struct slice copy = arena_copy(&table->arena, text.data ? text : SLICE(""));
    if (!copy.data ||
        !memory_reserve((void **)&table->held, &table->held_capacity, table->held_count + 1, sizeof *table->held)) {
        table->failed = ENOMEM;
        return;
    }
    size_t width = terminal_text_width(text);
    width = width < TABLE_WIDTH_MAXIMUM || table->terminal ? width : TABLE_WIDTH_MAXIMUM;
    table->numbers[table->at] |= right;
    if (width > table->widths[table->at])
        table->widths[table->at] = width;
    table->held[table->held_count++] = (struct table_cell){copy, right};
}

static void table_cell(struct table *table, struct slice text, bool right, bool quote) {
    if (table->failed)
        return;
    struct bytes *line = &table->line;
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
        table_print_cell(table, table->at, text, right);
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
    table->numbers[table->at] = true;
    table_cell(table, (struct slice){text, time_write(text, shown)}, false, true);
}

void table_json(struct table *table, struct slice json) {
    table_cell(table, json, false, false);
}

void table_row_end(struct table *table) {
    table->at = 0;
    if (table->format == TABLE_JSON)
        bytes_append_char(&table->line, '}');
    if (table->format != TABLE_ALIGNED)
        table_flush_line(table);
    else if (!table->settled && table->held_count >= TABLE_HELD_ROWS * table->column_count)
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

/* A text of a listing: numbers stand on the right, as text all the same. */
static void table_listed(struct table *table, struct slice text) {
    double value;
    if (text.data && number_read_double(text, &value))
        table_cell(table, text, true, true);
    else
        table_text(table, text);
}

int table_print_listing(enum table_format format, const struct listing *listing, struct error *error) {
    struct table *table;
    int status = table_begin(format, listing->titles, listing->column_count, &table, error);
    if (status)
        return status;
    for (size_t row = 0; row < listing->row_count; row++) {
        for (size_t column = 0; column < listing->column_count; column++)
            table_listed(table, listing->cells[row * listing->column_count + column]);
        table_row_end(table);
    }
    return table_end(table, error);
}
