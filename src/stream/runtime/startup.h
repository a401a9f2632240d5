/* Starts queries of which some may be impossible: each of these fails alone, the others run.
 *
 * Queries whose positions lie in one group stand or fall together: if the others went on, the place of the one that
 * cannot start would be lost, and it would begin anew when it has been mended. */
#ifndef METERLINE_STREAM_RUNTIME_STARTUP_H
#define METERLINE_STREAM_RUNTIME_STARTUP_H

#include "stream/runtime/runner.h"

/* Adds the queries; `failed` is called for each that cannot start, with the reason. An error is returned for what
 * concerns all of them: no memory, a log that does not answer. */
int query_runner_start(struct query_runner *runner, const struct query_plan *const *plans, size_t count,
                       void (*failed)(void *context, const struct query_plan *plan, const struct error *why),
                       void *context, struct error *error);
/* Is it about the query itself, so that it would fail again? */
bool query_start_is_impossible(int status, const struct error *error);

#endif
