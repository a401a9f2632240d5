#include "batch/fold.h"

#include <stdlib.h>

#include "core/memory.h"

enum { FOLD_CELLS_MAXIMUM = 64 * 1024 * 1024 };

/* The windows of one size. */
struct fold_size {
    int64_t size;
    int64_t cell_from, cell_to; /* of the cell at hand: most readings come in order */
    struct statistics *cell;
    struct statistics *cells;
    size_t cell_count;
    uint32_t *used; /* cells that have something, in the order in which they got it */
    size_t used_count, used_capacity;
    bool rising; /* `used` is in order */
};

struct fold {
    struct fold_span span;
    struct fold_size sizes[FOLD_SIZES_MAXIMUM];
    struct window_row *rows;
    size_t row_capacity;
};

int fold_new(const struct fold_span *span, struct fold **ret_fold, struct error *error) {
    struct fold *fold = memory_zero(1, sizeof *fold);
    int status = fold ? 0 : error_no_memory(error);
    if (!status)
        fold->span = *span;
    for (size_t i = 0; i < span->size_count && !status; i++) {
        struct fold_size *size = &fold->sizes[i];
        int64_t cells = (span->to - span->from) / span->sizes[i];
        size->size = span->sizes[i];
        if (cells > FOLD_CELLS_MAXIMUM) {
            status = error_set(error, ERROR_INVALID,
                               "windows of %lld s that do not divide a day are folded over the whole range, which is "
                               "too long for them: narrow it by --from and --to",
                               (long long)(span->sizes[i] / 1000));
            break;
        }
        size->cell_count = (size_t)cells;
        size->cells = memory_zero(size->cell_count + 1, sizeof *size->cells);
        if (!size->cells)
            status = error_no_memory(error);
    }
    if (status) {
        fold_free(fold);
        return status;
    }
    *ret_fold = fold;
    return 0;
}

struct fold *fold_free(struct fold *fold) {
    for (size_t i = 0; fold && i < fold->span.size_count; i++) {
        free(fold->sizes[i].cells);
        free(fold->sizes[i].used);
    }
    if (fold)
        free(fold->rows);
    free(fold);
    return NULL;
}

/* Goes to the cell of `time`. */
static bool fold_move(const struct fold *fold, struct fold_size *size, int64_t time) {
    size_t at = (size_t)((time - fold->span.from) / size->size);
    size->cell = &size->cells[at];
    size->cell_from = fold->span.from + (int64_t)at * size->size;
    size->cell_to = size->cell_from + size->size;
    if (size->cell->count)
        return true;
    if (!memory_reserve((void **)&size->used, &size->used_capacity, size->used_count + 1, sizeof *size->used))
        return false;
    size->rising = size->used_count == 0 || (size->rising && size->used[size->used_count - 1] < at);
    size->used[size->used_count++] = (uint32_t)at;
    return true;
}

bool fold_readings(struct fold *fold, const int64_t *times, const double *values, const uint64_t *valid, size_t from,
                   size_t to) {
    for (size_t s = 0; s < fold->span.size_count; s++) {
        struct fold_size *size = &fold->sizes[s];
        for (size_t i = from; i < to; i++) {
            int64_t time = times[i] / 1000;
            if (time < fold->span.from || time >= fold->span.to || (valid && !(valid[i / 64] >> i % 64 & 1)))
                continue;
            if ((time < size->cell_from || time >= size->cell_to) && !fold_move(fold, size, time))
                return false;
            statistics_fold(size->cell, values[i]);
        }
    }
    return true;
}

static int used_compare(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static int fold_finish_size(struct fold *fold, struct fold_size *size, size_t at, struct window_file *file,
                            struct error *error) {
    size_t count = 0;
    if (!size->rising && size->used_count)
        qsort(size->used, size->used_count, sizeof *size->used, used_compare);
    if (!memory_reserve((void **)&fold->rows, &fold->row_capacity, size->used_count + 1, sizeof *fold->rows))
        return error_no_memory(error);
    for (size_t i = 0; i < size->used_count; i++) {
        struct statistics *cell = &size->cells[size->used[i]];
        int64_t start = fold->span.from + (int64_t)size->used[i] * size->size;
        if (start >= fold->span.first_start && start < fold->span.end_start)
            fold->rows[count++] =
                (struct window_row){start, statistics_count(cell), cell->minimum, cell->maximum, statistics_sum(cell)};
        *cell = (struct statistics){0};
    }
    size->used_count = 0;
    size->cell = NULL;
    size->cell_from = size->cell_to = 0;
    return window_file_append(file, at, fold->rows, count, error);
}

int fold_finish(struct fold *fold, const struct series *series, struct window_file *file, struct error *error) {
    int status = window_file_series(file, series, error);
    for (size_t i = 0; i < fold->span.size_count && !status; i++)
        status = fold_finish_size(fold, &fold->sizes[i], i, file, error);
    return status;
}
