/* JSON without a tree (RFC 8259; UTF-8; nesting at most 64 deep): what is no row. Rows are in row_json.h. */
#ifndef METERLINE_CODEC_JSON_JSON_H
#define METERLINE_CODEC_JSON_JSON_H

#include "core/arena.h"
#include "core/bytes.h"

/* Is the text one JSON object, and nothing else? */
bool json_object_valid(struct slice text);

/* Appends a string with quotes and escapes; bytes that are not UTF-8 become U+FFFD. */
void json_write_string(struct bytes *to, struct slice text);
/* {"gateway":..,"metricType":..,"metricAttribute":..,"timestamp":"..","value":..} */
void json_write_reading(struct bytes *to, struct slice gateway, struct slice type, struct slice attribute,
                        int64_t timestamp, double value);

#endif
