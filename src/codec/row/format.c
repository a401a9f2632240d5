#include "codec/row/format.h"

#include <strings.h>

static const char *const format_names[FORMAT_COUNT] = {
    [FORMAT_UNSET] = "",    [FORMAT_NONE] = "NONE",           [FORMAT_JSON] = "JSON",
    [FORMAT_AVRO] = "AVRO", [FORMAT_DELIMITED] = "DELIMITED", [FORMAT_KAFKA] = "KAFKA",
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

bool format_foreign(struct slice name) {
    return format_same(name, "JSON_SR") || format_same(name, "PROTOBUF") || format_same(name, "PROTOBUF_NOSR");
}

const char *format_choices(void) {
    return "JSON, AVRO, DELIMITED, KAFKA or NONE";
}
