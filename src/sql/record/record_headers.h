/* Headers of records as JSON: [{"KEY": "name", "VALUE": "base64"}, ..]. */
#ifndef METERLINE_SQL_RECORD_RECORD_HEADERS_H
#define METERLINE_SQL_RECORD_RECORD_HEADERS_H

#include "bus/bus.h"

/* `text` is valid JSON; data NULL: no headers. A value that is no base64 is taken as it stands, NULL where there is
 * none. ERROR_INVALID. */
int record_headers_read(struct slice text, struct arena *arena, struct bus_header **ret_headers, size_t *ret_count,
                        struct error *error);

#endif
