/* Queries on an embedded log: statements become plans, records go in as text, what comes out is read as text. */
#ifndef METERLINE_TESTS_QUERY_FIXTURE_H
#define METERLINE_TESTS_QUERY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "sql/expression/compile.h"
#include "sql/session/session.h"
#include "stream/runtime/runner.h"

enum { PLANS_MAXIMUM = 16 };

struct fixture {
    char folder[64], url[80];
    struct bus *bus;
    struct session *session;
    const struct query_plan *plans[PLANS_MAXIMUM];
    size_t plan_count;
    atomic_bool stop;
    struct log log;
    struct query_settings settings;
    struct query_run_report report;
    struct error error;
};

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("line %d: %s: %s", __LINE__, #call, f->error.message);                                            \
    } while (0)

#define FAILS(call, expected_code, text)                                                                               \
    do {                                                                                                               \
        assert_int_equal((call), expected_code);                                                                       \
        if (!strstr(f->error.message, text))                                                                           \
            fail_msg("line %d: '%s' is not in '%s'", __LINE__, text, f->error.message);                                \
    } while (0)

static inline void fixture_open_bus(struct fixture *f) {
    struct bus_options options = {.create = true, .clock = &clock_system, .partitions = 2};
    OK(bus_open(f->url, &options, &f->bus, &f->error));
    f->settings.bus = f->bus;
}

static inline int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->folder, "/tmp/meterline-query-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->url, sizeof f->url, "sqlite:%s", f->folder);
    f->log.level = getenv("METERLINE_TEST_LOG") ? LOG_DEBUG : LOG_ERROR;
    f->settings = (struct query_settings){.clock = &clock_system,
                                          .log = &f->log,
                                          .stop = &f->stop,
                                          .group = "g",
                                          .workers = 1,
                                          .until_end = true,
                                          .free_scratch = evaluation_scratch_free};
    fixture_open_bus(f);
    OK(session_new(&(struct session_options){.registry = bus_registry(f->bus), .clock = &clock_system}, &f->session,
                   &f->error));
    *state = f;
    return 0;
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    char command[100];
    query_run_report_release(&f->report);
    session_free(f->session);
    bus_close(f->bus);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    int status = system(command);
    free(f);
    return status;
}

static inline int fixture_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct fixture *f = context;
    int32_t partitions;
    if (effect->kind == EFFECT_QUERY_START) {
        assert_true(f->plan_count < PLANS_MAXIMUM);
        f->plans[f->plan_count++] = effect->query;
    }
    if (effect->kind == EFFECT_TOPIC)
        return bus_topic_ensure(f->bus, effect->sink->topic,
                                &(struct bus_topic_settings){effect->sink->partitions, -1, -1, effect->sink->compacted},
                                &partitions, error);
    return 0;
}

/* Statements; the queries among them are added to the plans. */
static inline void sql(struct fixture *f, const char *text) {
    if (session_execute(f->session, slice_of(text), fixture_effect, f, &f->error))
        fail_msg("%s: %s", text, f->error.message);
}

/* A session of its own: all queries so far are forgotten. */
static inline void sql_anew(struct fixture *f) {
    f->session = session_free(f->session);
    f->plan_count = 0;
    OK(session_new(&(struct session_options){.registry = bus_registry(f->bus), .clock = &clock_system}, &f->session,
                   &f->error));
}

/* A record; key or value NULL: null. Each is a transaction and so a batch of its own unless `producer` is given. */
static inline void put_with(struct fixture *f, struct bus_producer *producer, const char *name, const char *key,
                            const char *value, int64_t time) {
    int32_t topic, partitions;
    OK(bus_producer_topic(producer, name, NULL, &topic, &partitions, &f->error));
    struct bus_record record = {.key = key ? slice_of(key) : (struct slice){0},
                                .value = value ? slice_of(value) : (struct slice){0},
                                .timestamp = time};
    OK(bus_produce(producer, topic, key ? bus_partition(record.key, partitions) : 0, &record, &f->error));
}

static inline void put(struct fixture *f, const char *name, const char *key, const char *value, int64_t time) {
    struct bus_producer *producer;
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    put_with(f, producer, name, key, value, time);
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
}

/* Adds, waits, reports: `ret_report` is filled also after an error, as far as it came. */
static inline int query_run(const struct query_settings *settings, const struct query_plan *const *plans, size_t count,
                            struct query_run_report *ret_report, struct error *error) {
    struct query_runner *runner;
    struct error report_error;
    *ret_report = (struct query_run_report){0};
    int status = query_runner_open(settings, &runner, error);
    if (status)
        return status;
    status = query_runner_add(runner, plans, count, error);
    if (!status)
        status = query_runner_wait(runner, error);
    int reported = query_runner_report(runner, ret_report, status ? &report_error : error);
    query_runner_close(runner);
    return status ? status : reported;
}

static inline void run(struct fixture *f) {
    query_run_report_release(&f->report);
    atomic_store(&f->stop, false);
    OK(query_run(&f->settings, f->plans, f->plan_count, &f->report, &f->error));
    OK(query_run_report_check(&f->report, &f->error));
}

#define RUN_FAILS(expected_code, text)                                                                                 \
    do {                                                                                                               \
        query_run_report_release(&f->report);                                                                          \
        FAILS(query_run(&f->settings, f->plans, f->plan_count, &f->report, &f->error), expected_code, text);           \
    } while (0)

static inline void text_of(struct bytes *to, struct slice text) {
    if (!text.data)
        bytes_append_string(to, "null");
    else
        for (size_t i = 0; i < text.length; i++) /* windows of keys have bytes that are no text */
            if ((unsigned char)text.data[i] >= ' ' && (unsigned char)text.data[i] < 127)
                bytes_append_char(to, text.data[i]);
            else
                bytes_append_format(to, "<%02x>", (unsigned char)text.data[i]);
}

/* The records of a topic, partition by partition: "key value time\n"; with `mark` the partition and offset before
 * them. */
static inline char *dump(struct fixture *f, const char *topic, bool mark) {
    struct bus_topic_info info;
    struct bytes text = {0};
    struct bus_consumer *consumer;
    OK(bus_topic_describe(f->bus, topic, &info, &f->error));
    for (int32_t p = 0; p < info.settings.partitions; p++) {
        struct bus_batch batch;
        OK(bus_consumer_open(f->bus, NULL, &consumer, &f->error));
        OK(bus_consumer_seek(consumer, topic, p, info.partitions[p].start_offset, &f->error));
        while (bus_consumer_poll(consumer, 0, &batch, &f->error) == 1)
            for (size_t i = 0; i < batch.count; i++) {
                if (mark)
                    bytes_append_format(&text, "%d/%lld ", (int)p, (long long)(batch.base_offset + (int64_t)i));
                text_of(&text, batch.records[i].key);
                bytes_append_char(&text, ' ');
                text_of(&text, batch.records[i].value);
                bytes_append_format(&text, " %lld\n", (long long)batch.records[i].timestamp);
            }
        bus_consumer_close(consumer);
    }
    bus_topic_info_release(&info);
    bytes_append_char(&text, '\0');
    assert_false(text.failed);
    return text.data;
}

#define assert_topic(topic, expected)                                                                                  \
    do {                                                                                                               \
        char *dump_ = dump(f, topic, false);                                                                           \
        if (strcmp(dump_, expected) != 0)                                                                              \
            fail_msg("line %d: topic %s has\n%sexpected\n%s", __LINE__, topic, dump_, expected);                       \
        free(dump_);                                                                                                   \
    } while (0)

static inline const struct query_report_row *report_of(const struct fixture *f, const char *id) {
    for (size_t i = 0; i < f->report.row_count; i++)
        if (strncmp(f->report.rows[i].id, id, strlen(id)) == 0)
            return &f->report.rows[i];
    fail_msg("no query %s", id);
    return NULL;
}

#endif
