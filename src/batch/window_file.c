#include "batch/window_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/memory.h"

enum { BUFFER_ROWS = 16384, CURSOR_ROWS = 1024 };

struct window_extent {
    uint64_t first; /* row of the file */
    uint64_t count;
};

struct window_series {
    struct series series;
    struct slice key;
    size_t number; /* in the order of beginning */
};

struct window_file {
    int descriptor;
    size_t size_count;
    struct window_row *buffer; /* rows that are not in the file yet */
    size_t buffered;
    uint64_t written;
    struct arena names;
    struct window_series *series;
    size_t series_count, series_capacity;
    struct window_extent *extents; /* size_count of each series */
    size_t extent_capacity;
};

int window_file_new(size_t size_count, struct window_file **ret_file, struct error *error) {
    const char *folder = getenv("TMPDIR");
    char path[4096];
    struct window_file *file = memory_zero(1, sizeof *file);
    if (!file)
        return error_no_memory(error);
    file->size_count = size_count;
    file->descriptor = -1;
    file->buffer = memory_zero(BUFFER_ROWS, sizeof *file->buffer);
    if (!file->buffer) {
        window_file_free(file);
        return error_no_memory(error);
    }
    snprintf(path, sizeof path, "%s/meterline-windows-XXXXXX", folder && *folder ? folder : "/tmp");
    file->descriptor = mkostemp(path, O_CLOEXEC);
    if (file->descriptor < 0) {
        error_set_errno(error, errno, "a file for windows cannot be made, %s", path);
        window_file_free(file);
        return error->code;
    }
    unlink(path);
    *ret_file = file;
    return 0;
}

struct window_file *window_file_free(struct window_file *file) {
    if (!file)
        return NULL;
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file->buffer);
    free(file->series);
    free(file->extents);
    arena_release(&file->names);
    free(file);
    return NULL;
}

uint64_t window_file_rows(const struct window_file *file) {
    return file->written + file->buffered;
}

int window_file_series(struct window_file *file, const struct series *series, struct error *error) {
    size_t count = file->series_count, length = series_key_length(series);
    char *key = arena_allocate(&file->names, length + 1);
    if (!key || !memory_reserve((void **)&file->series, &file->series_capacity, count + 1, sizeof *file->series) ||
        !memory_reserve((void **)&file->extents, &file->extent_capacity, (count + 1) * file->size_count,
                        sizeof *file->extents))
        return error_no_memory(error);
    series_key_write(series, key);
    size_t gateway = series->gateway.length, type = series->type.length;
    file->series[count] = (struct window_series){
        {{key, gateway}, {key + gateway + 1, type}, {key + gateway + type + 2, series->attribute.length}},
        {key, length},
        count};
    memset(&file->extents[count * file->size_count], 0, file->size_count * sizeof *file->extents);
    file->series_count++;
    return 0;
}

static int window_file_flush(struct window_file *file, struct error *error) {
    const char *at = (const char *)file->buffer;
    size_t left = file->buffered * sizeof *file->buffer;
    off_t offset = (off_t)(file->written * sizeof *file->buffer);
    while (left) {
        ssize_t done = pwrite(file->descriptor, at, left, offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_set_errno(error, done < 0 ? errno : ENOSPC, "writing windows to a file of TMPDIR");
        at += done;
        offset += done;
        left -= (size_t)done;
    }
    file->written += file->buffered;
    file->buffered = 0;
    return 0;
}

int window_file_append(struct window_file *file, size_t size, const struct window_row *rows, size_t count,
                       struct error *error) {
    struct window_extent *extent = &file->extents[(file->series_count - 1) * file->size_count + size];
    *extent = (struct window_extent){window_file_rows(file), count};
    while (count) {
        size_t room = BUFFER_ROWS - file->buffered, some = count < room ? count : room;
        memcpy(&file->buffer[file->buffered], rows, some * sizeof *rows);
        file->buffered += some;
        rows += some;
        count -= some;
        int status = file->buffered == BUFFER_ROWS ? window_file_flush(file, error) : 0;
        if (status)
            return status;
    }
    return 0;
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

struct window_cursor {
    struct window_file *file;
    size_t size;
    const struct window_series **order; /* by key */
    size_t at;                          /* of `order` */
    uint64_t read;                      /* rows of the series at hand */
    struct window_row rows[CURSOR_ROWS];
    size_t row, row_count; /* of `rows` */
};

static int series_compare(const void *a, const void *b) {
    const struct window_series *left = *(const struct window_series *const *)a,
                               *right = *(const struct window_series *const *)b;
    int order = slice_compare(left->key, right->key);
    if (order == 0) /* other parts, the same key */
        order = (left->series.gateway.length > right->series.gateway.length) -
                (left->series.gateway.length < right->series.gateway.length);
    return order ? order : (left->number > right->number) - (left->number < right->number);
}

int window_cursor_open(struct window_file *file, size_t size, struct window_cursor **ret_cursor, struct error *error) {
    int status = window_file_flush(file, error);
    if (status)
        return status;
    struct window_cursor *cursor = memory_zero(1, sizeof *cursor);
    if (cursor)
        cursor->order = memory_zero(file->series_count + 1, sizeof(struct window_series *));
    if (!cursor || !cursor->order) {
        window_cursor_close(cursor);
        return error_no_memory(error);
    }
    cursor->file = file;
    cursor->size = size;
    for (size_t i = 0; i < file->series_count; i++)
        cursor->order[i] = &file->series[i];
    qsort(cursor->order, file->series_count, sizeof(struct window_series *), series_compare);
    *ret_cursor = cursor;
    return 0;
}

struct window_cursor *window_cursor_close(struct window_cursor *cursor) {
    if (cursor)
        free(cursor->order);
    free(cursor);
    return NULL;
}

static int cursor_fill(struct window_cursor *cursor, const struct window_extent *extent, struct error *error) {
    uint64_t left = extent->count - cursor->read;
    size_t count = left < CURSOR_ROWS ? (size_t)left : CURSOR_ROWS, length = count * sizeof(struct window_row);
    off_t offset = (off_t)((extent->first + cursor->read) * sizeof(struct window_row));
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(cursor->file->descriptor, (char *)cursor->rows + done, length - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set_errno(error, got < 0 ? errno : EIO, "reading windows from a file of TMPDIR");
        done += (size_t)got;
    }
    cursor->read += count;
    cursor->row = 0;
    cursor->row_count = count;
    return 0;
}

int window_cursor_next(struct window_cursor *cursor, const struct window_row **ret_row, struct slice *ret_key,
                       struct series *ret_series, struct error *error) {
    const struct window_file *file = cursor->file;
    while (cursor->row == cursor->row_count) {
        if (cursor->at == file->series_count)
            return 0;
        const struct window_extent *extent =
            &file->extents[cursor->order[cursor->at]->number * file->size_count + cursor->size];
        if (cursor->read == extent->count) {
            cursor->read = 0;
            cursor->at++;
            continue;
        }
        int status = cursor_fill(cursor, extent, error);
        if (status)
            return status;
    }
    *ret_row = &cursor->rows[cursor->row++];
    *ret_key = cursor->order[cursor->at]->key;
    *ret_series = cursor->order[cursor->at]->series;
    return 1;
}
