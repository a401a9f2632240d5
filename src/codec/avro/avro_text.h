/* Avro values as JSON, whatever their schema: for people who look at topics. What a schema holds that SQL columns
 * cannot is not shown. One thread. */
#ifndef METERLINE_CODEC_AVRO_AVRO_TEXT_H
#define METERLINE_CODEC_AVRO_AVRO_TEXT_H

#include "core/bytes.h"
#include "core/error.h"
#include "model/registry.h"

struct avro_text;

int avro_text_new(const struct registry *registry, struct avro_text **ret_text, struct error *error);
struct avro_text *avro_text_free(struct avro_text *text);
/* Appends the JSON of a value in Confluent's wire format; *ret_written is false, and nothing is appended, when it is
 * none or cannot be shown. A retriable error: the registry could not be asked. */
int avro_text_write(struct avro_text *text, struct slice value, struct bytes *to, bool *ret_written,
                    struct error *error);

#endif
