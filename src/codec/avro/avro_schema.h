/* A writer's schema as a graph of types (Apache Avro specification 1.11: schema declaration, names, logical types). */
#ifndef METERLINE_CODEC_AVRO_AVRO_SCHEMA_H
#define METERLINE_CODEC_AVRO_AVRO_SCHEMA_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include <stdint.h>

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_FIXED,
    AVRO_ENUM,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION,
    AVRO_RECORD,
};

enum { AVRO_DEPTH_MAXIMUM = 64, AVRO_NO_SCALE = -1 };

/* A record may contain itself, so the types form a graph; a walk bounds the depth. */
struct avro_type {
    enum avro_kind kind;
    const char *logical; /* the logical type, or NULL: none, unknown, or not valid here, which count for nothing */
    /* AVRO_LONG: units in a millisecond when it may be a timestamp; AVRO_BYTES, AVRO_FIXED: the digits after the
     * point of a decimal; AVRO_NO_SCALE: neither */
    int64_t scale;
    int64_t precision;                /* of a decimal: digits in all */
    uint64_t size;                    /* AVRO_FIXED: bytes */
    const struct avro_type **members; /* record: fields; union: branches; array, map: the one element type */
    const struct slice *words;        /* record: the fields' names; enum: the symbols */
    size_t member_count;              /* of members, words or both */
    struct slice name;                /* of named types: the full name */
};

/* "a long", "an enum" */
const char *avro_kind_text(enum avro_kind kind);

/* The type of the whole schema, in `arena`, which on failure may hold parts of it. ERROR_INVALID with what is wrong. */
int avro_schema_read(struct slice text, struct arena *arena, const struct avro_type **ret_type, struct error *error);

#endif
