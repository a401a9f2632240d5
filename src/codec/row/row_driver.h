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

struct row_format_driver {
    /* ERROR_UNSUPPORTED with why when the format cannot hold the columns. NULL: it can hold all. */
    int (*check)(const struct row_layout *layout, struct error *error);
    /* Make and release `state`; each may be NULL. */
    int (*open_reader)(struct row_reader *reader, struct error *error);
    void (*close_reader)(struct row_reader *reader);
    int (*open_writer)(struct row_writer *writer, struct error *error);
    void (*close_writer)(struct row_writer *writer);
    /* Reads a text that is there, but may have no bytes, into row `row`, whose columns are NULL when it is called.
     * What went wrong with the text is ROW_READ_BAD with a reason; columns may then hold anything. */
    int (*read)(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns, size_t row,
                enum row_read *ret_status, const char **ret_reason, struct error *error);
    /* After the last text of a call of row_reader_read. May be NULL. */
    void (*end_read)(struct row_reader *reader);
    int (*write)(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                 struct error *error);
};

/* ERROR_UNSUPPORTED when the keys of a MAP are no STRING: names of JSON's members and keys of Avro's maps are. */
int row_check_map_keys(const struct row_layout *layout, struct error *error);

extern const struct row_format_driver row_json_driver, row_json_sr_driver, row_avro_driver, row_protobuf_driver,
    row_protobuf_plain_driver, row_delimited_driver, row_kafka_driver;

#endif
