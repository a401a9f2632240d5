/* The prompt of `meterline sql`. */
#ifndef METERLINE_CLI_SQL_SQL_PROMPT_H
#define METERLINE_CLI_SQL_SQL_PROMPT_H

#include "sql/session/sql_session.h"
#include <stdbool.h>

/* Until exit, quit or the end of input; `quiet`: without a banner. 1: the terminal cannot be used. */
int sql_prompt(struct sql_session *session, bool quiet);

#endif
