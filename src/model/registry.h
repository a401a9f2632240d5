/* The registry of schemas: an id stands for one schema for ever. Implemented by the log (embedded) or a schema
 * registry over HTTP. */
#ifndef METERLINE_MODEL_REGISTRY_H
#define METERLINE_MODEL_REGISTRY_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include <stdint.h>

enum schema_kind {
    SCHEMA_AVRO,     /* JSON text */
    SCHEMA_JSON,     /* JSON Schema */
    SCHEMA_PROTOBUF, /* text of a .proto file */
};

/* As registries write it: "AVRO", "JSON", "PROTOBUF". */
static inline const char *schema_kind_name(enum schema_kind kind) {
    return kind == SCHEMA_JSON ? "JSON" : kind == SCHEMA_PROTOBUF ? "PROTOBUF" : "AVRO";
}

struct registry {
    /* The text of schema `id`, in `arena`. ERROR_NOT_FOUND only when the registry has said that there is none,
     * ERROR_UNSUPPORTED when it has one that is not of this kind or not whole (the message says so in words for a rejected
     * record); anything retriable means that it could not be asked. */
    int (*find)(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                struct error *error);
    /* The id of `schema` under `subject`, registered when it is new. */
    int (*add)(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
               struct error *error);
    /* The text of the newest schema of `subject`, in `arena`; errors as of find. NULL: the registry has no such
     * answer. */
    int (*latest)(void *context, const char *subject, enum schema_kind kind, struct arena *arena,
                  struct slice *ret_schema, struct error *error);
    void *context;
};

#endif
