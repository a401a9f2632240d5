/* Jobs: whatever the text, parameters are found and put in, or an error says why not. */
#include <stddef.h>
#include <stdint.h>

#include "batch/job.h"
#include "core/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(bytes_release) struct bytes sql = {0};
    struct job job;
    struct error error;
    if (job_read((struct slice){(const char *)data, size}, &job, &error) == 0) {
        for (size_t i = 0; i < job.count; i++)
            job.parameters[i].value = i % 2 ? SLICE("it's") : (struct slice){0};
        job_write(&job, &sql, &error);
    }
    return 0;
}
