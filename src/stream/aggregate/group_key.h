/* The bytes that a group is known by: equal bytes, equal key. */
#ifndef METERLINE_STREAM_AGGREGATE_GROUP_KEY_H
#define METERLINE_STREAM_AGGREGATE_GROUP_KEY_H

#include "model/rows.h"

bool group_key_is_text(const struct type *type); /* STRING or BYTES: alone, the key is its bytes */
/* Appends the key of row `row`, none of whose columns is NULL. */
void group_key_write(struct bytes *to, const struct vector *columns, size_t count, size_t row);
/* Takes a key apart, texts in `arena`. False: it is no key of these types, or no memory. */
bool group_key_read(struct slice key, const struct row_column *columns, size_t count, struct arena *arena,
                    struct value *ret_values);

/* A time before the key: eight bytes, in whose order times are. */
enum { GROUP_TIME_SIZE = 8 };
void group_time_write(char *to, int64_t time);
int64_t group_time_read(const char *from);

#endif
