/* How a value that a test expects is written: as a topic's JSON has it, digit by digit. */
#ifndef METERLINE_SQL_RECORD_RECORD_EXPECTED_H
#define METERLINE_SQL_RECORD_RECORD_EXPECTED_H

#include "codec/row/row_codec.h"

/* Could the columns be written as this valid JSON? Texts in quotes, whole numbers without a point, a DECIMAL with
 * the digits of its scale, no field that is no column; null and fields that are missing are always right. `bare`:
 * the value of the only column, with no object around it. */
bool record_expected_fits(const struct row_column *columns, size_t count, bool bare, struct slice json);

#endif
