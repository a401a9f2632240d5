/* A final result of one series and window, as stores keep it. */
#ifndef METERLINE_MODEL_AGGREGATE_H
#define METERLINE_MODEL_AGGREGATE_H

#include "model/series.h"
#include <stdint.h>

/* The revision of a result for which readings had been lost before they were folded: anything else replaces it. */
enum { AGGREGATE_INCOMPLETE = -1 };

/* A final result. Strings point into memory of what made the row. */
struct aggregate_row {
    struct series series;
    struct slice key;                 /* the series key */
    int64_t window_start, window_end; /* ms; [start, end) */
    uint64_t count;
    double minimum, maximum, sum, average;
    int64_t revision; /* 0 = the stream's final result; corrections by batch are higher; AGGREGATE_INCOMPLETE */
};

#endif
