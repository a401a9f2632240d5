/* JSON by its text: the parts of an object or array as slices of what was written, so that numbers keep every digit.
 * The text must be valid JSON (json_skip of codec/json_scan.h says so). */
#ifndef METERLINE_CODEC_JSON_JSON_SPAN_H
#define METERLINE_CODEC_JSON_JSON_SPAN_H

#include "core/bytes.h"
#include "core/slice.h"
#include <stdbool.h>

/* Comments from // to the end of the line, outside of strings, become spaces. */
void json_blank_comments(char *text, size_t length);

/* What stands inside of an object or array, to be walked through; data NULL: it is neither. */
struct slice json_span_inside(struct slice text);
/* The next item, which *rest is moved after; false at the end. `ret_name`, of an object's member, is raw: without
 * its quotes, escapes as they are. */
bool json_span_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value);
/* The value of a member; data NULL: there is none. */
struct slice json_span_member(struct slice object, const char *name);
/* A string without quotes and escapes, appended to `to`; false when it is no string. */
bool json_span_string(struct slice text, struct bytes *to);

#endif
