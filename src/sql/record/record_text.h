/* Records as JSON text and back, by the columns and formats of a stream or table: for tests, and for what is typed
 * and shown. */
#ifndef METERLINE_SQL_RECORD_RECORD_TEXT_H
#define METERLINE_SQL_RECORD_RECORD_TEXT_H

#include "bus/bus.h"
#include "sql/catalog/source.h"

struct record_text {
    struct slice key, value; /* JSON; data NULL: null. Of DELIMITED, a JSON string with the line */
    bool windowed;
    int64_t window_start, window_end;
};

/* Key and value bytes as `source` has them; the rest of *ret_record is left alone. JSON is taken as it stands, also
 * when it does not fit the columns. ERROR_INVALID: the text cannot be written in the format. */
int record_text_encode(const struct source *source, const struct registry *registry, const struct record_text *text,
                       struct arena *arena, struct bus_record *ret_record, struct error *error);
int record_text_decode(const struct source *source, const struct registry *registry, const struct bus_record *record,
                       struct arena *arena, struct record_text *ret_text, struct error *error);
/* Do key and value of the record hold what the texts say, column by column? Doubles to 1e-6 of their size, all else
 * as it is written. *ret_why: NULL, or in what they differ. */
int record_text_same(const struct source *source, const struct registry *registry, const struct record_text *expected,
                     const struct bus_record *actual, struct arena *arena, const char **ret_why, struct error *error);

#endif
