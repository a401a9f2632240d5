/* Windows of a size stand in `struct window_queue`, by start; each holds the list of its cells. A series' cells of
 * one size form a chain from the newest window to the oldest, headed in its record:
 *
 *      record.cells[size] ─▶ cell (window 10:02) ─older─▶ cell (10:01) ─older─▶ none
 *      window 10:01 ─▶ cell (series 7) ─next─▶ cell (series 3) ─next─▶ none
 *
 * Windows close oldest first, so a closing cell is always the last of its chain. */
#include "stream/aggregate/window_aggregate.h"

#include "core/memory.h"
#include "stream/state/chunks.h"
#include "stream/state/series_table.h"

struct window_cell {
    uint32_t next, older; /* lists; `next` comes first because chunks keep their free list there */
    uint32_t record, window;
    struct aggregate aggregate;
};

struct window {
    uint32_t cells, cell_count;
    int64_t start, first_offset;
};

/* Open windows of one size: indices into `windows`, by start; those before `head` have been taken. */
struct window_queue {
    int64_t size;
    uint32_t *order;
    size_t count, capacity;
    int64_t last_start; /* the window found last: almost every row falls into it */
    uint32_t last_window;
};

struct closing_cell {
    uint64_t prefix; /* the first eight key bytes, big-endian: decides most comparisons */
    uint32_t cell;
};

struct window_aggregate {
    int64_t grace, stream_time;
    size_t size_count;
    struct window_queue queues[WINDOW_SIZES_MAXIMUM];
    struct series_table series;
    struct chunks cells, windows;
    struct closing_cell *closing; /* the cells of the window being taken, sorted by key */
    size_t closing_count, closing_at, closing_capacity;
    struct window_queue *closing_queue; /* NULL: none is being taken */
    uint32_t series_after_rebuild;
};

static struct window *window_at(const struct window_aggregate *aggregate, uint32_t index) {
    return chunks_at(&aggregate->windows, index);
}

static struct window_cell *cell_at(const struct window_aggregate *aggregate, uint32_t index) {
    return chunks_at(&aggregate->cells, index);
}

int window_aggregate_new(const struct window_settings *settings, struct window_aggregate **ret_aggregate,
                         struct error *error) {
    struct window_aggregate *aggregate = memory_zero(1, sizeof *aggregate);
    if (!aggregate)
        return error_no_memory(error);
    aggregate->grace = settings->grace;
    aggregate->stream_time = INT64_MIN;
    aggregate->size_count = settings->size_count;
    aggregate->cells.element_size = sizeof(struct window_cell);
    aggregate->windows.element_size = sizeof(struct window);
    for (size_t i = 0; i < settings->size_count; i++)
        aggregate->queues[i] = (struct window_queue){.size = settings->sizes[i], .last_start = INT64_MIN};
    if (!series_table_open(&aggregate->series, settings->size_count)) {
        free(aggregate);
        return error_no_memory(error);
    }
    *ret_aggregate = aggregate;
    return 0;
}

struct window_aggregate *window_aggregate_free(struct window_aggregate *aggregate) {
    if (!aggregate)
        return NULL;
    for (size_t i = 0; i < aggregate->size_count; i++)
        free(aggregate->queues[i].order);
    series_table_close(&aggregate->series);
    chunks_release(&aggregate->cells);
    chunks_release(&aggregate->windows);
    free(aggregate->closing);
    free(aggregate);
    return NULL;
}

/* Has the window [start, start + size) closed? */
static bool window_closed(const struct window_aggregate *aggregate, const struct window_queue *queue, int64_t start) {
    return aggregate->stream_time != INT64_MIN && start + queue->size <= aggregate->stream_time - aggregate->grace;
}

/* The open window that starts at `start`, made when it is new. */
static bool window_find(struct window_aggregate *aggregate, struct window_queue *queue, int64_t start,
                        uint32_t *ret_window) {
    size_t low = 0, high = queue->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (window_at(aggregate, queue->order[middle])->start < start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < queue->count && window_at(aggregate, queue->order[low])->start == start) {
        *ret_window = queue->order[low];
        return true;
    }
    if (!memory_reserve((void **)&queue->order, &queue->capacity, queue->count + 1, sizeof *queue->order))
        return false;
    uint32_t window;
    if (!chunks_take(&aggregate->windows, &window))
        return false;
    *window_at(aggregate, window) = (struct window){.cells = CHUNKS_NONE, .start = start, .first_offset = INT64_MAX};
    memmove(queue->order + low + 1, queue->order + low, (queue->count - low) * sizeof *queue->order);
    queue->order[low] = window;
    queue->count++;
    *ret_window = window;
    return true;
}

/* A new cell for `record` in `window`, put into the chain behind `*link`, and into the window's list. */
static bool cell_add(struct window_aggregate *aggregate, uint32_t *link, uint32_t record, uint32_t window_index,
                     double value) {
    uint32_t index;
    if (!chunks_take(&aggregate->cells, &index))
        return false;
    struct window_cell *cell = cell_at(aggregate, index);
    struct window *window = window_at(aggregate, window_index);
    *cell = (struct window_cell){.next = window->cells, .older = *link, .record = record, .window = window_index};
    aggregate_start(&cell->aggregate, value);
    window->cells = index;
    window->cell_count++;
    *link = index;
    return true;
}

static bool window_fold_value(struct window_aggregate *aggregate, struct window_queue *queue, size_t size,
                              uint32_t record_index, int64_t start, double value, int64_t offset) {
    if (start != queue->last_start) {
        if (!window_find(aggregate, queue, start, &queue->last_window))
            return false;
        queue->last_start = start;
    }
    struct window *window = window_at(aggregate, queue->last_window);
    if (offset < window->first_offset)
        window->first_offset = offset;
    uint32_t *link = &series_record_at(&aggregate->series, record_index)->cells[size];
    while (*link != CHUNKS_NONE) {
        struct window_cell *cell = cell_at(aggregate, *link);
        if (cell->window == queue->last_window) {
            aggregate_fold(&cell->aggregate, value);
            return true;
        }
        if (window_at(aggregate, cell->window)->start < start)
            break;
        link = &cell->older;
    }
    return cell_add(aggregate, link, record_index, queue->last_window, value);
}

static int64_t window_start_of(const struct window_queue *queue, int64_t timestamp) {
    if (queue->last_start != INT64_MIN && timestamp >= queue->last_start && timestamp - queue->last_start < queue->size)
        return queue->last_start;
    return timestamp - timestamp % queue->size; /* timestamps are not negative (model/time.h) */
}

static void prefetch_cells(const struct window_aggregate *aggregate, const struct batch *batch, size_t first,
                           size_t count, const uint32_t *records) {
    for (size_t i = 0; i < count; i++) {
        if (batch->status[first + i] != ROW_GOOD)
            continue;
        const struct series_record *record = series_record_at(&aggregate->series, records[i]);
        for (size_t size = 0; size < aggregate->size_count; size++)
            if (record->cells[size] != CHUNKS_NONE)
                __builtin_prefetch(&cell_at(aggregate, record->cells[size])->aggregate, 1);
    }
}

/* One row into every size that is still open for it; `fold` is NULL while state is being restored. */
static bool window_push_row(struct window_aggregate *aggregate, const struct batch *batch, size_t row, uint32_t record,
                            struct window_fold *fold) {
    int64_t timestamp = batch->columns[READING_TIMESTAMP].integers[row];
    double value = batch->columns[READING_VALUE].doubles[row];
    uint16_t late = 0;
    if (fold && timestamp > aggregate->stream_time)
        aggregate->stream_time = timestamp;
    for (size_t size = 0; size < aggregate->size_count; size++) {
        struct window_queue *queue = &aggregate->queues[size];
        int64_t start = window_start_of(queue, timestamp);
        if (window_closed(aggregate, queue, start)) {
            late |= (uint16_t)(1u << size);
            continue;
        }
        if (!window_fold_value(aggregate, queue, size, record, start, value, batch->offsets[row]))
            return false;
    }
    if (!fold)
        return true;
    fold->late[row] = late;
    if (late)
        fold->stream_times[row] = aggregate->stream_time;
    for (size_t size = 0; size < aggregate->size_count; size++) {
        fold->late_count[size] += late >> size & 1;
        fold->folded[size] += !(late >> size & 1);
    }
    return true;
}

/* Failing for want of memory changes nothing. */
void window_aggregate_forget(struct window_aggregate *aggregate) {
    uint32_t live = aggregate->series.records.live;
    if (live < 4096 || live < 2 * aggregate->series_after_rebuild || aggregate->cells.live > live / 2)
        return;
    uint32_t *moved;
    if (!series_table_rebuild(&aggregate->series, &moved))
        return;
    for (size_t i = 0; i < aggregate->size_count; i++)
        for (size_t w = 0; w < aggregate->queues[i].count; w++)
            for (uint32_t c = window_at(aggregate, aggregate->queues[i].order[w])->cells; c != CHUNKS_NONE;
                 c = cell_at(aggregate, c)->next)
                cell_at(aggregate, c)->record = moved[cell_at(aggregate, c)->record];
    free(moved);
    aggregate->series_after_rebuild = aggregate->series.records.live;
}

static int window_push(struct window_aggregate *aggregate, const struct batch *batch, size_t first, size_t end,
                       struct window_fold *fold, struct error *error) {
    uint32_t records[SERIES_RUN];
    for (; first < end; first += SERIES_RUN) {
        size_t count = end - first < SERIES_RUN ? end - first : SERIES_RUN;
        if (!series_table_find(&aggregate->series, batch, first, count, records))
            return error_no_memory(error);
        if (aggregate->series.records.live > 1024)
            prefetch_cells(aggregate, batch, first, count, records);
        for (size_t i = 0; i < count; i++) {
            if (fold)
                fold->late[first + i] = 0;
            if (batch->status[first + i] == ROW_GOOD && !window_push_row(aggregate, batch, first + i, records[i], fold))
                return error_no_memory(error);
        }
    }
    return 0;
}

int window_aggregate_push(struct window_aggregate *aggregate, const struct batch *batch, size_t first, size_t count,
                          struct window_fold *fold, struct error *error) {
    return window_push(aggregate, batch, first, first + count, fold, error);
}

int window_aggregate_restore(struct window_aggregate *aggregate, const struct batch *batch, struct error *error) {
    return window_push(aggregate, batch, 0, batch->count, NULL, error);
}

int64_t window_aggregate_stream_time(const struct window_aggregate *aggregate) {
    return aggregate->stream_time;
}

void window_aggregate_advance(struct window_aggregate *aggregate, int64_t stream_time) {
    if (stream_time > aggregate->stream_time)
        aggregate->stream_time = stream_time;
}

int64_t window_aggregate_closing_time(const struct window_aggregate *aggregate) {
    int64_t time = aggregate->stream_time;
    for (size_t i = 0; i < aggregate->size_count; i++) {
        const struct window_queue *queue = &aggregate->queues[i];
        if (queue->count == 0)
            continue;
        int64_t closing = window_at(aggregate, queue->order[queue->count - 1])->start + queue->size + aggregate->grace;
        time = closing > time ? closing : time;
    }
    return time;
}

/* The queue whose first window is the next to leave, by (end, start); NULL when none has closed. */
static struct window_queue *window_next_closed(struct window_aggregate *aggregate) {
    struct window_queue *best = NULL;
    int64_t best_end = 0;
    for (size_t i = 0; i < aggregate->size_count; i++) {
        struct window_queue *queue = &aggregate->queues[i];
        if (queue->count == 0)
            continue;
        int64_t start = window_at(aggregate, queue->order[0])->start, end = start + queue->size;
        /* Of the same end, the larger size starts earlier; sizes rise with i. */
        if (window_closed(aggregate, queue, start) && (!best || end <= best_end)) {
            best = queue;
            best_end = end;
        }
    }
    return best;
}

bool window_aggregate_has_closed(const struct window_aggregate *aggregate) {
    return aggregate->closing_queue || window_next_closed((struct window_aggregate *)aggregate);
}

static uint64_t key_prefix(const char *key, size_t length) {
    uint64_t prefix = 0;
    memcpy(&prefix, key, length < 8 ? length : 8);
    return __builtin_bswap64(prefix);
}

static int closing_compare(const void *left, const void *right, void *context) {
    const struct closing_cell *a = left, *b = right;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    const struct window_aggregate *aggregate = context;
    const struct series_record *x = series_record_at(&aggregate->series, cell_at(aggregate, a->cell)->record),
                               *y = series_record_at(&aggregate->series, cell_at(aggregate, b->cell)->record);
    struct slice x_key, y_key;
    series_record_series(&aggregate->series, x, &x_key);
    series_record_series(&aggregate->series, y, &y_key);
    int order = slice_compare(x_key, y_key);
    /* "a.b" + "c" and "a" + "b.c" have the same key. */
    return order ? order : (x->lengths > y->lengths) - (x->lengths < y->lengths);
}

static bool closing_begin(struct window_aggregate *aggregate, struct window_queue *queue) {
    const struct window *window = window_at(aggregate, queue->order[0]);
    if (!memory_reserve((void **)&aggregate->closing, &aggregate->closing_capacity, window->cell_count,
                        sizeof *aggregate->closing))
        return false;
    size_t count = 0;
    for (uint32_t index = window->cells; index != CHUNKS_NONE; index = cell_at(aggregate, index)->next) {
        const struct series_record *record = series_record_at(&aggregate->series, cell_at(aggregate, index)->record);
        struct slice key;
        series_record_series(&aggregate->series, record, &key);
        aggregate->closing[count++] = (struct closing_cell){key_prefix(key.data, key.length), index};
    }
    qsort_r(aggregate->closing, count, sizeof *aggregate->closing, closing_compare, aggregate);
    aggregate->closing_count = count;
    aggregate->closing_at = 0;
    aggregate->closing_queue = queue;
    return true;
}

/* Ends the window being taken: its cells are all given back, it leaves the queue. */
static void closing_end(struct window_aggregate *aggregate) {
    struct window_queue *queue = aggregate->closing_queue;
    chunks_give(&aggregate->windows, queue->order[0]);
    memmove(queue->order, queue->order + 1, --queue->count * sizeof *queue->order);
    queue->last_start = INT64_MIN;
    aggregate->closing_queue = NULL;
}

/* A closing cell is the last of its series' chain; takes it out and gives it back. */
static void cell_close(struct window_aggregate *aggregate, uint32_t index, size_t size) {
    struct window_cell *cell = cell_at(aggregate, index);
    uint32_t *link = &series_record_at(&aggregate->series, cell->record)->cells[size];
    while (*link != index)
        link = &cell_at(aggregate, *link)->older;
    *link = CHUNKS_NONE;
    chunks_give(&aggregate->cells, index);
}

static void closing_row(struct window_aggregate *aggregate, uint32_t index, struct aggregate_row *ret_row) {
    const struct window_queue *queue = aggregate->closing_queue;
    const struct window_cell *cell = cell_at(aggregate, index);
    const struct aggregate *state = &cell->aggregate;
    int64_t start = window_at(aggregate, cell->window)->start;
    struct slice key;
    struct series series =
        series_record_series(&aggregate->series, series_record_at(&aggregate->series, cell->record), &key);
    *ret_row = (struct aggregate_row){.series = series,
                                      .key = key,
                                      .window_start = start,
                                      .window_end = start + queue->size,
                                      .count = state->count,
                                      .minimum = state->minimum,
                                      .maximum = state->maximum,
                                      .sum = aggregate_sum(state),
                                      .average = aggregate_average(state)};
}

int window_aggregate_take(struct window_aggregate *aggregate, struct aggregate_row *rows, size_t room,
                          size_t *ret_count, struct error *error) {
    size_t count = 0;
    while (count < room) {
        if (!aggregate->closing_queue) {
            struct window_queue *queue = window_next_closed(aggregate);
            if (!queue)
                break;
            if (!closing_begin(aggregate, queue))
                return error_no_memory(error);
        }
        size_t size = (size_t)(aggregate->closing_queue - aggregate->queues);
        while (count < room && aggregate->closing_at < aggregate->closing_count) {
            uint32_t index = aggregate->closing[aggregate->closing_at++].cell;
            closing_row(aggregate, index, &rows[count++]);
            cell_close(aggregate, index, size);
        }
        if (aggregate->closing_at == aggregate->closing_count)
            closing_end(aggregate);
    }
    *ret_count = count;
    return 0;
}

int64_t window_aggregate_replay_from(const struct window_aggregate *aggregate, int64_t otherwise) {
    int64_t smallest = otherwise;
    for (size_t i = 0; i < aggregate->size_count; i++)
        for (size_t w = 0; w < aggregate->queues[i].count; w++) {
            int64_t first = window_at(aggregate, aggregate->queues[i].order[w])->first_offset;
            smallest = first < smallest ? first : smallest;
        }
    return smallest;
}

size_t window_aggregate_groups(const struct window_aggregate *aggregate) {
    return aggregate->series.records.live;
}

size_t window_aggregate_open_cells(const struct window_aggregate *aggregate) {
    return aggregate->cells.live;
}

size_t window_aggregate_memory(const struct window_aggregate *aggregate) {
    return sizeof *aggregate + series_table_memory(&aggregate->series) + chunks_memory(&aggregate->cells) +
           chunks_memory(&aggregate->windows) + aggregate->closing_capacity * sizeof *aggregate->closing;
}
