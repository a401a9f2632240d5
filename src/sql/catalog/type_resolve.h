/* From the name of a type, as it was written, to the type: built-in ones and those made by CREATE TYPE. */
#ifndef METERLINE_SQL_CATALOG_TYPE_RESOLVE_H
#define METERLINE_SQL_CATALOG_TYPE_RESOLVE_H

#include "core/error.h"
#include "model/type.h"
#include "sql/syntax/ast.h"

struct catalog;

/* `catalog` knows the made types; NULL: none. The type depends on `arena` only. ERROR_INVALID with the place. */
int type_resolve(const struct type_name *name, const struct catalog *catalog, struct arena *arena,
                 const struct type **ret_type, struct error *error);
/* Is it the name of a built-in type? */
bool type_is_built_in(struct slice name);

#endif
