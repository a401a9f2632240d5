/* Tests of pipelines: statements, records that go in, records that must come out. The interface of ksqlDB's test
 * runner; see docs/sql.md. */
#ifndef METERLINE_SQL_RECORD_PIPELINE_TEST_H
#define METERLINE_SQL_RECORD_PIPELINE_TEST_H

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

struct pipeline_test {
    struct slice statements, input, output; /* input: data NULL: none. JSON, perhaps with // comments */
    const struct clock *clock;
    const struct log *log; /* what could not be read or computed on the way; NULL: silent */
};

/* Runs the test three times: record by record, batch by batch, and with a restart after each record. 0: passed. ERROR_INVALID: a statement, a file or a
 * result is not as it must be; the message says which, with topic, number of the message, what was expected and what
 * came. */
int pipeline_test_run(const struct pipeline_test *test, struct error *error);

#endif
