/* What a source asks of its records beyond its columns: KEY_OF, REQUIRED, MAX_AHEAD. */
#ifndef METERLINE_STREAM_SOURCE_SOURCE_RULES_H
#define METERLINE_STREAM_SOURCE_SOURCE_RULES_H

#include "stream/source/source_reader.h"

/* Selected rows that break a rule become SOURCE_BAD, with the reason in `arena`, and leave the selection. Rows without
 * a value are free. The answer depends on the records and on the clock of the log alone, so that a replay gives it
 * again. False: no memory. */
bool source_rules_apply(const struct source_plan *plan, const struct bus_batch *records, struct arena *arena,
                        struct source_rows *rows);

#endif
