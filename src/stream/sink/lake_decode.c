#include "stream/sink/lake_decode.h"

#include <ctype.h>
#include <stdlib.h>

#include "core/memory.h"

struct lake_decoder {
    struct arena arena; /* of columns */
    size_t key_count, value_count;
    enum row_window window;
    int64_t window_size;
    bool calendar;
    struct row_column *wanted; /* key columns, then value columns */
    struct lake_column *columns;
    size_t count;
    struct row_reader *key, *value;
};

enum { WINDOW_COLUMNS = 2, TIME_COLUMNS = 1 };
/* 64 bits of microseconds */
#define TIME_LIMIT (INT64_MAX / 1000)

static struct slice decoder_name(struct arena *arena, struct slice name) {
    struct slice copy = arena_copy(arena, name);
    char *text = (char *)(uintptr_t)copy.data;
    for (size_t i = 0; text && i < copy.length; i++)
        text[i] = (char)tolower((unsigned char)text[i]);
    return copy;
}

static int decoder_columns(struct lake_decoder *decoder, const struct lake_sink_format *format, struct error *error) {
    size_t count = format->count, more = (format->window != ROW_WINDOW_NONE ? WINDOW_COLUMNS : 0) + TIME_COLUMNS;
    static const struct slice names[] = {SLICE("window_start"), SLICE("window_end"), SLICE("rowtime")};
    decoder->wanted = arena_allocate(&decoder->arena, (count + 1) * sizeof *decoder->wanted);
    decoder->columns = arena_allocate(&decoder->arena, (count + more) * sizeof *decoder->columns);
    if (!decoder->wanted || !decoder->columns)
        return error_no_memory(error);
    for (size_t c = 0; c < count; c++) {
        decoder->wanted[c].name = arena_copy(&decoder->arena, format->columns[c].name);
        decoder->wanted[c].type = type_copy(&decoder->arena, format->columns[c].type);
        decoder->columns[c] = (struct lake_column){.name = decoder_name(&decoder->arena, format->columns[c].name),
                                                   .type = decoder->wanted[c].type,
                                                   .id = (int32_t)c + 1};
        if (!decoder->wanted[c].name.data || !decoder->wanted[c].type || !decoder->columns[c].name.data)
            return error_no_memory(error);
    }
    for (size_t i = 0; i < more; i++)
        decoder->columns[count + i] = (struct lake_column){.name = names[i + WINDOW_COLUMNS + TIME_COLUMNS - more],
                                                           .type = &type_timestamp,
                                                           .id = (int32_t)(count + i) + 1};
    decoder->count = count + more;
    decoder->key_count = format->key_count;
    decoder->value_count = count - format->key_count;
    decoder->window = format->window;
    decoder->window_size = format->window_size;
    decoder->calendar = format->calendar;
    return 0;
}

int lake_decoder_new(const struct lake_sink_format *format, const struct registry *registry,
                     struct lake_decoder **ret_decoder, struct error *error) {
    struct lake_decoder *decoder = memory_zero(1, sizeof *decoder);
    if (!decoder)
        return error_no_memory(error);
    int status = decoder_columns(decoder, format, error);
    if (!status && decoder->key_count)
        status = row_reader_new(&format->key, decoder->wanted, decoder->key_count, registry, &decoder->key, error);
    if (!status && decoder->value_count)
        status = row_reader_new(&format->value, decoder->wanted + decoder->key_count, decoder->value_count, registry,
                                &decoder->value, error);
    if (status)
        lake_decoder_free(decoder);
    else
        *ret_decoder = decoder;
    return status;
}

struct lake_decoder *lake_decoder_free(struct lake_decoder *decoder) {
    if (!decoder)
        return NULL;
    row_reader_free(decoder->key);
    row_reader_free(decoder->value);
    arena_release(&decoder->arena);
    free(decoder);
    return NULL;
}

const struct lake_column *lake_decoder_columns(const struct lake_decoder *decoder, size_t *ret_count) {
    *ret_count = decoder->count;
    return decoder->columns;
}

/* The arrays of a batch. */
struct decode_room {
    struct slice *keys;
    uint8_t *statuses, *absent;
    const char **reasons, **all_reasons;
    struct vector *columns;
};

static bool decode_allocate(const struct lake_decoder *decoder, size_t rows, struct arena *arena,
                            struct decode_room *room) {
    room->keys = arena_allocate(arena, (rows + 1) * sizeof *room->keys);
    room->statuses = arena_allocate(arena, rows + 1);
    room->absent = arena_allocate(arena, rows + 1);
    room->reasons = arena_allocate(arena, (rows + 1) * sizeof *room->reasons);
    room->all_reasons = arena_allocate(arena, (rows + 1) * sizeof *room->all_reasons);
    room->columns = arena_allocate(arena, (decoder->count + 1) * sizeof *room->columns);
    if (!room->keys || !room->statuses || !room->absent || !room->reasons || !room->all_reasons || !room->columns)
        return false;
    memset(room->absent, 0, rows + 1);
    memset(room->all_reasons, 0, (rows + 1) * sizeof *room->all_reasons);
    for (size_t c = 0; c < decoder->count; c++)
        if (!vector_allocate(arena, decoder->columns[c].type, rows + 1, &room->columns[c]))
            return false;
    return true;
}

/* The window is taken off the keys; rowtime is the record's time. */
static void decode_times(const struct lake_decoder *decoder, const struct bus_batch *records,
                         struct decode_room *room) {
    size_t window = decoder->key_count + decoder->value_count;
    struct vector *rowtime = &room->columns[decoder->count - 1];
    for (size_t row = 0; row < records->count; row++) {
        int64_t start = 0, end = 0;
        room->keys[row] = records->records[row].key;
        rowtime->nulls[row] = 0;
        rowtime->integers[row] = records->records[row].timestamp;
        if (decoder->window == ROW_WINDOW_NONE)
            continue;
        bool good = room->keys[row].data &&
                    row_window_read(&room->keys[row], decoder->window, decoder->window_size, NULL, &start, &end);
        room->columns[window].nulls[row] = !good;
        room->columns[window + 1].nulls[row] = !good || decoder->calendar;
        room->columns[window].integers[row] = start;
        room->columns[window + 1].integers[row] = end;
        if (!good)
            room->all_reasons[row] = "the key has no window";
    }
}

static void decode_note(const struct decode_room *room, size_t rows, bool value) {
    for (size_t row = 0; row < rows; row++) {
        if (room->statuses[row] == ROW_READ_BAD && !room->all_reasons[row])
            room->all_reasons[row] = room->reasons[row];
        if (value && room->statuses[row] == ROW_READ_NULL)
            room->absent[row] = 1;
    }
}

static void decode_check_times(const struct lake_decoder *decoder, const struct decode_room *room, size_t rows) {
    for (size_t c = 0; c < decoder->count; c++) {
        const struct vector *column = &room->columns[c];
        for (size_t row = 0; column->type->kind == TYPE_TIMESTAMP && row < rows; row++)
            if (!column->nulls[row] && (column->integers[row] > TIME_LIMIT || column->integers[row] < -TIME_LIMIT))
                room->all_reasons[row] = "a time is beyond the year 294247, where the lake's end";
    }
}

int lake_decode(struct lake_decoder *decoder, const struct bus_batch *records, struct arena *arena,
                struct lake_decoded *ret_rows, struct error *error) {
    struct decode_room room;
    size_t rows = records->count;
    if (!decode_allocate(decoder, rows, arena, &room))
        return error_no_memory(error);
    decode_times(decoder, records, &room);
    int status = 0;
    if (decoder->key) {
        status = row_reader_read(decoder->key, room.keys, sizeof *room.keys, rows, arena, room.columns, room.statuses,
                                 room.reasons, error);
        if (!status)
            decode_note(&room, rows, false);
    }
    if (!status && decoder->value) {
        status = row_reader_read(decoder->value, &records->records[0].value, sizeof records->records[0], rows, arena,
                                 room.columns + decoder->key_count, room.statuses, room.reasons, error);
        if (!status)
            decode_note(&room, rows, true);
    }
    if (status)
        return status;
    decode_check_times(decoder, &room, rows);
    *ret_rows = (struct lake_decoded){room.columns, room.absent, room.all_reasons};
    return 0;
}
