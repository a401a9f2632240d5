/* Simulated histories of queries over the log in memory. From one number follow the queries, the records, how they are
 * cut, how many workers there are, and what happens to them: restarts, crashes, commits that are undone or whose answer
 * is lost, errors that pass, rebalances. What comes out must be what a clean run makes of the same records:
 *
 *     records ─┬─▶ one worker, nothing happens ───────────────▶ results ─┐
 *              └─▶ cut, restarted, undone, 1 to 3 workers ────▶ results ─┴─ the same
 *
 * METERLINE_SEEDS=N runs seeds 1 to N; METERLINE_SEED=N that one alone, telling what happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/memory/memory_bus.h"
#include "core/bytes.h"
#include "sql/expression/compile.h"
#include "sql/session/session.h"
#include "stream/runtime/runner.h"

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ /* gcc */
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    SEEDS = SANITIZED ? 1000 : 2000,
    RECORDS_MAXIMUM = 60,
    PLANS_MAXIMUM = 8,
    RESULTS_MAXIMUM = 6,
    FAULTS_MAXIMUM = 12,
    ATTEMPTS_MAXIMUM = 100
};

/* How results are compared. */
enum sameness {
    SAME_ORDER, /* every partition, record by record */
    SAME_SET,   /* the same records, in any order: what several partitions bring into a repartition topic is mixed */
    SAME_LAST   /* the last record of each key: results on the way there depend on the order of arrival */
};

struct script {
    const char *name, *statements;
    /* several topics are read together: a join is as deterministic as the order of arrival between its topics, so
     * the order of times is that of arrival, and records of one topic are worked on before another's come */
    bool ordered;
    bool apart; /* queries may be added one after the other, at any time */
    struct {
        const char *topic;
        enum sameness same;
    } results[RESULTS_MAXIMUM];
};

#define DECLARATIONS                                                                                                   \
    "CREATE STREAM s (k STRING KEY, city STRING, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');"                  \
    "CREATE STREAM u (k STRING KEY, city STRING, v INT) WITH (KAFKA_TOPIC='u', VALUE_FORMAT='JSON');"                  \
    "CREATE TABLE t (k STRING PRIMARY KEY, city STRING, v INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"
#define TUMBLING "WINDOW TUMBLING (SIZE 30 SECONDS, GRACE PERIOD 10 SECONDS) "
#define HOPPING  "WINDOW HOPPING (SIZE 30 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 5 SECONDS) "

static const struct script scripts[] = {
    {"filter", "CREATE STREAM a AS SELECT k, v + 1 AS x FROM s WHERE v > 3;", false, false, {{"A", SAME_ORDER}}},
    {"windows",
     "CREATE TABLE a AS SELECT k, SUM(v) AS x, COUNT(*) AS n FROM s " TUMBLING "GROUP BY k EMIT FINAL;"
     "CREATE TABLE b AS SELECT k, MAX(v) AS x, COLLECT_LIST(v) AS l FROM s " TUMBLING "GROUP BY k;"
     "CREATE TABLE c AS SELECT k, MIN(v) AS x FROM s WINDOW TUMBLING (SIZE 50 SECONDS, GRACE PERIOD 0 SECONDS) "
     "WHERE v > 2 GROUP BY k EMIT FINAL;",
     false,
     false,
     {{"A", SAME_ORDER}, {"B", SAME_ORDER}, {"C", SAME_ORDER}, {"s-late", SAME_ORDER}}},
    {"hopping",
     "CREATE TABLE a AS SELECT k, SUM(v) AS x FROM s " HOPPING "GROUP BY k EMIT FINAL;"
     "CREATE TABLE b AS SELECT k, AVG(v) AS x, LATEST_BY_OFFSET(v) AS l FROM s " HOPPING "GROUP BY k;",
     false,
     false,
     {{"A", SAME_ORDER}, {"B", SAME_ORDER}, {"s-late", SAME_ORDER}}},
    {"sessions",
     "CREATE TABLE a AS SELECT k, SUM(v) AS x, COLLECT_LIST(v) AS l FROM s WINDOW SESSION (10 SECONDS, GRACE PERIOD 15 "
     "SECONDS) GROUP BY k;"
     "CREATE TABLE b AS SELECT k, COUNT(*) AS n FROM s WINDOW SESSION (20 SECONDS, GRACE PERIOD 0 SECONDS) GROUP BY k "
     "EMIT FINAL;",
     false,
     false,
     {{"A", SAME_ORDER}, {"B", SAME_ORDER}, {"s-late", SAME_ORDER}}},
    {"groups",
     "CREATE TABLE a AS SELECT k, SUM(v) AS x, COLLECT_LIST(city) AS l FROM s GROUP BY k HAVING SUM(v) > 4;",
     false,
     false,
     {{"A", SAME_ORDER}}},
    {"groups after a repartition topic",
     "CREATE TABLE a AS SELECT city, SUM(v) AS x, COUNT(*) AS n FROM s GROUP BY city;",
     false,
     false,
     {{"A", SAME_LAST}}},
    {"windows after a repartition topic",
     "CREATE TABLE a AS SELECT city, SUM(v) AS x, COUNT(*) AS n FROM s " TUMBLING "GROUP BY city EMIT FINAL;"
     "CREATE TABLE b AS SELECT city, MAX(v) AS x FROM s " HOPPING "GROUP BY city;",
     false,
     false,
     {{"A", SAME_SET}, {"B", SAME_LAST}}},
    {"a chain",
     "CREATE TABLE a AS SELECT city, SUM(v) AS x FROM s " TUMBLING "GROUP BY city EMIT FINAL;"
     "CREATE STREAM per_window (x INT) WITH (KAFKA_TOPIC='A', VALUE_FORMAT='JSON');"
     "CREATE STREAM b AS SELECT 'all' AS every, x FROM per_window PARTITION BY 'all';"
     "CREATE TABLE c AS SELECT every, SUM(x) AS total, COUNT(*) AS n FROM b GROUP BY every;",
     false,
     false,
     {{"A", SAME_SET}, {"B", SAME_SET}, {"C", SAME_LAST}}},
    {"queries that are added later",
     "CREATE STREAM a AS SELECT k, v FROM s WHERE v > 3;"
     "CREATE TABLE b AS SELECT city, SUM(v) AS x FROM s " TUMBLING "GROUP BY city EMIT FINAL;"
     "CREATE TABLE c AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;"
     "CREATE TABLE d AS SELECT k, MAX(v) AS x FROM s " HOPPING "GROUP BY k;",
     false,
     true,
     {{"A", SAME_ORDER}, {"B", SAME_SET}, {"C", SAME_ORDER}, {"D", SAME_ORDER}}},
    {"stream and table",
     "CREATE STREAM a AS SELECT s.k AS k, s.v AS v, t.v AS w FROM s JOIN t ON s.k = t.k;"
     "CREATE STREAM b AS SELECT s.k AS k, s.v AS v, t.v AS w FROM s LEFT JOIN t ON s.k = t.k;",
     true,
     false,
     {{"A", SAME_ORDER}, {"B", SAME_ORDER}}},
    {"stream and stream",
     "CREATE STREAM a AS SELECT s.k AS k, s.v AS v, u.v AS w FROM s JOIN u WITHIN 20 SECONDS ON s.k = u.k;"
     "CREATE STREAM b AS SELECT s.k AS k, s.v AS v, u.v AS w FROM s LEFT JOIN u WITHIN 10 SECONDS GRACE PERIOD 5 "
     "SECONDS ON s.k = u.k;",
     true,
     false,
     {{"A", SAME_ORDER}, {"B", SAME_SET}}},
    {"two writers of one topic",
     "CREATE STREAM a AS SELECT k, v FROM s WHERE v > 5;"
     "INSERT INTO a SELECT k, v + 100 AS v FROM s WHERE v < 7;"
     "INSERT INTO a SELECT k, EXPLODE(ARRAY[v, v + 200]) AS v FROM s;",
     false,
     false,
     {{"A", SAME_ORDER}}},
    {"a stream by another key",
     "CREATE STREAM a AS SELECT city, v FROM s WHERE v < 8 PARTITION BY city;"
     "CREATE TABLE b AS SELECT city, COUNT(*) AS n, SUM(v) AS x FROM a GROUP BY city;",
     false,
     false,
     {{"A", SAME_SET}, {"B", SAME_LAST}}},
    {"a join after repartition topics",
     "CREATE STREAM a AS SELECT s.city AS city, s.v AS v, u.v AS w FROM s JOIN u WITHIN 20 SECONDS ON s.city = u.city;",
     true,
     false,
     {{"A", SAME_SET}}},
    {"an outer join",
     "CREATE STREAM a AS SELECT ROWKEY AS k, s.v AS v, u.v AS w FROM s FULL OUTER JOIN u WITHIN 15 SECONDS GRACE "
     "PERIOD 10 "
     "SECONDS ON s.k = u.k;",
     true,
     false,
     {{"A", SAME_SET}}},
    {"windows over a join",
     "CREATE STREAM a AS SELECT s.k AS k, s.v AS v, t.v AS w FROM s JOIN t ON s.k = t.k;"
     "CREATE TABLE b AS SELECT k, SUM(v + w) AS x FROM a " TUMBLING "GROUP BY k EMIT FINAL;",
     true,
     false,
     {{"A", SAME_ORDER}, {"B", SAME_ORDER}}},
    {"table and table",
     "CREATE TABLE a AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;"
     "CREATE TABLE b AS SELECT a.k AS k, n, v FROM a JOIN t ON a.k = t.k;",
     true,
     false,
     {{"A", SAME_ORDER}, {"B", SAME_LAST}}},
};
enum { SCRIPTS = sizeof scripts / sizeof *scripts };

/* Plans of a script, made once. */
struct planned {
    struct session *session;
    const struct query_plan *plans[PLANS_MAXIMUM];
    size_t count;
};

struct input {
    const char *topic;
    char key[4], value[48]; /* value empty: null */
    int64_t time;
};

struct simulation {
    const struct script *script;
    const struct planned *planned;
    struct input inputs[RECORDS_MAXIMUM];
    size_t input_count;
    size_t query_count; /* that have been added */
    int32_t partitions;
    uint64_t random;
    bool wild;   /* things happen */
    bool armed;  /* now */
    bool ending; /* members neither come nor go: a worker that is done serves its membership no more */
    bool dead;   /* it has crashed: nothing is committed until it starts again */
    int faults;
    int64_t now; /* ns */
    struct clock clock;
    struct log log;
    bool tell;
    struct bus *bus;
    struct bus_producer *producer;
    struct query_settings settings;
    struct query_runner *runner;
    atomic_bool stop;
    uint64_t seed;
    struct error error;
};

/* xorshift64*: the same on every machine. */
static uint64_t random_next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static int random_below(struct simulation *sim, int bound) {
    return (int)(random_next(&sim->random) >> 33) % bound;
}

static void tell(const struct simulation *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(const struct simulation *sim, const char *format, ...) {
    va_list arguments;
    if (!sim->tell || !sim->wild)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

#define fail_seed(...)                                                                                                 \
    do {                                                                                                               \
        fprintf(stderr, "seed %" PRIu64 ", %s: ", sim->seed, sim->script->name);                                       \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
        fail_msg("METERLINE_SEED=%" PRIu64 " repeats it", sim->seed);                                                  \
    } while (0)

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_seed("line %d: %s: %s", __LINE__, #call, sim->error.message);                                         \
    } while (0)

/* --- the world
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t sim_wall(void *context) {
    return INT64_C(1000000000000) + ((struct simulation *)context)->now / 1000000;
}

static int64_t sim_monotonic(void *context) {
    return ((struct simulation *)context)->now;
}

static void sim_sleep(void *context, int64_t nanoseconds) {
    ((struct simulation *)context)->now += nanoseconds > 0 ? nanoseconds : 0;
}

static size_t sim_cut(void *context) {
    struct simulation *sim = context;
    return sim->wild ? 1 + (size_t)random_below(sim, 5) : SIZE_MAX;
}

static int inject(struct simulation *sim, int code, bool retriable, const char *what, struct error *error) {
    sim->faults++;
    tell(sim, "  %s", what);
    error_set(error, code, "injected: %s", what);
    if (error)
        error->retriable = retriable;
    return code;
}

static int sim_fault(void *context, enum memory_bus_call call, struct error *error) {
    struct simulation *sim = context;
    if (sim->dead)
        return error_set(error, ERROR_IO, "injected: it is dead");
    sim->now += 1000000;
    if (!sim->armed || sim->faults >= FAULTS_MAXIMUM)
        return 0;
    int chance = random_below(sim, call == MEMORY_BUS_POLL || call == MEMORY_BUS_ASK ? 60 : 12);
    if (call == MEMORY_BUS_ASK)
        return chance ? 0 : inject(sim, ERROR_BUSY, true, "a question is not answered", error);
    if (call == MEMORY_BUS_POLL && chance == 0)
        return inject(sim, ERROR_BUSY, true, "a poll fails for now", error);
    if (call == MEMORY_BUS_POLL && chance == 1 && !sim->ending) {
        sim->faults++;
        bool lost = random_below(sim, 3) == 0;
        tell(sim, "  rebalance%s", lost ? ", partitions are lost" : "");
        memory_bus_rebalance(sim->bus, lost);
    }
    if (call == MEMORY_BUS_COMMIT && chance == 0)
        return inject(sim, ERROR_BUSY, true, "a commit fails for now", error);
    if (call == MEMORY_BUS_COMMIT && chance == 1)
        return inject(sim, ERROR_ABORTED, false, "a commit is undone", error);
    if (call == MEMORY_BUS_COMMITTED && chance == 0)
        return inject(sim, ERROR_ABORTED, false, "a commit's answer is lost", error);
    if (call != MEMORY_BUS_POLL && chance == 2) {
        sim->dead = true;
        return inject(sim, ERROR_IO, false,
                      call == MEMORY_BUS_COMMIT ? "it dies before a commit" : "it dies after a commit", error);
    }
    return 0;
}

/* --- runs
 * ------------------------------------------------------------------------------------------------------------------ */

static void sim_start(struct simulation *sim) {
    atomic_store(&sim->stop, false);
    sim->dead = false;
    OK(query_runner_open(&sim->settings, &sim->runner, &sim->error));
    bool armed = sim->armed;
    sim->armed = false;
    OK(query_runner_add(sim->runner, sim->planned->plans, sim->query_count, &sim->error));
    sim->armed = armed;
}

/* Only what was injected may end a run. */
static void sim_check(struct simulation *sim, int status) {
    if (status && !strstr(sim->error.message, "injected"))
        fail_seed("it ends with: %s", sim->error.message);
}

static void sim_close(struct simulation *sim) {
    sim->runner = query_runner_close(sim->runner);
}

static void sim_restart(struct simulation *sim) {
    tell(sim, "  restart");
    atomic_store(&sim->stop, true);
    sim_check(sim, query_runner_wait(sim->runner, &sim->error));
    sim_close(sim);
    sim_start(sim);
}

/* Until there is nothing left to do, over any number of crashes. */
static void sim_settle(struct simulation *sim) {
    int status;
    for (int i = 0; (status = query_runner_settle(sim->runner, &sim->error)); i++) {
        sim_check(sim, status);
        if (i == ATTEMPTS_MAXIMUM)
            fail_seed("it does not come to rest: %s", sim->error.message);
        sim_close(sim);
        sim_start(sim);
    }
}

static void sim_append(struct simulation *sim, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        const struct input *input = &sim->inputs[i];
        int32_t topic, partitions;
        struct bus_record record = {.key = slice_of(input->key),
                                    .value = *input->value ? slice_of(input->value) : (struct slice){0},
                                    .timestamp = input->time};
        OK(bus_producer_topic(sim->producer, input->topic, NULL, &topic, &partitions, &sim->error));
        OK(bus_produce(sim->producer, topic, bus_partition(record.key, partitions), &record, &sim->error));
        tell(sim, "%s/%d %s %s %" PRId64, input->topic, (int)bus_partition(record.key, partitions), input->key,
             input->value, input->time);
    }
    OK(bus_producer_commit(sim->producer, NULL, 0, &sim->error));
}

/* A record in each partition of the streams: one that has none yet holds back no windows after a repartition topic. */
static void sim_begin(struct simulation *sim) {
    static const char *const topics[] = {"s", "u"};
    struct bus_record record = {.value = SLICE("{\"CITY\":\"c0\",\"V\":9}"), .timestamp = 50000};
    for (size_t i = 0; i < 2; i++) {
        int32_t topic, partitions;
        OK(bus_producer_topic(sim->producer, topics[i], NULL, &topic, &partitions, &sim->error));
        for (int32_t p = 0; p < partitions; p++)
            OK(bus_produce(sim->producer, topic, p, &record, &sim->error));
    }
    OK(bus_producer_commit(sim->producer, NULL, 0, &sim->error));
    sim_settle(sim);
}

static void sim_add_query(struct simulation *sim) {
    if (sim->query_count == sim->planned->count)
        return;
    tell(sim, "  query %s is added", sim->planned->plans[sim->query_count]->id);
    sim->armed = false;
    OK(query_runner_add(sim->runner, &sim->planned->plans[sim->query_count], 1, &sim->error));
    sim->query_count++;
}

static void sim_happen(struct simulation *sim) {
    int what = random_below(sim, 8);
    if (what == 0)
        sim_restart(sim);
    if (what == 1)
        memory_bus_rebalance(sim->bus, random_below(sim, 4) == 0);
    if (what == 2)
        sim->settings.workers = 1 + (size_t)random_below(sim, 3); /* from the next start on */
    if (what == 3)
        sim_add_query(sim);
}

/* Everything that is open leaves. */
static void sim_finish(struct simulation *sim) {
    atomic_store(&sim->stop, true);
    sim_check(sim, query_runner_wait(sim->runner, &sim->error));
    sim_close(sim);
    sim->query_count = sim->planned->count;
    sim->settings.until_end = sim->settings.final = sim->ending = true;
    for (int i = 0;; i++) {
        sim_start(sim);
        int status = query_runner_wait(sim->runner, &sim->error);
        if (!status)
            return;
        sim_check(sim, status);
        if (i == ATTEMPTS_MAXIMUM)
            fail_seed("it does not come to its end: %s", sim->error.message);
        sim_close(sim);
    }
}

/* Where the piece of records ends that begins at `from`. */
static size_t sim_piece(struct simulation *sim, size_t from) {
    size_t most = sim->wild              ? 1 + (size_t)random_below(sim, 12)
                  : sim->script->ordered ? 1
                                         : sim->input_count,
           to = from + 1;
    while (to < sim->input_count && to - from < most &&
           (!sim->script->ordered || strcmp(sim->inputs[to].topic, sim->inputs[from].topic) == 0))
        to++;
    return to;
}

/* The first positions are committed before anything comes: tables that are there at the start would be loaded first. */
static void sim_run(struct simulation *sim) {
    sim->query_count = sim->wild && sim->script->apart ? 1 : sim->planned->count;
    sim_start(sim);
    sim_settle(sim);
    sim_restart(sim);
    sim_begin(sim);
    for (size_t from = 0, to; from < sim->input_count; from = to) {
        to = sim_piece(sim, from);
        sim_append(sim, from, to);
        sim->armed = sim->wild;
        if (!sim->wild || sim->script->ordered || random_below(sim, 4))
            sim_settle(sim);
        if (sim->wild)
            sim_happen(sim);
        sim->armed = false;
    }
    sim->armed = sim->wild;
    sim_finish(sim);
    sim->armed = false;
}

static void sim_open(struct simulation *sim) {
    struct bus_options options = {.clock = &sim->clock, .partitions = sim->partitions};
    struct memory_bus_options memory = {
        .same_partitions = true, .never_waits = true, .fault = sim_fault, .cut = sim_cut, .context = sim};
    sim->clock = (struct clock){sim_wall, sim_monotonic, sim_sleep, sim};
    sim->log = (struct log){.level = sim->tell && sim->wild ? LOG_DEBUG : LOG_ERROR};
    OK(memory_bus_open(&options, &memory, &sim->bus, &sim->error));
    OK(bus_producer_open(sim->bus, &(struct bus_producer_options){0}, &sim->producer, &sim->error));
    sim->settings = (struct query_settings){.bus = sim->bus,
                                            .clock = &sim->clock,
                                            .log = &sim->log,
                                            .stop = &sim->stop,
                                            .group = "g",
                                            .workers = sim->wild ? 1 + (size_t)random_below(sim, 3) : 1,
                                            .manual = true,
                                            .free_scratch = evaluation_scratch_free};
    static const char *const topics[] = {"s", "t", "u"};
    for (size_t i = 0; i < 3; i++) {
        int32_t partitions;
        OK(bus_topic_ensure(sim->bus, topics[i], NULL, &partitions, &sim->error));
    }
}

static void sim_release(struct simulation *sim) {
    sim_close(sim);
    bus_producer_close(sim->producer);
    bus_close(sim->bus);
}

/* --- results
 * ------------------------------------------------------------------------------------------------------------------ */

struct lines {
    char *texts[4000];
    size_t count;
};

static int compare_lines(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void append_text(struct bytes *to, struct slice text) {
    for (size_t i = 0; text.data && i < text.length; i++) /* windows of keys are no text */
        bytes_append_format(to,
                            (unsigned char)text.data[i] >= ' ' && (unsigned char)text.data[i] < 127 ? "%c" : "<%02x>",
                            (unsigned char)text.data[i]);
    bytes_append_string(to, text.data ? "" : "null");
}

static char *line_of(int32_t partition, bool last, const struct bus_record *record) {
    struct bytes line = {0};
    if (!last)
        bytes_append_format(&line, "%d ", (int)partition);
    append_text(&line, record->key);
    bytes_append_string(&line, " = ");
    append_text(&line, record->value);
    bytes_append_format(&line, " at %" PRId64, record->timestamp);
    for (size_t i = 0; i < record->header_count; i++) {
        bytes_append_char(&line, ' ');
        append_text(&line, record->headers[i].value);
    }
    bytes_append_char(&line, '\0');
    assert_false(line.failed);
    return line.data;
}

/* With SAME_LAST a line of the same key gives way. */
static void lines_add(struct lines *lines, char *line, enum sameness same) {
    const char *end = strstr(line, " = ");
    size_t at = same == SAME_LAST ? 0 : lines->count;
    while (at < lines->count && strncmp(lines->texts[at], line, (size_t)(end - line) + 3) != 0)
        at++;
    assert_true(at < sizeof lines->texts / sizeof *lines->texts);
    if (at == lines->count)
        lines->count++;
    else
        free(lines->texts[at]);
    lines->texts[at] = line;
}

static void sim_results(struct simulation *sim, const char *topic, enum sameness same, struct bytes *to) {
    static struct lines lines;
    struct bus_topic_info info;
    struct bus_consumer *consumer;
    struct bus_batch batch;
    lines.count = 0;
    OK(bus_topic_describe(sim->bus, topic, &info, &sim->error));
    OK(bus_consumer_open(sim->bus, NULL, &consumer, &sim->error));
    for (int32_t p = 0; p < info.settings.partitions; p++) {
        OK(bus_consumer_seek(consumer, topic, p, 0, &sim->error));
        while (bus_consumer_poll(consumer, 0, &batch, &sim->error) == 1)
            for (size_t i = 0; i < batch.count; i++)
                lines_add(&lines, line_of(p, same == SAME_LAST, &batch.records[i]), same);
    }
    bus_consumer_close(consumer);
    bus_topic_info_release(&info);
    if (same != SAME_ORDER)
        qsort(lines.texts, lines.count, sizeof *lines.texts, compare_lines);
    bytes_append_format(to, "%s:\n", topic);
    for (size_t i = 0; i < lines.count; i++) {
        bytes_append_format(to, "  %s\n", lines.texts[i]);
        free(lines.texts[i]);
    }
}

/* What has become of the records of each query. */
static void sim_counters(struct simulation *sim, struct bytes *to) {
    struct query_run_report report;
    OK(query_runner_report(sim->runner, &report, &sim->error));
    for (size_t i = 0; i < report.row_count; i++) {
        const struct query_counters *total = &report.rows[i].total;
        if (!query_counters_balance(total))
            fail_seed("the counters of %s do not add up", report.rows[i].id);
        bytes_append_format(to, "%s: read %" PRIu64 " folded %" PRIu64 " late %" PRIu64 " filtered %" PRIu64 "\n",
                            report.rows[i].id, total->read, total->folded, total->late, total->filtered);
    }
    query_run_report_release(&report);
}

static char *simulate(struct simulation *sim) {
    struct bytes results = {0};
    sim_open(sim);
    sim_run(sim);
    for (size_t i = 0; i < RESULTS_MAXIMUM && sim->script->results[i].topic; i++)
        sim_results(sim, sim->script->results[i].topic, sim->script->results[i].same, &results);
    sim_counters(sim, &results);
    sim_release(sim);
    bytes_append_char(&results, '\0');
    assert_false(results.failed);
    return results.data;
}

/* --- seeds
 * ------------------------------------------------------------------------------------------------------------------ */

/* Times rise by up to 15 s; where order does not matter every fifth record is up to a minute older. */
static void make_inputs(struct simulation *sim) {
    int64_t time = 100000;
    sim->input_count = 5 + (size_t)random_below(sim, RECORDS_MAXIMUM - 5);
    for (size_t i = 0; i < sim->input_count; i++) {
        struct input *input = &sim->inputs[i];
        time += 1 + random_below(sim, 15000);
        *input = (struct input){.topic = "s", .time = time};
        if (!sim->script->ordered && random_below(sim, 5) == 0)
            input->time = time - random_below(sim, 60000);
        if (sim->script->ordered)
            input->topic = (const char *const[]){"s", "s", "t", "u"}[random_below(sim, 4)];
        snprintf(input->key, sizeof input->key, "k%d", random_below(sim, 5));
        if (*input->topic != 't' || random_below(sim, 4))
            snprintf(input->value, sizeof input->value, "{\"CITY\":\"c%d\",\"V\":%d}", random_below(sim, 3),
                     random_below(sim, 10));
    }
}

/* Lines of one text that the other does not have. */
static void print_missing(const char *name, const char *text, const char *other) {
    for (const char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        const char *found = other;
        while (*found && strncmp(found, line, (size_t)(end - line) + 1) != 0)
            found = strchr(found, '\n') + 1;
        if (!*found)
            fprintf(stderr, "only %s: %.*s\n", name, (int)(end - line), line);
    }
}

static void check_seed(const struct planned *planned, uint64_t seed, bool tells) {
    static struct simulation simulation;
    struct simulation *sim = &simulation;
    uint64_t random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    size_t number = (size_t)(random_next(&random) >> 33) % SCRIPTS;
    *sim = (struct simulation){
        .script = &scripts[number], .planned = &planned[number], .random = random, .seed = seed, .tell = tells};
    sim->partitions = 1 + random_below(sim, 3);
    make_inputs(sim);
    char *clean = simulate(sim);
    sim->wild = true;
    sim->ending = false;
    sim->faults = 0;
    tell(sim, "seed %" PRIu64 ": %s, %d partitions", seed, sim->script->name, (int)sim->partitions);
    char *wild = simulate(sim);
    if (strcmp(clean, wild) != 0) {
        print_missing("the clean run", clean, wild);
        print_missing("this one", wild, clean);
        fail_seed("the results differ");
    }
    free(clean);
    free(wild);
}

static int planned_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct planned *planned = context;
    (void)error;
    if (effect->kind == EFFECT_QUERY_START) {
        assert_true(planned->count < PLANS_MAXIMUM);
        planned->plans[planned->count++] = effect->query;
    }
    return 0;
}

static void plan_script(const struct script *script, struct planned *ret_planned) {
    struct error error;
    char text[4000];
    *ret_planned = (struct planned){0};
    snprintf(text, sizeof text, "%s%s", DECLARATIONS, script->statements);
    if (session_new(&(struct session_options){.clock = &clock_system}, &ret_planned->session, &error) ||
        session_execute(ret_planned->session, slice_of(text), planned_effect, ret_planned, &error))
        fail_msg("%s: %s", script->name, error.message);
}

static void test_seeds(void **state) {
    (void)state;
    struct planned planned[SCRIPTS];
    const char *one = getenv("METERLINE_SEED"), *many = getenv("METERLINE_SEEDS");
    uint64_t last = many ? strtoull(many, NULL, 10) : SEEDS;
    for (size_t i = 0; i < SCRIPTS; i++)
        plan_script(&scripts[i], &planned[i]);
    if (one)
        check_seed(planned, strtoull(one, NULL, 10), true);
    for (uint64_t seed = 1; !one && seed <= last; seed++)
        check_seed(planned, seed, false);
    for (size_t i = 0; i < SCRIPTS; i++)
        session_free(planned[i].session);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
