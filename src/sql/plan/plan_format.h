/* Formats and times of sources and sinks, as codecs and operators take them. */
#ifndef METERLINE_SQL_PLAN_PLAN_FORMAT_H
#define METERLINE_SQL_PLAN_PLAN_FORMAT_H

#include "sql/plan/plan.h"

enum row_window plan_row_window(enum window_kind window);
int plan_formats(const struct source *source, struct arena *arena, struct row_format *ret_key,
                 struct row_format *ret_value, struct error *error);
/* The evaluator of the TIMESTAMP property over `schema`; NULL when there is none. */
int plan_timestamp(const struct source *source, const struct row_schema *schema,
                   const struct compile_settings *settings, struct arena *arena, const struct evaluator **ret_evaluator,
                   struct error *error);

#endif
