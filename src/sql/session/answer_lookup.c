/* Keys are read and tested some at a time; a record that lies close after the one before is reached by reading on,
 * others by a seek. */
#include "sql/session/answer_lookup.h"

#include "core/memory.h"

enum { LOOKUP_POLL = 100, LOOKUP_KEYS = 1024, LOOKUP_CLOSE = 2000 /* records */ };

struct lookup {
    const struct lookup_options *options;
    const struct plan_lookup *plan;
    struct key_index *index;
    struct bus_consumer *consumer;
    struct row_reader *reader;
    struct row_writer *writer;
    struct arena arena, keys_arena; /* of the test of keys; of the keys that wait for it */
    struct slice keys[LOOKUP_KEYS]; /* that wait to be tested, */
    int64_t places[LOOKUP_KEYS];    /* with their offsets */
    size_t waiting;
    int64_t *found; /* offsets of the partition at hand */
    size_t found_count, found_capacity;
};

static void lookup_close(struct lookup *lookup) {
    row_reader_free(lookup->reader);
    row_writer_free(lookup->writer);
    bus_consumer_close(lookup->consumer);
    key_index_close(lookup->index);
    arena_release(&lookup->arena);
    arena_release(&lookup->keys_arena);
    free(lookup->found);
}

static int lookup_open(struct lookup *lookup, int32_t partitions, struct error *error) {
    const struct source_plan *source = lookup->plan->source;
    const struct registry *registry = bus_registry(lookup->options->bus);
    size_t keys = source->schema.key_count;
    int status = key_index_open(lookup->options->folder, lookup->options->log, &lookup->index, error);
    if (!status)
        status = bus_consumer_open(lookup->options->bus, NULL, &lookup->consumer, error);
    if (!status)
        status = row_reader_new(&source->key, source->schema.columns, keys, registry, &lookup->reader, error);
    if (!status)
        status = row_writer_new(&source->key, source->schema.columns, keys, registry, &lookup->writer, error);
    return status ? status
                  : key_index_refresh(lookup->index, lookup->consumer, source->topic, partitions, lookup->options->stop,
                                      error);
}

/* --- keys
 * ------------------------------------------------------------------------------------------------------------------ */

/* The bounds of windows leave the keys; keys that are too short for them have none. */
static void lookup_windows(struct lookup *lookup, struct rows *rows) {
    const struct source_plan *source = lookup->plan->source;
    for (size_t i = 0; i < lookup->waiting && rows->window_starts; i++)
        if (!row_window_read(&lookup->keys[i], source->window, source->window_size, source->window_calendar,
                             &rows->window_starts[i], &rows->window_ends[i]))
            lookup->keys[i] = (struct slice){NULL, 0};
}

/* Rows of the keys at hand; those that can be read are selected. */
static int lookup_rows(struct lookup *lookup, struct rows **ret_rows, struct error *error) {
    const struct source_plan *source = lookup->plan->source;
    struct arena *arena = &lookup->arena;
    const struct row_schema schema = {source->schema.columns, source->schema.key_count, source->schema.key_count,
                                      source->schema.windowed};
    struct rows *rows = rows_new(arena, &schema, lookup->waiting);
    uint8_t *status_of = arena_allocate(arena, LOOKUP_KEYS);
    const char **reasons = arena_allocate(arena, LOOKUP_KEYS * sizeof *reasons);
    if (!rows || !status_of || !reasons)
        return error_no_memory(error);
    lookup_windows(lookup, rows);
    int status = row_reader_read(lookup->reader, lookup->keys, sizeof *lookup->keys, lookup->waiting, arena,
                                 rows->columns, status_of, reasons, error);
    for (size_t i = 0; i < lookup->waiting && !status; i++)
        if (status_of[i] == ROW_READ_GOOD)
            rows->selected.rows[rows->selected.count++] = (uint32_t)i;
    if (!status)
        *ret_rows = rows;
    return status;
}

/* Rows for which the condition does not hold leave the selection. */
static int lookup_narrow(struct lookup *lookup, const struct evaluator *condition, struct rows *rows,
                         struct error *error) {
    struct row_errors errors = {0};
    struct evaluation evaluation = {.arena = &lookup->arena, .errors = &errors, .clock = lookup->options->clock};
    struct vector holds;
    size_t kept = 0;
    int status = evaluator_run(condition, &evaluation, rows, &rows->selected, &holds, error);
    for (size_t i = 0; i < rows->selected.count && !status; i++) {
        uint32_t row = rows->selected.rows[i];
        rows->selected.rows[kept] = row;
        kept += !holds.nulls[row & holds.mask] && holds.booleans[row & holds.mask];
    }
    rows->selected.count = kept;
    evaluation_scratch_free(evaluation.scratch);
    return status;
}

static int lookup_test(struct lookup *lookup, struct error *error) {
    struct rows *rows;
    int status = lookup->waiting ? lookup_rows(lookup, &rows, error) : 0;
    if (status || !lookup->waiting)
        return status;
    for (size_t i = 0; i < lookup->plan->condition_count && !status; i++)
        status = lookup_narrow(lookup, lookup->plan->conditions[i], rows, error);
    for (size_t i = 0; i < rows->selected.count && !status; i++) {
        if (!memory_reserve((void **)&lookup->found, &lookup->found_capacity, lookup->found_count + 1,
                            sizeof *lookup->found))
            return error_no_memory(error);
        lookup->found[lookup->found_count++] = lookup->places[rows->selected.rows[i]];
    }
    lookup->waiting = 0;
    arena_reset(&lookup->arena);
    arena_reset(&lookup->keys_arena);
    return status;
}

static int lookup_key(void *context, struct slice key, int64_t offset, struct error *error) {
    struct lookup *lookup = context;
    struct slice copy = arena_copy(&lookup->keys_arena, key);
    if (!copy.data)
        return error_no_memory(error);
    lookup->keys[lookup->waiting] = copy;
    lookup->places[lookup->waiting++] = offset;
    return lookup->waiting == LOOKUP_KEYS ? lookup_test(lookup, error) : 0;
}

/* The bytes of the key's columns that point `index` has. */
static int lookup_bytes(struct lookup *lookup, size_t index, struct bytes *to, struct error *error) {
    const struct row_schema *schema = &lookup->plan->source->schema;
    cleanup(arena_release) struct arena arena = {0};
    struct vector *columns = arena_allocate(&arena, schema->key_count * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    for (size_t k = 0; k < schema->key_count; k++) {
        if (!vector_allocate(&arena, schema->columns[k].type, 1, &columns[k]))
            return error_no_memory(error);
        vector_set(&columns[k], 0, &lookup->plan->points[index * schema->key_count + k]);
    }
    to->length = 0;
    return row_writer_write(lookup->writer, columns, 0, to, error);
}

static int lookup_compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* After the bytes of the columns come those of the window's bounds, whatever they are. */
static int lookup_point(struct lookup *lookup, int32_t partition, size_t index, struct error *error) {
    enum { BOUNDS = 16 };
    const struct source_plan *source = lookup->plan->source;
    cleanup(bytes_release) struct bytes first = {0}, last = {0};
    int status = lookup_bytes(lookup, index, &first, error);
    bytes_append_slice(&last, bytes_slice(&first));
    for (size_t i = 0; i < BOUNDS && source->schema.windowed; i++)
        bytes_append_char(&last, '\xff');
    bytes_append_char(&first, '\0'); /* not empty, also for an empty text */
    if (status || first.failed || last.failed)
        return status ? status : error_no_memory(error);
    return key_index_each(lookup->index, source->topic, partition, (struct slice){first.data, first.length - 1},
                          bytes_slice(&last), lookup_key, lookup, error);
}

/* The offsets of the partition's records, ascending, each once. */
static int lookup_find(struct lookup *lookup, int32_t partition, struct error *error) {
    const struct slice all = {NULL, 0};
    int status = 0;
    lookup->found_count = lookup->waiting = 0;
    if (!lookup->plan->points)
        status =
            key_index_each(lookup->index, lookup->plan->source->topic, partition, all, all, lookup_key, lookup, error);
    for (size_t i = 0; i < lookup->plan->point_count && !status; i++)
        status = lookup_point(lookup, partition, i, error);
    if (!status)
        status = lookup_test(lookup, error);
    if (lookup->found_count)
        qsort(lookup->found, lookup->found_count, sizeof *lookup->found, lookup_compare);
    size_t kept = 0;
    for (size_t i = 0; i < lookup->found_count; i++)
        if (i == 0 || lookup->found[i] != lookup->found[i - 1])
            lookup->found[kept++] = lookup->found[i];
    lookup->found_count = kept;
    return status;
}

/* --- records
 * ------------------------------------------------------------------------------------------------------------------ */

/* The records of the batch that are asked for, from *at on; those before it are gone. */
static int lookup_give(struct lookup *lookup, const struct bus_batch *batch, size_t *at, bool *done,
                       struct error *error) {
    int64_t end = batch->base_offset + (int64_t)batch->count;
    int status = 0;
    for (; *at < lookup->found_count && lookup->found[*at] < end && !status && !*done; ++*at) {
        int64_t offset = lookup->found[*at];
        if (offset < batch->base_offset)
            continue;
        struct bus_batch one = *batch;
        one.base_offset = offset;
        one.records = &batch->records[offset - batch->base_offset];
        one.count = 1;
        status = lookup->options->each(lookup->options->context, &one, done, error);
    }
    return status;
}

static int lookup_records(struct lookup *lookup, int32_t partition, bool *done, struct error *error) {
    const char *topic = lookup->plan->source->topic;
    struct bus_batch batch;
    int64_t start, end, position = -1;
    size_t at = 0;
    int status = bus_offsets(lookup->consumer, topic, partition, &start, &end, error);
    while (!status && at < lookup->found_count && lookup->found[at] < start)
        at++;
    while (!status && !*done && at < lookup->found_count && !atomic_load(lookup->options->stop)) {
        if (position < 0 || lookup->found[at] - position > LOOKUP_CLOSE)
            status = bus_consumer_seek(lookup->consumer, topic, partition, lookup->found[at], error);
        int got = status ? status : bus_consumer_poll(lookup->consumer, LOOKUP_POLL, &batch, error);
        position = position < 0 ? 0 : position;
        if (got == 0 && (status = bus_offsets(lookup->consumer, topic, partition, &start, &end, error)) == 0 &&
            lookup->found[at] >= end) /* the topic has been made anew meanwhile */
            break;
        if (got < 0)
            status = got;
        else if (got > 0 && batch.partition == partition) {
            position = batch.base_offset + (int64_t)batch.count;
            status = lookup_give(lookup, &batch, &at, done, error);
        }
    }
    return status;
}

int answer_lookup(const struct lookup_options *options, const struct plan_lookup *plan, int32_t partitions,
                  bool *ret_indexed, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct lookup *lookup = arena_allocate(&arena, sizeof *lookup);
    bool done = false;
    *ret_indexed = false;
    if (!lookup)
        return error_no_memory(error);
    *lookup = (struct lookup){.options = options, .plan = plan};
    int status = lookup_open(lookup, partitions, error);
    *ret_indexed = !status;
    for (int32_t p = 0; p < partitions && !status && !done; p++) {
        status = lookup_find(lookup, p, error);
        if (!status && lookup->found_count)
            status = lookup_records(lookup, p, &done, error);
    }
    lookup_close(lookup);
    return status;
}
