/* Thrift's compact protocol (thrift-compact-protocol.md), as far as Parquet's headers and footers need it: fields with
 * growing ids, i32 and i64 as zigzag varints, binary, lists, structs.
 *
 * A struct is written between thrift_begin and thrift_end, which keep the last field id; a reader is told each field's
 * id and type, and skips those that it does not know. */
#ifndef METERLINE_LAKE_PARQUET_THRIFT_H
#define METERLINE_LAKE_PARQUET_THRIFT_H

#include "core/bytes.h"
#include <stdbool.h>
#include <stdint.h>

enum thrift_type {
    THRIFT_STOP,
    THRIFT_TRUE,
    THRIFT_FALSE,
    THRIFT_BYTE,
    THRIFT_I16,
    THRIFT_I32,
    THRIFT_I64,
    THRIFT_DOUBLE,
    THRIFT_BINARY,
    THRIFT_LIST,
    THRIFT_SET,
    THRIFT_MAP,
    THRIFT_STRUCT,
};

/* --- writing: `last` is the field id before, 0 at the beginning of a struct --- */

void thrift_field(struct bytes *to, int16_t *last, int16_t id, enum thrift_type type);
void thrift_i32(struct bytes *to, int16_t *last, int16_t id, int64_t value);
void thrift_i64(struct bytes *to, int16_t *last, int16_t id, int64_t value);
void thrift_bool(struct bytes *to, int16_t *last, int16_t id, bool value);
void thrift_binary(struct bytes *to, int16_t *last, int16_t id, struct slice value);
/* The elements follow, without field headers. */
void thrift_list(struct bytes *to, int16_t *last, int16_t id, enum thrift_type type, size_t count);
/* A field that is a struct; its fields follow with a `last` of their own, then thrift_stop. */
void thrift_struct(struct bytes *to, int16_t *last, int16_t id);
void thrift_stop(struct bytes *to);
void thrift_text(struct bytes *to, struct slice value); /* an element of a list */

/* --- reading --- */

struct thrift_reader {
    const char *at, *end;
    bool failed; /* the bytes are no such struct; what is read further is 0 or empty */
};

/* The next field of a struct: false at its end. */
bool thrift_next(struct thrift_reader *reader, int16_t *last, enum thrift_type *ret_type);
int64_t thrift_read_integer(struct thrift_reader *reader); /* of an i16, i32, i64 */
struct slice thrift_read_binary(struct thrift_reader *reader);
/* Never more elements than there are bytes left. */
size_t thrift_read_list(struct thrift_reader *reader, enum thrift_type *ret_type);
void thrift_skip(struct thrift_reader *reader, enum thrift_type type);

#endif
