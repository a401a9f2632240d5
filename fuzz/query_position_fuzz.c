/* Positions of queries: any text is a position or refused; what is read is written as text that reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "stream/group/position.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[BUS_METADATA_MAXIMUM + 1], again[2 * BUS_METADATA_MAXIMUM], third[2 * BUS_METADATA_MAXIMUM];
    struct arena arena = {0};
    struct query_position position;
    if (size > BUS_METADATA_MAXIMUM || memchr(data, 0, size))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (query_position_read(text, &arena, &position, NULL) == 0 &&
        query_position_write(&position, again, sizeof again, NULL) == 0) {
        if (query_position_read(again, &arena, &position, NULL) ||
            query_position_write(&position, third, sizeof third, NULL) || strcmp(again, third) != 0)
            abort();
    }
    arena_release(&arena);
    return 0;
}
