/* The changelog of a stream-stream join's buffers:
 *   key "b" and the sequence number (8 bytes, big-endian)   value: a byte (side, + 2 when held), the key's length (varint), the key, the stored row
 *   key "t"   value: stream time, largest time of the left side, of the right side (zigzag), next sequence number (varint) */
#include "core/varint.h"
#include "stream/join/join_buffer.h"
#include "stream/state/stored_row.h"

enum { JOIN_LOG_HELD = 2, JOIN_LOG_KEY = 9 };

struct join_saving {
    const struct join_buffer *buffer;
    state_save *each;
    void *context;
    struct bytes value;
    struct error *error;
};

static int join_buffer_save_row(void *context, struct slice name, const void *item) {
    struct join_saving *saving = context;
    const struct join_row *row = item;
    char key[JOIN_LOG_KEY] = {'b'};
    memcpy(key + 1, name.data, sizeof key - 1);
    if (!row)
        return saving->each(saving->context, (struct slice){key, sizeof key}, (struct slice){NULL, 0}, saving->error);
    struct slice join_key = join_row_key(saving->buffer, row);
    saving->value.length = 0;
    bytes_append_char(&saving->value, (char)(row->side + (row->held ? JOIN_LOG_HELD : 0)));
    bytes_append_varint(&saving->value, join_key.length);
    bytes_append_slice(&saving->value, join_key);
    bytes_append(&saving->value, row->data, row->length);
    if (saving->value.failed)
        return error_no_memory(saving->error);
    return saving->each(saving->context, (struct slice){key, sizeof key}, bytes_slice(&saving->value), saving->error);
}

static int join_buffer_save_times(struct join_saving *saving) {
    const struct join_buffer *buffer = saving->buffer;
    saving->value.length = 0;
    bytes_append_zigzag(&saving->value, buffer->stream_time);
    bytes_append_zigzag(&saving->value, buffer->largest[0]);
    bytes_append_zigzag(&saving->value, buffer->largest[1]);
    bytes_append_varint(&saving->value, buffer->sequence);
    if (saving->value.failed)
        return error_no_memory(saving->error);
    return saving->each(saving->context, SLICE("t"), bytes_slice(&saving->value), saving->error);
}

int join_buffer_save(struct join_buffer *buffer, state_save *each, void *context, struct error *error) {
    struct join_saving saving = {.buffer = buffer, .each = each, .context = context, .error = error};
    int status = state_table_each_dirty(buffer->rows, join_buffer_save_row, &saving);
    if (status >= 0)
        status = buffer->times_changed ? join_buffer_save_times(&saving) : 0;
    bytes_release(&saving.value);
    return status < 0 ? status : 0;
}

void join_buffer_saved(struct join_buffer *buffer) {
    state_table_clean(buffer->rows);
    buffer->times_changed = false;
}

/* --- loading
 * ------------------------------------------------------------------------------------------------------------------ */

static bool join_buffer_load_times(struct join_buffer *buffer, struct slice value) {
    const char *at = value.data, *end = value.data + value.length;
    int64_t times[3];
    uint64_t sequence;
    for (unsigned i = 0; i < 3; i++)
        if (!zigzag_read(&at, end, &times[i]))
            return false;
    if (!varint_read(&at, end, &sequence) || at != end)
        return false;
    buffer->stream_time = times[0];
    buffer->largest[0] = times[1];
    buffer->largest[1] = times[2];
    if (sequence > buffer->sequence)
        buffer->sequence = sequence;
    return true;
}

struct join_entry {
    unsigned side;
    bool held;
    struct slice key, stored;
};

static bool join_entry_read(struct slice value, const struct join_plan *plan, struct arena *arena,
                            struct join_entry *ret_entry) {
    const char *at = value.data + 1, *end = value.data + value.length;
    uint64_t length;
    struct value join_key;
    if (value.length == 0 || (unsigned char)*value.data > 1 + JOIN_LOG_HELD || !varint_read(&at, end, &length) ||
        length > (uint64_t)(end - at))
        return false;
    unsigned side = *value.data & 1;
    struct slice key = {at, length};
    struct slice stored = {at + length, (size_t)(end - at) - length};
    if (!value_read(&at, key.data + key.length, plan->left_key->type, arena, &join_key) || at != stored.data)
        return false;
    if (!stored_row_valid(stored, side ? plan->right : plan->left, arena))
        return false;
    *ret_entry = (struct join_entry){side, *value.data & JOIN_LOG_HELD, key, stored};
    return true;
}

int join_buffer_load(struct join_buffer *buffer, const struct join_plan *plan, struct slice key, struct slice value,
                     struct arena *arena, struct error *error) {
    struct join_entry entry;
    uint64_t sequence;
    bool times = slice_equal(key, SLICE("t")), good = false;
    if (times)
        good = !value.data || join_buffer_load_times(buffer, value);
    else if (key.length == JOIN_LOG_KEY && key.data[0] == 'b')
        good = !value.data || join_entry_read(value, plan, arena, &entry);
    arena_reset(arena);
    if (!good)
        return error_set(error, ERROR_CORRUPT,
                         "an entry of a join's state, key of %zu bytes and value of %zu, is none of its own",
                         key.length, value.length);
    if (times)
        return 0;
    memcpy(&sequence, key.data + 1, sizeof sequence);
    sequence = __builtin_bswap64(sequence);
    if (!join_buffer_remove_unlinked(buffer, sequence))
        return error_no_memory(error);
    buffer->unlinked = true;
    return !value.data || join_buffer_put(buffer, sequence, entry.side, entry.key, entry.stored, entry.held)
               ? 0
               : error_no_memory(error);
}
