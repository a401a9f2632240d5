/* Where the tokens are: --tokens, or `tokens` in the data folder. */
#ifndef METERLINE_CLI_TOKENS_FILE_H
#define METERLINE_CLI_TOKENS_FILE_H

#include "cli/command.h"
#include "core/bytes.h"

/* The file's name with a NUL byte. */
int tokens_file_name(const struct common_settings *common, const char *named, struct bytes *to, struct error *error);

#endif
