/* Positions in a text as Java counts them: UTF-16 code units, of which a character above U+FFFF has two. Bytes that
 * are not UTF-8 count as one each. */
#ifndef METERLINE_SQL_FUNCTION_LIBRARY_TEXT_TEXT_UNITS_H
#define METERLINE_SQL_FUNCTION_LIBRARY_TEXT_TEXT_UNITS_H

#include "core/bytes.h"
#include "core/slice.h"

size_t text_units(struct slice text);
/* The byte where unit `units` begins, or the end; *ret_inside: the unit is the second of a pair, and the byte that
 * of the character. */
size_t text_unit_offset(struct slice text, size_t units, bool *ret_inside);
/* Appends `count` units from unit `from`; half of a pair becomes "?", as when Java writes it in UTF-8. */
void text_append_units(struct bytes *to, struct slice text, size_t from, size_t count);
/* Bytes of the character at the beginning of a text that is not empty. */
size_t text_character(struct slice text);
/* The code point of the character that text_character measured. */
unsigned text_code_point(const char *at, size_t length);
/* Where `part` is in `text` from byte `from` on; SIZE_MAX: nowhere. */
size_t text_find(struct slice text, struct slice part, size_t from);

#endif
