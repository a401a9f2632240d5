/* Readings as CSV (RFC 4180, a row on one line) with a header: gateway, type, attribute, timestamp, value in any order.
 * One thread. */
#ifndef METERLINE_CODEC_READING_CSV_H
#define METERLINE_CODEC_READING_CSV_H

#include "codec/reading.h"
#include "core/bytes.h"
#include "model/schema.h"

#define READING_CSV_HEADER "gateway,type,attribute,timestamp,value"
enum { READING_CSV_COLUMNS_MAXIMUM = 16 };

/* Zeroed before the header is read. */
struct reading_csv {
    size_t columns;                 /* in the header */
    size_t column[READING_COLUMNS]; /* of the file, for each column of a reading */
    struct bytes unquoted;          /* fields of a line whose quotes were taken off */
};

enum reading_csv_header { READING_CSV_GOOD, READING_CSV_NO_HEADER, READING_CSV_EXTRA_COLUMN };

/* READING_CSV_EXTRA_COLUMN: *ret_extra is one that is not known or there twice. */
enum reading_csv_header reading_csv_read_header(struct reading_csv *csv, struct slice line, struct slice *ret_extra);
/* A row; names lie in the line, or in `csv` until the next row. `null`: the value is missing (empty, or "?"); `reason`,
 * in `arena` or static: why it is none. Names are not checked (reading_check). */
void reading_csv_read(struct reading_csv *csv, struct slice line, struct arena *arena, struct reading *ret_reading);
void reading_csv_release(struct reading_csv *csv);

#endif
