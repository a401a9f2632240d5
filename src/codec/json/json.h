/* JSON on the hot path: readings and aggregates, without building a tree (RFC 8259; UTF-8; nesting at most 64 deep). */
#ifndef METERLINE_CODEC_JSON_JSON_H
#define METERLINE_CODEC_JSON_JSON_H

#include "core/arena.h"
#include "core/bytes.h"
#include "model/aggregate.h"
#include "model/batch.h"

/* Decodes one object with the column names of the batch's schema into row `row`; unknown names are skipped, a
 * repeated name is refused; strings with escapes are copied into the batch's arena. A timestamp is an ISO-8601
 * string or a whole number of ms; a value must be a number. NULL when it was read, otherwise why not. */
const char *json_decode(struct slice text, struct batch *batch, size_t row);

/* Is the text one JSON object, and nothing else? */
bool json_object_valid(struct slice text);

/* Appends a string with quotes and escapes; bytes that are not UTF-8 become U+FFFD. */
void json_write_string(struct bytes *to, struct slice text);
/* {"gateway":..,"metricType":..,"metricAttribute":..,"timestamp":"..","value":..} */
void json_write_reading(struct bytes *to, struct slice gateway, struct slice type, struct slice attribute,
                        int64_t timestamp, double value);
/* The value of topics metrics-aggregates-N, design section 7. */
void json_write_aggregate(struct bytes *to, const struct aggregate_row *row);

#endif
