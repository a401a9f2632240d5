/* Inside of the format PROTOBUF: plans, which know for each field of a message the column it belongs to.
 *
 * A value in Confluent's wire format is a byte 0, the schema's id (4 bytes, big-endian), the path to its message among
 * those of the schema (a zigzag varint with the number of steps, then each; the first message is a lone 0), and the
 * message. PROTOBUF_NOSR is the message alone, its fields numbered from 1 in the order of the columns. */
#ifndef METERLINE_CODEC_PROTOBUF_ROW_PROTOBUF_H
#define METERLINE_CODEC_PROTOBUF_ROW_PROTOBUF_H

#include "codec/protobuf/proto_schema.h"
#include "codec/row/row_driver.h"

struct proto_plan;

/* How a field becomes a value of `type`, and where that goes. */
struct proto_step {
    const struct proto_field *field; /* NULL: no field, the value is NULL */
    const struct type *type;
    const struct proto_plan *message; /* of a STRUCT; of an ARRAY or MAP, of its elements when they are STRUCTs */
    size_t place;                     /* among the columns, or the fields of the STRUCT */
};

struct proto_plan {
    struct proto_step *steps; /* by number of the field */
    size_t count;
    size_t places;                   /* of the columns, or of the STRUCT's fields */
    const struct type *const *types; /* by place */
};

/* The message that columns are written as; `text` (may be NULL) takes the schema. ERROR_UNSUPPORTED: a type that
 * Protobuf has no place for, such as an ARRAY of ARRAYs; ERROR_INVALID: a name that is none. */
int proto_message_of_columns(const struct row_layout *layout, struct arena *arena,
                             const struct proto_message **ret_message, struct bytes *text, struct error *error);
/* ERROR_INVALID: a field does not go with its column, which the message names. */
int proto_plan_make(const struct proto_message *message, const struct row_layout *layout, struct arena *arena,
                    const struct proto_plan **ret_plan, struct error *error);

/* Reads a message into row `row`. ROW_READ_BAD with a reason when it is none, or a value does not fit. */
int proto_read_row(const struct proto_plan *plan, struct slice message, struct arena *arena, struct vector *columns,
                   size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error);
/* Appends the message of a row. ERROR_INVALID: a NULL inside of an ARRAY or MAP, which has no place. */
int proto_write_row(const struct proto_plan *plan, const struct row_layout *layout, const struct vector *columns,
                    size_t row, struct bytes *to, struct error *error);

#endif
