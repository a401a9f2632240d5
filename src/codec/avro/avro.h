/* Readings in Avro, in Confluent's wire format; they are read by codec/reading.h. */
#ifndef METERLINE_CODEC_AVRO_AVRO_H
#define METERLINE_CODEC_AVRO_AVRO_H

#include "core/bytes.h"

/* Writing readings in the schema of schema_reading_avro. The head is what all readings of a series share: byte 0,
 * schema id, gateway, type, attribute. */
void avro_write_reading_head(struct bytes *to, int32_t schema_id, struct slice gateway, struct slice type,
                             struct slice attribute);
void avro_write_reading_tail(struct bytes *to, int64_t timestamp, double value);

#endif
