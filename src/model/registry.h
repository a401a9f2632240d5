/* The registry of schemas: an id stands for one Avro schema for ever. Implemented by the log (embedded) or a schema
 * registry over HTTP. */
#ifndef METERLINE_MODEL_REGISTRY_H
#define METERLINE_MODEL_REGISTRY_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include <stdint.h>

struct registry {
    /* The JSON text of schema `id`, in `arena`. ERROR_NOT_FOUND only when the registry has said that there is none,
     * ERROR_UNSUPPORTED when it has one that is not Avro or not whole (the message says so in words for a rejected
     * record); anything retriable means that it could not be asked. */
    int (*find)(void *context, int32_t id, struct arena *arena, struct slice *ret_schema, struct error *error);
    /* The id of `schema` under `subject`, registered when it is new. */
    int (*add)(void *context, const char *subject, struct slice schema, int32_t *ret_id, struct error *error);
    /* The JSON text of the newest schema of `subject`, in `arena`; errors as of find. NULL: the registry has no such
     * answer. */
    int (*latest)(void *context, const char *subject, struct arena *arena, struct slice *ret_schema,
                  struct error *error);
    void *context;
};

#endif
