#include "sql/record/record_headers.h"

#include "codec/json/json_span.h"
#include "codec/row/row_value.h"
#include "core/memory.h"

static struct slice record_header_member(struct slice object, const char *upper, const char *lower) {
    struct slice member = json_span_member(object, upper);
    return member.data ? member : json_span_member(object, lower);
}

static int record_header_read(struct slice text, struct arena *arena, struct bus_header *ret_header,
                              struct error *error) {
    cleanup(bytes_release) struct bytes name = {0}, value = {0};
    struct bus_header header = {0};
    bool failed = false;
    if (!json_span_string(record_header_member(text, "KEY", "key"), &name) || !name.length)
        return error_set(error, ERROR_INVALID, "a header needs a KEY, a string");
    header.name = arena_copy(arena, bytes_slice(&name));
    if (json_span_string(record_header_member(text, "VALUE", "value"), &value) &&
        !row_read_base64(bytes_slice(&value), arena, &header.value, &failed)) {
        header.value = arena_copy(arena, bytes_slice(&value));
        failed |= !header.value.data;
    }
    if (failed || !header.name.data)
        return error_no_memory(error);
    *ret_header = header;
    return 0;
}

int record_headers_read(struct slice text, struct arena *arena, struct bus_header **ret_headers, size_t *ret_count,
                        struct error *error) {
    struct slice member, item;
    size_t count = 0;
    int status = 0;
    for (struct slice rest = json_span_inside(text); rest.data && json_span_next(&rest, &member, &item);)
        count++;
    struct bus_header *headers = arena_allocate(arena, (count + 1) * sizeof *headers);
    if (!headers)
        return error_no_memory(error);
    count = 0;
    for (struct slice rest = json_span_inside(text); rest.data && json_span_next(&rest, &member, &item) && !status;
         count += !status)
        status = record_header_read(item, arena, &headers[count], error);
    if (!status) {
        *ret_headers = headers;
        *ret_count = count;
    }
    return status;
}
