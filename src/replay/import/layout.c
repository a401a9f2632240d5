/* Sniffing reads a file twice: a sample of SAMPLE_ROWS rows, to learn what splits rows and where the data begins, and
 * then all of it, to learn what the cells of each column are. Nothing is kept but counts and an example of each kind. */
#include "replay/import/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/text.h"

enum { SAMPLE_ROWS = 200, SAMPLE_BYTES = 8 << 20 };

struct sample {
    struct slice texts[SAMPLE_ROWS];
    int64_t lines[SAMPLE_ROWS];
    size_t count, bytes;
};

/* Cuts at a character; what is not printable becomes a question mark. */
void example_keep(struct example *example, int64_t line, struct slice text) {
    size_t length = 0;
    if (example->line)
        return;
    example->line = line;
    while (length < text.length) {
        size_t size = utf8_length(text.data + length, text.length - length);
        size = size ? size : 1;
        if (length + size >= EXAMPLE_SIZE)
            break;
        memcpy(example->text + length, text.data + length, size);
        if ((unsigned char)example->text[length] < 0x20 || example->text[length] == 0x7f)
            example->text[length] = '?';
        length += size;
    }
    example->text[length] = '\0';
}

/* --- files
 * ------------------------------------------------------------------------------------------------------------------ */

/* Standard input can be read once: a copy of it, in a file without a name, is what is read. */
static int file_copy(struct import_file *file, struct error *error) {
    char block[16384];
    FILE *copy = tmpfile();
    file->copy = copy ? dup(fileno(copy)) : -1;
    if (file->copy < 0)
        error_set_errno(error, errno, "making a copy of standard input");
    while (file->copy >= 0) {
        ssize_t length = read(STDIN_FILENO, block, sizeof block);
        if (length > 0 && fwrite(block, 1, (size_t)length, copy) == (size_t)length)
            continue;
        if (length == 0 && fflush(copy) == 0)
            break;
        error_set_errno(error, errno, "copying standard input");
        close(file->copy);
        file->copy = -1;
    }
    if (copy)
        fclose(copy);
    return file->copy >= 0 ? 0 : ERROR_IO;
}

int import_file_open(struct import_file *file, char delimiter, struct rows **ret_rows, struct error *error) {
    struct input *input;
    bool copied = strcmp(file->name, "-") == 0;
    int status = copied && file->copy < 0 ? file_copy(file, error) : 0;
    if (!status)
        status = copied ? input_open_file(file->copy, "standard input", &input, error)
                        : input_open(file->name, &input, error);
    if (!status && input_is_live(input)) {
        status = error_set(error, ERROR_INVALID, "%s is no file, and it is read twice: give - and 'cat %s |' before",
                           file->name, file->name);
        input_close(input);
    }
    return status ? status : rows_open(input, delimiter, ret_rows, error);
}

/* --- the sample
 * ------------------------------------------------------------------------------------------------------------------ */

static int sample_read(struct rows *rows, struct arena *arena, struct sample *sample, struct error *error) {
    struct row row;
    int status = 1;
    while (sample->count < SAMPLE_ROWS && sample->bytes < SAMPLE_BYTES &&
           (status = rows_next(rows, &row, error)) == 1) {
        struct slice copy = arena_copy(arena, row.text);
        if (!copy.data)
            return error_no_memory(error);
        sample->texts[sample->count] = copy;
        sample->lines[sample->count++] = row.line;
        sample->bytes += copy.length;
    }
    return status < 0 ? status : 0;
}

/* The share of filled cells that are numbers or times. */
static double row_sense(const struct row *row) {
    double values[2];
    size_t filled = 0, good = 0;
    for (size_t i = 0; i < row->count; i++) {
        if (!row->fields[i].length)
            continue;
        filled++;
        good += cell_number(row->fields[i], values) || cell_time(row->fields[i]).forms;
    }
    return filled ? (double)good / (double)filled : 0;
}

static int compare_sizes(const void *a, const void *b) {
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

/* The most common number of columns. */
static size_t most_common(size_t *counts, size_t count) {
    size_t best = 0, most = 0;
    qsort(counts, count, sizeof *counts, compare_sizes);
    for (size_t i = 0, run = 0; i < count; i++) {
        run = i && counts[i] == counts[i - 1] ? run + 1 : 1;
        if (run >= most) {
            most = run;
            best = counts[i];
        }
    }
    return best;
}

/* How well a delimiter splits the sample: the sense that rows of the most common number of columns make, summed. */
static int sample_score(struct rows *rows, const struct sample *sample, char delimiter, double *ret_score,
                        size_t *ret_columns, struct error *error) {
    size_t counts[SAMPLE_ROWS], sorted[SAMPLE_ROWS];
    double sense[SAMPLE_ROWS];
    for (size_t i = 0; i < sample->count; i++) {
        struct row row;
        int status = rows_split(rows, sample->texts[i], delimiter, &row, error);
        if (status)
            return status;
        counts[i] = sorted[i] = row.count;
        sense[i] = row_sense(&row);
    }
    size_t columns = most_common(sorted, sample->count);
    *ret_score = 0;
    *ret_columns = columns;
    for (size_t i = 0; i < sample->count && columns > 1; i++)
        *ret_score += counts[i] == columns ? sense[i] : 0;
    return 0;
}

static char delimiter_of(const char *text) {
    return strcmp(text, "tab") == 0 ? '\t' : text[0];
}

static int sample_delimiter(const struct import_settings *settings, struct rows *rows, const struct sample *sample,
                            struct layout *layout, struct error *error) {
    static const char candidates[] = {';', '\t', '|', ','};
    double best = 0;
    if (settings->delimiter) {
        layout->delimiter = delimiter_of(settings->delimiter);
        return sample_score(rows, sample, layout->delimiter, &best, &layout->count, error);
    }
    for (size_t i = 0; i < sizeof candidates; i++) {
        double score;
        size_t columns;
        int status = sample_score(rows, sample, candidates[i], &score, &columns, error);
        if (status)
            return status;
        if (score > best) {
            best = score;
            layout->delimiter = candidates[i];
            layout->count = columns;
        }
    }
    struct example row = {0};
    example_keep(&row, 1, sample->count ? sample->texts[0] : SLICE(""));
    if (!sample->count)
        return error_set(error, ERROR_INVALID, "%s is empty: there are no rows in it", layout->file);
    if (!layout->delimiter && !row.text[0])
        return error_set(error, ERROR_INVALID,
                         "%s:%" PRId64 ": the row is longer than %d bytes, and so no row of a table", layout->file,
                         sample->lines[0], INPUT_LINE_MAXIMUM);
    if (!layout->delimiter)
        return error_set(error, ERROR_INVALID,
                         "%s: its rows are no columns with times and numbers, however they are split (; , tab |): the "
                         "first is \"%s\"",
                         layout->file, row.text);
    return 0;
}

/* --- the header
 * ------------------------------------------------------------------------------------------------------------------ */

static bool is_unit(struct slice cell) {
    static const char *const units[] = {"kwh",
                                        "wh",
                                        "mwh",
                                        "kw",
                                        "w",
                                        "mw",
                                        "v",
                                        "a",
                                        "m3",
                                        "m\xc2\xb3",
                                        "l",
                                        "hz",
                                        "va",
                                        "kva",
                                        "var",
                                        ("\xc2\xb0"
                                         "c"),
                                        "c",
                                        "eur",
                                        "\xe2\x82\xac",
                                        "%",
                                        "kvarh",
                                        "varh",
                                        "l/h",
                                        "m3/h",
                                        "l/min"};
    if (cell.length > 2 && (cell.data[0] == '[' || cell.data[0] == '('))
        cell = (struct slice){cell.data + 1, cell.length - 2};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i]) == cell.length && strncasecmp(units[i], cell.data, cell.length) == 0)
            return true;
    return false;
}

/* A row of units has nothing else, but for its first cell. */
static bool row_is_units(const struct row *row) {
    bool some = false;
    for (size_t i = 0; i < row->count; i++) {
        bool unit = is_unit(row->fields[i]);
        if (i && row->fields[i].length && !unit)
            return false;
        some |= unit;
    }
    return some;
}

/* A row has a date and a number, or a date and nothing else. */
static bool row_is_data(const struct row *row) {
    double values[2];
    bool date = false, number = false, text = false;
    for (size_t i = 0; i < row->count; i++) {
        struct slice field = row->fields[i];
        bool is_date = !date && (cell_time(field).forms & TIME_DATES);
        date |= is_date;
        number |= !is_date && cell_number(field, values) != 0;
        text |= !is_date && !cell_is_missing(field);
    }
    return date && (number || !text);
}

static int sample_header(const struct import_settings *settings, struct rows *rows, const struct sample *sample,
                         struct layout *layout, struct error *error) {
    size_t at = 0;
    if (settings->header) {
        at = (size_t)strtoul(settings->header, NULL, 10);
    } else {
        for (; at < sample->count; at++) {
            struct row row;
            int status = rows_split(rows, sample->texts[at], layout->delimiter, &row, error);
            if (status)
                return status;
            if (row.count == layout->count && row_is_data(&row))
                break;
        }
    }
    if (at >= sample->count) {
        struct example row = {0};
        example_keep(&row, 1, sample->texts[0]);
        return error_set(error, ERROR_INVALID,
                         "%s: no row of the first %zu has a date and a number in columns split by '%s': the first is "
                         "\"%s\"; --delimiter and --header decide",
                         layout->file, sample->count,
                         layout->delimiter == '\t' ? "tab" : (char[]){layout->delimiter, 0}, row.text);
    }
    layout->header_rows = (int64_t)at;
    layout->first_line = sample->lines[at];
    return 0;
}

/* "Flat 1 [kWh]": the name and the unit apart. */
static void column_take_unit(struct column *column) {
    struct slice name = column->name;
    if (!name.length)
        return;
    char closing = name.data[name.length - 1], opening = closing == ']' ? '[' : '(';
    const char *end = name.data + name.length, *open = end - 1;
    while (open > name.data && *open != opening)
        open--;
    if ((closing != ']' && closing != ')') || open == name.data || !is_unit((struct slice){open, (size_t)(end - open)}))
        return;
    column->unit = (struct slice){open + 1, (size_t)(name.data + name.length - open) - 2};
    name.length = (size_t)(open - name.data);
    while (name.length && name.data[name.length - 1] == ' ')
        name.length--;
    if (name.length)
        column->name = name;
}

/* Is there a row of as many columns above? Without one a row of letters, which might be units, has the names. */
static int header_has_more(struct rows *rows, const struct sample *sample, size_t at, const struct layout *layout,
                           bool *ret_more, struct error *error) {
    struct row row;
    int status = 0;
    *ret_more = false;
    while (at-- > 0 && !*ret_more && !status) {
        status = rows_split(rows, sample->texts[at], layout->delimiter, &row, error);
        *ret_more = !status && row.count == layout->count;
    }
    return status;
}

static int header_row(struct rows *rows, const struct sample *sample, size_t at, struct layout *layout,
                      struct arena *arena, struct error *error) {
    struct row row;
    bool more;
    int status = header_has_more(rows, sample, at, layout, &more, error);
    if (!status)
        status = rows_split(rows, sample->texts[at], layout->delimiter, &row, error);
    if (status || row.count != layout->count)
        return status;
    bool units = more && !layout->has_units && !layout->has_names && row_is_units(&row);
    for (size_t i = 0; i < layout->count; i++) {
        struct slice *to = units ? &layout->columns[i].unit : &layout->columns[i].name;
        if (to->length || !row.fields[i].length)
            continue;
        *to = arena_copy(arena, row.fields[i]);
        if (!to->data)
            return error_no_memory(error);
    }
    layout->has_units |= units;
    layout->has_names |= !units;
    return 0;
}

/* Columns without a name get their number, those of a name that is there already too. */
static int header_complete(struct layout *layout, struct arena *arena, struct error *error) {
    for (size_t i = 0; i < layout->count; i++) {
        struct column *column = &layout->columns[i];
        char text[300];
        bool twice = false;
        column_take_unit(column);
        for (size_t k = 0; k < i && column->name.length && !twice; k++)
            twice = slice_equal(layout->columns[k].name, column->name);
        if (column->name.length && !twice)
            continue;
        int length =
            twice ? snprintf(text, sizeof text, "%.*s (column %zu)",
                             column->name.length < 200 ? (int)column->name.length : 200, column->name.data, i + 1)
                  : snprintf(text, sizeof text, "column %zu", i + 1);
        column->name = arena_copy(arena, (struct slice){text, (size_t)length});
        if (!column->name.data)
            return error_no_memory(error);
    }
    return 0;
}

static int sample_columns(struct rows *rows, const struct sample *sample, struct layout *layout, struct arena *arena,
                          struct error *error) {
    struct row row;
    int status = rows_split(rows, sample->texts[layout->header_rows], layout->delimiter, &row, error);
    if (status)
        return status;
    layout->count = row.count;
    layout->columns = arena_allocate(arena, (row.count + 1) * sizeof *layout->columns);
    if (!layout->columns)
        return error_no_memory(error);
    memset(layout->columns, 0, (row.count + 1) * sizeof *layout->columns);
    for (size_t at = (size_t)layout->header_rows; at-- > 0 && !status && !layout->has_names;)
        status = header_row(rows, sample, at, layout, arena, error);
    return status ? status : header_complete(layout, arena, error);
}

/* --- all rows
 * ------------------------------------------------------------------------------------------------------------------ */

static void cells_add(struct column_cells *cells, int64_t line, struct slice cell) {
    double values[2];
    if (cell_is_missing(cell))
        return;
    cells->filled++;
    example_keep(&cells->first, line, cell);
    unsigned numbers = cell_number(cell, values);
    struct cell_time time = cell_time(cell);
    cells->numbers += numbers != 0;
    if (numbers == NUMBER_POINT)
        example_keep(&cells->point, line, cell);
    else if (numbers == NUMBER_COMMA)
        example_keep(&cells->comma, line, cell);
    else if (numbers && values[0] != values[1])
        example_keep(&cells->any, line, cell);
    cells->clocks += time.forms == TIME_OF_DAY;
    if (!(time.forms & TIME_DATES))
        return;
    cells->times++;
    cells->dates_alone += !time.has_clock;
    cells->offsets |= time.has_offset;
    cells->local |= !time.has_offset;
    cells->dotted |= time.dotted;
    for (unsigned i = 0; i < 5; i++)
        cells->forms[i] += (time.forms >> i) & 1;
    unsigned order = time.forms & (TIME_DAY_FIRST | TIME_MONTH_FIRST);
    if (order == TIME_DAY_FIRST)
        example_keep(&cells->day_first, line, cell);
    else if (order == TIME_MONTH_FIRST)
        example_keep(&cells->month_first, line, cell);
    else if (order && time.day_first != time.month_first)
        example_keep(&cells->either, line, cell);
}

/* Which way time goes and its most common step (R. Boyer, J. Moore: majority vote), by the first column of dates, and
 * the first of times of day where dates stand alone. */
struct steps {
    size_t column, clock;
    int64_t last, forward, backward, candidate, votes;
};

static void steps_add(struct steps *steps, const struct row *row) {
    struct cell_time time = cell_time(row->fields[steps->column]);
    int64_t now = time.forms & (TIME_DAY_FIRST | TIME_YEAR_FIRST | TIME_SECONDS | TIME_MILLISECONDS) ? time.day_first
                                                                                                     : time.month_first;
    if (!(time.forms & TIME_DATES))
        return;
    if (steps->clock != SIZE_MAX && now % INT64_C(86400000) == 0)
        now += cell_time(row->fields[steps->clock]).forms == TIME_OF_DAY
                   ? cell_time(row->fields[steps->clock]).day_first
                   : 0;
    int64_t step = steps->last < 0 ? 0 : now - steps->last;
    steps->last = now;
    if (!step)
        return;
    steps->forward += step > 0;
    steps->backward += step < 0;
    step = llabs(step);
    if (!steps->votes)
        steps->candidate = step;
    steps->votes += steps->candidate == step ? 1 : -1;
}

static size_t first_dates(const struct row *row) {
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < row->count; i++) {
        unsigned forms = cell_time(row->fields[i]).forms;
        if (forms & (TIME_YEAR_FIRST | TIME_DAY_FIRST | TIME_MONTH_FIRST))
            return i;
        if (forms & TIME_DATES && found == SIZE_MAX)
            found = i;
    }
    return found;
}

static size_t first_clock(const struct row *row) {
    for (size_t i = 0; i < row->count; i++)
        if (cell_time(row->fields[i]).forms == TIME_OF_DAY)
            return i;
    return SIZE_MAX;
}

static int sniff_rows(struct rows *rows, struct layout *layout, struct error *error) {
    struct row row;
    struct steps steps = {.column = SIZE_MAX, .clock = SIZE_MAX, .last = -1};
    int64_t at = 0;
    int status;
    while ((status = rows_next(rows, &row, error)) == 1) {
        if (at++ < layout->header_rows)
            continue;
        layout->rows++;
        if (row.problem || row.count != layout->count)
            continue;
        for (size_t i = 0; i < row.count; i++)
            cells_add(&layout->columns[i].cells, row.line, row.fields[i]);
        if (steps.column == SIZE_MAX) {
            steps.column = first_dates(&row);
            steps.clock = first_clock(&row);
        }
        if (steps.column != SIZE_MAX)
            steps_add(&steps, &row);
    }
    layout->descending = steps.backward > steps.forward;
    layout->interval = steps.votes > 0 ? steps.candidate : 0;
    layout->lines = rows_counts(rows);
    layout->size = rows_size(rows);
    return status;
}

int layout_sniff(const struct import_settings *settings, struct import_file *file, struct arena *arena,
                 struct layout *layout, struct error *error) {
    struct rows *rows = NULL;
    struct sample *sample = memory_zero(1, sizeof *sample);
    layout->file = strcmp(file->name, "-") == 0 ? "standard input" : file->name;
    layout->time = layout->clock = layout->gateway = layout->type = layout->attribute = SIZE_MAX;
    int status = sample ? import_file_open(file, 0, &rows, error) : error_no_memory(error);
    if (!status)
        status = sample_read(rows, arena, sample, error);
    if (!status)
        status = sample_delimiter(settings, rows, sample, layout, error);
    if (!status)
        status = sample_header(settings, rows, sample, layout, error);
    if (!status)
        status = sample_columns(rows, sample, layout, arena, error);
    rows = rows_close(rows);
    free(sample);
    if (!status)
        status = import_file_open(file, layout->delimiter, &rows, error);
    if (!status)
        status = sniff_rows(rows, layout, error);
    rows_close(rows);
    return status;
}
