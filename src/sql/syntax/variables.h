/* Variables of a session: DEFINE name = 'value', then ${name} in later statements; its settings (SET) too. Names do
 * not mind their case. Values end with a NUL byte. Owns copies of names and values; at most VARIABLES_MAXIMUM. Not
 * thread-safe: one owner. */
#ifndef METERLINE_SQL_SYNTAX_VARIABLES_H
#define METERLINE_SQL_SYNTAX_VARIABLES_H

#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum { VARIABLES_MAXIMUM = 1000 };

struct variable {
    struct slice name, value; /* name as first written */
};

struct variables {
    struct variable *items; /* in the order of their first definition */
    size_t count, capacity;
};

/* Sets or replaces. ERROR_INVALID: too many. */
int variables_define(struct variables *variables, struct slice name, struct slice value, struct error *error);
/* A copy of all; false: no memory. */
bool variables_copy(const struct variables *variables, struct variables *ret_copy);
bool variables_undefine(struct variables *variables, struct slice name);
const struct variable *variables_find(const struct variables *variables, struct slice name);
void variables_release(struct variables *variables); /* usable with cleanup() */

#endif
