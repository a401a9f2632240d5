/* Lists of names: which is there twice, which is nearest to a word that is not there. */
#ifndef METERLINE_SQL_SYNTAX_NAMES_H
#define METERLINE_SQL_SYNTAX_NAMES_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum { NAMES_SUGGESTION_SIZE = 100, NAMES_SHOWN_MAXIMUM = 60 };

/* Sets *ret_index to the first name that an earlier one equals, or to `count`. False: no memory. */
bool names_find_duplicate(const struct slice *names, size_t count, size_t *ret_index);
/* Writes "; did you mean NAME?", or nothing when no name is near; returns `to`. Names end with a NUL byte. */
const char *names_suggest(char to[NAMES_SUGGESTION_SIZE], struct slice word, const char *const *names, size_t count);
/* The same for slices; at most the first NAMES_NEAREST_MAXIMUM of them are looked at. A name that differs by its
 * case only is said to be in quotes. */
enum { NAMES_NEAREST_MAXIMUM = 200 };
const char *names_nearest(char to[NAMES_SUGGESTION_SIZE], struct slice word, const struct slice *names, size_t count);
/* Length of the beginning of a name that a message shows, for "%.*s". */
int names_shown(struct slice name);

#endif
