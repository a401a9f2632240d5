/* Text files that are read as a whole. */
#ifndef METERLINE_CLI_TEXT_FILE_H
#define METERLINE_CLI_TEXT_FILE_H

#include "core/bytes.h"
#include "core/error.h"

/* Appends the file, or standard input when `path` is "-". */
int cli_read_text(const char *path, struct bytes *to, struct error *error);

#endif
