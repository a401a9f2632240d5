/* Rows of a key stand in a list by time; a heap has those that are held, by when they leave; what can be found no
 * more is forgotten from the front. */
#include "stream/join/join_buffer.h"

#include "core/memory.h"
#include "stream/join/join_heap.h"
#include "stream/state/stored_row.h"

/* The rows of one key and side that can be found, ascending by (time, sequence): rows[first .. first+count). They
 * leave at the front. */
struct join_key {
    struct join_row **rows;
    size_t first, count, capacity;
    size_t references; /* rows that have this key: those above, and held ones that cannot be found any more */
};

static void join_row_release(void *context, void *item) {
    struct join_buffer *buffer = context;
    struct join_row *row = item;
    buffer->bytes -= row->length;
    free(row->data);
}

static void join_key_release(void *context, void *item) {
    struct join_buffer *buffer = context;
    struct join_key *key = item;
    buffer->bytes -= key->capacity * sizeof *key->rows;
    free(key->rows);
}

static int64_t join_time_add(int64_t time, int64_t more) {
    int64_t sum;
    if (__builtin_add_overflow(time, more, &sum))
        return more < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/* A row is found at its own time even when all three are 0. */
bool join_buffer_open(struct join_buffer *buffer, int64_t before, int64_t after, int64_t grace) {
    int64_t retention = join_time_add(join_time_add(before, after), grace);
    *buffer = (struct join_buffer){
        .look = {after, before},
        .grace = grace,
        .retention = retention > 0 ? retention : 1,
        .stream_time = INT64_MIN,
        .largest = {INT64_MIN, INT64_MIN},
        .rows = state_table_new(sizeof(struct join_row), join_row_release, buffer),
    };
    for (unsigned side = 0; side < 2; side++)
        buffer->keys[side] = state_table_new(sizeof(struct join_key), join_key_release, buffer);
    if (buffer->rows && buffer->keys[0] && buffer->keys[1])
        return true;
    join_buffer_close(buffer);
    return false;
}

void join_buffer_close(struct join_buffer *buffer) {
    buffer->rows = state_table_free(buffer->rows);
    for (unsigned side = 0; side < 2; side++) {
        buffer->keys[side] = state_table_free(buffer->keys[side]);
        free(buffer->oldest[side].rows);
        free(buffer->held[side].rows);
        buffer->oldest[side] = buffer->held[side] = (struct join_heap){0};
    }
}

struct slice join_row_key(const struct join_buffer *buffer, const struct join_row *row) {
    return state_table_key(buffer->keys[row->side], row->key);
}

/* --- rows of a key
 * ------------------------------------------------------------------------------------------------------------------ */

/* The first of a key's rows that does not come before (time, sequence). */
static size_t join_key_bound(const struct join_key *key, int64_t time, uint64_t sequence) {
    size_t low = 0, high = key->count;
    const struct join_row bound = {.time = time, .sequence = sequence};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (join_row_before(key->rows[key->first + middle], &bound))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool join_key_insert(struct join_buffer *buffer, struct join_key *key, struct join_row *row) {
    if (key->first && key->first + key->count == key->capacity && key->first >= key->capacity / 2) {
        memmove(key->rows, key->rows + key->first, key->count * sizeof *key->rows);
        key->first = 0;
    }
    size_t had = key->capacity;
    if (!memory_reserve((void **)&key->rows, &key->capacity, key->first + key->count + 1, sizeof(struct join_row *)))
        return false;
    buffer->bytes += (key->capacity - had) * sizeof *key->rows;
    size_t at = join_key_bound(key, row->time, row->sequence);
    struct join_row **to = key->rows + key->first + at;
    memmove(to + 1, to, (key->count - at) * sizeof *to);
    *to = row;
    key->count++;
    return true;
}

struct join_row **join_buffer_find(struct join_buffer *buffer, unsigned side, struct slice bytes, int64_t from,
                                   int64_t to, size_t *ret_count) {
    const struct join_key *key = state_table_find(buffer->keys[side], bytes);
    *ret_count = 0;
    if (!key)
        return NULL;
    size_t first = join_key_bound(key, from, 0);
    size_t end = to == INT64_MAX ? key->count : join_key_bound(key, to + 1, 0);
    *ret_count = end - first;
    return key->rows + key->first + first;
}

/* --- rows come and go
 * ---------------------------------------------------------------------------------------------------------------- */

static bool join_row_link(struct join_buffer *buffer, struct join_row *row) {
    if (!join_key_insert(buffer, row->key, row) || !join_heap_push(&buffer->oldest[row->side], row))
        return false;
    row->found_by = true;
    if (!row->held)
        return true;
    row->waiting = join_heap_push(&buffer->held[row->side], row);
    return row->waiting;
}

static bool join_row_drop_if_done(struct join_buffer *buffer, struct join_row *row) {
    struct join_key *key = row->key;
    unsigned side = row->side;
    if (row->found_by || row->waiting)
        return true;
    return state_table_remove(buffer->rows, row, true) &&
           (--key->references || state_table_remove(buffer->keys[side], key, false));
}

static bool join_buffer_forget(struct join_buffer *buffer, unsigned side) {
    int64_t bound = join_time_add(buffer->largest[side], -buffer->retention);
    for (struct join_row *row; (row = join_heap_first(&buffer->oldest[side])) && row->time <= bound;) {
        struct join_key *key = row->key;
        join_heap_pop(&buffer->oldest[side]);
        key->first++;
        key->count--;
        row->found_by = false;
        if (!join_row_drop_if_done(buffer, row))
            return false;
    }
    return true;
}

bool join_buffer_arrive(struct join_buffer *buffer, unsigned side, int64_t time) {
    if (time > buffer->largest[side]) {
        buffer->largest[side] = time;
        buffer->times_changed = true;
    }
    if (time > buffer->stream_time) {
        buffer->stream_time = time;
        buffer->times_changed = true;
    }
    return join_buffer_forget(buffer, side);
}

bool join_buffer_pass(struct join_buffer *buffer, int64_t time) {
    for (unsigned side = 0; side < 2; side++)
        if (!join_buffer_arrive(buffer, side, time))
            return false;
    return true;
}

int64_t join_buffer_forgotten(const struct join_buffer *buffer, int64_t stream_time) {
    return join_time_add(stream_time, -buffer->retention);
}

struct join_row *join_buffer_put(struct join_buffer *buffer, uint64_t sequence, unsigned side, struct slice key,
                                 struct slice stored, bool held) {
    bool new;
    uint64_t name = __builtin_bswap64(sequence);
    char *copy = stored.length <= UINT32_MAX ? malloc(stored.length ? stored.length : 1) : NULL;
    struct join_row *row =
        copy ? state_table_put(buffer->rows, (struct slice){(const char *)&name, sizeof name}, &new) : NULL;
    if (!row) {
        free(copy);
        return NULL;
    }
    memcpy(copy, stored.data, stored.length);
    *row = (struct join_row){
        .data = copy, .length = (uint32_t)stored.length, .side = (uint8_t)side, .held = held, .sequence = sequence};
    row->time = stored_row_time(stored);
    buffer->bytes += stored.length;
    if (sequence >= buffer->sequence)
        buffer->sequence = sequence + 1;
    row->key = state_table_put(buffer->keys[side], key, &new);
    if (row->key)
        row->key->references++;
    return row->key ? row : NULL;
}

bool join_buffer_add(struct join_buffer *buffer, unsigned side, int64_t stream_time, struct slice key,
                     struct slice stored, bool held) {
    bool found = stored_row_time(stored) > join_buffer_forgotten(buffer, stream_time);
    if (!found && !held)
        return true;
    struct join_row *row = join_buffer_put(buffer, buffer->sequence, side, key, stored, held);
    buffer->times_changed = true;
    /* What cannot be found is forgotten at once, and only held. */
    return row && state_table_mark(buffer->rows, row) && join_row_link(buffer, row) && join_buffer_forget(buffer, side);
}

/* A row that has no place yet; false: no memory. */
bool join_buffer_remove_unlinked(struct join_buffer *buffer, uint64_t sequence) {
    uint64_t name = __builtin_bswap64(sequence);
    struct join_row *row = state_table_find(buffer->rows, (struct slice){(const char *)&name, sizeof name});
    if (!row)
        return true;
    struct join_key *key = row->key;
    unsigned side = row->side;
    return state_table_remove(buffer->rows, row, false) &&
           (--key->references || state_table_remove(buffer->keys[side], key, false));
}

bool join_buffer_match(struct join_buffer *buffer, struct join_row *row) {
    if (!row->held)
        return true;
    row->held = false;
    return state_table_mark(buffer->rows, row);
}

/* --- held rows
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t join_row_deadline(const struct join_buffer *buffer, const struct join_row *row) {
    return join_time_add(join_time_add(row->time, buffer->look[row->side]), buffer->grace);
}

static struct join_row *join_buffer_due_of(const struct join_buffer *buffer, unsigned side) {
    struct join_row *row = join_heap_first(&buffer->held[side]);
    return row && join_row_deadline(buffer, row) < buffer->stream_time ? row : NULL;
}

struct join_row *join_buffer_due(const struct join_buffer *buffer) {
    struct join_row *left = join_buffer_due_of(buffer, 0), *right = join_buffer_due_of(buffer, 1);
    return right && (!left || right->time <= left->time) ? right : left;
}

bool join_buffer_leave(struct join_buffer *buffer, struct join_row *row) {
    join_heap_pop(&buffer->held[row->side]);
    row->waiting = false;
    return join_buffer_match(buffer, row) && join_row_drop_if_done(buffer, row);
}

int64_t join_buffer_closing_time(const struct join_buffer *buffer) {
    int64_t time = buffer->stream_time;
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = 0; i < buffer->held[side].count; i++) {
            const struct join_row *row = buffer->held[side].rows[i];
            int64_t due = join_time_add(join_row_deadline(buffer, row), 1);
            if (row->held && due > time)
                time = due;
        }
    return time;
}

size_t join_buffer_memory(const struct join_buffer *buffer) {
    size_t heaps =
        buffer->oldest[0].capacity + buffer->oldest[1].capacity + buffer->held[0].capacity + buffer->held[1].capacity;
    return state_table_memory(buffer->rows) + state_table_memory(buffer->keys[0]) +
           state_table_memory(buffer->keys[1]) + buffer->bytes + heaps * sizeof(struct join_row *);
}

/* --- after loading
 * ------------------------------------------------------------------------------------------------------------------ */

static int join_buffer_collect(void *context, struct slice key, void *item) {
    struct join_heap *all = context;
    (void)key;
    all->rows[all->count++] = item;
    return 0;
}

static int join_row_order(const void *a, const void *b) {
    const struct join_row *const *left = a, *const *right = b;
    return join_row_before(*left, *right) ? -1 : join_row_before(*right, *left);
}

/* In the order of time, so that each goes to the end of its key's rows. */
bool join_buffer_link(struct join_buffer *buffer) {
    if (!buffer->unlinked)
        return true;
    size_t count = state_table_count(buffer->rows);
    struct join_heap all = {.rows = memory_zero(count, sizeof(struct join_row *))};
    bool good = all.rows != NULL;
    if (good)
        state_table_each(buffer->rows, join_buffer_collect, &all);
    if (all.count)
        qsort(all.rows, all.count, sizeof *all.rows, join_row_order);
    for (size_t i = 0; i < all.count && good; i++)
        good = join_row_link(buffer, all.rows[i]);
    free(all.rows);
    buffer->unlinked = !good;
    return good && join_buffer_forget(buffer, 0) && join_buffer_forget(buffer, 1);
}
