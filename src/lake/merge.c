#include "lake/merge.h"

#include <stdlib.h>

#include "core/memory.h"

enum {
    GROUP_ROWS = 122880,
    GROUP_ENOUGH = 16384, /* then a row group ends where the attribute changes */
    GROUP_MANY = 65536,   /* then it ends where the series changes */
    LEVEL = 9,
};

static const size_t merge_order[] = {LAKE_TYPE, LAKE_ATTRIBUTE, LAKE_GATEWAY};
enum { ORDER_COLUMNS = sizeof merge_order / sizeof *merge_order };

/* A file and its row at hand. */
struct merge_head {
    struct lake_reader *reader;
    struct arena arena; /* of the row group */
    struct vector *columns;
    struct selection rows;
    size_t at;
    bool ended;
};

struct merge {
    struct lake_table *table;
    const struct lake_snapshot *snapshot;
    int64_t partition;
    struct merge_head heads[MERGE_FILES_MAXIMUM];
    size_t count;
    struct arena *arena; /* of the files that are made */
    struct merge_output *output;
    struct lake_file_writer *writer; /* NULL: none is open */
    struct vector *columns;          /* of the row group that is made */
    struct arena texts, room;
    size_t rows;
};

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t head_row(const struct merge_head *head) {
    return head->rows.rows[head->at];
}

static int head_fill(struct merge_head *head, struct error *error) {
    while (!head->ended && head->at == head->rows.count) {
        arena_reset(&head->arena);
        head->at = 0;
        int got = lake_reader_next(head->reader, &head->arena, head->columns, &head->rows, error);
        if (got < 0)
            return got;
        head->ended = got == 0;
        head->rows.count = got ? head->rows.count : 0;
    }
    return 0;
}

static struct slice head_text(const struct merge_head *head, size_t column) {
    const struct vector *vector = &head->columns[column];
    return vector->texts[head_row(head) & vector->mask];
}

/* Texts of a dictionary are shared, so that the same ones mostly lie at the same place. */
static bool head_same(const struct merge_head *head, const struct slice *series) {
    bool same = true;
    for (size_t i = 0; i < ORDER_COLUMNS && same; i++) {
        struct slice text = head_text(head, merge_order[i]);
        same = text.length == series[i].length && (text.data == series[i].data || slice_equal(text, series[i]));
    }
    return same;
}

static int head_compare(const struct merge_head *a, const struct merge_head *b) {
    int order = 0;
    for (size_t i = 0; i < ORDER_COLUMNS && order == 0; i++)
        order = slice_compare(head_text(a, merge_order[i]), head_text(b, merge_order[i]));
    return order;
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

static int merge_end_file(struct merge *merge, struct error *error) {
    struct merge_output *output = merge->output;
    struct lake_file_writer *writer = merge->writer;
    merge->writer = NULL;
    if (!writer)
        return 0;
    if (!memory_reserve((void **)&output->files, &output->capacity, output->count + 1, sizeof *output->files)) {
        lake_file_abandon(writer);
        return error_no_memory(error);
    }
    int status = lake_file_finish(writer, merge->arena, &output->files[output->count], error);
    output->count += !status;
    return status;
}

static int merge_end_group(struct merge *merge, struct error *error) {
    struct lake_file_settings settings = {.name = "compacted", .partition = merge->partition, .level = LEVEL};
    int status = 0;
    if (merge->rows == 0)
        return 0;
    if (!merge->writer)
        status = lake_file_open(merge->table, merge->snapshot, &settings, &merge->writer, error);
    if (!status)
        status = lake_file_write(merge->writer, merge->columns, NULL, merge->rows, error);
    merge->output->rows += status ? 0 : (int64_t)merge->rows;
    merge->rows = 0;
    arena_reset(&merge->texts);
    return !status && lake_file_bytes(merge->writer) >= merge->output->target ? merge_end_file(merge, error) : status;
}

static bool merge_is_text(const struct type *type) {
    return type->kind == TYPE_STRING || type->kind == TYPE_BYTES;
}

/* Texts that are those of the row before are shared with it. */
static int merge_copy_text(struct merge *merge, size_t column, struct value *value, struct error *error) {
    struct vector *to = &merge->columns[column];
    if (merge->rows && !to->nulls[merge->rows - 1] && slice_equal(to->texts[merge->rows - 1], value->text))
        value->text = to->texts[merge->rows - 1];
    else
        value->text = arena_copy(&merge->texts, value->text);
    return value->text.data ? 0 : error_no_memory(error);
}

static int merge_put(struct merge *merge, const struct merge_head *head, struct error *error) {
    int status = merge->rows == GROUP_ROWS ? merge_end_group(merge, error) : 0;
    for (size_t c = 0; c < merge->snapshot->column_count && !status; c++) {
        struct value value;
        vector_get(&head->columns[c], head_row(head), &value);
        if (!value.null && merge_is_text(merge->snapshot->columns[c].type))
            status = merge_copy_text(merge, c, &value, error);
        if (!status)
            vector_set(&merge->columns[c], merge->rows, &value);
    }
    merge->rows += !status;
    return status;
}

/* --- merging
 * ------------------------------------------------------------------------------------------------------------------ */

/* Does the series at hand begin a new row group? */
static bool merge_is_enough(const struct merge *merge, const struct merge_head *head) {
    if (merge->rows < GROUP_ENOUGH)
        return false;
    bool same = true;
    for (size_t i = 0; i < 2; i++) /* type, attribute */
        same &= slice_equal(merge->columns[merge_order[i]].texts[merge->rows - 1], head_text(head, merge_order[i]));
    return !same || merge->rows >= GROUP_MANY;
}

/* Rows that stand one after the other in the row group at hand, from the head's on, of the same series; as many as fit. */
static size_t merge_run(const struct merge *merge, const struct merge_head *head) {
    struct slice series[ORDER_COLUMNS];
    struct merge_head next = *head;
    size_t room = GROUP_ROWS - merge->rows, count = 1;
    for (size_t i = 0; i < ORDER_COLUMNS; i++)
        series[i] = head_text(head, merge_order[i]);
    for (next.at++; count < room && next.at < head->rows.count; next.at++, count++)
        if (head_row(&next) != head_row(head) + count || !head_same(&next, series))
            break;
    return count;
}

static void merge_copy_column(struct vector *to, const struct vector *from, size_t at, size_t row, size_t count) {
    size_t width = to->type->kind == TYPE_BOOLEAN ? 1 : to->type->kind == TYPE_DECIMAL ? sizeof(decimal) : 8;
    memcpy(to->nulls + at, from->nulls + row, count);
    memcpy((char *)to->data + at * width, (const char *)from->data + row * width, count * width);
}

/* A run of rows: numbers are copied at once, the names of the series once. */
static int merge_put_run(struct merge *merge, const struct merge_head *head, size_t count, struct error *error) {
    for (size_t c = 0; c < merge->snapshot->column_count; c++) {
        const struct vector *from = &head->columns[c];
        struct vector *to = &merge->columns[c];
        if (!merge_is_text(to->type)) {
            merge_copy_column(to, from, merge->rows, head_row(head), count);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            struct value value;
            vector_get(from, head_row(head) + i, &value);
            bool again = i && !value.null && !to->nulls[merge->rows + i - 1] &&
                         value.text.data == from->texts[head_row(head) + i - 1].data &&
                         value.text.length == to->texts[merge->rows + i - 1].length;
            if (again)
                value.text = to->texts[merge->rows + i - 1];
            else if (!value.null && !(value.text = arena_copy(&merge->texts, value.text)).data)
                return error_no_memory(error);
            vector_set(to, merge->rows + i, &value);
        }
    }
    merge->rows += count;
    return 0;
}

/* All rows of a series, of this file. */
static int merge_series(struct merge *merge, struct merge_head *head, const struct slice *series, struct error *error) {
    for (;;) {
        int status = head_fill(head, error);
        if (status || head->ended || !head_same(head, series))
            return status;
        status = merge->rows == GROUP_ROWS ? merge_end_group(merge, error) : 0;
        size_t count = status ? 0 : merge_run(merge, head);
        if (!status)
            status = merge_put_run(merge, head, count, error);
        if (status)
            return status;
        head->at += count;
    }
}

/* The smallest series among the heads, of all files in their order. */
static int merge_next(struct merge *merge, bool *ret_more, struct error *error) {
    struct merge_head *first = NULL;
    struct slice series[ORDER_COLUMNS];
    cleanup(arena_release) struct arena arena = {0};
    int status = 0;
    for (size_t i = 0; i < merge->count && !status; i++) {
        struct merge_head *head = &merge->heads[i];
        status = head_fill(head, error);
        if (!status && !head->ended && (!first || head_compare(head, first) < 0))
            first = head;
    }
    *ret_more = first != NULL;
    if (status || !first)
        return status;
    if (merge_is_enough(merge, first))
        status = merge_end_group(merge, error);
    for (size_t i = 0; i < ORDER_COLUMNS && !status; i++) {
        series[i] = arena_copy(&arena, head_text(first, merge_order[i]));
        status = series[i].data ? 0 : error_no_memory(error);
    }
    for (size_t i = 0; i < merge->count && !status; i++)
        status = merge_series(merge, &merge->heads[i], series, error);
    return status;
}

static int merge_all(struct merge *merge, bool sorted, struct error *error) {
    bool more = sorted;
    int status = 0;
    while (more && !status)
        status = merge_next(merge, &more, error);
    for (size_t i = 0; i < merge->count && !sorted && !status; i++) {
        struct merge_head *head = &merge->heads[i];
        while (!(status = head_fill(head, error)) && !head->ended && !(status = merge_put(merge, head, error)))
            head->at++;
    }
    if (!status)
        status = merge_end_group(merge, error);
    return status ? status : merge_end_file(merge, error);
}

static int merge_open(struct merge *merge, const struct lake_file *const *files, struct error *error) {
    size_t columns = merge->snapshot->column_count;
    merge->columns = memory_zero(columns + 1, sizeof *merge->columns);
    if (!merge->columns)
        return error_no_memory(error);
    for (size_t c = 0; c < columns; c++)
        if (!vector_allocate(&merge->room, merge->snapshot->columns[c].type, GROUP_ROWS, &merge->columns[c]))
            return error_no_memory(error);
    for (size_t i = 0; i < merge->count; i++) {
        struct merge_head *head = &merge->heads[i];
        head->columns = memory_zero(columns + 1, sizeof *head->columns);
        int status = head->columns
                         ? lake_reader_open(merge->table, merge->snapshot, files[i], NULL, &head->reader, error)
                         : error_no_memory(error);
        if (status)
            return status;
    }
    return 0;
}

int merge_files(struct lake_table *table, const struct lake_snapshot *snapshot, const struct lake_file *const *files,
                size_t count, bool sorted, struct arena *arena, struct merge_output *output, struct error *error) {
    struct merge merge = {.table = table,
                          .snapshot = snapshot,
                          .partition = files[0]->partition,
                          .count = count,
                          .arena = arena,
                          .output = output};
    int status = merge_open(&merge, files, error);
    if (!status)
        status = merge_all(&merge, sorted, error);
    lake_file_abandon(merge.writer);
    for (size_t i = 0; i < count; i++) {
        lake_reader_close(merge.heads[i].reader);
        arena_release(&merge.heads[i].arena);
        free(merge.heads[i].columns);
    }
    free(merge.columns);
    arena_release(&merge.texts);
    arena_release(&merge.room);
    return status;
}
