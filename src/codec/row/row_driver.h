/* The inside of row readers and writers: what a format brings. */
#ifndef METERLINE_CODEC_ROW_ROW_DRIVER_H
#define METERLINE_CODEC_ROW_ROW_DRIVER_H

#include "codec/row/row_codec.h"

struct row_format_driver;

/* What readers and writers have in common. */
struct row_layout {
    const struct row_format_driver *driver;
    struct row_format format;
    bool bare; /* one column, and nothing around its value */
    const struct row_column *columns;
    size_t count;
    const struct registry *registry;
};

struct row_reader {
    struct row_layout layout;
    struct arena arena; /* lives as long as the reader */
    void *state;        /* the driver's */
};

struct row_writer {
    struct row_layout layout;
    struct arena arena;
    void *state;
};

/* Reads a text that is there, but may have no bytes, into row `row`, whose columns are NULL when it is called.
 * What went wrong with the text is ROW_READ_BAD with a reason; columns may then hold anything. */
typedef int row_text_reader(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns,
                            size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error);

/* As row_reader_read, but that rows are NULL already. */
typedef int row_texts_reader(struct row_reader *reader, const struct slice *texts, size_t stride, size_t count,
                             struct arena *arena, struct vector *columns, uint8_t *ret_status, const char **ret_reasons,
                             struct error *error);

struct row_format_driver {
    /* ERROR_UNSUPPORTED with why when the format cannot hold the columns. NULL: it can hold all. */
    int (*check)(const struct row_layout *layout, struct error *error);
    /* Make and release `state`; each may be NULL. */
    int (*open_reader)(struct row_reader *reader, struct error *error);
    void (*close_reader)(struct row_reader *reader);
    int (*open_writer)(struct row_writer *writer, struct error *error);
    void (*close_writer)(struct row_writer *writer);
    row_text_reader *read;
    row_texts_reader *read_many; /* row_read_each with `read` where it is worth compiling them together; may be NULL */
    /* After the last text of a call of row_reader_read. May be NULL. */
    void (*end_read)(struct row_reader *reader);
    int (*write)(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                 struct error *error);
};

/* The rows from `row` on are NULL in all columns. */
static inline void row_blank(const struct row_layout *layout, struct vector *columns, size_t row, size_t count) {
    for (size_t c = 0; c < layout->count; c++)
        memset(columns[c].nulls + row, 1, count);
}

/* Many texts by way of one at a time. */
static inline int row_read_each(struct row_reader *reader, const struct slice *texts, size_t stride, size_t count,
                                struct arena *arena, struct vector *columns, uint8_t *ret_status,
                                const char **ret_reasons, row_text_reader *read, struct error *error) {
    int status = 0;
    for (size_t row = 0; row < count && !status; row++) {
        const struct slice *text = (const struct slice *)((const char *)texts + row * stride);
        enum row_read outcome = ROW_READ_NULL;
        ret_reasons[row] = NULL;
        if (text->data)
            status = read(reader, *text, arena, columns, row, &outcome, &ret_reasons[row], error);
        if (__builtin_expect(outcome != ROW_READ_GOOD, 0))
            row_blank(&reader->layout, columns, row, 1);
        ret_status[row] = (uint8_t)outcome;
    }
    return status;
}

/* ERROR_UNSUPPORTED when the keys of a MAP are no STRING: names of JSON's members and keys of Avro's maps are. */
int row_check_map_keys(const struct row_layout *layout, struct error *error);

extern const struct row_format_driver row_json_driver, row_json_sr_driver, row_avro_driver, row_protobuf_driver,
    row_protobuf_plain_driver, row_delimited_driver, row_kafka_driver;

#endif
