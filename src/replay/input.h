/* Lines of a file, of standard input or of memory; gzip is recognised by content, UTF-16 by its byte order mark or its
 * zero bytes, and given as UTF-8.
 *
 * Lines end in LF or CRLF, which are cut off, as is a UTF-8 byte order mark before the first; the last line needs no
 * end. A line longer than INPUT_LINE_MAXIMUM is passed over without being kept. Memory: one buffer, no larger than
 * twice the longest line. One thread. */
#ifndef METERLINE_REPLAY_INPUT_H
#define METERLINE_REPLAY_INPUT_H

#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum { INPUT_LINE_MAXIMUM = 1024 * 1024 };
enum { INPUT_END = 0, INPUT_LINE = 1, INPUT_TOO_LONG = 2 };

struct input;

/* `file`: a path, or "-" for standard input. ERROR_NOT_FOUND, ERROR_INVALID (a folder) and ERROR_IO name it. */
int input_open(const char *file, struct input **ret_input, struct error *error);
/* A file that is open already, from its beginning; the descriptor stays the caller's. `name`: for messages. */
int input_open_file(int descriptor, const char *name, struct input **ret_input, struct error *error);
/* Plain text in memory that must outlive the input. */
int input_open_memory(struct slice text, struct input **ret_input, struct error *error);
struct input *input_close(struct input *input);
/* INPUT_LINE with a line that is valid until the next call, INPUT_TOO_LONG without one, INPUT_END, or an error:
 * ERROR_CORRUPT for compressed data that ends early or is damaged (the whole lines before it have been given),
 * ERROR_INTERRUPTED when a signal ended a wait for more. */
int input_next(struct input *input, struct slice *ret_line, struct error *error);
bool input_is_live(const struct input *input); /* a pipe, socket or terminal */
/* Is the next line one of a pipe, socket or terminal that does not come within `timeout` ms? A signal ends the wait. */
bool input_waits(const struct input *input, int64_t timeout);
int64_t input_line(const struct input *input);     /* number of the line last given, from 1 */
bool input_is_ended(const struct input *input);    /* did the line last given end in a line feed? */
bool input_is_wide(const struct input *input);     /* is it UTF-16? */
int64_t input_size(const struct input *input);     /* of the file now, bytes; -1: it is no file */
const char *input_name(const struct input *input); /* for messages */

#endif
