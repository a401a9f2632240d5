/* A set of values in stored form, in the order in which they came: a numbered list with an index once it is longer
 * than a few. */
#ifndef METERLINE_STREAM_AGGREGATE_FUNCTION_STORED_SET_H
#define METERLINE_STREAM_AGGREGATE_FUNCTION_STORED_SET_H

#include "stream/aggregate/function/stored_list.h"

struct stored_set {
    struct stored_list list; /* numbered: the set's owner says what the numbers mean */
    uint32_t *index;         /* hash table of places in the list, plus one; NULL: not made yet */
    uint32_t index_size;     /* a power of two */
};

/* The item equal to the stored value. False: there is none or, with *ret_failed, memory has run out. */
bool stored_set_find(struct stored_set *set, struct slice value, struct stored_item *ret_item, bool *ret_failed);
/* Appends a value that is not there. False: no memory. */
bool stored_set_append(struct stored_set *set, int64_t number, struct slice value);
void stored_set_remove(struct stored_set *set, size_t at);
void stored_set_release(struct stored_set *set);
size_t stored_set_memory(const struct stored_set *set);

#endif
