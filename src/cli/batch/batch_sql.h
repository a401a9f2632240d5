/* The actions of `meterline batch` that run SQL. Each returns 0 with the exit status, or an error. */
#ifndef METERLINE_CLI_BATCH_BATCH_SQL_H
#define METERLINE_CLI_BATCH_BATCH_SQL_H

#include "cli/batch/batch_session.h"

int batch_run_job(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error);
int batch_sql(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error);

#endif
