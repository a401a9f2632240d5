/* Fuzz target: any bytes as a writer's schema. One that is accepted decodes a few bodies within their bounds; one
 * that is not has a message. */
#include <stdlib.h>

#include "codec/avro/avro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const bodies[] = {"",
                                         "\2a\2b\2c\x14"
                                         "2007-01-01"
                                         "12345678",
                                         "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"};
    static const size_t lengths[] = {0, 25, 24};
    struct avro_plan *plan = NULL;
    struct error error = {0};
    int status = avro_plan_new((struct slice){(const char *)data, size}, &schema_reading, &plan, &error);
    if (status) {
        if (plan || !error.message[0] || error.code != status)
            abort();
        return 0;
    }
    struct batch *batch = batch_new(&schema_reading, 1);
    for (int i = 0; i < 3; i++)
        avro_decode(plan, (struct slice){bodies[i], lengths[i]}, batch, 0);
    batch_free(batch);
    avro_plan_free(plan);
    return 0;
}
