#include "stream/output/late.h"

#include "core/bytes.h"
#include "core/memory.h"
#include "model/time/time.h"

void late_records_release(struct late_records *late) {
    free(late->records);
    *late = (struct late_records){0};
}

int late_records_add(struct late_records *late, uint32_t origin, const struct window_definition *window,
                     int64_t stream_time, struct error *error) {
    if (!memory_reserve((void **)&late->records, &late->capacity, late->count + 1, sizeof *late->records))
        return error_no_memory(error);
    late->records[late->count++] = (struct late_record){origin, window, stream_time};
    return 0;
}

static int late_compare(const void *a, const void *b) {
    const struct late_record *left = a, *right = b;
    if (left->origin != right->origin)
        return left->origin < right->origin ? -1 : 1;
    if (left->window->size != right->window->size || left->window == right->window)
        return (left->window->size > right->window->size) - (left->window->size < right->window->size);
    char names[2][WINDOW_NAME_SIZE];
    window_write_name(names[0], left->window);
    window_write_name(names[1], right->window);
    return strcmp(names[0], names[1]);
}

/* "60,600,day@Europe/Athens": each name once. */
static void late_write_names(struct bytes *to, const struct late_record *records, size_t count) {
    char name[WINDOW_NAME_SIZE], last[WINDOW_NAME_SIZE] = "";
    for (size_t i = 0; i < count; i++) {
        window_write_name(name, records[i].window);
        if (strcmp(name, last) == 0)
            continue;
        bytes_append_format(to, "%s%s", i ? "," : "", name);
        strcpy(last, name);
    }
    bytes_append_char(to, '\0');
}

/* One record of the batch, late for `count` windows. */
static int late_write(struct query_output *output, size_t topic, const struct bus_batch *batch,
                      const struct late_record *records, size_t count, struct error *error) {
    cleanup(bytes_release) struct bytes names = {0}, reason = {0};
    char time[TIME_TEXT_SIZE];
    int64_t stream_time = 0;
    for (size_t i = 0; i < count; i++)
        stream_time = records[i].stream_time > stream_time ? records[i].stream_time : stream_time;
    late_write_names(&names, records, count);
    if (!names.failed)
        bytes_append_format(&reason, "late: its windows (%s) have closed", names.data);
    if (names.failed || reason.failed)
        return error_no_memory(error);
    struct bus_header headers[] = {
        {SLICE("error"), bytes_slice(&reason)},
        {SLICE("late.windows"), slice_of(names.data)},
        {SLICE("stream.time"), {time, time_write(time, stream_time < TIME_MAXIMUM ? stream_time : TIME_MAXIMUM)}},
    };
    return query_output_late(output, topic, batch, records->origin, headers, sizeof headers / sizeof *headers, error);
}

int late_records_flush(struct late_records *late, struct query_output *output, size_t topic,
                       const struct bus_batch *batch, struct error *error) {
    int status = 0;
    if (late->count > 1)
        qsort(late->records, late->count, sizeof *late->records, late_compare);
    for (size_t i = 0, next; i < late->count && !status; i = next) {
        for (next = i + 1; next < late->count && late->records[next].origin == late->records[i].origin;)
            next++;
        status = late_write(output, topic, batch, &late->records[i], next - i, error);
    }
    late->count = 0;
    return status;
}
