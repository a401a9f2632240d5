/* Rows of a file of delimited text as UTF-8: lines that are no UTF-8 are read as Windows-1252, each for itself.
 *
 * A field that begins with a quote goes to the closing one, also over lines; quotes inside are doubled. A quote that
 * does not close within ROWS_QUOTED_LINES lines is taken as a character: its line is a row of its own. One thread. */
#ifndef METERLINE_REPLAY_IMPORT_ROWS_H
#define METERLINE_REPLAY_IMPORT_ROWS_H

#include "core/error.h"
#include "core/slice.h"
#include "replay/input.h"
#include <stdbool.h>
#include <stdint.h>

enum { ROWS_COLUMNS_MAXIMUM = 8192, ROWS_QUOTED_LINES = 100 };

struct rows;

struct row {
    const struct slice *fields; /* without quotes and blanks around them; valid until the next row */
    size_t count;
    struct slice text;   /* the row as it stands in the file, in UTF-8 */
    int64_t line;        /* the line it begins on, from 1 */
    const char *problem; /* why it has no fields; NULL: it has */
};

/* Takes the input over, also on failure. `delimiter` 0: not known yet, a row is one field. */
int rows_open(struct input *input, char delimiter, struct rows **ret_rows, struct error *error);
struct rows *rows_close(struct rows *rows);
/* 1 with a row that is not blank, 0 at the end, or an error of the input or of memory. */
int rows_next(struct rows *rows, struct row *ret_row, struct error *error);
/* Splits a text as the rows of a file are; `ret_row->problem` says when it has too many columns. */
int rows_split(struct rows *rows, struct slice text, char delimiter, struct row *ret_row, struct error *error);

struct rows_counts {
    int64_t lines;   /* of the file */
    int64_t recoded; /* from Windows-1252 */
    bool wide;       /* UTF-16 */
    bool unended;    /* the last line had no line feed */
};
struct rows_counts rows_counts(const struct rows *rows);
int64_t rows_size(const struct rows *rows); /* of the file now, bytes; -1: it is none */

#endif
