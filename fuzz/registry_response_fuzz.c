/* Fuzz target: any bytes as the body of a registry's answer. What is accepted is in range; what is not has a
 * message; nothing that is shown has control characters. */
#include <stdlib.h>
#include <string.h>

#include "codec/registry/registry_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            abort();
}

static void check_error(int status, const struct error *error) {
    if ((status != ERROR_IO && status != ERROR_UNSUPPORTED) || error->code != status || !error->message[0])
        abort();
    check_shown(error->message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice body = {(const char *)data, size}, schema = {NULL, 0};
    struct arena arena = {0};
    struct error error = {0};
    int32_t id = -1;
    int status = registry_response_schema(body, SCHEMA_AVRO, 7, &arena, &schema, &error);
    if (status ? schema.data != NULL : !schema.data || schema.length > size)
        abort();
    if (status)
        check_error(status, &error);
    status = registry_response_id(body, &id, &error);
    if ((id >= 0) != (status == 0))
        abort();
    if (status)
        check_error(status, &error);
    struct registry_problem problem;
    registry_response_problem(body, &problem);
    if (memchr(problem.message, 0, sizeof problem.message) == NULL)
        abort();
    check_shown(problem.message);
    arena_release(&arena);
    return 0;
}
