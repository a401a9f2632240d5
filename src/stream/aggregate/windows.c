/* Tumbling and hopping windows: [start, start + size) for every start that is a multiple of the advance, from 0 on, or
 * as a calendar has them (model/time/calendar.h). Windows are numbered by their starts, and a window that starts later
 * does not end earlier. They close by stream time:
 *
 *        start                    end            end + grace
 *   ───────[════════ folded ═══════)───── still folded ──┃── closed: the final result leaves, the cells go; late ──▶ stream time
 *
 * A cell is a group in a window. Cells lie in blocks of 16, and a block belongs to one window, so that closing costs
 * what closes. The cells of a group form a chain from the newest window to the oldest, whose head is the operator's lane
 * of the key dictionary:
 *
 *   key 7 ─▶ cell (window 10:02) ─older─▶ cell (10:01) ─older─▶ none
 *   window 10:01 ─▶ block (cells of keys 7, 3, ..) ─next─▶ block ─▶ none
 *
 * Windows close oldest first, so a closing cell is the last of its chain. Results of EMIT FINAL leave by start and key
 * bytes, before the effect of the row that closes; rows are folded in runs between two closings.
 *
 * Rows after a repartition topic bring the stream time by which lateness was decided where they were first read
 * (rows->stream_times): they move no stream time here, and windows close only by `advance`. */
#include "core/memory.h"
#include "stream/aggregate/group_keys.h"
#include "stream/aggregate/group_operator.h"

enum { CELLS_IN_BLOCK = 16, BLOCKS_SHIFT = 11, FOLD_RUN = 256, PREFETCH_FROM = 4096 };
#define NONE UINT32_MAX

struct window_cell {
    uint32_t older, group;
    union {
        int64_t time; /* the largest ROWTIME folded so far */
        struct {
            uint32_t low;   /* its lower half, of a window that is short enough */
            uint32_t nulls; /* as group_states.h has it */
        };
    };
    char states[];
};

struct window_block {
    uint32_t next, window;
};

/* Bounds of a window, and its number. */
struct window_span {
    int64_t start, end, number;
};

/* Open windows; unused ones are listed through first_block. */
struct window {
    struct window_span span;
    int64_t first_offset; /* of the first record that was folded into it */
    uint32_t first_block, last_block, cell_count;
};

/* A cell that a row goes into. */
struct window_found {
    uint32_t cell, window;
    bool made;
};

struct group_windows {
    struct group_keys keys;
    bool compact; /* window_cell.low and .nulls, not .time */
    int64_t advance;
    size_t most;                /* windows that a row falls into */
    struct slabs cells, blocks; /* an element of `cells` is a block of them */
    uint32_t block_used, block_free, block_free_count;
    struct window *windows;
    size_t window_capacity;
    uint32_t window_used, window_free;
    uint32_t *order; /* windows by start: count of them from first on */
    size_t first, count, order_capacity;
    size_t guess;       /* the window found last, counted from first: most rows fall into it */
    int64_t closes_end; /* of the window that closes first; INT64_MAX: none is open */
    struct window_found *found;
    size_t found_count;
    /* rows to fold, and their states; folded before cells move */
    uint32_t run_rows[FOLD_RUN];
    char *run_states[FOLD_RUN];
    size_t run_count;
    bool nulls; /* values of this push may be NULL */
};

static struct window_span span_of(const struct group_aggregate *aggregate, int64_t number) {
    const struct window_definition *definition = &aggregate->plan->window;
    if (definition->calendar) {
        struct calendar_window window = calendar_window(definition->calendar, number);
        return (struct window_span){window.start, window.end, number};
    }
    int64_t start = number * aggregate->windows->advance;
    return (struct window_span){start, group_time_add(start, definition->size), number};
}

/* The window that starts before. */
static struct window_span span_before(const struct group_aggregate *aggregate, const struct window_span *span) {
    struct window_span before = span_of(aggregate, span->number - 1);
    while (before.start == span->start) /* of a date that the zone skips */
        before = span_of(aggregate, before.number - 1);
    return before;
}

/* Does a window that does not start after `time` hold it? */
static bool span_reaches(const struct window_span *span, int64_t time) {
    return span->end > time || span->end == INT64_MAX;
}

/* --- cells
 * ------------------------------------------------------------------------------------------------------------------ */

/* Where cells lie: their blocks lie side by side in slabs. */
struct cell_places {
    char *const *slabs;
    size_t cell_size;
};

static struct cell_places cells_places(const struct group_windows *windows) {
    return (struct cell_places){windows->cells.slabs, windows->cells.element_size / CELLS_IN_BLOCK};
}

static struct window_cell *cell_place(const struct cell_places *places, uint32_t cell) {
    enum { IN_SLAB = CELLS_IN_BLOCK << BLOCKS_SHIFT };
    return (struct window_cell *)(places->slabs[cell / IN_SLAB] + cell % IN_SLAB * places->cell_size);
}

static struct window_cell *cell_at(const struct group_windows *windows, uint32_t cell) {
    const struct cell_places places = cells_places(windows);
    return cell_place(&places, cell);
}

static struct window_block *block_at(const struct group_windows *windows, uint32_t block) {
    return slabs_at(&windows->blocks, block);
}

static int64_t cell_time(const struct group_windows *windows, const struct window_cell *cell, int64_t start) {
    return windows->compact ? start + (int64_t)(cell->low - (uint32_t)start) : cell->time;
}

static void cell_note_time(bool compact, struct window_cell *cell, int64_t start, int64_t time) {
    if (compact)
        cell->low = time - start > cell->low - (uint32_t)start ? (uint32_t)time : cell->low;
    else
        cell->time = time > cell->time ? time : cell->time;
}

static bool blocks_have_room(const struct group_windows *windows, size_t count) {
    return windows->block_free_count >= count || windows->block_used + count <= windows->blocks.room;
}

/* Room for `count` new blocks. Cells may move. */
static bool blocks_reserve(struct group_windows *windows, size_t count) {
    uint64_t need = (uint64_t)windows->block_used + count;
    return (need < NONE / CELLS_IN_BLOCK && slabs_reserve(&windows->cells, need) &&
            slabs_reserve(&windows->blocks, need)); /* last: what it has room for, both have */
}

/* When there is room. */
static uint32_t block_take(struct group_windows *windows) {
    uint32_t block = windows->block_free;
    if (block == NONE)
        return windows->block_used++;
    windows->block_free = block_at(windows, block)->next;
    windows->block_free_count--;
    return block;
}

/* A cell for the group, in the chain where *link points. */
static uint32_t cell_add(struct group_windows *windows, uint32_t number, uint32_t group, uint32_t *link) {
    struct window *window = &windows->windows[number];
    uint32_t place = window->cell_count++ % CELLS_IN_BLOCK;
    if (place == 0) {
        uint32_t block = block_take(windows);
        *block_at(windows, block) = (struct window_block){NONE, number};
        if (window->first_block == NONE)
            window->first_block = block;
        else
            block_at(windows, window->last_block)->next = block;
        window->last_block = block;
    }
    uint32_t index = window->last_block * CELLS_IN_BLOCK + place;
    struct window_cell *cell = cell_at(windows, index);
    memset(cell, 0, windows->cells.element_size / CELLS_IN_BLOCK);
    cell->older = *link;
    cell->group = group;
    if (windows->compact)
        cell->low = (uint32_t)window->span.start;
    else
        cell->time = window->span.start;
    *link = index;
    return index;
}

/* The group's cell in the window, from *ret_link down its chain; *ret_link then leads to older ones. */
static uint32_t cell_find(struct group_windows *windows, uint32_t window, uint32_t group, uint32_t **link,
                          bool *ret_made) {
    uint32_t cell = **link;
    while (cell != NONE) {
        uint32_t other = block_at(windows, cell / CELLS_IN_BLOCK)->window;
        if (other != window && windows->windows[other].span.start < windows->windows[window].span.start)
            break;
        uint32_t *older = &cell_at(windows, cell)->older;
        if (other == window) {
            *link = older;
            *ret_made = false;
            return cell;
        }
        *link = older;
        cell = *older;
    }
    cell = cell_add(windows, window, group, *link);
    *link = &cell_at(windows, cell)->older;
    *ret_made = true;
    return cell;
}

/* --- windows
 * ------------------------------------------------------------------------------------------------------------------ */

static struct window *window_by_order(const struct group_windows *windows, size_t place) {
    return &windows->windows[windows->order[windows->first + place]];
}

/* Room for one more window at the end of the order. */
static bool windows_reserve(struct group_windows *windows) {
    if (windows->first && windows->first + windows->count == windows->order_capacity) {
        memmove(windows->order, windows->order + windows->first, windows->count * sizeof *windows->order);
        windows->first = 0;
    }
    return memory_reserve((void **)&windows->order, &windows->order_capacity, windows->first + windows->count + 1,
                          sizeof *windows->order) &&
           (windows->window_free != NONE || memory_reserve((void **)&windows->windows, &windows->window_capacity,
                                                           (size_t)windows->window_used + 1, sizeof *windows->windows));
}

static bool window_open(struct group_aggregate *aggregate, const struct window_span *span, size_t place) {
    struct group_windows *windows = aggregate->windows;
    if (!windows_reserve(windows))
        return false;
    uint32_t number = windows->window_free;
    if (number == NONE)
        number = windows->window_used++;
    else
        windows->window_free = windows->windows[number].first_block;
    windows->windows[number] =
        (struct window){.span = *span, .first_offset = INT64_MAX, .first_block = NONE, .last_block = NONE};
    uint32_t *at = windows->order + windows->first + place;
    memmove(at + 1, at, (windows->count - place) * sizeof *at);
    *at = number;
    windows->count++;
    if (place == 0)
        windows->closes_end = span->end;
    return true;
}

/* The place of a window, opened when it is not; `guess` is looked at first. False: no memory. */
static bool window_find(struct group_aggregate *aggregate, const struct window_span *span, size_t guess,
                        size_t *ret_place) {
    struct group_windows *windows = aggregate->windows;
    size_t low = 0, high = windows->count;
    int64_t start = span->start;
    if (guess < windows->count && window_by_order(windows, guess)->span.start == start) {
        *ret_place = guess;
        return true;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (window_by_order(windows, middle)->span.start < start)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_place = low;
    return (low < windows->count && window_by_order(windows, low)->span.start == start) ||
           window_open(aggregate, span, low);
}

/* --- closing
 * ------------------------------------------------------------------------------------------------------------------ */

struct window_result {
    uint64_t prefix; /* the first eight key bytes, big-endian: decides most comparisons */
    const struct window_cell *cell;
};

static uint64_t key_prefix(struct slice key) {
    uint64_t prefix = 0;
    memcpy(&prefix, key.data, key.length < 8 ? key.length : 8);
    return __builtin_bswap64(prefix);
}

static int window_result_compare(const void *left, const void *right, void *context) {
    const struct window_result *a = left, *b = right;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    const struct key_dictionary *keys = context;
    return key_dictionary_compare(keys, a->cell->group, b->cell->group);
}

/* The cells of a window, by key; NULL: no memory. */
static struct window_result *window_sort(const struct group_windows *windows, const struct window *window,
                                         struct arena *arena) {
    struct key_dictionary *keys = windows->keys.keys;
    struct window_result *results = arena_allocate(arena, (window->cell_count + 1) * sizeof *results);
    uint32_t block = window->first_block;
    for (uint32_t i = 0; results && i < window->cell_count; i++) {
        if (i && i % CELLS_IN_BLOCK == 0)
            block = block_at(windows, block)->next;
        const struct window_cell *cell = cell_at(windows, block * CELLS_IN_BLOCK + i % CELLS_IN_BLOCK);
        results[i] = (struct window_result){key_prefix(key_dictionary_key(keys, cell->group)), cell};
    }
    if (results)
        qsort_r(results, window->cell_count, sizeof *results, window_result_compare, keys);
    return results;
}

/* What a result says of its group: key and parts. */
static bool cell_show_group(struct group_aggregate *aggregate, const struct window_cell *cell, struct arena *arena) {
    const struct group_keys *keys = &aggregate->windows->keys;
    for (size_t i = 0; i < aggregate->plan->part_count; i++)
        aggregate->part_values[i] = value_of_text(key_dictionary_part(keys->keys, cell->group, i));
    return group_keys_values(keys, cell->group, arena, aggregate->key_values);
}

/* Keys of results from `row` on; before them there was nothing of these keys. */
static bool cells_show_keys(struct group_aggregate *aggregate, const struct window_result *results, size_t count,
                            struct arena *arena, size_t row) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    const struct rows *rows = aggregate->results, *before = rows->before;
    for (size_t i = 0; i < count; i++) {
        if (!group_keys_values(&aggregate->windows->keys, results[i].cell->group, arena, aggregate->key_values))
            return false;
        for (size_t k = 0; k < plan->key_count; k++) {
            vector_set(&rows->columns[k], row + i, &aggregate->key_values[k]);
            if (before)
                vector_set(&before->columns[k], row + i, &aggregate->key_values[k]);
        }
    }
    if (before)
        memset(before->absent + row, 1, count);
    for (size_t c = plan->key_count; before && c < before->column_count; c++)
        memset(before->columns[c].nulls + row, 1, count);
    return true;
}

/* A part of the keys of results. */
static void cells_show_part(const struct group_keys *keys, const struct window_result *results, size_t count,
                            size_t part, struct vector *to, size_t row) {
    memset(to->nulls + row, 0, count);
    for (size_t i = 0; i < count; i++)
        to->texts[row + i] = key_dictionary_part(keys->keys, results[i].cell->group, part);
}

/* Some results of a window, column by column, for which there is room. */
static int window_emit_some(struct group_aggregate *aggregate, const struct window *window,
                            const struct window_result *results, size_t count, uint32_t origin, struct arena *arena,
                            struct error *error) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    const struct window_span *span = &window->span;
    struct rows *rows = aggregate->results;
    size_t row = aggregate->result_count;
    const char **states = arena_allocate(arena, count * sizeof *states);
    if (!states || !cells_show_keys(aggregate, results, count, arena, row))
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        states[i] = results[i].cell->states;
        rows->times[row + i] = cell_time(aggregate->windows, results[i].cell, span->start);
        rows->origins[row + i] = origin;
        rows->window_starts[row + i] = span->start;
        rows->window_ends[row + i] = span->end;
    }
    for (size_t c = 0; c < plan->call_count; c++) {
        struct vector *to = &rows->columns[plan->key_count + c];
        if (plan->calls[c].part)
            cells_show_part(&aggregate->windows->keys, results, count, plan->calls[c].part - 1, to, row);
        else if (!group_states_results(&aggregate->states, c, states, count, arena, to, row))
            return error_no_memory(error);
    }
    aggregate->result_count += count;
    return 0;
}

/* The results of a window, by key. */
static int window_emit(struct group_aggregate *aggregate, struct operator_context *context, const struct window *window,
                       uint32_t origin, struct error *error) {
    struct arena *arena = context->evaluation.arena;
    const struct window_result *results = window_sort(aggregate->windows, window, arena);
    int status = results ? 0 : error_no_memory(error);
    for (size_t i = 0, count; i < window->cell_count && !status; i += count) {
        count = window->cell_count - i;
        status = group_results_reserve(aggregate, context, &count, error);
        if (!status)
            status = window_emit_some(aggregate, window, &results[i], count, origin, arena, error);
    }
    return status;
}

/* Takes a cell of the oldest window out of its chain. */
static bool cell_drop(struct group_aggregate *aggregate, uint32_t index) {
    struct group_windows *windows = aggregate->windows;
    struct window_cell *cell = cell_at(windows, index);
    uint32_t *head = key_dictionary_head(windows->keys.keys, cell->group, windows->keys.lane), *link = head;
    while (*link != index)
        link = &cell_at(windows, *link)->older;
    *link = NONE;
    group_states_release(&aggregate->states, cell->states);
    return *head != NONE || key_dictionary_idle(windows->keys.keys, cell->group);
}

/* Drops the oldest window. False: no memory, to remember that a key has nothing open. */
static bool window_drop(struct group_aggregate *aggregate) {
    struct group_windows *windows = aggregate->windows;
    uint32_t number = windows->order[windows->first];
    struct window *window = &windows->windows[number];
    bool good = true;
    for (uint32_t i = 0; i < window->cell_count; i += CELLS_IN_BLOCK) {
        uint32_t block = window->first_block;
        for (uint32_t c = i; c < window->cell_count && c < i + CELLS_IN_BLOCK; c++)
            good &= cell_drop(aggregate, block * CELLS_IN_BLOCK + c % CELLS_IN_BLOCK);
        window->first_block = block_at(windows, block)->next;
        block_at(windows, block)->next = windows->block_free;
        windows->block_free = block;
        windows->block_free_count++;
    }
    window->first_block = windows->window_free;
    windows->window_free = number;
    windows->first++;
    windows->count--;
    windows->first = windows->count ? windows->first : 0;
    windows->guess -= windows->guess > 0;
    windows->closes_end = windows->count ? window_by_order(windows, 0)->span.end : INT64_MAX;
    return good;
}

static int windows_fold(struct group_aggregate *aggregate, const struct group_input *input, struct error *error) {
    struct group_windows *windows = aggregate->windows;
    struct group_fold fold = {input->arguments, windows->run_rows, windows->run_states, windows->run_count,
                              windows->nulls};
    windows->run_count = 0;
    return fold.count ? group_states_fold_run(&aggregate->states, &fold, error) : 0;
}

/* Closes the windows whose end is not after `limit`. */
static int windows_close(struct group_aggregate *aggregate, int64_t limit, struct operator_context *context,
                         uint32_t origin, struct error *error) {
    struct group_windows *windows = aggregate->windows;
    int status = 0;
    while (windows->count && windows->closes_end <= limit && !status) {
        if (aggregate->plan->final)
            status = window_emit(aggregate, context, window_by_order(windows, 0), origin, error);
        if (!status && !window_drop(aggregate))
            status = error_no_memory(error);
    }
    return status;
}

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

/* The newest window of a time. */
static struct window_span span_newest(const struct group_aggregate *aggregate, int64_t time) {
    const struct group_windows *windows = aggregate->windows;
    const struct calendar *calendar = aggregate->plan->window.calendar;
    if (windows->guess < windows->count && windows->most == 1) {
        const struct window_span *span = &window_by_order(windows, windows->guess)->span;
        if (time >= span->start && span_reaches(span, time))
            return *span;
    }
    return span_of(aggregate, calendar ? calendar_index(calendar, time) : time / windows->advance);
}

/* Finds the row's cells in the windows that end after `limit`: windows->found, from the newest window on. There is room
 * for new ones. */
static int row_find(struct group_aggregate *aggregate, uint32_t group, int64_t time, int64_t limit, int64_t offset,
                    struct error *error) {
    struct group_windows *windows = aggregate->windows;
    size_t guess = windows->guess;
    uint32_t *link = key_dictionary_head(windows->keys.keys, group, windows->keys.lane);
    bool any = aggregate->plan->window.calendar != NULL; /* others start at 0 or later */
    for (struct window_span span = span_newest(aggregate, time);
         (any || span.number >= 0) && span_reaches(&span, time) && span.end > limit;
         span = span_before(aggregate, &span)) {
        size_t place;
        if (!window_find(aggregate, &span, guess, &place))
            return error_no_memory(error);
        struct window_found *found = &windows->found[windows->found_count];
        found->window = windows->order[windows->first + place];
        found->cell = cell_find(windows, found->window, group, &link, &found->made);
        struct window *window = &windows->windows[found->window];
        window->first_offset = offset < window->first_offset ? offset : window->first_offset;
        cell_note_time(windows->compact, cell_at(windows, found->cell), span.start, time);
        if (windows->found_count++ == 0)
            windows->guess = place;
        guess = place - 1; /* of the next older window; SIZE_MAX is no place */
    }
    return 0;
}

/* EMIT CHANGES: the results of the row, by start. */
static int row_emit(struct group_aggregate *aggregate, const struct group_input *input, uint32_t row,
                    struct operator_context *context, struct error *error) {
    struct group_windows *windows = aggregate->windows;
    int status = 0;
    for (size_t i = windows->found_count; i-- && !status;) {
        const struct window_found *found = &windows->found[i];
        struct window_cell *cell = cell_at(windows, found->cell);
        const struct window_span *span = &windows->windows[found->window].span;
        struct group_result result = {cell_time(windows, cell, span->start), span->start, span->end,
                                      input->rows->origins[row]};
        if (!cell_show_group(aggregate, cell, context->evaluation.arena))
            return error_no_memory(error);
        status = group_result_open(aggregate, context, found->made ? NULL : cell->states, error);
        if (!status)
            status = group_fold_row(aggregate, cell->states, input, row, false, error);
        if (!status)
            status = group_result_close(aggregate, context, &result, cell->states, error);
    }
    return status;
}

/* To be folded with the rows around it. */
static int row_fold(struct group_aggregate *aggregate, const struct group_input *input, uint32_t row,
                    struct error *error) {
    struct group_windows *windows = aggregate->windows;
    int status = 0;
    for (size_t i = 0; i < windows->found_count && !status; i++) {
        windows->run_rows[windows->run_count] = row;
        windows->run_states[windows->run_count++] = cell_at(windows, windows->found[i].cell)->states;
        if (windows->run_count == FOLD_RUN)
            status = windows_fold(aggregate, input, error);
    }
    return status;
}

static int row_push(struct group_aggregate *aggregate, const struct group_input *input, uint32_t row,
                    struct operator_context *context, struct error *error) {
    struct group_windows *windows = aggregate->windows;
    const struct rows *rows = input->rows;
    int64_t time = rows->times[row], late_at = rows->stream_times ? rows->stream_times[row] : time;
    int status = 0;
    if (!context->restoring && !rows->stream_times && aggregate->stream_time < time) {
        aggregate->stream_time = time;
        int64_t limit = group_time_subtract(time, aggregate->plan->window.grace);
        if (windows->closes_end <= limit && windows->count) {
            status = windows_fold(aggregate, input, error);
            if (!status)
                status = windows_close(aggregate, limit, context, rows->origins[row], error);
        }
    }
    if (!rows->stream_times || late_at < aggregate->stream_time)
        late_at = aggregate->stream_time;
    windows->found_count = 0;
    if (!status && !blocks_have_room(windows, windows->most)) {
        status = windows_fold(aggregate, input, error);
        if (!status && !blocks_reserve(windows, windows->most))
            status = error_no_memory(error);
    }
    if (!status && time >= 0)
        status = row_find(aggregate, windows->keys.keys->ids[row], time,
                          group_time_subtract(late_at, aggregate->plan->window.grace),
                          operator_offset(context, rows->origins[row]), error);
    if (status)
        return status;
    context->counters->folded += windows->found_count && !context->restoring;
    if (!windows->found_count)
        return context->restoring
                   ? 0
                   : operator_late(context, rows->origins[row], &aggregate->plan->window, late_at, error);
    return aggregate->plan->final || context->restoring ? row_fold(aggregate, input, row, error)
                                                        : row_emit(aggregate, input, row, context, error);
}

/* Is the cell one of the window? Windows that are open at one time lie so close together that a time tells. */
static bool cell_is_of(bool compact, const struct window_cell *cell, int64_t start, uint64_t size) {
    return compact ? cell->low - (uint32_t)start < size : (uint64_t)(cell->time - start) < size;
}

/* Starts the loads that rows_take will wait for: heads, then cells. */
static void rows_prefetch(const struct group_windows *windows, const uint32_t *rows, size_t count) {
    const struct key_dictionary *keys = windows->keys.keys;
    if (keys->live < PREFETCH_FROM)
        return;
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(key_dictionary_head(keys, keys->ids[rows[i]], windows->keys.lane));
    for (size_t i = 0; i < count; i++) {
        uint32_t index = *key_dictionary_head(keys, keys->ids[rows[i]], windows->keys.lane);
        if (index != NONE)
            __builtin_prefetch(cell_at(windows, index)->states, 1);
    }
}

/* How many ms from the start of an open window on times may lie that fall into it and close no window. */
static uint64_t window_reach(const struct group_aggregate *aggregate, const struct window_span *span) {
    int64_t closes = group_time_add(aggregate->windows->closes_end, aggregate->plan->window.grace);
    int64_t end = closes < span->end ? closes : span->end;
    return end > span->start ? (uint64_t)end - (uint64_t)span->start : 0;
}

/* Most rows of tumbling windows fall into the window of the row before, in which their group has its newest cell.
 * Returns how many from row number `first` up to `end` do and have been taken; there is room for them in the run. */
static size_t rows_take(struct group_aggregate *aggregate, const struct group_input *input, size_t first, size_t end,
                        bool restoring) {
    struct group_windows *windows = aggregate->windows;
    /* copies, which what is written here cannot change */
    const struct slabs entries = windows->keys.keys->entries;
    const uint32_t *ids = windows->keys.keys->ids, *rows = input->live.rows;
    const int64_t *times = input->rows->times;
    const size_t head = offsetof(struct key_entry, heads) + windows->keys.lane * sizeof(uint32_t);
    const struct cell_places cells = cells_places(windows);
    const uint32_t number = windows->order[windows->first + windows->guess];
    const struct window_span span = windows->windows[number].span;
    const int64_t start = span.start;
    const uint64_t size = (uint64_t)span.end - (uint64_t)start, reach = window_reach(aggregate, &span);
    const bool compact = windows->compact;
    int64_t latest = aggregate->stream_time;
    size_t count = windows->run_count, i = first;
    for (; i < end; i++, count++) {
        uint32_t row = rows[i], index;
        int64_t time = times[row];
        memcpy(&index, (char *)slabs_at(&entries, ids[row]) + head, sizeof index);
        if ((uint64_t)time - (uint64_t)start >= reach || index == NONE)
            break;
        struct window_cell *cell = cell_place(&cells, index);
        if (!cell_is_of(compact, cell, start, size))
            break;
        latest = time > latest ? time : latest;
        cell_note_time(compact, cell, start, time);
        windows->run_rows[count] = row;
        windows->run_states[count] = cell->states;
    }
    aggregate->stream_time = restoring ? aggregate->stream_time : latest;
    windows->run_count = count;
    return i - first;
}

static int rows_push(struct group_aggregate *aggregate, const struct group_input *input,
                     struct operator_context *context, struct error *error) {
    struct group_windows *windows = aggregate->windows;
    bool quick = windows->most == 1 && (aggregate->plan->final || context->restoring) && !input->rows->stream_times;
    size_t count = input->live.count, until = 0;
    int status = 0;
    for (size_t i = 0; i < count && !status;) {
        if (i == until) {
            until = count - i < FOLD_RUN ? count : i + FOLD_RUN;
            rows_prefetch(windows, input->live.rows + i, until - i);
            status = windows_fold(aggregate, input, error);
        }
        size_t taken = 0;
        if (quick && !status && windows->guess < windows->count)
            taken = rows_take(aggregate, input, i, until, context->restoring);
        context->counters->folded += context->restoring ? 0 : taken;
        i += taken;
        if (i < until && !status)
            status = row_push(aggregate, input, input->live.rows[i++], context, error);
    }
    return status;
}

static int windows_push(struct stream_operator *op, unsigned number, struct rows *rows,
                        struct operator_context *context, struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    struct group_input input;
    (void)number;
    int status = group_input_evaluate(aggregate, rows, &context->evaluation, context->restoring, &input, error);
    if (!status)
        status = group_keys_find(&aggregate->windows->keys, &input, context, error);
    if (status)
        return status;
    if (!context->restoring)
        context->counters->null += rows->selected.count - input.live.count;
    size_t star = aggregate->states.star_owner;
    aggregate->windows->nulls =
        star != SIZE_MAX && input.live.count && group_may_be_null(rows, input.live.count, &input.arguments[star][0]);
    group_results_start(aggregate, input.live.count);
    status = rows_push(aggregate, &input, context, error);
    if (!status)
        status = windows_fold(aggregate, &input, error);
    return status ? status : group_results_flush(aggregate, context, error);
}

/* --- time
 * ------------------------------------------------------------------------------------------------------------------ */

/* At the end of all time the stream time goes only as far as closes what is open. */
static int windows_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                           struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    const struct group_windows *windows = aggregate->windows;
    int64_t to = time, grace = aggregate->plan->window.grace;
    if (time == INT64_MAX && windows->count)
        to = group_time_add(window_by_order(windows, windows->count - 1)->span.end, grace);
    group_results_start(aggregate, 0);
    if (aggregate->stream_time < to && (time != INT64_MAX || windows->count)) {
        aggregate->stream_time = to;
        int status = windows_close(aggregate, group_time_subtract(to, grace), context, 0, error);
        if (!status)
            status = group_results_flush(aggregate, context, error);
        if (status)
            return status;
    }
    return operator_forward_advance(op, time, context, error);
}

static int64_t windows_replay_from(const struct stream_operator *op) {
    const struct group_windows *windows = ((const struct group_aggregate *)op)->windows;
    int64_t offset = INT64_MAX;
    for (size_t i = 0; i < windows->count; i++) {
        int64_t first = window_by_order(windows, i)->first_offset;
        offset = first < offset ? first : offset;
    }
    return offset;
}

static int64_t windows_stream_time(const struct stream_operator *op) {
    return ((const struct group_aggregate *)op)->stream_time;
}

static void windows_restore_time(struct stream_operator *op, int64_t stream_time) {
    ((struct group_aggregate *)op)->stream_time = stream_time;
}

/* --- life
 * ------------------------------------------------------------------------------------------------------------------ */

int group_windows_open(struct group_aggregate *aggregate, struct error *error) {
    const struct window_definition *window = &aggregate->plan->window;
    struct group_windows *windows = memory_zero(1, sizeof *windows);
    if (!windows)
        return error_no_memory(error);
    size_t cell_size = sizeof(struct window_cell) + aggregate->states.size;
    windows->keys.plan = aggregate->plan;
    windows->compact = group_windows_are_compact(aggregate->plan);
    windows->advance = window->shape == WINDOW_SHAPE_HOPPING ? window->advance : window->size;
    windows->cells = (struct slabs){.element_size = CELLS_IN_BLOCK * cell_size, .shift = BLOCKS_SHIFT};
    windows->blocks = (struct slabs){.element_size = sizeof(struct window_block), .shift = BLOCKS_SHIFT};
    windows->block_free = windows->window_free = NONE;
    windows->most =
        window->calendar ? calendar_overlap(window->calendar) : (size_t)((window->size - 1) / windows->advance) + 1;
    windows->closes_end = INT64_MAX;
    windows->found = memory_zero(windows->most, sizeof *windows->found);
    aggregate->windows = windows;
    return windows->found ? 0 : error_no_memory(error);
}

/* The states of all cells that are open. */
static void windows_release_states(struct group_aggregate *aggregate) {
    const struct group_windows *windows = aggregate->windows;
    for (size_t i = 0; i < windows->count && aggregate->states.released; i++) {
        const struct window *window = window_by_order(windows, i);
        uint32_t block = window->first_block;
        for (uint32_t c = 0; c < window->cell_count; c++) {
            if (c && c % CELLS_IN_BLOCK == 0)
                block = block_at(windows, block)->next;
            group_states_release(&aggregate->states,
                                 cell_at(windows, block * CELLS_IN_BLOCK + c % CELLS_IN_BLOCK)->states);
        }
    }
}

void group_windows_close(struct group_aggregate *aggregate) {
    struct group_windows *windows = aggregate->windows;
    if (!windows)
        return;
    windows_release_states(aggregate);
    group_keys_close(&windows->keys);
    slabs_release(&windows->cells);
    slabs_release(&windows->blocks);
    free(windows->windows);
    free(windows->order);
    free(windows->found);
    free(windows);
}

static size_t windows_memory(const struct stream_operator *op) {
    const struct group_aggregate *aggregate = (const struct group_aggregate *)op;
    const struct group_windows *windows = aggregate->windows;
    return sizeof *aggregate + sizeof *windows + group_keys_memory(&windows->keys) + slabs_memory(&windows->cells) +
           slabs_memory(&windows->blocks) + windows->window_capacity * sizeof *windows->windows +
           windows->order_capacity * sizeof *windows->order + windows->most * sizeof *windows->found +
           aggregate->states.memory;
}

const struct operator_driver group_windows_driver = {
    .name = "aggregate",
    .push = windows_push,
    .advance = windows_advance,
    .replay_from = windows_replay_from,
    .stream_time = windows_stream_time,
    .restore_time = windows_restore_time,
    .memory = windows_memory,
    .free = group_aggregate_free,
};
