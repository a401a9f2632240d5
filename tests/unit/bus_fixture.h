/* A log in a folder of its own for each test, or one in memory, with a wall clock that the test turns. */
#ifndef METERLINE_TESTS_BUS_FIXTURE_H
#define METERLINE_TESTS_BUS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/memory/memory_bus.h"

struct fixture {
    bool in_memory;
    char folder[64], url[80], file[96];
    int64_t now; /* what the injected wall clock says */
    struct clock clock;
    struct bus_options options;
    struct bus *bus;
    struct bus_producer *producer;
    struct bus_consumer *consumer;
    struct error error;
};

static inline int64_t fixture_wall(void *context) {
    return ((struct fixture *)context)->now;
}
static inline int64_t fixture_monotonic(void *context) {
    (void)context;
    return clock_monotonic_ns(&clock_system);
}
static inline void fixture_sleep(void *context, int64_t ns) {
    (void)context;
    clock_sleep_ns(&clock_system, ns);
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        struct error *e_ = &f->error;                                                                                  \
        e_->message[0] = '\0';                                                                                         \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s", #call, e_->message);                                                                    \
    } while (0)

#define FAILS(call, expected_code, text)                                                                               \
    do {                                                                                                               \
        assert_int_equal((call), expected_code);                                                                       \
        assert_int_equal(f->error.code, expected_code);                                                                \
        if (!strstr(f->error.message, text))                                                                           \
            fail_msg("'%s' is not in '%s'", text, f->error.message);                                                   \
    } while (0)

static inline void fixture_open(struct fixture *f) {
    if (f->in_memory)
        OK(memory_bus_open(&f->options, NULL, &f->bus, &f->error));
    else
        OK(bus_open(f->url, &f->options, &f->bus, &f->error));
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &f->producer, &f->error));
    OK(bus_consumer_open(f->bus, NULL, &f->consumer, &f->error));
}

static inline void fixture_close(struct fixture *f) {
    f->producer = bus_producer_close(f->producer);
    f->consumer = bus_consumer_close(f->consumer);
    f->bus = bus_close(f->bus);
}

static inline int fixture_setup(void **state, bool in_memory) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->in_memory = in_memory;
    strcpy(f->folder, "/tmp/meterline-bus-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->url, sizeof f->url, "sqlite:%s/a/b", f->folder);
    snprintf(f->file, sizeof f->file, "%s/a/b/meterline.db", f->folder);
    f->now = 1000000;
    f->clock = (struct clock){fixture_wall, fixture_monotonic, fixture_sleep, f};
    f->options = (struct bus_options){.create = true, .clock = &f->clock, .partitions = 3};
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int setup(void **state) {
    return fixture_setup(state, false);
}

static inline int setup_in_memory(void **state) {
    return fixture_setup(state, true);
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    fixture_close(f);
    char command[200];
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", f->folder, f->folder);
    int status = system(command);
    free(f);
    return status;
}

static inline void execute(struct fixture *f, const char *sql) {
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(f->file, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

/* Adds `count` records "from", "from + 1", ... to one partition, without a commit. */
static inline void produce(struct fixture *f, const char *topic, int32_t partition, int from, int count) {
    int32_t handle, partitions;
    OK(bus_producer_topic(f->producer, topic, NULL, &handle, &partitions, &f->error));
    for (int i = from; i < from + count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        struct bus_record record = {.key = SLICE("key"), .value = slice_of(text), .timestamp = i};
        OK(bus_produce(f->producer, handle, partition, &record, &f->error));
    }
}

static inline void append(struct fixture *f, const char *topic, int32_t partition, int from, int count) {
    produce(f, topic, partition, from, count);
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
}

static inline struct bus_partition_info partition_of(struct fixture *f, const char *topic, int32_t partition) {
    struct bus_topic_info info;
    OK(bus_topic_describe(f->bus, topic, &info, &f->error));
    struct bus_partition_info result = info.partitions[partition];
    bus_topic_info_release(&info);
    return result;
}

static inline void assert_text(struct slice got, const char *expected) {
    assert_non_null(got.data);
    assert_true(slice_equal(got, slice_of(expected)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
/* What every log does: over the embedded one and over the one in memory. */
#define TEST_BOTH(name)                                                                                                \
    TEST(name), {                                                                                                      \
#name " in memory", name, setup_in_memory, teardown, NULL                                                      \
    }

#endif
