#include "codec/row/format.h"

#include <strings.h>

static const char *const format_names[FORMAT_COUNT] = {
    [FORMAT_UNSET] = "",
    [FORMAT_NONE] = "NONE",
    [FORMAT_JSON] = "JSON",
    [FORMAT_JSON_SR] = "JSON_SR",
    [FORMAT_AVRO] = "AVRO",
    [FORMAT_PROTOBUF] = "PROTOBUF",
    [FORMAT_PROTOBUF_NOSR] = "PROTOBUF_NOSR",
    [FORMAT_DELIMITED] = "DELIMITED",
    [FORMAT_KAFKA] = "KAFKA",
};

static bool format_same(struct slice name, const char *other) {
    return name.length == strlen(other) && strncasecmp(name.data, other, name.length) == 0;
}

const char *format_name(enum format format) {
    return format_names[format];
}

enum format format_find(struct slice name) {
    for (enum format format = FORMAT_NONE; format < FORMAT_COUNT; format++)
        if (format_same(name, format_names[format]))
            return format;
    return FORMAT_UNSET;
}

bool format_has_schema(enum format format) {
    return format == FORMAT_JSON_SR || format == FORMAT_AVRO || format == FORMAT_PROTOBUF;
}

bool format_tells_columns(enum format format) {
    return format == FORMAT_AVRO || format == FORMAT_PROTOBUF;
}

bool format_always_wraps(enum format format) {
    return format == FORMAT_PROTOBUF || format == FORMAT_PROTOBUF_NOSR;
}

const char *format_choices(void) {
    return "JSON, JSON_SR, AVRO, PROTOBUF, PROTOBUF_NOSR, DELIMITED, KAFKA or NONE";
}
