/* Jobs: SQL files with parameters. A parameter is declared in a comment of the file's beginning, with what it is when it
 * is not given, and stands as ${name} in the text:
 *
 *     -- Consumption by day from registers.
 *     -- parameter from = 2000-01-01: the first day
 *     -- parameter attribute: which register; must be given
 *     SELECT ... WHERE ts >= TIMESTAMP '${from}' ...
 *
 * A quote in a value is doubled, as values stand within quotes or are numbers. */
#ifndef METERLINE_BATCH_JOB_H
#define METERLINE_BATCH_JOB_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/slice.h"

enum { JOB_PARAMETERS_MAXIMUM = 64 };

struct job_parameter {
    struct slice name, fallback, help; /* fallback without data: it must be given */
    struct slice value;                /* without data: none was given */
};

struct job {
    struct slice text;
    struct job_parameter parameters[JOB_PARAMETERS_MAXIMUM];
    size_t count;
};

/* Slices lie in `text`. ERROR_INVALID names the line. */
int job_read(struct slice text, struct job *ret_job, struct error *error);
/* "name=value", which outlives the job. ERROR_INVALID: there is no such parameter: names those there are. */
int job_set(struct job *job, const char *assignment, struct error *error);
/* The statement with values put in, and a NUL. ERROR_INVALID names a parameter without a value, or a name that was not
 * declared. */
int job_write(const struct job *job, struct bytes *to, struct error *error);

#endif
