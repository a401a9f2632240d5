/* Avro binary decoding into columns (Apache Avro specification 1.11: binary encoding, schema resolution).
 *
 * A writer schema is compiled once into a plan: a flat list of steps (read into column k, convert, skip) that
 * decodes each record without looking at the schema again. The reader's schema is a model schema: fields are matched
 * by name, whatever the writer's record is called; the writer's may come in any order; fields that the reader does
 * not know are skipped, of any type, nested too; one that the reader wants and the writer does not have is refused,
 * as columns have no defaults. A union is accepted when one of its branches is (a null or an unfit branch in a
 * wanted column rejects the record). Columns take:
 *
 *   string     string, enum, bytes that are UTF-8
 *   double     double, float, long, int; logical type decimal, rounded to the nearest double
 *   integer    long, int
 *   timestamp  string or bytes (ISO-8601); long in ms, or with logical types [local-]timestamp-millis, -micros and -nanos, cut to ms; a local one is
 *              taken as UTC */
#ifndef METERLINE_CODEC_AVRO_AVRO_H
#define METERLINE_CODEC_AVRO_AVRO_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "model/batch.h"
#include "model/schema.h"

struct avro_plan;

/* ERROR_INVALID with what is wrong when `writer` is not an Avro schema or cannot be read as `reader` (a column is
 * missing, a type does not fit). */
int avro_plan_new(struct slice writer, const struct schema *reader, struct avro_plan **ret_plan, struct error *error);
struct avro_plan *avro_plan_free(struct avro_plan *plan);
/* Decodes one body (without the wire format's five bytes) into row `row` of `batch`. NULL when it was read,
 * otherwise why not (static text, or in the batch's arena). The body must be used up to its last byte. */
const char *avro_decode(const struct avro_plan *plan, struct slice body, struct batch *batch, size_t row);

/* Writing readings in the schema of schema_reading_avro. The head is what all readings of a series share: byte 0,
 * schema id, gateway, type, attribute. */
void avro_write_reading_head(struct bytes *to, int32_t schema_id, struct slice gateway, struct slice type,
                             struct slice attribute);
void avro_write_reading_tail(struct bytes *to, int64_t timestamp, double value);

#endif
