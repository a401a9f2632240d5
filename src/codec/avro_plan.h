/* The inside of a plan: the writer's fields in order, each with what to do with it, and the shapes of types that have to be skipped. */
#ifndef METERLINE_CODEC_AVRO_PLAN_H
#define METERLINE_CODEC_AVRO_PLAN_H

#include "codec/avro.h"

enum avro_kind {
    AVRO_NULL, AVRO_BOOLEAN, AVRO_INT, AVRO_LONG, AVRO_FLOAT, AVRO_DOUBLE, AVRO_BYTES, AVRO_STRING,
    AVRO_FIXED, AVRO_ENUM, AVRO_ARRAY, AVRO_MAP, AVRO_UNION, AVRO_RECORD,
};

enum { AVRO_NOT_TIME = -1 };

/* A type of the writer. A record may contain itself, so the types form a graph; whoever walks it bounds the depth. */
struct avro_type {
    enum avro_kind kind;
    int64_t scale;                       /* AVRO_LONG: units in a millisecond (1, 1000), AVRO_NOT_TIME with another logical type */
    uint64_t size;                       /* AVRO_FIXED: bytes */
    const struct avro_type **members;    /* record: fields; union: branches; array, map: the one element type */
    size_t member_count;
    const struct slice *symbols;         /* AVRO_ENUM; member_count of them */
    struct slice name;                   /* of named types: the full name */
};

enum avro_action {
    AVRO_READ_STRING, AVRO_READ_ENUM, AVRO_READ_TIME_TEXT, AVRO_READ_TIME_LONG, AVRO_READ_INTEGER,
    AVRO_READ_LONG_AS_DOUBLE, AVRO_READ_FLOAT, AVRO_READ_DOUBLE,
    AVRO_READ_UNION,    /* the branch's own step follows */
    AVRO_REFUSE,        /* a branch that cannot fill the column */
    AVRO_SKIP,          /* any type */
};

struct avro_step {
    enum avro_action action;
    unsigned column;                     /* not of AVRO_SKIP */
    const struct avro_type *type;
    const struct avro_step *branches;    /* AVRO_READ_UNION: type->member_count of them */
    const char *field;                   /* the writer's name, for reasons */
};

struct avro_plan {
    struct arena arena;                  /* everything below */
    struct avro_step *steps;
    size_t step_count;
};

enum { AVRO_DEPTH_MAXIMUM = 64 };

#endif
