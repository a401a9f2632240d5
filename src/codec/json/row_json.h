/* JSON's reader and writer of rows, for its driver (row_json_write.c). */
#ifndef METERLINE_CODEC_JSON_ROW_JSON_H
#define METERLINE_CODEC_JSON_ROW_JSON_H

#include "codec/row/row_driver.h"

struct row_json_names; /* what stands between the values of a row */

/* The state of JSON_SR's writer. */
struct row_json_sr {
    const struct row_json_names *json;
    struct slice schema; /* to be registered; data NULL: it has its id */
    int32_t id;
};

int row_json_open_writer(struct row_writer *writer, struct error *error); /* writer->state: struct row_json_names */
/* Appends a row; a bare column that is NULL appends nothing. Returns 0. */
int row_json_put_row(const struct row_layout *layout, const struct row_json_names *names, const struct vector *columns,
                     size_t row, struct bytes *to);
int row_json_open_reader(struct row_reader *reader, struct error *error);
int row_json_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns, size_t row,
                  enum row_read *ret_status, const char **ret_reason, struct error *error);

#endif
