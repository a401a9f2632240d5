/* The inside of AVRO's reader and writer of rows: plans, which say for each of the writer's types what becomes of
 * its bytes, or where they come from. */
#ifndef METERLINE_CODEC_AVRO_ROW_AVRO_H
#define METERLINE_CODEC_AVRO_ROW_AVRO_H

#include "codec/avro/avro_schema.h"
#include "codec/row/row_driver.h"

enum row_avro_action {
    ROW_AVRO_NULL,
    ROW_AVRO_BOOLEAN,
    ROW_AVRO_INTEGER, /* int or long, divided by `scale` */
    ROW_AVRO_INTEGER_AS_DOUBLE,
    ROW_AVRO_FLOAT,
    ROW_AVRO_DOUBLE,
    ROW_AVRO_TEXT, /* string or bytes */
    ROW_AVRO_ENUM,
    ROW_AVRO_FIXED,
    ROW_AVRO_DECIMAL, /* bytes or fixed */
    ROW_AVRO_DECIMAL_AS_DOUBLE,
    ROW_AVRO_TIME_AS_TEXT, /* long, of `scale` units a ms, in ISO-8601 */
    ROW_AVRO_ARRAY,
    ROW_AVRO_MAP,
    /* an array of records of key and value as MAP (Kafka Connect writes maps so whose keys may be null) */
    ROW_AVRO_ENTRIES,
    ROW_AVRO_RECORD,
    ROW_AVRO_UNION,
    /* reading: a field that no column wants; writing: one that is NULL because there is no column for it */
    ROW_AVRO_SKIP,
    ROW_AVRO_REFUSE, /* a branch that does not fit */
};

/* In a plan for reading, of a type that was written; in one for writing, of a type to write. */
struct row_avro_step {
    enum row_avro_action action;
    uint32_t place;                      /* of a record's member: the column, or the field of the STRUCT */
    int32_t null_branch, value_branch;   /* writing: the branches of a union, -1: none, and it is no union */
    int64_t scale;                       /* units in one of ours, of ROW_AVRO_INTEGER and times as text */
    const struct avro_type *type;        /* writing: of the branch for values */
    const struct type *target;           /* ours; NULL: of what is skipped */
    const struct row_avro_step *members; /* fields in the schema's order, branches, or the one element */
    size_t member_count;
};

struct row_avro_plan {
    struct arena arena; /* everything below */
    struct type row;    /* the columns as a STRUCT */
    struct row_avro_step root;
};

/* What making a plan knows: its size is bounded, and which field of a record did not fit. */
struct row_avro_compiler {
    struct arena *arena;
    size_t steps;
    struct slice field;                 /* of the outermost record; data NULL: none */
    const struct avro_type *field_type; /* NULL: the schema has no such field */
    const struct type *field_target;    /* NULL: there is no such column */
    struct error *error;
};

enum { ROW_AVRO_STEPS_MAXIMUM = 100000 };

/* Room for `count` steps; ERROR_INVALID when the plan grows too large. */
int row_avro_steps_new(struct row_avro_compiler *compiler, size_t count, struct row_avro_step **ret_steps);
/* Makes the step of a type, for reading or for writing. */
typedef int row_avro_step_of(struct row_avro_compiler *compiler, const struct avro_type *type,
                             const struct type *target, struct row_avro_step *step);
/* The step of an array or a map, whose one element `make` makes. */
int row_avro_element(struct row_avro_compiler *compiler, enum row_avro_action action, const struct avro_type *type,
                     const struct type *target, row_avro_step_of *make, struct row_avro_step *step);
/* Why the plan is refused: "field N is a long (timestamp-millis), which cannot be read as INTEGER", `done` being
 * "read as" or "written as". */
int row_avro_refused(const struct row_avro_compiler *compiler, const struct row_layout *layout,
                     const struct avro_type *schema, const char *done);
/* For each field of the record the field of the STRUCT it belongs to, by its exact name or else its name in another
 * case, or field_count. NULL: no memory. */
size_t *row_avro_match(struct row_avro_compiler *compiler, const struct avro_type *record, const struct type *target);
/* The STRUCT<key, value> of an entry if the array is one of a map's entries, otherwise NULL; *ret_failed: no memory. */
const struct type *row_avro_entry(struct row_avro_compiler *compiler, const struct avro_type *array,
                                  const struct type *map, bool *ret_failed);
/* Units of the schema's type in one of the column's time, 0 when the type is none of that kind. */
int64_t row_avro_time_scale(const struct avro_type *type, const struct type *target);
/* The STRUCT of all columns, or the type of the bare one. False: no memory. */
bool row_avro_row_type(struct row_avro_plan *plan, const struct row_layout *layout);

/* ERROR_INVALID: values of that schema cannot be read into the columns. */
int row_avro_plan_reading(struct slice schema, const struct row_layout *layout, struct row_avro_plan **ret_plan,
                          struct error *error);
/* ERROR_INVALID: the columns cannot be written in that schema. */
int row_avro_plan_writing(struct slice schema, const struct row_layout *layout, struct row_avro_plan **ret_plan,
                          struct error *error);
struct row_avro_plan *row_avro_plan_free(struct row_avro_plan *plan);

/* Reads a body (without the wire format's five bytes) into a row. */
int row_avro_decode(const struct row_avro_plan *plan, const struct row_layout *layout, struct slice body,
                    struct arena *arena, struct vector *columns, size_t row, enum row_read *ret_status,
                    const char **ret_reason, struct error *error);
/* Appends the body of a row. */
int row_avro_encode(const struct row_avro_plan *plan, const struct row_layout *layout, const struct vector *columns,
                    size_t row, struct bytes *to, struct error *error);

/* Appends the schema that ksqlDB makes from columns. ERROR_INVALID: a name that is none in Avro. */
int row_avro_schema(const struct row_layout *layout, struct bytes *to, struct error *error);

/* An unscaled decimal, big-endian two's complement, as DECIMAL, if no digit is lost. */
bool row_avro_decimal_read(struct slice unscaled, int64_t scale, const struct type *type, decimal *ret_value);
/* Its shortest form; returns the length. */
size_t row_avro_decimal_write(char to[sizeof(decimal)], decimal value);

#endif
