/* Values of SQL types as the row formats share them: numbers and base64 as text, UTF-8, sequences of unknown length,
 * reasons. */
#ifndef METERLINE_CODEC_ROW_ROW_VALUE_H
#define METERLINE_CODEC_ROW_ROW_VALUE_H

#include "core/arena.h"
#include "core/bytes.h"
#include "model/value.h"

/* "field TEMPERATURE: 'abc' cannot be read as DOUBLE"; what is long is cut and what cannot be printed becomes '?'. */
const char *row_unfit(struct arena *arena, struct slice field, const struct type *type, struct slice shown);

/* Whether the whole number is one of the type: INTEGER, BIGINT, DATE, TIME, TIMESTAMP. */
bool row_integer_fits(const struct type *type, int64_t integer);
/* A number, its fraction cut off, if it then is one of the type. The text is a number by JSON's grammar. */
bool row_read_truncated(struct slice text, const struct type *type, int64_t *ret_integer);
/* A number as DECIMAL if it fits without losing a digit. */
bool row_read_decimal(struct slice text, const struct type *type, decimal *ret_value);
/* A value of any type but BOOLEAN, STRING and the nested ones as text: Java's numbers, times as whole numbers,
 * base64. False with *ret_failed: no memory. */
bool row_read_text(struct slice text, const struct type *type, struct arena *arena, struct value *ret_value,
                   bool *ret_failed);

/* The text itself, or a copy in which what is not UTF-8 has become U+FFFD, as Java decodes it. False: no memory. */
bool row_utf8(struct arena *arena, struct slice text, struct slice *ret_text);

/* RFC 4648, section 4; reading takes padding as it comes, in full or not at all. */
void row_write_base64(struct bytes *to, struct slice data);
bool row_read_base64(struct slice text, struct arena *arena, struct slice *ret_data, bool *ret_failed);

/* A sequence that grows; all in the arena. */
struct row_items {
    struct value *items;
    size_t count, capacity;
};

bool row_items_add(struct row_items *items, struct arena *arena, const struct value *value);
/* NULL: no memory. */
const struct sequence *row_items_finish(const struct row_items *items, struct arena *arena);
/* The same of key, value, key, value, .. with STRING keys; of a key that is there twice the last value counts, in
 * the first one's place. */
const struct sequence *row_items_finish_map(struct row_items *items, struct arena *arena);

/* Case does not matter among ASCII letters. */
bool row_same_name(struct slice a, struct slice b);

#endif
