/* JSON as text: of trees, and of SQL values. */
#ifndef METERLINE_SQL_FUNCTION_LIBRARY_JSON_TEXT_H
#define METERLINE_SQL_FUNCTION_LIBRARY_JSON_TEXT_H

#include "codec/json/json_tree.h"
#include "core/bytes.h"
#include "model/value.h"

/* Without spaces; members in their order; numbers with a point as Java writes them. */
void json_text_tree(struct bytes *to, const json_t *tree);
/* NULL as null, times as ISO-8601 texts, BYTES in Base64, MAP and STRUCT as objects, numbers that are not finite as
 * texts. */
void json_text_value(struct bytes *to, const struct type *type, const struct value *value);
/* The value that a path leads to: $.name[0]["name"]. NULL: it leads nowhere, or (*ret_problem set) it is no path. */
const json_t *json_text_find(const json_t *tree, struct slice path, const char **ret_problem);

#endif
