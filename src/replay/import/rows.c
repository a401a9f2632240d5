/* Lines are put together in `text`. When the quote of a row does not close, all lines after its first are kept in
 * `again` and read anew.
 *
 *     text   | line 12 \n line 13 \n line 14 |    open quote on line 12: three lines so far
 *     again  | line 13 \n line 14 |               given up: line 12 is a row, and these come next */
#include "replay/import/rows.h"

#include <stdlib.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "core/text.h"

struct rows {
    struct input *input;
    char delimiter;
    struct bytes text, again, unquoted;
    size_t again_at; /* what of it has been given */
    int64_t line;    /* the last one given */
    struct slice *fields;
    size_t capacity;
    int64_t recoded;
};

int rows_open(struct input *input, char delimiter, struct rows **ret_rows, struct error *error) {
    struct rows *rows = memory_zero(1, sizeof *rows);
    if (!rows) {
        input_close(input);
        return error_no_memory(error);
    }
    rows->input = input;
    rows->delimiter = delimiter;
    *ret_rows = rows;
    return 0;
}

struct rows *rows_close(struct rows *rows) {
    if (!rows)
        return NULL;
    input_close(rows->input);
    bytes_release(&rows->text);
    bytes_release(&rows->again);
    bytes_release(&rows->unquoted);
    free(rows->fields);
    free(rows);
    return NULL;
}

struct rows_counts rows_counts(const struct rows *rows) {
    return (struct rows_counts){input_line(rows->input), rows->recoded, input_is_wide(rows->input),
                                input_line(rows->input) > 0 && !input_is_ended(rows->input)};
}

int64_t rows_size(const struct rows *rows) {
    return input_size(rows->input);
}

/* --- lines
 * ------------------------------------------------------------------------------------------------------------------ */

/* Bytes 0x80 to 0x9f of Windows-1252 (WHATWG Encoding, index-windows-1252); the others are those of Latin-1. */
static const unsigned short windows_1252[32] = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                                0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                                0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

static void rows_append(struct rows *rows, struct slice line) {
    if (utf8_valid(line)) {
        bytes_append_slice(&rows->text, line);
        return;
    }
    char *to = bytes_reserve(&rows->text, line.length * 3);
    if (!to)
        return;
    for (size_t i = 0; i < line.length; i++) {
        unsigned char c = (unsigned char)line.data[i];
        to = utf8_write(to, c >= 0x80 && c < 0xa0 ? windows_1252[c - 0x80] : c);
    }
    rows->text.length = (size_t)(to - rows->text.data);
    rows->recoded++;
}

/* A line of those that are read anew, or of the file: INPUT_LINE, INPUT_TOO_LONG, INPUT_END or an error. Appends it. */
static int rows_line(struct rows *rows, struct error *error) {
    struct slice line;
    if (rows->again_at < rows->again.length) {
        const char *at = rows->again.data + rows->again_at, *end = rows->again.data + rows->again.length;
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        bytes_append(&rows->text, at, length);
        rows->again_at += length + 1;
        rows->line++;
        return INPUT_LINE;
    }
    int status = input_next(rows->input, &line, error);
    if (status <= 0)
        return status;
    rows->line = input_line(rows->input);
    if (status == INPUT_LINE)
        rows_append(rows, line);
    return status;
}

static bool rows_is_delimiter(const struct rows *rows, char c) {
    return rows->delimiter ? c == rows->delimiter : char_among(c, ";,\t|");
}

/* Does the text end inside of quotes? */
static bool rows_is_open(const struct rows *rows, struct slice text) {
    bool open = false, first = true;
    if (!memchr(text.data, '"', text.length))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '"' && (open || first))
            open = !open;
        first = open ? false : c == '"' ? true /* a doubled quote goes on */ : rows_is_delimiter(rows, c);
    }
    return open;
}

/* Gives the lines after the first back. */
static void rows_give_up(struct rows *rows, size_t first, int64_t line) {
    struct bytes rest = {0};
    bytes_append(&rest, rows->text.data + first + 1, rows->text.length - first - 1);
    if (rows->again_at < rows->again.length) {
        bytes_append_char(&rest, '\n');
        bytes_append(&rest, rows->again.data + rows->again_at, rows->again.length - rows->again_at);
    }
    rows->text.failed |= rest.failed;
    rows->text.length = first;
    bytes_release(&rows->again);
    rows->again = rest;
    rows->again_at = 0;
    rows->line = line;
}

/* Adds lines while a quote is open. */
static int rows_complete(struct rows *rows, struct error *error) {
    size_t first = rows->text.length;
    int64_t line = rows->line;
    int lines = 1;
    while (rows_is_open(rows, bytes_slice(&rows->text))) {
        bytes_append_char(&rows->text, '\n');
        size_t before = rows->text.length;
        int status = rows_line(rows, error);
        if (status < 0)
            return status;
        if (status == INPUT_LINE && ++lines <= ROWS_QUOTED_LINES && rows->text.length <= INPUT_LINE_MAXIMUM)
            continue;
        if (status != INPUT_LINE)
            rows->text.length = before - 1; /* the end, or a line that is passed over */
        if (rows->text.length > first)
            rows_give_up(rows, first, line);
        return 0;
    }
    return 0;
}

/* --- fields
 * ------------------------------------------------------------------------------------------------------------------ */

static struct slice rows_trim(struct slice field) {
    static const char spaces[] = " \t\r\n";
    while (field.length && char_among(field.data[0], spaces))
        field = (struct slice){field.data + 1, field.length - 1};
    while (field.length && char_among(field.data[field.length - 1], spaces))
        field.length--;
    return field;
}

/* A field from `*at` on, which is moved to the delimiter after it or to the end. */
static struct slice rows_field(struct rows *rows, const char **at, const char *end, char delimiter) {
    const char *from = *at;
    if (from < end && *from == '"') {
        char *to = rows->unquoted.data + rows->unquoted.length, *begin = to;
        for (from++; from < end && (*from != '"' || (from + 1 < end && from[1] == '"')); from++) {
            from += *from == '"';
            *to++ = *from == '\n' ? ' ' : *from;
        }
        if (from < end && (from + 1 == end || from[1] == delimiter)) {
            *at = from + 1;
            rows->unquoted.length = (size_t)(to - rows->unquoted.data);
            return rows_trim((struct slice){begin, (size_t)(to - begin)});
        }
    }
    from = *at;
    const char *stop = delimiter ? memchr(from, delimiter, (size_t)(end - from)) : NULL;
    *at = stop ? stop : end;
    return rows_trim((struct slice){from, (size_t)(*at - from)});
}

int rows_split(struct rows *rows, struct slice text, char delimiter, struct row *ret_row, struct error *error) {
    const char *at = text.data, *end = text.data + text.length;
    size_t count = 0;
    rows->unquoted.length = 0;
    if (!bytes_reserve(&rows->unquoted, text.length + 1))
        return error_no_memory(error);
    ret_row->text = text;
    ret_row->problem = NULL;
    for (;; at++) {
        if (count == ROWS_COLUMNS_MAXIMUM) {
            ret_row->problem = "more than 8192 columns";
            break;
        }
        if (!memory_reserve((void **)&rows->fields, &rows->capacity, count + 1, sizeof *rows->fields))
            return error_no_memory(error);
        rows->fields[count++] = rows_field(rows, &at, end, delimiter);
        if (at == end)
            break;
    }
    ret_row->fields = rows->fields;
    ret_row->count = ret_row->problem ? 0 : count;
    return 0;
}

int rows_next(struct rows *rows, struct row *ret_row, struct error *error) {
    for (;;) {
        rows->text.length = 0;
        bytes_reserve(&rows->text, 1);
        int status = rows_line(rows, error);
        if (status <= 0)
            return status;
        ret_row->line = rows->line;
        if (status == INPUT_TOO_LONG) {
            *ret_row = (struct row){.line = rows->line, .text = SLICE(""), .problem = "longer than 1048576 bytes"};
            return 1;
        }
        status = rows_complete(rows, error);
        if (status)
            return status;
        if (rows->text.failed)
            return error_no_memory(error);
        if (!rows_trim(bytes_slice(&rows->text)).length)
            continue;
        status = rows_split(rows, bytes_slice(&rows->text), rows->delimiter, ret_row, error);
        return status ? status : 1;
    }
}
