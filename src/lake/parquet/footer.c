#include "lake/parquet/footer.h"

#include "lake/parquet/thrift.h"

enum { ROWS_MAXIMUM = 1 << 26 };

static void footer_time_unit(struct thrift_reader *reader, struct footer_column *column) {
    int16_t last = 0, unit = 0;
    enum thrift_type type;
    while (thrift_next(reader, &last, &type)) {
        if (last != 2 || type != THRIFT_STRUCT) {
            thrift_skip(reader, type);
            continue;
        }
        while (thrift_next(reader, &unit, &type)) {
            column->time_unit = unit;
            thrift_skip(reader, type);
        }
    }
}

static void footer_logical(struct thrift_reader *reader, struct footer_column *column) {
    int16_t last = 0;
    enum thrift_type type;
    while (thrift_next(reader, &last, &type)) {
        column->logical = last;
        if ((last == 7 || last == 8) && type == THRIFT_STRUCT)
            footer_time_unit(reader, column);
        else
            thrift_skip(reader, type);
    }
}

static void footer_schema_element(struct thrift_reader *reader, struct footer_column *column, int64_t *ret_children,
                                  int64_t *ret_repetition) {
    int16_t last = 0;
    enum thrift_type type;
    *column = (struct footer_column){.converted = -1, .logical = -1};
    *ret_children = *ret_repetition = 0;
    while (thrift_next(reader, &last, &type)) {
        switch (last) {
        case 1:
            column->physical = (enum parquet_physical)(thrift_read_integer(reader) & 0xff);
            break;
        case 2:
            column->length = (unsigned)(thrift_read_integer(reader) & 0xffff);
            break;
        case 3:
            *ret_repetition = thrift_read_integer(reader);
            break;
        case 4:
            column->name = thrift_read_binary(reader);
            break;
        case 5:
            *ret_children = thrift_read_integer(reader);
            break;
        case 6:
            column->converted = (int)(thrift_read_integer(reader) & 0xff);
            break;
        case 7:
            column->scale = (unsigned)(thrift_read_integer(reader) & 0xff);
            break;
        case 8:
            column->precision = (unsigned)(thrift_read_integer(reader) & 0xff);
            break;
        case 9:
            column->id = (int32_t)thrift_read_integer(reader);
            break;
        case 10:
            footer_logical(reader, column);
            break;
        default:
            thrift_skip(reader, type);
        }
    }
    column->optional = *ret_repetition == 1;
}

static int footer_schema(struct thrift_reader *reader, struct arena *arena, struct footer *footer,
                         struct error *error) {
    enum thrift_type type;
    size_t count = thrift_read_list(reader, &type);
    if (footer->columns || footer->groups) /* twice, or after what was checked against it */
        return error_set(error, ERROR_CORRUPT, "its schema is damaged");
    struct footer_column *columns = arena_allocate(arena, (count + 1) * sizeof *columns);
    int64_t children, repetition;
    if (!columns)
        return error_no_memory(error);
    for (size_t i = 0; i < count && !reader->failed; i++) {
        footer_schema_element(reader, &columns[i], &children, &repetition);
        if (i && (children || repetition == 2))
            return error_set(error, ERROR_UNSUPPORTED, "column %.*s is nested", (int)columns[i].name.length,
                             columns[i].name.data);
    }
    if (reader->failed || count == 0)
        return error_set(error, ERROR_CORRUPT, "its schema is damaged");
    footer->columns = columns + 1;
    footer->column_count = count - 1;
    return 0;
}

static void footer_chunk_metadata(struct thrift_reader *reader, struct footer_chunk *chunk) {
    int16_t last = 0;
    enum thrift_type type;
    int64_t data = -1, dictionary = -1;
    while (thrift_next(reader, &last, &type)) {
        switch (last) {
        case 4:
            chunk->codec = (int)(thrift_read_integer(reader) & 0xff);
            break;
        case 5:
            chunk->values = thrift_read_integer(reader);
            break;
        case 7:
            chunk->bytes = thrift_read_integer(reader);
            break;
        case 9:
            data = thrift_read_integer(reader);
            break;
        case 11:
            dictionary = thrift_read_integer(reader);
            break;
        default:
            thrift_skip(reader, type);
        }
    }
    chunk->begin = dictionary > 0 && dictionary < data ? dictionary : data;
}

static void footer_read_chunk(struct thrift_reader *reader, struct footer_chunk *chunk) {
    int16_t last = 0;
    enum thrift_type type;
    *chunk = (struct footer_chunk){.begin = -1};
    while (thrift_next(reader, &last, &type)) {
        if (last == 3 && type == THRIFT_STRUCT)
            footer_chunk_metadata(reader, chunk);
        else
            thrift_skip(reader, type);
    }
}

/* *ret_chunks NULL: no memory, or damaged. */
static size_t footer_chunks(struct thrift_reader *reader, struct arena *arena, const struct footer_chunk **ret_chunks) {
    enum thrift_type type;
    size_t count = thrift_read_list(reader, &type);
    struct footer_chunk *chunks = arena_allocate(arena, (count + 1) * sizeof *chunks);
    for (size_t i = 0; chunks && i < count; i++)
        footer_read_chunk(reader, &chunks[i]);
    *ret_chunks = chunks;
    return count;
}

static int footer_group_check(const struct footer *footer, const struct footer_group *group, size_t chunks,
                              int64_t file_bytes, struct error *error) {
    bool good = group->rows >= 0 && group->rows <= ROWS_MAXIMUM && chunks == footer->column_count && group->chunks;
    for (size_t c = 0; c < chunks && good; c++) {
        const struct footer_chunk *chunk = &group->chunks[c];
        good = chunk->begin >= 4 && chunk->bytes >= 0 && chunk->begin <= file_bytes &&
               chunk->bytes <= file_bytes - chunk->begin && chunk->values == group->rows;
    }
    return good ? 0 : error_set(error, ERROR_CORRUPT, "a row group is damaged");
}

static int footer_groups(struct thrift_reader *reader, int64_t file_bytes, struct arena *arena, struct footer *footer,
                         struct error *error) {
    enum thrift_type type;
    size_t count = thrift_read_list(reader, &type);
    if (!footer->columns || footer->groups) /* they are checked against the schema, which comes first, and once */
        return error_set(error, ERROR_CORRUPT, "its list of row groups is damaged");
    struct footer_group *groups = arena_allocate(arena, (count + 1) * sizeof *groups);
    int status = groups ? 0 : error_no_memory(error);
    for (size_t i = 0; i < count && !status; i++) {
        int16_t last = 0;
        size_t chunks = 0;
        groups[i] = (struct footer_group){0};
        while (thrift_next(reader, &last, &type)) {
            if (last == 1 && type == THRIFT_LIST)
                chunks = footer_chunks(reader, arena, &groups[i].chunks);
            else if (last == 3)
                groups[i].rows = thrift_read_integer(reader);
            else
                thrift_skip(reader, type);
        }
        status = reader->failed ? error_set(error, ERROR_CORRUPT, "its list of row groups is damaged")
                                : footer_group_check(footer, &groups[i], chunks, file_bytes, error);
    }
    footer->groups = groups;
    footer->group_count = count;
    return status;
}

int footer_read(struct slice text, int64_t file_bytes, struct arena *arena, struct footer *ret_footer,
                struct error *error) {
    struct thrift_reader reader = {text.data, text.data + text.length, false};
    struct footer footer = {0};
    int16_t last = 0;
    enum thrift_type type;
    int status = 0;
    while (!status && thrift_next(&reader, &last, &type)) {
        if (last == 2 && type == THRIFT_LIST)
            status = footer_schema(&reader, arena, &footer, error);
        else if (last == 3)
            footer.rows = thrift_read_integer(&reader);
        else if (last == 4 && type == THRIFT_LIST)
            status = footer_groups(&reader, file_bytes, arena, &footer, error);
        else
            thrift_skip(&reader, type);
    }
    if (!status && (reader.failed || !footer.columns))
        status = error_set(error, ERROR_CORRUPT, "its footer is damaged");
    if (!status)
        *ret_footer = footer;
    return status;
}
