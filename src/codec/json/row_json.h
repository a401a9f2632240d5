/* JSON's reader and writer of rows, for its driver (row_json_write.c). */
#ifndef METERLINE_CODEC_JSON_ROW_JSON_H
#define METERLINE_CODEC_JSON_ROW_JSON_H

#include "codec/row/row_driver.h"

int row_json_open_reader(struct row_reader *reader, struct error *error);
int row_json_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns, size_t row,
                  enum row_read *ret_status, const char **ret_reason, struct error *error);

#endif
