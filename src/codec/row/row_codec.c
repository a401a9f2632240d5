/* Picks the driver of a format, and knows what all formats share: no bytes are no row, and what is not good is NULL
 * in all columns. */
#include "codec/row/row_codec.h"

#include "codec/row/row_driver.h"
#include "core/memory.h"

/* --- NONE: nothing is written, and whatever stands there is no column
 * ------------------------------------------------------------------- */

static int row_none_check(const struct row_layout *layout, struct error *error) {
    return layout->count ? error_set(error, ERROR_UNSUPPORTED, "format NONE has no columns; name another format") : 0;
}

static int row_none_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns,
                         size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error) {
    (void)reader, (void)text, (void)arena, (void)columns, (void)row, (void)ret_reason, (void)error;
    *ret_status = ROW_READ_GOOD;
    return 0;
}

static int row_none_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                          struct error *error) {
    (void)writer, (void)columns, (void)row, (void)to, (void)error;
    return 0;
}

static const struct row_format_driver row_none_driver = {
    .check = row_none_check, .read = row_none_read, .write = row_none_write};

static const struct row_format_driver *const row_drivers[FORMAT_COUNT] = {
    [FORMAT_NONE] = &row_none_driver,           [FORMAT_JSON] = &row_json_driver,
    [FORMAT_JSON_SR] = &row_json_sr_driver,     [FORMAT_AVRO] = &row_avro_driver,
    [FORMAT_PROTOBUF] = &row_protobuf_driver,   [FORMAT_PROTOBUF_NOSR] = &row_protobuf_plain_driver,
    [FORMAT_DELIMITED] = &row_delimited_driver, [FORMAT_KAFKA] = &row_kafka_driver,
};

static bool row_map_keys_are_strings(const struct type *type) {
    if (type->kind == TYPE_MAP && type->key->kind != TYPE_STRING)
        return false;
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++)
        if (!row_map_keys_are_strings(type->fields[i].type))
            return false;
    return (type->kind != TYPE_ARRAY && type->kind != TYPE_MAP) || row_map_keys_are_strings(type->element);
}

int row_check_map_keys(const struct row_layout *layout, struct error *error) {
    for (size_t c = 0; c < layout->count; c++)
        if (!row_map_keys_are_strings(layout->columns[c].type))
            return error_set(
                error, ERROR_UNSUPPORTED, "format %s cannot hold column %.*s: the keys of a MAP must be STRING",
                format_name(layout->format.format), (int)layout->columns[c].name.length, layout->columns[c].name.data);
    return 0;
}

/* --- readers and writers
 * ------------------------------------------------------------------------------------------------------------------ */

static int row_layout_init(struct row_layout *layout, const struct row_format *format, const struct row_column *columns,
                           size_t count, const struct registry *registry, struct error *error) {
    *layout = (struct row_layout){
        .driver = format->format < FORMAT_COUNT ? row_drivers[format->format] : NULL,
        .format = *format,
        .bare = count == 1 && !format->wrapped && !format_always_wraps(format->format),
        .columns = columns,
        .count = count,
        .registry = registry,
    };
    if (!layout->driver)
        return error_set(error, ERROR_UNSUPPORTED, "no format is given; possible are %s", format_choices());
    return layout->driver->check ? layout->driver->check(layout, error) : 0;
}

int row_reader_new(const struct row_format *format, const struct row_column *columns, size_t count,
                   const struct registry *registry, struct row_reader **ret_reader, struct error *error) {
    struct row_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    int status = row_layout_init(&reader->layout, format, columns, count, registry, error);
    if (!status && reader->layout.driver->open_reader)
        status = reader->layout.driver->open_reader(reader, error);
    if (status) {
        row_reader_free(reader);
        return status;
    }
    *ret_reader = reader;
    return 0;
}

struct row_reader *row_reader_free(struct row_reader *reader) {
    if (!reader)
        return NULL;
    if (reader->state && reader->layout.driver->close_reader)
        reader->layout.driver->close_reader(reader);
    arena_release(&reader->arena);
    free(reader);
    return NULL;
}

int row_reader_read(struct row_reader *reader, const struct slice *texts, size_t stride, size_t count,
                    struct arena *arena, struct vector *columns, uint8_t *ret_status, const char **ret_reasons,
                    struct error *error) {
    const struct row_layout *layout = &reader->layout;
    row_blank(layout, columns, 0, count);
    int status = layout->driver->read_many ? layout->driver->read_many(reader, texts, stride, count, arena, columns,
                                                                       ret_status, ret_reasons, error)
                                           : row_read_each(reader, texts, stride, count, arena, columns, ret_status,
                                                           ret_reasons, layout->driver->read, error);
    if (layout->driver->end_read)
        layout->driver->end_read(reader);
    return status;
}

int row_writer_new(const struct row_format *format, const struct row_column *columns, size_t count,
                   const struct registry *registry, struct row_writer **ret_writer, struct error *error) {
    struct row_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    int status = row_layout_init(&writer->layout, format, columns, count, registry, error);
    if (!status && writer->layout.driver->open_writer)
        status = writer->layout.driver->open_writer(writer, error);
    if (status) {
        row_writer_free(writer);
        return status;
    }
    *ret_writer = writer;
    return 0;
}

struct row_writer *row_writer_free(struct row_writer *writer) {
    if (!writer)
        return NULL;
    if (writer->state && writer->layout.driver->close_writer)
        writer->layout.driver->close_writer(writer);
    arena_release(&writer->arena);
    free(writer);
    return NULL;
}

int row_writer_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                     struct error *error) {
    size_t before = to->length;
    int status = writer->layout.driver->write(writer, columns, row, to, error);
    if (!status && to->failed)
        status = error_no_memory(error);
    if (status)
        to->length = before; /* what had been written of the row is taken back */
    return status;
}
