/* What the Cassandra client does when a cluster fails it: errors of every kind, broken and silent connections, lost
 * nodes, forgotten statements, nodes that do not agree. Against a scripted server. */
#include <stdio.h>
#include <stdlib.h>

#include "cql_fixture.h"
#include "store/cassandra/cql/cql_murmur3.h"

enum { KEPT = 64 };

struct script {
    /* EXECUTE */
    int faults; /* so many are answered by `fault`, the rest as a friendly server does */
    void (*fault)(struct script *script, struct cql_server *server, const struct cql_server_frame *frame);
    int32_t code; /* of an error */
    struct slice more, raw;
    unsigned executed;
    int64_t executed_at[8];    /* ns, of the first ones */
    unsigned executed_node[8]; /* and where */
    bool keep;                 /* answers are kept back */
    struct cql_server_frame kept[KEPT];
    unsigned kept_count;
    /* schema_version */
    int disagree; /* so many answers differ from node to node */
    unsigned versions, defined[4];
};

static void answer_void(struct cql_server *server, const struct cql_server_frame *frame) {
    cql_server_reply(server, frame, CQL_RESULT, BYTES("\0\0\0\1"));
}

static void answer_version(struct script *script, struct cql_server *server, const struct cql_server_frame *frame) {
    struct bytes body = {0};
    char version[16] = "the same for all";
    script->versions++;
    if (script->disagree-- > 0)
        version[0] = (char)('0' + frame->node);
    cql_write_int(&body, CQL_RESULT_ROWS);
    cql_write_int(&body, 1);
    cql_write_int(&body, 1);
    cql_write_string(&body, SLICE("system"));
    cql_write_string(&body, SLICE("local"));
    cql_write_string(&body, SLICE("schema_version"));
    cql_write_short(&body, 0x0c);
    cql_write_int(&body, 1);
    cql_write_bytes(&body, (struct slice){version, sizeof version});
    cql_server_reply(server, frame, CQL_RESULT, bytes_slice(&body));
    bytes_release(&body);
}

static bool script_hook(void *context, struct cql_server *server, const struct cql_server_frame *frame) {
    struct script *script = context;
    if (frame->opcode == CQL_QUERY && memmem(frame->body.data, frame->body.length, "schema_version", 14)) {
        answer_version(script, server, frame);
        return true;
    }
    if (frame->opcode == CQL_QUERY && memmem(frame->body.data, frame->body.length, "CREATE", 6))
        script->defined[frame->node]++;
    if (frame->opcode != CQL_EXECUTE)
        return false;
    if (script->executed < 8) {
        script->executed_at[script->executed] = clock_monotonic_ns(&clock_system);
        script->executed_node[script->executed] = frame->node;
    }
    script->executed++;
    if (script->faults > 0) {
        script->faults--;
        script->fault(script, server, frame);
        return true;
    }
    if (script->keep && script->kept_count < KEPT) {
        script->kept[script->kept_count++] = *frame;
        return true;
    }
    return false;
}

/* ---- the client's side ---- */

struct outcome {
    unsigned answered, failed;
    struct error error;
};

static void note(void *context, const struct cql_response *response, const struct error *error) {
    struct outcome *outcome = context;
    assert_true((response == NULL) != (error == NULL));
    outcome->answered += response != NULL;
    if (error) {
        outcome->failed++;
        outcome->error = *error;
    }
}

struct client {
    struct fixture fixture;
    struct script script;
    const struct cql_statement *statement;
    struct outcome outcome;
};

static void client_start(struct client *client, unsigned nodes) {
    fixture_start(&client->fixture, nodes, script_hook, &client->script);
    client->fixture.options.attempts = 4;
}

static void client_connect(struct client *client) {
    struct fixture *fixture = &client->fixture;
    assert_int_equal(fixture_connect(fixture), 0);
    while (fixture_statistics(fixture).nodes_ready < fixture_statistics(fixture).nodes)
        cql_cluster_poll(fixture->cluster, 5);
    assert_int_equal(cql_cluster_prepare(fixture->cluster, "INSERT INTO ks.t(k, v) VALUES(?, ?)", &client->statement,
                                         &fixture->error),
                     0);
}

static int client_submit(struct client *client, const char *key, bool idempotent) {
    struct fixture *fixture = &client->fixture;
    struct cql_request *request;
    int status = cql_cluster_take(fixture->cluster, &request, &fixture->error);
    if (status)
        return status;
    request->consistency = CQL_ONE;
    request->idempotent = idempotent;
    cql_request_execute(request, client->statement);
    cql_bind_bytes(request, slice_of(key));
    cql_bind_bytes(request, SLICE("value"));
    return cql_cluster_submit(fixture->cluster, request, note, &client->outcome, &fixture->error);
}

/* Until so many callbacks have been called. */
static void client_wait(struct client *client, unsigned count) {
    int64_t end = clock_monotonic_ns(&clock_system) + INT64_C(20000000000);
    while (client->outcome.answered + client->outcome.failed < count && clock_monotonic_ns(&clock_system) < end)
        cql_cluster_poll(client->fixture.cluster, 50);
    assert_int_equal(client->outcome.answered + client->outcome.failed, count);
    assert_int_equal(fixture_statistics(&client->fixture).in_flight, 0);
    assert_int_equal(fixture_statistics(&client->fixture).in_flight_bytes, 0);
}

/* ---- errors of the server ---- */

static void fault_error(struct script *script, struct cql_server *server, const struct cql_server_frame *frame) {
    cql_server_error(server, frame, script->code, "the coordinator's text", script->more);
}

struct refusal {
    int32_t code;
    struct slice more;
    bool again, again_idempotent; /* the client tries again by itself: any request, one that is idempotent */
    int error;                    /* of the door */
    bool retriable;
    enum cql_error_kind kind;
    const char *says;
};

#define NUMBERS "\0\1\0\0\0\0\0\0\0\1"

static const struct refusal refusals[] = {
    {0x1001,
     {"", 0},
     false,
     true,
     ERROR_BUSY,
     true,
     CQL_KIND_OVERLOADED,
     "overloaded: the coordinator's text [0x1001]"},
    {0x1100,
     {NUMBERS "\0\6SIMPLE", 18},
     false,
     true,
     ERROR_BUSY,
     true,
     CQL_KIND_SERVER_TIMEOUT,
     "write time-out (0 of 1 replicas): the coordinator's text"},
    {0x1000,
     {"\0\1\0\0\0\1\0\0\0\0", 10},
     true,
     true,
     ERROR_IO,
     true,
     CQL_KIND_UNAVAILABLE,
     "too few replicas are alive"},
    {0x1002, {"", 0}, true, true, ERROR_BUSY, true, CQL_KIND_UNAVAILABLE, "joining"},
    {0x1500, {NUMBERS "\0\0\0\1\0\6SIMPLE", 22}, false, true, ERROR_IO, true, CQL_KIND_SERVER_FAILURE, "write failure"},
    {0x0000, {"", 0}, false, true, ERROR_IO, true, CQL_KIND_SERVER_FAILURE, "server error"},
    {0x2200, {"", 0}, false, false, ERROR_INVALID, false, CQL_KIND_REFUSED, "invalid request"},
    {0x2100, {"", 0}, false, false, ERROR_INVALID, false, CQL_KIND_REFUSED, "not allowed"},
};

/* `faults` times the error, then good. */
static void try_refusal(const struct refusal *refusal, bool idempotent, int faults, unsigned executed, bool good) {
    struct client client = {
        .script = {.faults = faults, .fault = fault_error, .code = refusal->code, .more = refusal->more}};
    client_start(&client, 1);
    client_connect(&client);
    assert_int_equal(client_submit(&client, "k", idempotent), 0);
    client_wait(&client, 1);
    struct cql_statistics statistics = fixture_statistics(&client.fixture);
    assert_int_equal(client.script.executed, executed);
    assert_int_equal(statistics.retries, executed - 1);
    assert_int_equal(statistics.errors[refusal->kind], faults < (int)executed ? faults : (int)executed);
    assert_int_equal(client.outcome.answered, good);
    if (!good) {
        assert_int_equal(client.outcome.error.code, refusal->error);
        assert_int_equal(client.outcome.error.retriable, refusal->retriable);
        assert_non_null(strstr(client.outcome.error.message, refusal->says));
    }
    fixture_stop(&client.fixture);
}

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        for (int idempotent = 0; idempotent < 2; idempotent++) {
            bool again = idempotent ? refusals[i].again_idempotent : refusals[i].again;
            try_refusal(&refusals[i], idempotent, 1, again ? 2 : 1, again);
        }
    try_refusal(&refusals[0], true, 3, 4, true);
    try_refusal(&refusals[0], true, 100, 4, false); /* four attempts, then it is the caller's */
}

/* The first repetition goes to another node at once; those after it wait, though another node is ready, so that a
 * cluster that is overloaded as a whole is not stormed. */
static void test_pause_between_repetitions(void **state) {
    (void)state;
    struct client client = {.script = {.faults = 3, .fault = fault_error, .code = 0x1001, .more = {"", 0}}};
    client_start(&client, 2);
    client_connect(&client);
    assert_int_equal(client_submit(&client, "k", true), 0);
    client_wait(&client, 1);
    assert_int_equal(client.outcome.answered, 1);
    assert_int_equal(client.script.executed, 4);
    const int64_t *at = client.script.executed_at;
    assert_int_not_equal(client.script.executed_node[0], client.script.executed_node[1]);
    assert_true(at[2] - at[1] >= INT64_C(200000000));
    assert_true(at[3] - at[2] >= INT64_C(400000000));
    fixture_stop(&client.fixture);
}

static void fault_unprepared(struct script *script, struct cql_server *server, const struct cql_server_frame *frame) {
    struct cql_reader reader = cql_reader_of(frame->body);
    struct bytes id = {0};
    (void)script;
    cql_write_short_bytes(&id, cql_read_short_bytes(&reader));
    cql_server_error(server, frame, 0x2500, "Prepared query with ID is not found", bytes_slice(&id));
    bytes_release(&id);
}

/* Forgotten statements are prepared once for all that wait, and nothing is executed twice or lost. */
static void test_prepared_again(void **state) {
    (void)state;
    struct client client = {.script = {.faults = 10, .fault = fault_unprepared}};
    client_start(&client, 1);
    client_connect(&client);
    for (int i = 0; i < 10; i++)
        assert_int_equal(client_submit(&client, "k", i % 2), 0);
    client_wait(&client, 10);
    assert_int_equal(client.outcome.answered, 10);
    assert_int_equal(client.script.executed, 20);
    assert_int_equal(fixture_statistics(&client.fixture).prepared_again, 1);
    assert_int_equal(cql_server_seen(client.fixture.server, 0, CQL_PREPARE), 2);
    fixture_stop(&client.fixture);
}

/* A server that forgets for ever ends in an error, not in a circle. */
static void test_forgets_for_ever(void **state) {
    (void)state;
    struct client client = {.script = {.faults = 1000000, .fault = fault_unprepared}};
    client_start(&client, 1);
    client_connect(&client);
    assert_int_equal(client_submit(&client, "k", true), 0);
    client_wait(&client, 1);
    assert_int_equal(client.outcome.failed, 1);
    assert_true(client.outcome.error.retriable);
    fixture_stop(&client.fixture);
}

/* ---- connections ---- */

static void fault_raw(struct script *script, struct cql_server *server, const struct cql_server_frame *frame) {
    cql_server_send(server, frame->connection, script->raw);
    cql_server_cut(server, frame->connection);
}

/* The connection ends before, in the middle of, or with a frame that is none. What is idempotent goes again on a new
 * connection; the rest says that it is not known. */
static void test_broken_frames(void **state) {
    (void)state;
    static const struct slice raws[] = {
        {"", 0},
        {"\x84\0\0", 3},                                     /* within the header */
        {"\x84\0\0\1\x08\0\0\0\x40 only the beginning", 28}, /* within the body */
        {"\x84\0\0\1\x08\x7f\xff\xff\xff", 9},               /* longer than any */
        {"\x84\0\0\1\x08\xff\xff\xff\xff", 9},               /* of a negative length */
        {"\x04\0\0\1\x08\0\0\0\4\0\0\0\1", 13},              /* a request */
        {"\x85\0\0\1\x08\0\0\0\4\0\0\0\1", 13},              /* another version */
        {"\x84\1\0\1\x08\0\0\0\4\xff\xff\xff\xff", 13},      /* said to be compressed, to 4 GiB */
        {"\x84\0\0\1\x08\0\0\0\2\0\2", 11},                  /* a result that ends too early */
        {"\x84\0\x7f\xff\x08\0\0\0\4\0\0\0\1", 13},          /* to a request that was never sent */
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
    };
    for (size_t i = 0; i < sizeof raws / sizeof *raws; i++)
        for (int idempotent = 0; idempotent < 2; idempotent++) {
            struct client client = {.script = {.faults = 1, .fault = fault_raw, .raw = raws[i]}};
            client_start(&client, 1);
            client_connect(&client);
            assert_int_equal(client_submit(&client, "k", idempotent), 0);
            client_wait(&client, 1);
            if (client.outcome.answered != (unsigned)idempotent)
                fail_msg("frame %zu, idempotent %d: answered %u, %s", i, idempotent, client.outcome.answered,
                         client.outcome.error.message);
            assert_int_equal(client.script.executed, 1 + idempotent);
            assert_true(idempotent || client.outcome.error.code < 0);
            client.outcome = (struct outcome){0}; /* and the client works on */
            assert_int_equal(client_submit(&client, "k", true), 0);
            client_wait(&client, 1);
            assert_int_equal(client.outcome.answered, 1);
            fixture_stop(&client.fixture);
        }
}

static unsigned kept(struct client *client) {
    unsigned count = 0;
    for (int i = 0; i < 200; i++) {
        cql_cluster_poll(client->fixture.cluster, 5);
        count = cql_server_seen(client->fixture.server, 0, CQL_EXECUTE);
        if (count >= client->fixture.options.in_flight_maximum)
            break;
    }
    return count;
}

/* A server that does not answer: as much is taken as the bound allows, by number and by bytes; answers make room
 * again, in any order. */
static void test_slow_server(void **state) {
    (void)state;
    struct client client = {.script = {.keep = true}};
    client_start(&client, 1);
    client.fixture.options.in_flight_maximum = 8;
    client_connect(&client);
    for (int i = 0; i < 8; i++)
        assert_int_equal(client_submit(&client, "k", true), 0);
    assert_int_equal(client_submit(&client, "k", true), ERROR_BUSY);
    assert_int_equal(kept(&client), 8);
    assert_int_equal(fixture_statistics(&client.fixture).in_flight, 8);
    for (unsigned i = 8; i-- > 0;)
        answer_void(client.fixture.server, &client.script.kept[i]);
    client_wait(&client, 8);
    assert_int_equal(client.outcome.answered, 8);
    client.script.keep = false;
    assert_int_equal(client_submit(&client, "k", true), 0);
    client_wait(&client, 9);
    fixture_stop(&client.fixture);
}

static void test_bytes_in_flight(void **state) {
    (void)state;
    struct client client = {.script = {.keep = true}};
    char *large = calloc(1, 10001);
    assert_non_null(large);
    memset(large, 'x', 10000);
    client_start(&client, 1);
    client.fixture.options.in_flight_bytes = 35000;
    client_connect(&client);
    int taken = 0;
    while (client_submit(&client, large, true) == 0)
        taken++;
    assert_int_equal(taken, 4); /* the one that reaches the bound is the last */
    assert_in_range(fixture_statistics(&client.fixture).in_flight_bytes, 40000, 41000);
    free(large);
    fixture_stop(&client.fixture); /* with requests under way: each hears of it once */
    assert_int_equal(client.outcome.failed, 4);
    assert_int_equal(client.outcome.error.code, ERROR_INTERRUPTED);
}

/* Time runs out; the answer that comes late is nobody's. */
static void test_late_answer(void **state) {
    (void)state;
    struct client client = {.script = {.keep = true}};
    client_start(&client, 1);
    client.fixture.options.request_timeout = 300;
    client_connect(&client);
    assert_int_equal(client_submit(&client, "k", false), 0);
    for (int i = 0; i < 100 && !client.outcome.failed;
         i++) { /* something is answered now and then, or the connection is taken for dead */
        cql_cluster_poll(client.fixture.cluster, 20);
        client.script.keep = false;
        if (i % 3 == 2)
            assert_int_equal(client_submit(&client, "other", true), 0);
    }
    assert_int_equal(client.outcome.failed, 1);
    assert_int_equal(client.outcome.error.code, ERROR_BUSY);
    assert_non_null(strstr(client.outcome.error.message, "did not answer a request in 300 ms"));
    while (fixture_statistics(&client.fixture).in_flight)
        cql_cluster_poll(client.fixture.cluster, 20);
    unsigned before = client.outcome.answered;
    answer_void(client.fixture.server, &client.script.kept[0]);
    assert_int_equal(client_submit(&client, "k", true), 0);
    client_wait(&client, before + 2);
    assert_int_equal(client.outcome.answered, before + 1);
    assert_int_equal(fixture_statistics(&client.fixture).errors[CQL_KIND_TIMEOUT], 1);
    fixture_stop(&client.fixture);
}

/* ---- several nodes ---- */

/* The i-th of `nodes` equal parts of the ring. */
static unsigned owner_of(const char *key, unsigned nodes) {
    uint64_t place = (uint64_t)cql_token(slice_of(key)) - (uint64_t)INT64_MIN, part = UINT64_MAX / nodes;
    unsigned node = place ? (unsigned)((place - 1) / part) : 0;
    return node < nodes ? node : nodes - 1;
}

static void test_token_aware(void **state) {
    (void)state;
    struct client client = {0};
    unsigned expected[3] = {0};
    client_start(&client, 3);
    client_connect(&client);
    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof key, "gateway-%d", i);
        expected[owner_of(key, 3)]++;
        assert_int_equal(client_submit(&client, key, true), 0);
    }
    client_wait(&client, 300);
    assert_int_equal(client.outcome.answered, 300);
    for (unsigned node = 0; node < 3; node++) {
        assert_true(expected[node] > 50);
        assert_int_equal(cql_server_seen(client.fixture.server, node, CQL_EXECUTE), expected[node]);
    }
    fixture_stop(&client.fixture);
}

/* A node goes with requests under way: they are answered by another; it comes back, and gets its part again. */
static void test_node_lost(void **state) {
    (void)state;
    struct client client = {.script = {.keep = true}};
    client_start(&client, 2);
    client_connect(&client);
    char key[16];
    for (int i = 0; owner_of(snprintf(key, sizeof key, "k%d", i) ? key : "", 2) != 1; i++)
        continue;
    for (int i = 0; i < 5; i++)
        assert_int_equal(client_submit(&client, key, true), 0);
    for (int i = 0; i < 200 && cql_server_seen(client.fixture.server, 1, CQL_EXECUTE) < 5; i++)
        cql_cluster_poll(client.fixture.cluster, 5);
    assert_int_equal(cql_server_seen(client.fixture.server, 1, CQL_EXECUTE), 5);
    client.script.keep = false;
    cql_server_node_down(client.fixture.server, 1);
    client_wait(&client, 5);
    assert_int_equal(client.outcome.answered, 5);
    assert_int_equal(cql_server_seen(client.fixture.server, 0, CQL_EXECUTE), 5);
    assert_int_equal(fixture_statistics(&client.fixture).nodes_ready, 1);
    cql_server_node_up(client.fixture.server, 1);
    for (int i = 0; i < 1000 && fixture_statistics(&client.fixture).nodes_ready < 2; i++)
        cql_cluster_poll(client.fixture.cluster, 10);
    assert_int_equal(fixture_statistics(&client.fixture).nodes_ready, 2);
    assert_int_equal(client_submit(&client, key, true), 0);
    client_wait(&client, 6);
    assert_int_equal(cql_server_seen(client.fixture.server, 1, CQL_EXECUTE), 6);
    fixture_stop(&client.fixture);
}

/* All nodes go: requests wait for one that comes back, or for their time to run out. */
static void test_all_nodes_lost(void **state) {
    (void)state;
    struct client client = {0};
    client_start(&client, 1);
    client.fixture.options.request_timeout = 400;
    client_connect(&client);
    cql_server_node_down(client.fixture.server, 0);
    cql_cluster_poll(client.fixture.cluster, 50);
    assert_int_equal(client_submit(&client, "k", true), 0);
    client_wait(&client, 1);
    assert_int_equal(client.outcome.error.code, ERROR_IO);
    assert_true(client.outcome.error.retriable);
    assert_non_null(strstr(client.outcome.error.message, "no connection to Cassandra took the request in time"));
    cql_server_node_up(client.fixture.server, 0);
    for (int i = 0; i < 1000 && !fixture_statistics(&client.fixture).nodes_ready; i++)
        cql_cluster_poll(client.fixture.cluster, 10);
    assert_int_equal(client_submit(&client, "k", true), 0);
    client_wait(&client, 2);
    assert_int_equal(client.outcome.answered, 1);
    fixture_stop(&client.fixture);
}

/* ---- changes of the schema ---- */

static void test_agreement(void **state) {
    (void)state;
    struct client client = {.script = {.disagree = 7}};
    client_start(&client, 3);
    client_connect(&client);
    struct fixture *fixture = &client.fixture;
    unsigned first = 0;
    for (unsigned node = 1; node < 3; node++)
        first = cql_server_port(fixture->server, node) < cql_server_port(fixture->server, first) ? node : first;
    for (int i = 0; i < 3; i++)
        assert_int_equal(cql_cluster_define(fixture->cluster,
                                            SLICE("CREATE TABLE IF NOT EXISTS ks.t(k text PRIMARY KEY)"), 5000,
                                            &fixture->error),
                         0);
    assert_int_equal(client.script.defined[first], 3);
    assert_int_equal(client.script.versions,
                     4 * 3 + 2 * 3); /* the fourth round of three says the same; then one round each */
    client.script.disagree = 1000000;
    assert_int_equal(cql_cluster_agree(fixture->cluster, 200, &fixture->error), ERROR_BUSY);
    assert_true(fixture->error.retriable);
    assert_non_null(
        strstr(fixture->error.message, "have not agreed on the schema in 200 ms; some have another version of it"));
    client.script.disagree = 0;
    cql_server_node_down(fixture->server, first); /* nobody waits for a node that is away */
    for (int i = 0; i < 200 && fixture_statistics(fixture).nodes_ready > 2; i++)
        cql_cluster_poll(fixture->cluster, 5);
    assert_int_equal(cql_cluster_define(fixture->cluster, SLICE("CREATE TABLE IF NOT EXISTS ks.t(k text PRIMARY KEY)"),
                                        5000, &fixture->error),
                     0);
    assert_int_equal(client.script.defined[first], 3);
    assert_int_equal(client.script.defined[0] + client.script.defined[1] + client.script.defined[2], 4);
    fixture_stop(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),         cmocka_unit_test(test_prepared_again),
        cmocka_unit_test(test_forgets_for_ever), cmocka_unit_test(test_broken_frames),
        cmocka_unit_test(test_slow_server),      cmocka_unit_test(test_bytes_in_flight),
        cmocka_unit_test(test_late_answer),      cmocka_unit_test(test_token_aware),
        cmocka_unit_test(test_node_lost),        cmocka_unit_test(test_all_nodes_lost),
        cmocka_unit_test(test_agreement),        cmocka_unit_test(test_pause_between_repetitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
