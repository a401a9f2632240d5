/* Bodies of a schema registry's answers (JSON). They come from outside: anything may be in them. */
#ifndef METERLINE_CODEC_REGISTRY_REGISTRY_RESPONSE_H
#define METERLINE_CODEC_REGISTRY_REGISTRY_RESPONSE_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include "model/registry.h"
#include <stdbool.h>
#include <stdint.h>

enum { REGISTRY_SCHEMA_NOT_FOUND = 40403 };

/* {"schema": "..."} in answer to the question for schema `id`; the text in `arena`. ERROR_IO when it is not that,
 * ERROR_UNSUPPORTED when it has a schemaType (AVRO when it has none) that is not `kind`, or references. */
int registry_response_schema(struct slice body, enum schema_kind kind, int32_t id, struct arena *arena,
                             struct slice *ret_schema, struct error *error);

/* {"id": N}; ERROR_IO when it is not that. */
int registry_response_id(struct slice body, int32_t *ret_id, struct error *error);

/* Is it a list of types of schemas, AVRO among them: ["JSON", "AVRO"]? */
bool registry_response_lists_avro(struct slice body);

/* {"error_code": N, "message": "..."} of an answer that is not a success; what is not there is 0 and "". */
struct registry_problem {
    int64_t code;
    char message[400]; /* printable, cut when it is longer */
};
void registry_response_problem(struct slice body, struct registry_problem *ret_problem);

#endif
