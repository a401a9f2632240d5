#include "stream/sink/lake_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/reading.h"
#include "core/memory.h"
#include "stream/sink/lake_decode.h"
#include "stream/sink/lake_readings.h"
#include "stream/sink/lake_rows.h"

enum { FILE_NAME_SIZE = 400, NOT_BEGUN = -1 };

/* Offsets of a partition: all below `next` are in the table or in the buffers; below `committed` in the table. */
struct lake_partition_state {
    bool ours;
    int64_t committed, next, from; /* committed NOT_BEGUN: the table has none; from: the first that is not in a file */
};

struct lake_sink {
    struct lake_sink_settings settings; /* `topic` is owned */
    char *topic, table_name[LAKE_NAME_MAXIMUM + 1];
    char origin[BUS_ORIGIN_SIZE];
    struct lake_table *table;
    struct arena schema_arena;
    struct lake_snapshot schema;
    struct reading_reader *reader; /* of readings, or NULL */
    struct lake_decoder *decoder;  /* of rows, or NULL */
    struct lake_readings readings;
    struct lake_rows rows;
    struct arena arena; /* of the batch at hand */
    struct lake_partition_state *partitions;
    size_t partition_count;
    struct lake_new_file *files; /* written, not committed; what they point to lies in `file_arena` */
    size_t file_count, file_capacity;
    struct arena file_arena;
    int64_t file_bytes, row_count, passed;
    int64_t since_ns; /* when the oldest record came that is not committed; 0: there is none */
    bool unknown;     /* a commit of these files may have been done: they stay, whatever comes */
    bool broken;      /* a batch is in the buffers in part: they may not be committed */
};

void lake_sink_table(const char *topic, char to[LAKE_NAME_MAXIMUM + 1]) {
    size_t length = strlen(topic);
    for (size_t i = 0; i < length && i < LAKE_NAME_MAXIMUM; i++) {
        char c = topic[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        to[i] = plain ? c : '_';
        to[i + 1] = '\0';
    }
    if (to[0] == '_') /* a name begins with a letter or digit */
        to[0] = 't';
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

static void lake_sink_close(void *context) {
    struct lake_sink *sink = context;
    struct error ignored;
    for (size_t i = 0; i < sink->file_count && !sink->unknown; i++)
        lake_file_remove(sink->table, sink->files[i].file.location, &ignored);
    reading_reader_free(sink->reader);
    lake_decoder_free(sink->decoder);
    lake_readings_release(&sink->readings);
    lake_rows_release(&sink->rows);
    lake_table_close(sink->table);
    arena_release(&sink->schema_arena);
    arena_release(&sink->arena);
    arena_release(&sink->file_arena);
    free(sink->files);
    free(sink->partitions);
    free(sink->topic);
    free(sink);
}

static int lake_sink_open_table(struct lake_sink *sink, struct error *error) {
    const struct lake_table_settings *settings = &lake_readings;
    struct lake_table_settings of_rows = {.partition = LAKE_UNPARTITIONED};
    const struct registry *registry = bus_registry(sink->settings.bus);
    int status = sink->settings.format ? lake_decoder_new(sink->settings.format, registry, &sink->decoder, error)
                                       : reading_reader_new(FORMAT_AVRO, registry, &sink->reader, error);
    if (!status && sink->decoder) {
        of_rows.columns = lake_decoder_columns(sink->decoder, &of_rows.column_count);
        settings = &of_rows;
    }
    if (!status)
        status = lake_table_ensure(sink->settings.lake, sink->table_name, settings, &sink->table, error);
    if (!status)
        status = lake_snapshot_read(sink->table, 0, &sink->schema_arena, &sink->schema, error);
    if (!status && sink->schema.column_count != settings->column_count)
        status =
            error_set(error, ERROR_UNSUPPORTED,
                      "table %s of lake %s has got more columns than topic %s: rows cannot be added by a connector",
                      sink->table_name, lake_url(sink->settings.lake), sink->topic);
    if (!status && sink->decoder)
        status = lake_rows_open(&sink->rows, sink->schema.columns, sink->schema.column_count, error);
    return status;
}

int lake_sink_new(const struct lake_sink_settings *settings, void **ret_context, struct error *error) {
    struct lake_sink *sink = memory_zero(1, sizeof *sink);
    if (!sink || !(sink->topic = strdup(settings->topic))) {
        free(sink);
        return error_no_memory(error);
    }
    sink->settings = *settings;
    if (settings->table)
        snprintf(sink->table_name, sizeof sink->table_name, "%s", settings->table);
    else
        lake_sink_table(settings->topic, sink->table_name);
    int status = lake_sink_open_table(sink, error);
    if (status)
        lake_sink_close(sink);
    else
        *ret_context = sink;
    return status;
}

/* --- where to begin
 * ------------------------------------------------------------------------------------------------------------------ */

/* What is written and not in the table will come again. Files that a commit may have taken stay. */
static void lake_sink_drop(struct lake_sink *sink) {
    struct error ignored;
    for (size_t i = 0; i < sink->file_count && !sink->unknown; i++)
        lake_file_remove(sink->table, sink->files[i].file.location, &ignored);
    lake_readings_clear(&sink->readings);
    lake_rows_clear(&sink->rows);
    arena_reset(&sink->file_arena);
    sink->file_count = 0;
    sink->file_bytes = sink->row_count = sink->passed = sink->since_ns = 0;
    sink->unknown = sink->broken = false;
}

static int lake_sink_room(struct lake_sink *sink, int32_t partition, struct error *error) {
    size_t before = sink->partition_count, need = (size_t)partition + 1, capacity = before;
    if (need <= before)
        return 0;
    if (!memory_reserve((void **)&sink->partitions, &capacity, need, sizeof *sink->partitions))
        return error_no_memory(error);
    memset(sink->partitions + before, 0, (need - before) * sizeof *sink->partitions);
    sink->partition_count = need;
    return 0;
}

/* Is the table's position one of this log? */
static int lake_sink_check_origin(struct lake_sink *sink, int32_t partition, int64_t position, int64_t end,
                                  struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const char *origin;
    int status = bus_topic_origin(sink->settings.bus, sink->topic, sink->origin, error);
    if (!status)
        status = lake_origin(sink->table, sink->topic, &arena, &origin, error);
    if (status)
        return status;
    if (origin && strcmp(origin, sink->origin) != 0)
        return error_set(error, ERROR_INVALID,
                         "table %s of lake %s has the records of a topic %s of another log (%s; this one is %s): name "
                         "another lake; or, to add this log's records too, `meterline lake forget %s --topic %s`",
                         sink->table_name, lake_url(sink->settings.lake), sink->topic, origin, sink->origin,
                         sink->table_name, sink->topic);
    if (position > end)
        return error_set(
            error, ERROR_INVALID,
            "table %s of lake %s has records of %s/%d up to offset %lld, but the log ends at %lld: the log "
            "has lost records, or is another one; name another lake, or, to bring what comes from now on, "
            "`meterline lake forget %s --topic %s`",
            sink->table_name, lake_url(sink->settings.lake), sink->topic, (int)partition, (long long)position,
            (long long)end, sink->table_name, sink->topic);
    return 0;
}

static int lake_sink_position(struct lake_sink *sink, int32_t partition, int64_t *ret_offset, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const struct lake_position *positions;
    size_t count;
    int status = lake_positions(sink->table, &arena, &positions, &count, error);
    *ret_offset = NOT_BEGUN;
    for (size_t i = 0; i < count && !status; i++)
        if (positions[i].partition == partition && strcmp(positions[i].topic, sink->topic) == 0)
            *ret_offset = positions[i].offset;
    return status;
}

/* The table says where to go on. Unreadable records after the sink's own position may not have been passed on: they are
 * read again. */
static int lake_sink_begin(void *context, int32_t partition, int64_t start, int64_t end, int64_t committed,
                           int64_t *next, struct error *error) {
    struct lake_sink *sink = context;
    int64_t position;
    lake_sink_drop(sink);
    int status = lake_sink_room(sink, partition, error);
    if (!status)
        status = lake_sink_position(sink, partition, &position, error);
    if (!status)
        status = lake_sink_check_origin(sink, partition, position, end, error);
    if (status)
        return status;
    int64_t from = position == NOT_BEGUN ? start : position;
    sink->partitions[partition] =
        (struct lake_partition_state){.ours = true, .committed = position, .next = from, .from = from};
    *next = sink->settings.reject && committed >= start && committed < from ? committed : from;
    for (size_t p = 0; p < sink->partition_count; p++) /* what was dropped of the others comes again too */
        sink->partitions[p].next = sink->partitions[p].from;
    return 0;
}

/* --- files
 * ------------------------------------------------------------------------------------------------------------------ */

/* "TOPIC-PARTITION.FIRST-LAST" and so on for each partition, as far as there is room: where the rows come from. */
static void lake_sink_file_name(const struct lake_sink *sink, char to[FILE_NAME_SIZE]) {
    int used = snprintf(to, 100, "%.90s", sink->topic);
    for (size_t p = 0; p < sink->partition_count && used < FILE_NAME_SIZE / 2; p++) {
        const struct lake_partition_state *at = &sink->partitions[p];
        if (at->ours && at->next > at->from)
            used += snprintf(to + used, (size_t)(FILE_NAME_SIZE - used), "-%zu.%lld-%lld", p, (long long)at->from,
                             (long long)at->next - 1);
    }
}

static int lake_sink_note_file(struct lake_sink *sink, const struct lake_new_file *file, struct error *error) {
    if (!memory_reserve((void **)&sink->files, &sink->file_capacity, sink->file_count + 1, sizeof *sink->files))
        return error_no_memory(error);
    sink->files[sink->file_count++] = *file;
    sink->file_bytes += file->file.bytes;
    return 0;
}

static int lake_sink_write_file(struct lake_sink *sink, size_t month, struct error *error) {
    char name[FILE_NAME_SIZE];
    struct lake_new_file file;
    lake_sink_file_name(sink, name);
    int status = sink->decoder
                     ? lake_rows_write(&sink->rows, sink->table, &sink->schema, name, &sink->file_arena, &file, error)
                     : lake_readings_write(&sink->readings, month, sink->table, &sink->schema, name, &sink->file_arena,
                                           &file, error);
    return status ? status : lake_sink_note_file(sink, &file, error);
}

/* Files until the buffers take no more than `bytes`. */
static int lake_sink_spill(struct lake_sink *sink, size_t bytes, struct error *error) {
    int status = 0;
    if (sink->decoder)
        return sink->rows.count && sink->rows.bytes > bytes ? lake_sink_write_file(sink, 0, error) : 0;
    while (!status && sink->readings.bytes > bytes) {
        size_t month = lake_readings_biggest(&sink->readings);
        if (month == SIZE_MAX)
            return 0;
        status = lake_sink_write_file(sink, month, error);
    }
    return status;
}

/* --- records
 * ------------------------------------------------------------------------------------------------------------------ */

static int lake_sink_reject(struct lake_sink *sink, const struct bus_batch *records, size_t row, const char *reason,
                            struct dead_letters *dead_letters, struct error *error) {
    return sink->settings.reject ? dead_letters_reject(dead_letters, records, row, reason, error) : 0;
}

static bool lake_sink_has(const struct lake_partition_state *at, const struct bus_batch *records, size_t row) {
    return records->base_offset + (int64_t)row < at->next;
}

static int lake_sink_readings(struct lake_sink *sink, const struct bus_batch *records,
                              struct dead_letters *dead_letters, struct error *error) {
    const struct lake_partition_state *at = &sink->partitions[records->partition];
    struct reading *readings;
    int status = reading_reader_read(sink->reader, &records->records[0].value, sizeof records->records[0],
                                     records->count, &sink->arena, &readings, error);
    for (size_t row = 0; !status && row < records->count; row++) {
        const struct reading *reading = &readings[row];
        bool has = lake_sink_has(at, records, row);
        if (reading->reason)
            status = lake_sink_reject(sink, records, row, reading->reason, dead_letters, error);
        else if (!reading->null && !has)
            status = lake_readings_add(&sink->readings, &reading->series, reading->timestamp, reading->value, error);
        sink->row_count += !has && !reading->reason && !reading->null;
        sink->passed += !has && (reading->reason || reading->null);
    }
    return status;
}

static int lake_sink_rows(struct lake_sink *sink, const struct bus_batch *records, struct dead_letters *dead_letters,
                          struct error *error) {
    const struct lake_partition_state *at = &sink->partitions[records->partition];
    struct lake_decoded rows;
    int status = lake_decode(sink->decoder, records, &sink->arena, &rows, error);
    for (size_t row = 0; !status && row < records->count; row++) {
        bool has = lake_sink_has(at, records, row), none = rows.absent[row] || rows.reasons[row];
        if (rows.reasons[row])
            status = lake_sink_reject(sink, records, row, rows.reasons[row], dead_letters, error);
        else if (!none && !has)
            status = lake_rows_add(&sink->rows, rows.columns, row, error);
        sink->row_count += !has && !none;
        sink->passed += !has && none;
    }
    return status;
}

/* A place that is full or cannot be written to may be mended: it is waited for. */
static int lake_sink_status(int status, struct error *error) {
    if (status == ERROR_IO)
        error->retriable = true;
    return status;
}

static int lake_sink_write(void *context, const struct bus_batch *records, struct dead_letters *dead_letters,
                           size_t *ret_done, struct error *error) {
    struct lake_sink *sink = context;
    struct lake_partition_state *at = &sink->partitions[records->partition];
    int64_t end = records->base_offset + (int64_t)records->count;
    arena_reset(&sink->arena);
    int status = sink->decoder ? lake_sink_rows(sink, records, dead_letters, error)
                               : lake_sink_readings(sink, records, dead_letters, error);
    if (status) {
        sink->broken = true;
        return status;
    }
    at->next = end > at->next ? end : at->next;
    if (!sink->since_ns)
        sink->since_ns = clock_monotonic_ns(sink->settings.clock);
    *ret_done = records->count;
    status = lake_sink_spill(sink, (size_t)sink->settings.memory, error);
    return lake_sink_status(status, error);
}

/* --- commits
 * ------------------------------------------------------------------------------------------------------------------ */

static bool lake_sink_due(const void *context) {
    const struct lake_sink *sink = context;
    return sink->since_ns &&
           (sink->file_bytes >= sink->settings.commit_bytes ||
            clock_monotonic_ns(sink->settings.clock) - sink->since_ns >= sink->settings.commit_interval * 1000000);
}

static size_t lake_sink_moved(const struct lake_sink *sink, struct lake_position *positions) {
    size_t count = 0;
    for (size_t p = 0; p < sink->partition_count; p++) {
        const struct lake_partition_state *at = &sink->partitions[p];
        if (at->ours && at->next > (at->committed == NOT_BEGUN ? 0 : at->committed))
            positions[count++] = (struct lake_position){
                .topic = sink->topic, .partition = (int32_t)p, .offset = at->next, .expected = at->committed};
    }
    return count;
}

static void lake_sink_committed(struct lake_sink *sink, const struct lake_position *positions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct lake_partition_state *at = &sink->partitions[positions[i].partition];
        at->committed = at->from = positions[i].offset;
    }
    arena_reset(&sink->file_arena);
    lake_readings_clear(&sink->readings);
    sink->file_count = 0;
    sink->file_bytes = sink->row_count = sink->passed = sink->since_ns = 0;
    sink->unknown = false;
}

static int lake_sink_commit(struct lake_sink *sink, struct error *error) {
    struct lake_position *positions = memory_zero(sink->partition_count + 1, sizeof *positions);
    if (!positions)
        return error_no_memory(error);
    size_t count = lake_sink_moved(sink, positions);
    struct lake_change change = {.operation = LAKE_APPEND,
                                 .added = sink->files,
                                 .added_count = sink->file_count,
                                 .positions = positions,
                                 .position_count = count,
                                 .origin_topic = sink->topic,
                                 .origin = sink->origin,
                                 .rows = sink->row_count,
                                 .passed = sink->passed,
                                 .keep_for = sink->settings.keep_snapshots};
    int status = count ? lake_commit(sink->table, &change, NULL, error) : 0;
    if (!status) {
        lake_sink_committed(sink, positions, count);
    } else if (status == ERROR_CONFLICT) {
        log_write(sink->settings.log, LOG_WARNING, "%s; going on from there", error->message);
        error->code = ERROR_ABORTED;
        status = ERROR_ABORTED;
    } else if (error->retriable) {
        sink->unknown = true;
    }
    free(positions);
    return status;
}

static int lake_sink_flush(void *context, struct error *error) {
    struct lake_sink *sink = context;
    if (sink->broken)
        return error_set(error, ERROR_ABORTED, "records that were read in part are read again");
    int status = lake_sink_spill(sink, 0, error);
    if (!status)
        status = lake_sink_commit(sink, error);
    return lake_sink_status(status, error);
}

const struct sink_target lake_sink_target = {.name = "the lake sink",
                                             .write = lake_sink_write,
                                             .flush = lake_sink_flush,
                                             .begin = lake_sink_begin,
                                             .due = lake_sink_due,
                                             .close = lake_sink_close};
