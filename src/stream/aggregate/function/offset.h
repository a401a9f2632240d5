/* What EARLIEST_BY_OFFSET and LATEST_BY_OFFSET use when one plain value is asked for. */
#ifndef METERLINE_STREAM_AGGREGATE_FUNCTION_OFFSET_H
#define METERLINE_STREAM_AGGREGATE_FUNCTION_OFFSET_H

#include "stream/aggregate/aggregate_function.h"

/* For every type but ARRAY, MAP and STRUCT. */
extern const struct aggregate_state_driver offset_value_driver;
size_t offset_value_size(const struct type *type);

#endif
