/* Regular expressions in the syntax of java.util.regex.Pattern, run by PCRE2.
 *
 * What Java writes otherwise is translated: \uXXXX, \0nn, \p{Lower}, \p{IsLatin}, classes in classes ([a-c[x-z]]),
 * intersections ([a-z&&[^aeiou]]). What only PCRE2 knows (recursion, verbs, \K, callouts) is refused as Java does.
 * \w, \d, \s and \b know ASCII only, as Java's without flags; lines end with \n, \r or \r\n. */
#ifndef METERLINE_SQL_FUNCTION_LIBRARY_TEXT_JAVA_PATTERN_H
#define METERLINE_SQL_FUNCTION_LIBRARY_TEXT_JAVA_PATTERN_H

#include "core/bytes.h"
#include "core/slice.h"

/* Appends the pattern as PCRE2 wants it. NULL, or why it is refused (static). */
const char *java_pattern_translate(struct slice pattern, struct bytes *to);

#endif
