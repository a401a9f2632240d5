/* Upper and lower case of all letters of Unicode, as java.lang.String and Character know them; no locale. */
#ifndef METERLINE_SQL_FUNCTION_LIBRARY_TEXT_LETTER_CASE_H
#define METERLINE_SQL_FUNCTION_LIBRARY_TEXT_LETTER_CASE_H

#include "core/bytes.h"
#include "core/slice.h"
#include <stdbool.h>

void letter_case_upper(struct bytes *to, struct slice text); /* the sharp s becomes SS */
void letter_case_lower(struct bytes *to, struct slice text); /* a sigma at the end of a word the final one */
/* The first letter of each word in upper case, the others in lower case; words are what lies between white space. */
void letter_case_initials(struct bytes *to, struct slice text);

enum letter_kind { LETTER_UPPER, LETTER_LOWER, LETTER_DIGIT, LETTER_OTHER };
enum letter_kind letter_kind_of(unsigned code_point);

#endif
