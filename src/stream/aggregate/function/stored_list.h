/* A list of values in stored form, part of the states of aggregates that keep many: 24 bytes and one allocation.
 *
 * An item is four bytes of length, then perhaps a number (`numbered`: a count, a place in an order), then the value
 * as value_write has it. Equal values have equal bytes, as Java's equals has it (0.0 and -0.0 are two). */
#ifndef METERLINE_STREAM_AGGREGATE_FUNCTION_STORED_LIST_H
#define METERLINE_STREAM_AGGREGATE_FUNCTION_STORED_LIST_H

#include "model/value.h"

struct stored_list {
    char *data;
    uint32_t length, capacity, count;
};

/* An item, seen in place. */
struct stored_item {
    size_t at;          /* of its first byte */
    int64_t number;     /* when the list is numbered */
    struct slice value; /* stored form */
};

/* From *at on; false at the end. */
bool stored_list_next(const struct stored_list *list, bool numbered, size_t *at, struct stored_item *ret_item);
void stored_list_set_number(struct stored_list *list, size_t at, int64_t number);
/* Appends; `number` NULL: the list is not numbered. False: no memory, and the list is as it was. */
bool stored_list_append(struct stored_list *list, const int64_t *number, const struct type *type,
                        const struct value *value);
bool stored_list_append_stored(struct stored_list *list, const int64_t *number, struct slice value);
/* Moves the last item to where the item at `at` begins. False: no memory. */
bool stored_list_move_last(struct stored_list *list, size_t last, size_t at);
void stored_list_remove(struct stored_list *list, size_t at);
void stored_list_clear(struct stored_list *list); /* the memory stays */
void stored_list_release(struct stored_list *list);

/* A stored value; texts stay where they are, sequences go to the arena. False: no memory (what is in a list is
 * valid). */
bool stored_value_get(struct slice stored, const struct type *type, struct arena *arena, struct value *ret_value);
/* The values as an ARRAY, in `arena`. */
bool stored_list_array(const struct stored_list *list, bool numbered, const struct type *type, struct arena *arena,
                       struct value *ret_value);

void stored_list_write(const struct stored_list *list, struct bytes *to);
/* Into an empty list; checks everything. An item holds one value of each of `types`. */
bool stored_list_read(const char **at, const char *end, bool numbered, const struct type *const *types,
                      size_t type_count, struct stored_list *list);

#endif
