/* Bytes as text and back, in the encodings that functions know by name. */
#ifndef METERLINE_SQL_FUNCTION_LIBRARY_TEXT_BYTE_TEXT_H
#define METERLINE_SQL_FUNCTION_LIBRARY_TEXT_BYTE_TEXT_H

#include "core/bytes.h"
#include "core/slice.h"
#include <stdbool.h>

enum byte_text { BYTE_TEXT_HEX, BYTE_TEXT_UTF8, BYTE_TEXT_ASCII, BYTE_TEXT_BASE64 };

/* hex, utf8, ascii, base64, in any case. */
bool byte_text_encoding(struct slice name, enum byte_text *ret_encoding);
/* Hexadecimal digits in upper case; what is no character of UTF-8 or ASCII becomes U+FFFD. */
void byte_text_write(enum byte_text encoding, struct slice bytes, struct bytes *to);
/* Hexadecimal digits in any case, perhaps as 0x.. or X'..', an odd number with a 0 before it; Base64 with or without
 * its padding; what ASCII does not have becomes ?. False: it is no such text. */
bool byte_text_read(enum byte_text encoding, struct slice text, struct bytes *to);

#endif
