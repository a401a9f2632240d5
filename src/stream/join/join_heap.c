#include "stream/join/join_heap.h"

#include "core/memory.h"

bool join_heap_push(struct join_heap *heap, struct join_row *row) {
    if (!memory_reserve((void **)&heap->rows, &heap->capacity, heap->count + 1, sizeof(struct join_row *)))
        return false;
    size_t i = heap->count++;
    for (; i > 0 && join_row_before(row, heap->rows[(i - 1) / 2]); i = (i - 1) / 2)
        heap->rows[i] = heap->rows[(i - 1) / 2];
    heap->rows[i] = row;
    return true;
}

struct join_row *join_heap_pop(struct join_heap *heap) {
    if (!heap->count)
        return NULL;
    struct join_row *first = heap->rows[0], *last = heap->rows[--heap->count];
    size_t i = 0;
    for (size_t child = 1; child < heap->count; child = 2 * i + 1) {
        if (child + 1 < heap->count && join_row_before(heap->rows[child + 1], heap->rows[child]))
            child++;
        if (!join_row_before(heap->rows[child], last))
            break;
        heap->rows[i] = heap->rows[child];
        i = child;
    }
    heap->rows[i] = last;
    return first;
}
