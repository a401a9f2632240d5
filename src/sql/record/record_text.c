/* JSON of a test or a prompt goes through the source's own codecs, so that a record that is typed in is the same
 * bytes as one that a client publishes, and an expected record is compared by value. */
#include "sql/record/record_text.h"

#include <math.h>
#include <stdio.h>

#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "core/memory.h"
#include "sql/plan/plan_format.h"
#include "sql/record/record_expected.h"

/* One half of a record: its columns and format, and how the same columns stand in JSON. */
struct record_part {
    struct row_format format, json;
    struct row_column *columns;
    size_t count;
    const struct registry *registry;
};

static int record_part_of(const struct source *source, bool key, const struct registry *registry, struct arena *arena,
                          struct record_part *ret_part, struct error *error) {
    struct row_format formats[2];
    struct record_part part = {.registry = registry,
                               .columns = arena_allocate(arena, (source->column_count + 1) * sizeof *part.columns)};
    int status = part.columns ? plan_formats(source, arena, &formats[0], &formats[1], error) : error_no_memory(error);
    if (status)
        return status;
    for (size_t i = 0; i < source->column_count; i++)
        if (key ? source_is_key(&source->columns[i]) : source_is_value(&source->columns[i]))
            part.columns[part.count++] = (struct row_column){source->columns[i].name, source->columns[i].type};
    part.format = formats[!key];
    part.json = (struct row_format){.format = FORMAT_JSON,
                                    .wrapped = part.format.wrapped && part.format.format != FORMAT_KAFKA};
    *ret_part = part;
    return 0;
}

/* Reads one text in `format` into vectors of one row. *ret_bad: why it cannot be read; *ret_null: it is null. */
static int record_read(const struct record_part *part, const struct row_format *format, struct slice text,
                       struct arena *arena, struct vector **ret_columns, bool *ret_null, const char **ret_bad,
                       struct error *error) {
    struct row_reader *reader;
    uint8_t status;
    const char *reason = NULL;
    struct vector *columns = arena_allocate(arena, (part->count + 1) * sizeof *columns);
    for (size_t i = 0; columns && i < part->count; i++)
        if (!vector_allocate(arena, part->columns[i].type, 1, &columns[i]))
            columns = NULL;
    int failed = columns ? row_reader_new(format, part->columns, part->count, part->registry, &reader, error)
                         : error_no_memory(error);
    if (failed)
        return failed;
    failed = row_reader_read(reader, &text, sizeof text, 1, arena, columns, &status, &reason, error);
    row_reader_free(reader);
    if (!failed) {
        *ret_columns = columns;
        *ret_null = status == ROW_READ_NULL;
        *ret_bad = status == ROW_READ_BAD ? reason ? reason : "it cannot be read" : NULL;
    }
    return failed;
}

static int record_write(const struct record_part *part, const struct row_format *format, const struct vector *columns,
                        struct arena *arena, struct slice *ret_text, struct error *error) {
    cleanup(bytes_release) struct bytes to = {0};
    struct row_writer *writer;
    int status = row_writer_new(format, part->columns, part->count, part->registry, &writer, error);
    if (status)
        return status;
    status = row_writer_write(writer, columns, 0, &to, error);
    row_writer_free(writer);
    if (status)
        return status;
    struct slice copy = to.failed ? (struct slice){0} : arena_copy(arena, bytes_slice(&to));
    if (!copy.data)
        return error_no_memory(error);
    *ret_text = copy;
    return 0;
}

/* A JSON string without its quotes; any other value as it stands. */
static int record_bare(struct slice text, struct arena *arena, struct slice *ret_text, struct error *error) {
    cleanup(bytes_release) struct bytes bare = {0};
    struct slice copy = text;
    if (json_span_string(text, &bare))
        copy = arena_copy(arena, bytes_slice(&bare));
    if (!copy.data || bare.failed)
        return error_no_memory(error);
    *ret_text = copy;
    return 0;
}

static bool record_all_null(const struct record_part *part, const struct vector *columns) {
    for (size_t i = 0; i < part->count; i++)
        if (!columns[i].nulls[0])
            return false;
    return true;
}

static int record_encode_part(const struct record_part *part, struct slice text, struct arena *arena,
                              struct slice *ret_bytes, struct error *error) {
    struct vector *columns;
    const char *bad;
    bool null;
    *ret_bytes = (struct slice){0};
    if (!text.data)
        return 0;
    if (part->format.format == FORMAT_DELIMITED || part->format.format == FORMAT_NONE)
        return record_bare(text, arena, ret_bytes, error);
    if (part->format.format == FORMAT_JSON) {
        *ret_bytes = text;
        return 0;
    }
    int status = record_read(part, &part->json, text, arena, &columns, &null, &bad, error);
    if (status)
        return status;
    if (bad)
        return error_set(error, ERROR_INVALID, "%.*s cannot be written as %s: %s", (int)text.length, text.data,
                         format_name(part->format.format), bad);
    if (null || (part->format.format == FORMAT_KAFKA && record_all_null(part, columns)))
        return 0;
    return record_write(part, &part->format, columns, arena, ret_bytes, error);
}

int record_text_encode(const struct source *source, const struct registry *registry, const struct record_text *text,
                       struct arena *arena, struct bus_record *ret_record, struct error *error) {
    struct record_part key, value;
    struct slice key_bytes, value_bytes;
    int status = record_part_of(source, true, registry, arena, &key, error);
    if (!status)
        status = record_part_of(source, false, registry, arena, &value, error);
    if (!status && (status = record_encode_part(&key, text->key, arena, &key_bytes, error)))
        return error_wrap(error, "key");
    if (!status && (status = record_encode_part(&value, text->value, arena, &value_bytes, error)))
        return error_wrap(error, "value");
    if (!status && text->windowed && key_bytes.data) {
        cleanup(bytes_release) struct bytes windowed = {0};
        bytes_append_slice(&windowed, key_bytes);
        row_window_write(&windowed, plan_row_window(source->window), text->window_start, text->window_end);
        key_bytes = windowed.failed ? (struct slice){0} : arena_copy(arena, bytes_slice(&windowed));
        status = key_bytes.data ? 0 : error_no_memory(error);
    }
    if (!status) {
        ret_record->key = key_bytes;
        ret_record->value = value_bytes;
    }
    return status;
}

static int record_decode_part(const struct record_part *part, struct slice bytes, struct arena *arena,
                              struct slice *ret_text, struct error *error) {
    struct vector *columns;
    const char *bad;
    bool null;
    *ret_text = (struct slice){0};
    if (!bytes.data)
        return 0;
    if (part->format.format == FORMAT_JSON) {
        *ret_text = bytes;
        return 0;
    }
    int status = part->format.format == FORMAT_DELIMITED || part->format.format == FORMAT_NONE
                     ? 0
                     : record_read(part, &part->format, bytes, arena, &columns, &null, &bad, error);
    if (status)
        return status;
    if (part->format.format == FORMAT_DELIMITED || part->format.format == FORMAT_NONE || bad) {
        cleanup(bytes_release) struct bytes quoted = {0};
        json_write_string(&quoted, bytes);
        *ret_text = quoted.failed ? (struct slice){0} : arena_copy(arena, bytes_slice(&quoted));
        return ret_text->data ? 0 : error_no_memory(error);
    }
    return null ? 0 : record_write(part, &part->json, columns, arena, ret_text, error);
}

/* Takes the window off a key. */
static struct slice record_window(const struct source *source, struct slice key, struct record_text *text) {
    if (source->window != WINDOW_NONE && key.data)
        text->windowed = row_window_read(&key, plan_row_window(source->window), source->window_size,
                                         source->window_calendar, &text->window_start, &text->window_end);
    return key;
}

int record_text_decode(const struct source *source, const struct registry *registry, const struct bus_record *record,
                       struct arena *arena, struct record_text *ret_text, struct error *error) {
    struct record_part key, value;
    struct record_text text = {0};
    int status = record_part_of(source, true, registry, arena, &key, error);
    if (!status)
        status = record_part_of(source, false, registry, arena, &value, error);
    if (!status)
        status = record_decode_part(&key, record_window(source, record->key, &text), arena, &text.key, error);
    if (!status)
        status = record_decode_part(&value, record->value, arena, &text.value, error);
    if (!status)
        *ret_text = text;
    return status;
}

/* --- comparison
 * ------------------------------------------------------------------------------------------------------------------ */

static bool record_near(double a, double b) {
    if (isnan(a) || isnan(b) || isinf(a) || isinf(b))
        return (isnan(a) && isnan(b)) || a == b;
    return fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b));
}

static bool record_same_value(const struct type *type, const struct value *a, const struct value *b);

static bool record_same_map(const struct type *type, const struct sequence *a, const struct sequence *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i += 2) {
        bool found = false;
        for (size_t k = 0; k < b->count && !found; k += 2)
            found = value_compare(type->key, &a->items[i], &b->items[k]) == 0 &&
                    record_same_value(type->element, &a->items[i + 1], &b->items[k + 1]);
        if (!found)
            return false;
    }
    return true;
}

static bool record_same_value(const struct type *type, const struct value *a, const struct value *b) {
    if (a->null || b->null)
        return a->null == b->null;
    if (type->kind == TYPE_DOUBLE)
        return record_near(a->number, b->number);
    if (type->kind == TYPE_MAP)
        return record_same_map(type, a->sequence, b->sequence);
    if (type->kind != TYPE_ARRAY && type->kind != TYPE_STRUCT)
        return value_compare(type, a, b) == 0;
    if (a->sequence->count != b->sequence->count)
        return false;
    for (size_t i = 0; i < a->sequence->count; i++)
        if (!record_same_value(type->kind == TYPE_ARRAY ? type->element : type->fields[i].type, &a->sequence->items[i],
                               &b->sequence->items[i]))
            return false;
    return true;
}

static int record_same_part(const struct record_part *part, struct slice expected, struct slice actual,
                            const char *what, struct arena *arena, const char **ret_why, struct error *error) {
    struct slice bytes;
    struct vector *columns[2];
    const char *bad;
    bool null;
    if (!expected.data || !actual.data) {
        if ((expected.data != NULL) != (actual.data != NULL))
            *ret_why = what;
        return 0;
    }
    bool text = part->format.format == FORMAT_DELIMITED || part->format.format == FORMAT_NONE,
         bare = part->count == 1 && !part->json.wrapped;
    int status = record_encode_part(part, expected, arena, &bytes, error);
    if (status == ERROR_INVALID || (!text && !record_expected_fits(part->columns, part->count, bare, expected))) {
        *ret_why = what;
        return 0;
    }
    for (int side = 0; side < 2 && !status; side++) {
        status =
            record_read(part, &part->format, side == 0 ? bytes : actual, arena, &columns[side], &null, &bad, error);
        if (!status && (bad || null)) {
            *ret_why = what;
            return 0;
        }
    }
    for (size_t i = 0; i < part->count && !status && !*ret_why; i++) {
        struct value a, b;
        vector_get(&columns[0][i], 0, &a);
        vector_get(&columns[1][i], 0, &b);
        if (!record_same_value(part->columns[i].type, &a, &b))
            *ret_why = what;
    }
    return status;
}

int record_text_same(const struct source *source, const struct registry *registry, const struct record_text *expected,
                     const struct bus_record *actual, struct arena *arena, const char **ret_why, struct error *error) {
    struct record_part key, value;
    struct record_text text = {0};
    *ret_why = NULL;
    int status = record_part_of(source, true, registry, arena, &key, error);
    if (!status)
        status = record_part_of(source, false, registry, arena, &value, error);
    if (!status && key.count)
        status = record_same_part(&key, expected->key, record_window(source, actual->key, &text), "the key differs",
                                  arena, ret_why, error);
    else if (!status && (expected->key.data != NULL) != (actual->key.data != NULL))
        *ret_why = "the key differs";
    if (!status && !*ret_why)
        status = record_same_part(&value, expected->value, actual->value, "the value differs", arena, ret_why, error);
    return status;
}
