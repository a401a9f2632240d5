#include "stream/source/key_spread.h"

enum { KEY_SPREAD_SAMPLE = 16 };

bool key_spread_differs(const struct bus_batch *records, int32_t partitions) {
    size_t step = records->count / KEY_SPREAD_SAMPLE + 1;
    for (size_t i = 0; partitions > 1 && i < records->count; i += step) {
        struct slice key = records->records[i].key;
        if (key.data && bus_partition(key, partitions) != records->partition)
            return true;
    }
    return false;
}

static bool node_needs_keys(const struct node_plan *node) {
    if (node->kind == NODE_AGGREGATE || node->kind == NODE_JOIN)
        return true;
    for (size_t i = 0; i < node->input_count; i++)
        if (node_needs_keys(node->inputs[i]))
            return true;
    return false;
}

bool key_spread_matters(const struct stage_plan *stage) {
    return node_needs_keys(stage->sink);
}
