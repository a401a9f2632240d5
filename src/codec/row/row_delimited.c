/* DELIMITED: one line of fields, quoted as Apache Commons CSV does by default (CSVFormat.DEFAULT with another
 * delimiter).
 *
 * Reading: a field that begins with a quote ends at the next one that is not doubled, and may hold delimiters and
 * line ends; after it only white space may stand. Any other field is what lies between the delimiters, spaces
 * included. An empty field is NULL. Empty lines before and after the line count for nothing. Writing: quotes stand
 * around what would be read otherwise. Times are whole numbers, BYTES base64. */
#include <strings.h>

#include "codec/row/reason.h"
#include "codec/row/row_driver.h"
#include "codec/row/row_value.h"
#include "core/number.h"
#include "model/java_number.h"

static int row_delimited_check(const struct row_layout *layout, struct error *error) {
    if (!layout->format.delimiter || strchr("\"\r\n", layout->format.delimiter))
        return error_set(error, ERROR_INVALID,
                         "the delimiter of format DELIMITED must be one character, but no quote and no line end");
    for (size_t c = 0; c < layout->count; c++) {
        const struct row_column *column = &layout->columns[c];
        if (column->type->kind == TYPE_ARRAY || column->type->kind == TYPE_MAP || column->type->kind == TYPE_STRUCT)
            return error_set(error, ERROR_UNSUPPORTED,
                             "format DELIMITED cannot hold column %.*s: ARRAY, MAP and STRUCT need JSON or AVRO",
                             (int)column->name.length, column->name.data);
    }
    return layout->count ? 0 : error_set(error, ERROR_UNSUPPORTED, "format DELIMITED needs a column");
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

struct delimited_line {
    const char *at, *end;
    char delimiter;
    struct arena *arena;
    bool failed; /* no memory */
    const char *reason;
};

static bool delimited_line_end(const struct delimited_line *line) {
    return line->at == line->end || *line->at == '\r' || *line->at == '\n';
}

static void delimited_skip_line_ends(struct delimited_line *line) {
    while (line->at < line->end && delimited_line_end(line))
        line->at++;
}

static bool delimited_bad(struct delimited_line *line, const char *reason) {
    line->reason = reason;
    return false;
}

/* "a""b" without the quotes that double others. */
static bool delimited_undouble(struct delimited_line *line, struct slice text, struct slice *ret_text) {
    char *copy = arena_allocate(line->arena, text.length), *to = copy;
    if (!copy) {
        line->failed = true;
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        *to++ = text.data[i];
        i += text.data[i] == '"';
    }
    *ret_text = (struct slice){copy, (size_t)(to - copy)};
    return true;
}

static bool delimited_quoted(struct delimited_line *line, struct slice *ret_text) {
    const char *first = ++line->at;
    bool doubled = false;
    for (;; line->at++) {
        line->at = memchr(line->at, '"', (size_t)(line->end - line->at));
        if (!line->at)
            return delimited_bad(line, "a quote is not closed");
        if (line->end - line->at < 2 || line->at[1] != '"')
            break;
        doubled = true;
        line->at++;
    }
    struct slice text = {first, (size_t)(line->at++ - first)};
    while (line->at < line->end && (*line->at == ' ' || *line->at == '\t') && *line->at != line->delimiter)
        line->at++;
    if (!delimited_line_end(line) && *line->at != line->delimiter)
        return delimited_bad(line, "something stands between a closing quote and the delimiter");
    if (doubled)
        return delimited_undouble(line, text, ret_text);
    *ret_text = text;
    return true;
}

/* The field at `at`, which moves to the delimiter or the line's end after it. */
static bool delimited_field(struct delimited_line *line, struct slice *ret_text) {
    if (line->at < line->end && *line->at == '"')
        return delimited_quoted(line, ret_text);
    const char *first = line->at;
    while (!delimited_line_end(line) && *line->at != line->delimiter)
        line->at++;
    *ret_text = (struct slice){first, (size_t)(line->at - first)};
    return true;
}

static bool delimited_boolean(struct slice text, bool *ret_boolean) {
    *ret_boolean = text.length == 4 && strncasecmp(text.data, "true", 4) == 0;
    return *ret_boolean || (text.length == 5 && strncasecmp(text.data, "false", 5) == 0);
}

static bool delimited_value(struct delimited_line *line, struct slice text, const struct row_column *column,
                            struct value *ret_value) {
    bool read;
    ret_value->null = text.length == 0;
    if (ret_value->null)
        return true;
    if (column->type->kind == TYPE_STRING) {
        line->failed = !row_utf8(line->arena, text, &ret_value->text);
        return !line->failed;
    }
    if (column->type->kind == TYPE_BOOLEAN)
        read = delimited_boolean(text, &ret_value->boolean);
    else
        read = row_read_text(text, column->type, line->arena, ret_value, &line->failed);
    return read || line->failed ? read : delimited_bad(line, row_unfit(line->arena, column->name, column->type, text));
}

static bool delimited_count_differs(struct delimited_line *line, size_t found, size_t wanted) {
    return delimited_bad(line, reason_format(line->arena, "%zu fields, but %zu columns", found, wanted));
}

static bool delimited_read_line(struct delimited_line *line, const struct row_layout *layout, struct vector *columns,
                                size_t row) {
    size_t count = 0;
    delimited_skip_line_ends(line);
    for (;; line->at++) {
        struct slice text;
        struct value value;
        if (!delimited_field(line, &text))
            return false;
        if (count < layout->count) {
            if (!delimited_value(line, text, &layout->columns[count], &value))
                return false;
            vector_set(&columns[count], row, &value);
        }
        count++;
        if (delimited_line_end(line))
            break;
    }
    if (count != layout->count)
        return delimited_count_differs(line, count, layout->count);
    delimited_skip_line_ends(line);
    return line->at == line->end || delimited_bad(line, "more than one line");
}

static int row_delimited_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns,
                              size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error) {
    struct delimited_line line = {
        .at = text.data, .end = text.data + text.length, .delimiter = reader->layout.format.delimiter, .arena = arena};
    if (text.length == 0)
        return 0;
    bool read = delimited_read_line(&line, &reader->layout, columns, row);
    if (line.failed)
        return error_no_memory(error);
    *ret_status = read ? ROW_READ_GOOD : ROW_READ_BAD;
    *ret_reason = line.reason;
    return 0;
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

/* What CSVPrinter's minimal quoting takes for safe: it is careful with how a field begins and ends, the first one's
 * above all. */
static bool delimited_needs_quotes(struct slice text, char delimiter, bool first) {
    if (text.length == 0)
        return first;
    unsigned char begin = (unsigned char)text.data[0], end = (unsigned char)text.data[text.length - 1];
    if (begin <= '#' || end <= ' ' || (first && (begin == ',' || begin > '~')))
        return true;
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] == delimiter || text.data[i] == '"' || text.data[i] == '\r' || text.data[i] == '\n')
            return true;
    return false;
}

static void delimited_put(struct bytes *to, struct slice text, char delimiter, bool first) {
    if (!delimited_needs_quotes(text, delimiter, first)) {
        bytes_append_slice(to, text);
        return;
    }
    bytes_append_quoted(to, text);
}

enum { DELIMITED_NUMBER_SIZE = 64 };

/* The text of a value, in `room`, in `scratch` or the value's own. */
static struct slice delimited_text(const struct type *type, const struct value *value, char room[DELIMITED_NUMBER_SIZE],
                                   struct bytes *scratch) {
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return value->boolean ? SLICE("true") : SLICE("false");
    case TYPE_DOUBLE:
        return (struct slice){room, java_write_double(room, value->number)};
    case TYPE_DECIMAL:
        return (struct slice){room, decimal_write(room, value->decimal, type->scale)};
    case TYPE_STRING:
        return value->text;
    case TYPE_BYTES:
        scratch->length = 0;
        row_write_base64(scratch, value->text);
        return bytes_slice(scratch);
    default:
        return (struct slice){room, number_write_integer(room, value->integer)};
    }
}

static int row_delimited_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                               struct error *error) {
    const struct row_layout *layout = &writer->layout;
    struct bytes *scratch = writer->state;
    for (size_t c = 0; c < layout->count; c++) {
        char room[DELIMITED_NUMBER_SIZE];
        struct value value;
        if (c)
            bytes_append_char(to, layout->format.delimiter);
        vector_get(&columns[c], row, &value);
        if (!value.null)
            delimited_put(to, delimited_text(layout->columns[c].type, &value, room, scratch), layout->format.delimiter,
                          c == 0);
    }
    return scratch->failed ? error_no_memory(error) : 0;
}

static int row_delimited_open_writer(struct row_writer *writer, struct error *error) {
    struct bytes *scratch = arena_allocate(&writer->arena, sizeof *scratch);
    if (!scratch)
        return error_no_memory(error);
    *scratch = (struct bytes){0};
    writer->state = scratch;
    return 0;
}

static void row_delimited_close_writer(struct row_writer *writer) {
    bytes_release(writer->state);
}

const struct row_format_driver row_delimited_driver = {
    .check = row_delimited_check,
    .open_writer = row_delimited_open_writer,
    .close_writer = row_delimited_close_writer,
    .read = row_delimited_read,
    .write = row_delimited_write,
};
