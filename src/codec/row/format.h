/* Formats of keys and values, by the names that WITH (..) knows. */
#ifndef METERLINE_CODEC_ROW_FORMAT_H
#define METERLINE_CODEC_ROW_FORMAT_H

#include "core/slice.h"
#include <stdbool.h>

enum format {
    FORMAT_UNSET, /* not said */
    FORMAT_NONE,  /* nothing is read: of a key without columns */
    FORMAT_JSON,
    FORMAT_AVRO, /* with a schema registry */
    FORMAT_DELIMITED,
    FORMAT_KAFKA, /* one bare primitive, as Kafka's own serializers write it */
    FORMAT_COUNT,
};

const char *format_name(enum format format);
/* In any case; FORMAT_UNSET: there is none of that name here. */
enum format format_find(struct slice name);
/* Formats that ksqlDB has and meterline has not: JSON_SR, PROTOBUF, PROTOBUF_NOSR. */
bool format_foreign(struct slice name);
/* "JSON, AVRO, DELIMITED, KAFKA or NONE" */
const char *format_choices(void);

#endif
