/* Formats of keys and values, by the names that WITH (..) knows. */
#ifndef METERLINE_CODEC_ROW_FORMAT_H
#define METERLINE_CODEC_ROW_FORMAT_H

#include "core/slice.h"
#include <stdbool.h>

enum format {
    FORMAT_UNSET, /* not said */
    FORMAT_NONE,  /* nothing is read: of a key without columns */
    FORMAT_JSON,
    FORMAT_JSON_SR, /* with a schema registry, as AVRO and PROTOBUF */
    FORMAT_AVRO,
    FORMAT_PROTOBUF,
    FORMAT_PROTOBUF_NOSR, /* the message alone */
    FORMAT_DELIMITED,
    FORMAT_KAFKA, /* one bare primitive, as Kafka's own serializers write it */
    FORMAT_COUNT,
};

const char *format_name(enum format format);
/* In any case; FORMAT_UNSET: there is none of that name here. */
enum format format_find(struct slice name);
bool format_has_schema(enum format format);    /* with a schema in a registry */
bool format_tells_columns(enum format format); /* by its schema, for a source that is declared without them */
bool format_always_wraps(enum format format);  /* a lone column is a field all the same */
/* "JSON, AVRO, .. or NONE" */
const char *format_choices(void);

#endif
