/* The terminal: how wide it is, and how wide a text is on it. */
#ifndef METERLINE_CLI_TERMINAL_H
#define METERLINE_CLI_TERMINAL_H

#include "core/slice.h"

/* Columns: COLUMNS of the environment, else the terminal's; 0: `descriptor` is none, so nothing bounds a line. */
size_t terminal_width(int descriptor);
/* Columns that a text takes (UTF-8; East Asian wide characters take two). */
size_t terminal_text_width(struct slice text);
/* The bytes of `text` that fit into `width` columns, whole characters. */
size_t terminal_text_fit(struct slice text, size_t width);

#endif
