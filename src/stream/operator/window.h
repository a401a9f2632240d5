/* What windows a query has. */
#ifndef METERLINE_STREAM_OPERATOR_WINDOW_H
#define METERLINE_STREAM_OPERATOR_WINDOW_H

#include "model/time/calendar.h"

enum window_shape { WINDOW_SHAPE_NONE, WINDOW_SHAPE_TUMBLING, WINDOW_SHAPE_HOPPING, WINDOW_SHAPE_SESSION };

struct window_definition {
    enum window_shape shape;
    int64_t size, advance; /* ms; a session's gap is its size; a tumbling window advances by its size */
    int64_t grace;         /* ms */
    /* Of tumbling and hopping windows: bounds by the calendar of a zone, and `size` is the most that a window lasts.
     * NULL: windows start at multiples of `advance` since the epoch */
    const struct calendar *calendar;
};

enum { WINDOW_NAME_SIZE = CALENDAR_TEXT_SIZE };

/* "60", "0.500" (seconds) or "day@Europe/Athens", ending with NUL. */
void window_write_name(char to[WINDOW_NAME_SIZE], const struct window_definition *window);

#endif
