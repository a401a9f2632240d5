/* Schemas of Protocol Buffers (proto3, and what proto2 has in common with it): read from the text of a .proto file.
 *
 * What is kept of a file is what bytes need: messages with their fields by number, enums, and which messages are
 * well known (times, decimals, wrappers). Options, comments, services and reserved numbers are passed over. The types
 * that are imported must be among the well-known ones. Everything lies in the arena it was read into. */
#ifndef METERLINE_CODEC_PROTOBUF_PROTO_SCHEMA_H
#define METERLINE_CODEC_PROTOBUF_PROTO_SCHEMA_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proto_kind {
    PROTO_DOUBLE,
    PROTO_FLOAT,
    PROTO_INT32,
    PROTO_INT64,
    PROTO_UINT32,
    PROTO_UINT64,
    PROTO_SINT32,
    PROTO_SINT64,
    PROTO_FIXED32,
    PROTO_FIXED64,
    PROTO_SFIXED32,
    PROTO_SFIXED64,
    PROTO_BOOL,
    PROTO_STRING,
    PROTO_BYTES,
    PROTO_ENUM,
    PROTO_MESSAGE,
};

/* Messages that stand for one value. */
enum proto_known {
    PROTO_PLAIN,
    PROTO_TIMESTAMP,   /* google.protobuf.Timestamp: int64 seconds = 1; int32 nanos = 2 */
    PROTO_DATE,        /* google.type.Date: int32 year = 1; month = 2; day = 3 */
    PROTO_TIME_OF_DAY, /* google.type.TimeOfDay: int32 hours = 1; minutes = 2; seconds = 3; nanos = 4 */
    PROTO_DECIMAL,     /* confluent.type.Decimal: bytes value = 1; uint32 precision = 2; int32 scale = 3 */
    PROTO_WRAPPER,     /* google.protobuf.*Value: its field `value` = 1 */
};

struct proto_message;

struct proto_enum {
    struct slice name;
    const struct slice *names;
    const int32_t *numbers;
    size_t count;
};

struct proto_field {
    struct slice name;
    uint32_t number;
    enum proto_kind kind;
    const struct proto_message *message; /* of PROTO_MESSAGE */
    const struct proto_enum *words;      /* of PROTO_ENUM */
    bool repeated;
    bool map;      /* repeated, of messages with key = 1 and value = 2 */
    bool presence; /* a scalar that is told apart from its default: optional, or of a oneof */
};

struct proto_message {
    struct slice name; /* with the names of the messages it lies in: A.B */
    enum proto_known known;
    struct proto_field *fields; /* as they are written */
    size_t field_count;
    const struct proto_message *const *nested; /* as they are written */
    size_t nested_count;
};

struct proto_schema {
    const struct proto_message *const *messages; /* the outermost ones, as they are written */
    size_t count;
};

enum { PROTO_DEPTH_MAXIMUM = 32, PROTO_FIELDS_MAXIMUM = 10000 };

/* ERROR_INVALID: no schema, or one that uses what is not known here; the message says where. */
int proto_schema_read(struct slice text, struct arena *arena, struct proto_schema *ret_schema, struct error *error);
/* The well-known message of a full name; NULL: there is none. */
const struct proto_message *proto_well_known(struct slice full_name);
const char *proto_kind_name(enum proto_kind kind); /* "int32"; of enums and messages their keyword */

#endif
