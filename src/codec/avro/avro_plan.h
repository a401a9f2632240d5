/* The inside of a plan: the writer's fields in order, each with what to do with it. */
#ifndef METERLINE_CODEC_AVRO_AVRO_PLAN_H
#define METERLINE_CODEC_AVRO_AVRO_PLAN_H

#include "codec/avro/avro.h"
#include "codec/avro/avro_schema.h"

enum avro_action {
    AVRO_READ_STRING,
    AVRO_READ_ENUM,
    AVRO_READ_TIME_TEXT,
    AVRO_READ_TIME_LONG,
    AVRO_READ_INTEGER,
    AVRO_READ_LONG_AS_DOUBLE,
    AVRO_READ_FLOAT,
    AVRO_READ_DOUBLE,
    AVRO_READ_BYTES_AS_STRING, /* when they are UTF-8 */
    AVRO_READ_DECIMAL,         /* bytes or fixed */
    AVRO_READ_UNION,           /* the branch's own step follows */
    AVRO_REFUSE,               /* a branch that cannot fill the column */
    AVRO_SKIP,                 /* any type */
};

struct avro_step {
    enum avro_action action;
    unsigned column; /* not of AVRO_SKIP */
    const struct avro_type *type;
    const struct avro_step *branches; /* AVRO_READ_UNION: type->member_count of them */
    const char *field;                /* the writer's name, for reasons */
};

struct avro_plan {
    struct arena arena; /* everything below */
    struct avro_step *steps;
    size_t step_count;
};

#endif
