/* The store's tables in Cassandra: those that it makes, those of the original application and of earlier versions,
 * and tables that may not be changed: which statements go to the server and what is bound to them. Against a
 * scripted server that has one table. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cql_fixture.h"
#include "store/store.h"

enum { HOUR = 3600000, VALUES = 16 };

struct table {
    const char *bucket; /* its type; NULL: there is no table */
    bool sum, revision;
};

struct script {
    struct table table; /* changes with ALTER and CREATE */
    int32_t refusal;    /* code of the error that ALTER meets; 0: none */
    bool raced;         /* the columns are there when ALTER is refused: another writer has added them */
    char define[1000], insert[1000];
    struct slice values[VALUES]; /* of the last EXECUTE; into `body` */
    size_t value_count;
    char body[1000];
};

static void answer_row(struct bytes *body, int32_t *count, const char *name, const char *type, const char *kind) {
    cql_write_bytes(body, slice_of(name));
    cql_write_bytes(body, slice_of(type));
    cql_write_bytes(body, slice_of(kind));
    ++*count;
}

static void answer_columns(const struct table *table, struct cql_server *server, const struct cql_server_frame *frame) {
    static const char *const names[] = {"column_name", "type", "kind"};
    struct bytes body = {0}, rows = {0};
    int32_t count = 0;
    if (table->bucket) {
        answer_row(&rows, &count, "gateway", "text", "partition_key");
        answer_row(&rows, &count, "metric", "text", "partition_key");
        answer_row(&rows, &count, "attribute", "text", "partition_key");
        answer_row(&rows, &count, "bucket", table->bucket, "partition_key");
        answer_row(&rows, &count, "windowstart", "timestamp", "clustering");
        answer_row(&rows, &count, "min", "double", "regular");
        answer_row(&rows, &count, "max", "double", "regular");
        answer_row(&rows, &count, "avg", "double", "regular");
        answer_row(&rows, &count, "samplecount", "bigint", "regular");
    }
    if (table->bucket && table->sum)
        answer_row(&rows, &count, "sum", "double", "regular");
    if (table->bucket && table->revision)
        answer_row(&rows, &count, "revision", "bigint", "regular");
    cql_write_int(&body, CQL_RESULT_ROWS);
    cql_write_int(&body, 1);
    cql_write_int(&body, 3);
    cql_write_string(&body, SLICE("system_schema"));
    cql_write_string(&body, SLICE("columns"));
    for (size_t i = 0; i < 3; i++) {
        cql_write_string(&body, slice_of(names[i]));
        cql_write_short(&body, CQL_TYPE_VARCHAR);
    }
    cql_write_int(&body, count);
    bytes_append_slice(&body, bytes_slice(&rows));
    cql_server_reply(server, frame, CQL_RESULT, bytes_slice(&body));
    bytes_release(&body);
    bytes_release(&rows);
}

static void answer_version(struct cql_server *server, const struct cql_server_frame *frame) {
    struct bytes body = {0};
    cql_write_int(&body, CQL_RESULT_ROWS);
    cql_write_int(&body, 1);
    cql_write_int(&body, 1);
    cql_write_string(&body, SLICE("system"));
    cql_write_string(&body, SLICE("local"));
    cql_write_string(&body, SLICE("schema_version"));
    cql_write_short(&body, 0x0c);
    cql_write_int(&body, 1);
    cql_write_bytes(&body, SLICE("the same for all"));
    cql_server_reply(server, frame, CQL_RESULT, bytes_slice(&body));
    bytes_release(&body);
}

static void keep_text(char *to, size_t room, struct slice text) {
    size_t length = text.length < room ? text.length : room - 1;
    if (length)
        memcpy(to, text.data, length);
    to[length] = '\0';
}

static bool define(struct script *script, struct cql_server *server, const struct cql_server_frame *frame,
                   struct slice text) {
    keep_text(script->define, sizeof script->define, text);
    bool alter = memmem(text.data, text.length, "ALTER", 5) != NULL;
    if (alter && script->refusal) {
        script->table.sum |= script->raced;
        script->table.revision |= script->raced;
        cql_server_error(server, frame, script->refusal, "no", SLICE(""));
        return true;
    }
    script->table.sum = script->table.revision = true;
    if (!alter)
        script->table.bucket = "timestamp";
    return false;
}

static void keep_values(struct script *script, struct slice body) {
    memcpy(script->body, body.data, body.length < sizeof script->body ? body.length : sizeof script->body);
    struct cql_reader reader = cql_reader_of((struct slice){script->body, body.length});
    cql_read_short_bytes(&reader);
    cql_read_short(&reader);
    cql_read_byte(&reader);
    script->value_count = cql_read_short(&reader);
    for (size_t i = 0; i < script->value_count && i < VALUES; i++)
        script->values[i] = cql_read_bytes(&reader);
}

static bool script_hook(void *context, struct cql_server *server, const struct cql_server_frame *frame) {
    struct script *script = context;
    struct cql_reader reader = cql_reader_of(frame->body);
    if (frame->opcode == CQL_EXECUTE)
        keep_values(script, frame->body);
    if (frame->opcode != CQL_QUERY && frame->opcode != CQL_PREPARE)
        return false;
    struct slice text = cql_read_bytes(&reader);
    if (frame->opcode == CQL_PREPARE) {
        keep_text(script->insert, sizeof script->insert, text);
        return false;
    }
    if (memmem(text.data, text.length, "schema_version", 14)) {
        answer_version(server, frame);
        return true;
    }
    if (memmem(text.data, text.length, "system_schema.columns", 21)) {
        answer_columns(&script->table, server, frame);
        return true;
    }
    bool defines = memmem(text.data, text.length, "CREATE TABLE", 12) || memmem(text.data, text.length, "ALTER", 5);
    return defines && define(script, server, frame, text);
}

/* Opens a store on the script's server, writes a row of an hour and gives what came of it. */
static int write_row(struct script *script, struct error *error) {
    struct cql_server *server = cql_server_start(1, script_hook, script);
    char url[100];
    snprintf(url, sizeof url, "cassandra://127.0.0.1:%d/ks", cql_server_port(server, 0));
    static const struct log silent = {LOG_ERROR};
    struct store_options options = {.create = true, .clock = &clock_system, .log = &silent};
    struct store *store = NULL;
    struct store_writer *writer = NULL;
    const struct aggregate_row row = {.series = {SLICE("g"), SLICE("WATER"), SLICE("FLOW")},
                                      .window_start = INT64_C(1170219600000), /* 2007-01-31T05:00:00Z */
                                      .window_end = INT64_C(1170223200000),
                                      .count = 2,
                                      .minimum = 1,
                                      .maximum = 2,
                                      .sum = 3,
                                      .average = 1.5,
                                      .revision = 0};
    int status = store_open(url, &options, &store, error);
    assert_int_equal(status, 0);
    assert_int_equal(store_writer_open(store, &writer, error), 0);
    status = store_write(writer, NULL, &(struct store_window){.size = HOUR}, &row, 1, error);
    if (!status)
        status = store_flush(writer, error);
    store_writer_close(writer);
    store_close(store);
    cql_server_stop(server);
    return status;
}

static void check_contains(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("'%s' lacks '%s'", text, part);
}

#define MONTH_TIMESTAMP BYTES("\0\0\x01\x0f\xda\xf4\x98\0") /* 2007-01-01T00:00:00Z in ms */
#define MONTH_DATE      BYTES("\x80\0\x34\xca")             /* its day, 13514, above 2^31 */

static void test_tables(void **state) {
    (void)state;
    static const char with_both[] = "samplecount, sum, revision) VALUES(?,?,?,?,?,?,?,?,?,?,?)";
    const struct {
        struct script script;
        const char *define, *insert;
        struct slice bucket;
        size_t values;
    } cases[] = {
        /* ours */
        {{.table = {NULL, false, false}}, "bucket timestamp, windowstart", with_both, MONTH_TIMESTAMP, 11},
        /* of the original: the columns are added, and the bucket stays what it is */
        {{.table = {"timestamp", false, false}}, "ADD (sum double, revision bigint)", with_both, MONTH_TIMESTAMP, 11},
        {{.table = {"date", true, false}}, "ADD (revision bigint)", with_both, MONTH_DATE, 11},
        {{.table = {"text", true, true}}, "", with_both, SLICE("2007-01-01"), 11},
        /* which may not be changed: done without */
        {{.table = {"timestamp", false, false}, .refusal = 0x2100},
         "ADD (sum",
         "avg, samplecount) VALUES(?,?,?,?,?,?,?,?,?)",
         MONTH_TIMESTAMP,
         9},
        {{.table = {"timestamp", true, false}, .refusal = 0x2100},
         "ADD (revision",
         "samplecount, sum) VALUES(?,?,?,?,?,?,?,?,?,?)",
         MONTH_TIMESTAMP,
         10},
        /* another writer was first */
        {{.table = {"timestamp", false, false}, .refusal = 0x2200, .raced = true},
         "ADD (sum",
         with_both,
         MONTH_TIMESTAMP,
         11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script script = cases[i].script;
        struct error error;
        if (write_row(&script, &error))
            fail_msg("case %zu: %s", i, error.message);
        check_contains(script.define, cases[i].define);
        check_contains(script.insert, cases[i].insert);
        assert_int_equal(script.value_count, cases[i].values);
        assert_int_equal(script.values[3].length, cases[i].bucket.length);
        assert_memory_equal(script.values[3].data, cases[i].bucket.data, cases[i].bucket.length);
    }
}

/* What may pass is no refusal, and a bucket that is no time is another shape. */
static void test_failures(void **state) {
    (void)state;
    struct error error;
    struct script busy = {.table = {"timestamp", false, false}, .refusal = 0x1001};
    assert_int_equal(write_row(&busy, &error), ERROR_BUSY);
    assert_true(error.retriable);
    struct script other = {.table = {"int", true, true}};
    assert_int_equal(write_row(&other, &error), ERROR_INVALID);
    check_contains(error.message, "bucket int PARTITION KEY");
    check_contains(error.message, "bucket timestamp");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
