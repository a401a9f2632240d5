/* The reference page of functions, made from their tables. */
#ifndef METERLINE_SQL_FUNCTION_FUNCTION_REFERENCE_H
#define METERLINE_SQL_FUNCTION_FUNCTION_REFERENCE_H

#include "core/bytes.h"

/* Markdown: a section for each category of scalar functions, then the aggregate functions. */
void functions_markdown(struct bytes *to);

#endif
