/* The actions of `meterline batch` on windows. Each returns 0 with the exit status, or an error. */
#ifndef METERLINE_CLI_BATCH_BATCH_WINDOWS_H
#define METERLINE_CLI_BATCH_BATCH_WINDOWS_H

#include "cli/batch/batch_session.h"

int batch_recompute(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error);
int batch_restate(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error);
int batch_reconcile(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error);

#endif
