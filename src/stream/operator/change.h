/* Changes of a table on their way through a topic.
 *
 * A change of a row may change its group: then one partition must forget the old values and another learn the new
 * ones.
 *
 *     before (key a, x=1) ─▶ after (key b, x=2)      split into      key a: WAS, O=1     and then     key b: IS, N=2
 *     before (key a, x=1) ─▶ after (key a, x=2)      one row         key a: IS, N=2, WAS, O=1
 *
 * The split schema: key columns, the other columns as they are now, the same as they were, IS and WAS (BOOLEAN). */
#ifndef METERLINE_STREAM_OPERATOR_CHANGE_H
#define METERLINE_STREAM_OPERATOR_CHANGE_H

#include "stream/operator/operator.h"

/* `schema`: of the rows that it gives, in both cases. */
int change_split_new(const struct row_schema *schema, struct stream_operator *next, unsigned next_input,
                     struct stream_operator **ret_operator, struct error *error);
int change_unite_new(const struct row_schema *schema, struct stream_operator *next, unsigned next_input,
                     struct stream_operator **ret_operator, struct error *error);

#endif
