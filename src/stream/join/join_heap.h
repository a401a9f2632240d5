/* Rows of a join's buffer in a binary heap by (time, sequence). */
#ifndef METERLINE_STREAM_JOIN_JOIN_HEAP_H
#define METERLINE_STREAM_JOIN_JOIN_HEAP_H

#include "stream/join/join_buffer.h"

bool join_heap_push(struct join_heap *heap, struct join_row *row); /* false: no memory */
struct join_row *join_heap_pop(struct join_heap *heap);            /* NULL: empty */
static inline struct join_row *join_heap_first(const struct join_heap *heap) {
    return heap->count ? heap->rows[0] : NULL;
}
static inline bool join_row_before(const struct join_row *a, const struct join_row *b) {
    return a->time != b->time ? a->time < b->time : a->sequence < b->sequence;
}

#endif
