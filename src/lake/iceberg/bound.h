/* Single values as bytes (https://iceberg.apache.org/spec, "Appendix D: Single-value serialization"), as bounds are
 * kept in manifests. */
#ifndef METERLINE_LAKE_ICEBERG_BOUND_H
#define METERLINE_LAKE_ICEBERG_BOUND_H

#include "core/bytes.h"
#include "model/value.h"

void bound_write(struct bytes *to, const struct type *type, const struct value *value);
/* Times in ms, rounded down, of an `upper` bound up. False: no such value. Texts lie in `bytes`. */
bool bound_read(struct slice bytes, const struct type *type, bool upper, struct value *ret_value);

#endif
