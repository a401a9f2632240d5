/* Keys with a window. The end of a time window is not written: it is the start and the window's size, which a reader
 * knows. */
#include "codec/row/row_codec.h"

enum { ROW_WINDOW_BOUND = 8 }; /* bytes of a time */

static void row_window_put(struct bytes *to, int64_t time) {
    char big_endian[ROW_WINDOW_BOUND];
    for (int i = 0; i < ROW_WINDOW_BOUND; i++)
        big_endian[i] = (char)((uint64_t)time >> (56 - 8 * i));
    bytes_append(to, big_endian, sizeof big_endian);
}

static int64_t row_window_get(const char *at) {
    uint64_t time = 0;
    for (int i = 0; i < ROW_WINDOW_BOUND; i++)
        time = time << 8 | (unsigned char)at[i];
    return (int64_t)time;
}

void row_window_write(struct bytes *to, enum row_window window, int64_t start, int64_t end) {
    if (window == ROW_WINDOW_SESSION)
        row_window_put(to, end);
    if (window != ROW_WINDOW_NONE)
        row_window_put(to, start);
}

bool row_window_read(struct slice *key, enum row_window window, int64_t size, const struct calendar *calendar,
                     int64_t *ret_start, int64_t *ret_end) {
    size_t length = window == ROW_WINDOW_NONE ? 0 : window == ROW_WINDOW_TIME ? ROW_WINDOW_BOUND : 2 * ROW_WINDOW_BOUND;
    if (length == 0)
        return true;
    if (!key->data || key->length < length)
        return false;
    const char *at = key->data + key->length - length;
    int64_t start = row_window_get(at + length - ROW_WINDOW_BOUND), end;
    if (window == ROW_WINDOW_SESSION)
        end = row_window_get(at);
    else if (calendar)
        end = calendar_window(calendar, calendar_index(calendar, start)).end;
    else if (__builtin_add_overflow(start, size, &end))
        end = INT64_MAX;
    key->length -= length;
    *ret_start = start;
    *ret_end = end;
    return true;
}
