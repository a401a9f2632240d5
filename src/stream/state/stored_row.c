/* Columns are written in their order without names or types, which the schema has; reading checks every length. */
#include "stream/state/stored_row.h"

#include "core/varint.h"

void stored_row_write(struct bytes *to, const struct rows *rows, size_t first_column, size_t row) {
    struct value value;
    bytes_append_zigzag(to, rows->times[row]);
    for (size_t i = first_column; i < rows->column_count; i++) {
        vector_get(&rows->columns[i], row, &value);
        value_write(to, rows->columns[i].type, &value);
    }
}

int64_t stored_row_time(struct slice stored) {
    const char *at = stored.data;
    int64_t time = 0;
    zigzag_read(&at, stored.data + stored.length, &time);
    return time;
}

/* As value_read does, but the text stays where it is. */
static bool stored_row_read_text(const char **at, const char *end, struct value *ret_value) {
    uint64_t length;
    if (*at == end || (unsigned char)**at > 1)
        return false;
    if (!*(*at)++) {
        *ret_value = VALUE_NULL;
        return true;
    }
    if (!varint_read(at, end, &length) || length > (uint64_t)(end - *at))
        return false;
    *ret_value = value_of_text((struct slice){*at, length});
    *at += length;
    return true;
}

static bool stored_row_read_value(const char **at, const char *end, const struct type *type, struct arena *arena,
                                  struct value *ret_value) {
    if (type->kind == TYPE_STRING || type->kind == TYPE_BYTES)
        return stored_row_read_text(at, end, ret_value);
    return value_read(at, end, type, arena, ret_value);
}

/* The frequent types go straight into the vector. */
static bool stored_row_read_column(const char **at, const char *end, struct arena *arena, struct vector *column,
                                   size_t row) {
    enum type_kind kind = column->type->kind;
    struct value value;
    bool plain = *at < end && **at == 1;
    if (plain && kind == TYPE_DOUBLE && end - *at > (ptrdiff_t)sizeof(double)) {
        memcpy(&column->doubles[row], *at + 1, sizeof(double));
        *at += 1 + sizeof(double);
    } else if (plain && (kind == TYPE_BIGINT || kind == TYPE_TIMESTAMP)) {
        ++*at;
        if (!zigzag_read(at, end, &column->integers[row]))
            return false;
    } else {
        if (!stored_row_read_value(at, end, column->type, arena, &value))
            return false;
        vector_set(column, row, &value);
        return true;
    }
    column->nulls[row] = 0;
    return true;
}

static bool stored_row_read_columns(const char **at, const char *end, size_t count, struct arena *arena,
                                    struct vector *columns, size_t row) {
    for (size_t i = 0; i < count; i++)
        if (!stored_row_read_column(at, end, arena, &columns[i], row))
            return false;
    return true;
}

bool stored_row_read(struct slice stored, size_t count, struct arena *arena, struct vector *columns, size_t row) {
    const char *at = stored.data, *end = stored.data + stored.length;
    int64_t time;
    return zigzag_read(&at, end, &time) && stored_row_read_columns(&at, end, count, arena, columns, row);
}

bool stored_row_valid(struct slice stored, const struct row_schema *schema, struct arena *arena) {
    const char *at = stored.data, *end = stored.data + stored.length;
    int64_t time;
    struct value value;
    if (!zigzag_read(&at, end, &time))
        return false;
    for (size_t i = 0; i < schema->count; i++)
        if (!stored_row_read_value(&at, end, schema->columns[i].type, arena, &value))
            return false;
    return at == end;
}

bool stored_row_write_key(struct bytes *to, const struct rows *rows, size_t key_count, size_t row) {
    bool good = false;
    struct value value;
    for (size_t i = 0; i < key_count && !good; i++)
        good = !rows->columns[i].nulls[row & rows->columns[i].mask];
    if (!good)
        return false;
    for (size_t i = 0; i < key_count; i++) {
        vector_get(&rows->columns[i], row, &value);
        value_write(to, rows->columns[i].type, &value);
    }
    if (rows->window_starts) {
        bytes_append_zigzag(to, rows->window_starts[row]);
        bytes_append_zigzag(to, rows->window_ends[row]);
    }
    return true;
}

bool stored_row_read_key(struct slice key, size_t key_count, struct arena *arena, struct rows *rows, size_t row) {
    const char *at = key.data, *end = key.data + key.length;
    if (!stored_row_read_columns(&at, end, key_count, arena, rows->columns, row))
        return false;
    return !rows->window_starts ||
           (zigzag_read(&at, end, &rows->window_starts[row]) && zigzag_read(&at, end, &rows->window_ends[row]));
}
