/* A pipeline test under way, between its files: pipeline_test.c runs it, pipeline_test_file.c reads what goes in and
 * must come out, pipeline_test_compare.c compares. Everything lives in its arena. */
#ifndef METERLINE_SQL_RECORD_PIPELINE_TEST_RUN_H
#define METERLINE_SQL_RECORD_PIPELINE_TEST_RUN_H

#include "model/registry_memory.h"
#include "sql/record/pipeline_test.h"
#include "sql/session/session.h"
#include "stream/runtime/local_run.h"

struct test_record {
    struct slice topic;      /* NUL-terminated */
    struct slice key, value; /* JSON text; data NULL: null */
    bool has_time, windowed, session;
    int64_t time, window_start, window_end;
    struct bus_header *headers;
    size_t header_count;
};

struct test_actual {
    const char *topic;
    struct bus_record record;
};

/* How the records go in. */
enum test_way { WAY_RECORDS, WAY_BATCHES, WAY_RESTARTS, WAY_COUNT };

struct test_run {
    const struct pipeline_test *test;
    enum test_way way;
    bool no_batches; /* the file of inputs asks for it */
    struct arena arena;
    struct registry_memory *registry;
    struct session *session;
    struct local_run *local;
    const struct query_plan **plans;
    size_t plan_count, plan_capacity;
    struct test_record *inputs, *outputs;
    size_t input_count, output_count;
    struct test_actual *actual; /* of topics that the outputs name */
    size_t actual_count, actual_capacity;
    struct session_effect *records; /* INSERT INTO .. VALUES */
    size_t record_count, record_capacity;
};

/* The records of {"inputs": [..], "batches": false} or {"outputs": [..]}. ERROR_INVALID says what is wrong where. */
int test_read_file(struct test_run *run, struct slice file, const char *name, struct test_record **ret_records,
                   size_t *ret_count, struct error *error);

/* The stream or table that knows most about a topic's records: one that a query fills, else the one with the most
 * columns. NULL: none has the topic. */
const struct source *test_source(const struct test_run *run, const char *topic);
/* Is the topic named by an output before this one? */
bool test_is_repeated(const struct test_run *run, size_t output);

/* Whether `actual` is what the outputs say, topic by topic. ERROR_INVALID: the first difference. */
int test_compare_all(struct test_run *run, struct error *error);

#endif
