/* Connecting to Cassandra: passwords, versions, servers that are none, data centres, events. Each against a scripted
 * server. */
#include "cql_fixture.h"

struct script {
    const char *authenticator;
    const char *expected; /* body of AUTH_RESPONSE */
    size_t expected_length;
    int32_t refuse;   /* error code in answer to AUTH_RESPONSE, or to STARTUP without an authenticator; 0: accept */
    bool close_after; /* close the connection right after the refusal */
};

static bool script_hook(void *context, struct cql_server *server, const struct cql_server_frame *frame) {
    struct script *script = context;
    struct bytes body = {0};
    bool refused = false;
    if (frame->opcode == CQL_STARTUP && script->authenticator) {
        cql_write_string(&body, slice_of(script->authenticator));
        cql_server_reply(server, frame, CQL_AUTHENTICATE, bytes_slice(&body));
    } else if (frame->opcode == CQL_AUTH_RESPONSE && !script->refuse) {
        if (frame->body.length != script->expected_length ||
            memcmp(frame->body.data, script->expected, script->expected_length) != 0)
            cql_server_error(server, frame, 0x0100, "another token was expected", SLICE(""));
        else
            cql_server_reply(server, frame, CQL_AUTH_SUCCESS, BYTES("\xff\xff\xff\xff"));
    } else if (script->refuse &&
               (frame->opcode == CQL_AUTH_RESPONSE || (frame->opcode == CQL_STARTUP && !script->authenticator))) {
        cql_server_error(server, frame, script->refuse, "Provided username me and/or password are incorrect",
                         SLICE(""));
        refused = true;
    } else {
        return false;
    }
    if (refused && script->close_after)
        cql_server_cut(server, frame->connection);
    bytes_release(&body);
    return true;
}

static int connect_with(struct script *script, const char *user, const char *password, struct error *ret_error) {
    struct fixture fixture;
    fixture_start(&fixture, 1, script_hook, script);
    fixture.options.user = user;
    fixture.options.password = password;
    int status = fixture_connect(&fixture);
    *ret_error = fixture.error;
    fixture_stop(&fixture);
    return status;
}

static void test_password(void **state) {
    (void)state;
    struct error error = {0};
    struct script script = {.authenticator = "org.apache.cassandra.auth.PasswordAuthenticator",
                            .expected = "\x00\x00\x00\x0a\x00me\x00secret",
                            .expected_length = 14};
    assert_int_equal(connect_with(&script, "me", "secret", &error), 0);
    script.authenticator = "org.example.MyPasswordAuthenticatorWithCache";
    assert_int_equal(connect_with(&script, "me", "secret", &error), 0);
}

/* Refused at once, with what the server said, and without the password. */
static void test_wrong_password(void **state) {
    (void)state;
    for (int close_after = 0; close_after < 2; close_after++) {
        struct error error = {0};
        struct script script = {.authenticator = "org.apache.cassandra.auth.PasswordAuthenticator",
                                .refuse = 0x0100,
                                .close_after = close_after};
        int64_t begin = clock_monotonic_ns(&clock_system);
        assert_int_equal(connect_with(&script, "me", "secret", &error), ERROR_INVALID);
        assert_true(clock_monotonic_ns(&clock_system) - begin < 2000000000);
        assert_false(error.retriable);
        assert_non_null(strstr(error.message, "Cassandra at 127.0.0.1:"));
        assert_non_null(
            strstr(error.message,
                   "refused: authentication failed: Provided username me and/or password are incorrect [0x0100]"));
        assert_null(strstr(error.message, "secret"));
    }
}

static void test_no_password_given(void **state) {
    (void)state;
    struct error error = {0};
    struct script script = {.authenticator = "org.apache.cassandra.auth.PasswordAuthenticator"};
    assert_int_equal(connect_with(&script, NULL, NULL, &error), ERROR_INVALID);
    assert_non_null(
        strstr(error.message, "the server asks for a user and a password; write user:password@ before the host"));
}

static void test_other_authenticator(void **state) {
    (void)state;
    struct error error = {0};
    struct script script = {.authenticator = "com.example.KerberosAuthenticator"};
    assert_int_equal(connect_with(&script, "me", "secret", &error), ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "the server asks for authentication by com.example.KerberosAuthenticator"));
}

/* A server that is overloaded while we connect may take us later. */
static void test_overloaded_at_startup(void **state) {
    (void)state;
    struct fixture fixture;
    struct script script = {.refuse = 0x1001};
    fixture_start(&fixture, 1, script_hook, &script);
    fixture.options.contacts = &fixture.contact;
    assert_int_equal(cql_cluster_open(&fixture.options, &clock_system, &fixture.cluster, &fixture.error), 0);
    assert_int_equal(cql_cluster_connect(fixture.cluster, 200, &fixture.error), ERROR_BUSY);
    assert_true(fixture.error.retriable);
    assert_true(fixture_statistics(&fixture).connects > 1);
    fixture_stop(&fixture);
}

/* ---- servers that answer with other bytes ---- */

struct raw_answer {
    struct slice raw;
    bool cut;
};

static bool raw_hook(void *context, struct cql_server *server, const struct cql_server_frame *frame) {
    const struct raw_answer *answer = context;
    cql_server_send(server, frame->connection, answer->raw);
    if (answer->cut)
        cql_server_cut(server, frame->connection);
    return true;
}

static void test_other_servers(void **state) {
    (void)state;
    static const struct {
        struct slice raw;
        int code;
        const char *message;
    } cases[] = {
        {BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), ERROR_CORRUPT,
         "the server does not speak the CQL native protocol (its first byte is 0x48); is the port right?"},
        {BYTES("\x85\x00\x00\x00\x00\x00\x00\x00\x13\x00\x00\x00\x0a\x00\x0dtry version 5"), ERROR_UNSUPPORTED,
         "the server speaks version 5 of the CQL native protocol; version 4 is needed (Cassandra 2.2 to 5): try "
         "version 5"},
        {BYTES("\x83\x00\x00\x00\x02\x00\x00\x00\x00"), ERROR_UNSUPPORTED, "the server speaks version 3"},
        {BYTES("\x84\x00\x00\x00\x06\x7f\xff\xff\xff"), ERROR_CORRUPT,
         "the server sent a frame of 2147483647 bytes; at most 33554432 are read"},
        {BYTES("\x84\x00\x00\x00\x10\x00\x00\x00\x04\xff\xff\xff\xff"), ERROR_UNSUPPORTED,
         "the server answered the handshake with opcode 0x10"},
        {BYTES("\x84\x00\x00\x00\x07\x00\x00\x00\x00"), ERROR_UNSUPPORTED, "opcode 0x07, which is not a response"},
        {BYTES("\x84\x00\x00\x00\x06\x00\x00\x00\x02\x00\x01"), ERROR_CORRUPT,
         "a response with opcode 0x06 is damaged"},
        {BYTES("\x84\x01\x00\x00\x06\x00\x00\x00\x05\x00\x00\x00\x01\x00"), ERROR_CORRUPT,
         "a compressed frame, which was not agreed on"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct raw_answer answer = {cases[i].raw, false};
        fixture_start(&fixture, 1, raw_hook, &answer);
        assert_int_equal(fixture_connect(&fixture), cases[i].code);
        assert_non_null(strstr(fixture.error.message, cases[i].message));
        fixture_stop(&fixture);
    }
}

/* Streams that no one asked on, and a connection that ends in the middle of a frame: tried again until time is up. */
static void test_broken_handshakes(void **state) {
    (void)state;
    static const struct {
        struct raw_answer answer;
        const char *message;
    } cases[] = {
        {{BYTES("\x84\x00\x00\x05\x06\x00\x00\x00\x02\x00\x00"), false}, "what was not asked for on stream 5"},
        {{BYTES("\x84\x00\xff\xff\x06\x00\x00\x00\x02\x00\x00"), false}, "what was not asked for on stream -1"},
        {{BYTES("\x84\x00\x00\x00\x06\x00\x00\x00\x02\x00"), true}, "the server closed the connection"},
        {{BYTES(""), true}, "the server closed the connection"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct raw_answer answer = cases[i].answer;
        fixture_start(&fixture, 1, raw_hook, &answer);
        fixture.options.contacts = &fixture.contact;
        assert_int_equal(cql_cluster_open(&fixture.options, &clock_system, &fixture.cluster, &fixture.error), 0);
        assert_true(cql_cluster_connect(fixture.cluster, 100, &fixture.error) < 0);
        assert_true(fixture.error.retriable);
        assert_non_null(strstr(fixture.error.message, cases[i].message));
        assert_true(fixture_statistics(&fixture).connects > 1);
        fixture_stop(&fixture);
    }
}

static bool silent_hook(void *context, struct cql_server *server, const struct cql_server_frame *frame) {
    (void)context, (void)server, (void)frame;
    return true;
}

static void test_silent_server(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, 1, silent_hook, NULL);
    fixture.options.contacts = &fixture.contact;
    fixture.options.connect_timeout = 50;
    assert_int_equal(cql_cluster_open(&fixture.options, &clock_system, &fixture.cluster, &fixture.error), 0);
    assert_int_equal(cql_cluster_connect(fixture.cluster, 300, &fixture.error), ERROR_IO);
    assert_true(fixture.error.retriable);
    assert_non_null(strstr(fixture.error.message, "the server did not answer in time while connecting"));
    fixture_stop(&fixture);
}

static void test_nobody_listens(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, 1, NULL, NULL);
    cql_server_node_down(fixture.server, 0);
    fixture.options.contacts = &fixture.contact;
    assert_int_equal(cql_cluster_open(&fixture.options, &clock_system, &fixture.cluster, &fixture.error), 0);
    assert_int_equal(cql_cluster_connect(fixture.cluster, 200, &fixture.error), ERROR_IO);
    assert_true(fixture.error.retriable);
    assert_non_null(strstr(fixture.error.message, "cannot connect: Connection refused"));
    fixture_stop(&fixture);
}

static void test_contacts(void **state) {
    (void)state;
    struct cql_cluster *cluster;
    struct error error;
    struct cql_contact contact = {"no-such-host.invalid", 0};
    struct cql_options options = {.contacts = &contact, .contact_count = 1};
    assert_true(cql_cluster_open(&options, &clock_system, &cluster, &error) < 0);
    assert_non_null(strstr(error.message, "cannot find the address of Cassandra's host no-such-host.invalid"));
    options.contact_count = 0;
    assert_int_equal(cql_cluster_open(&options, &clock_system, &cluster, &error), ERROR_INVALID);
}

/* ---- topology ---- */

static void test_data_center(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, 2, NULL, NULL);
    fixture.options.data_center = "dc7";
    assert_int_equal(fixture_connect(&fixture), ERROR_INVALID);
    assert_string_equal(fixture.error.message, "no node of Cassandra is in the data centre dc7; there are: dc1");
    fixture_stop(&fixture);
}

static bool poll_until(struct fixture *fixture, bool (*reached)(struct fixture *fixture)) {
    for (int i = 0; i < 100 && !reached(fixture); i++)
        cql_cluster_poll(fixture->cluster, 50);
    return reached(fixture);
}

static bool two_nodes_ready(struct fixture *fixture) {
    return fixture_statistics(fixture).nodes_ready == 2;
}

static void test_finds_the_other_nodes(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, 2, NULL, NULL);
    assert_int_equal(fixture_connect(&fixture), 0);
    assert_true(poll_until(&fixture, two_nodes_ready));
    assert_int_equal(fixture_statistics(&fixture).nodes, 2);
    assert_int_equal(cql_server_seen(fixture.server, 1, CQL_STARTUP), 1);
    fixture_stop(&fixture);
}

/* Before Cassandra 4 there is no table peers_v2; here the old one is asked, whose rows have another shape, and fail. */
static bool old_hook(void *context, struct cql_server *server, const struct cql_server_frame *frame) {
    (void)context;
    static const struct slice peers =
        BYTES("\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x00"
              "\x00\x00\x00\x04\x7f\x00\x00\x01\x00\x00\x00\x03"
              "dc1\x00\x00\x00\x01r\xff\xff\xff\xff");
    if (frame->opcode != CQL_QUERY || !memmem(frame->body.data, frame->body.length, "system.peers", 12))
        return false;
    if (memmem(frame->body.data, frame->body.length, "peers_v2", 8))
        cql_server_error(server, frame, 0x2200, "table peers_v2 does not exist", SLICE(""));
    else
        cql_server_reply(server, frame, CQL_RESULT, peers);
    return true;
}

static void test_old_peers(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, 1, old_hook, NULL);
    assert_int_equal(fixture_connect(&fixture),
                     0); /* the peer's own address stands for 0.0.0.0, and is this node's: not a second one */
    assert_int_equal(fixture_statistics(&fixture).nodes, 1);
    fixture_stop(&fixture);
}

static bool refreshed(struct fixture *fixture) {
    return cql_server_refreshes(fixture->server) == 2;
}

/* Several events in a row lead to one more look at the topology. */
static void test_events(void **state) {
    (void)state;
    static const struct slice events[] = {
        BYTES("\x00\x0dSTATUS_CHANGE\x00\x04"
              "DOWN\x04\x7f\x00\x00\x09\x00\x00\x23\x52"),
        BYTES("\x00\x0fTOPOLOGY_CHANGE\x00\x08NEW_NODE\x04\x7f\x00\x00\x09\x00\x00\x23\x52"),
        BYTES("\x00\x0dSCHEMA_CHANGE\x00\x07UPDATED\x00\x08KEYSPACE\x00\x02ks"),
    };
    struct fixture fixture;
    fixture_start(&fixture, 1, NULL, NULL);
    assert_int_equal(fixture_connect(&fixture), 0);
    assert_int_equal(cql_server_refreshes(fixture.server), 1);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        cql_server_event(fixture.server, events[i]);
    assert_true(poll_until(&fixture, refreshed));
    cql_server_event(fixture.server, BYTES("\x00\x0dSCHEMA_CHANGE\x00\x07UPDATED\x00\x08KEYSPACE\x00\x05other"));
    for (int i = 0; i < 30; i++)
        cql_cluster_poll(fixture.cluster, 50);
    assert_int_equal(cql_server_refreshes(fixture.server), 2);
    assert_int_equal(fixture_statistics(&fixture).connects, 1);
    fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_no_password_given),
        cmocka_unit_test(test_other_authenticator),
        cmocka_unit_test(test_overloaded_at_startup),
        cmocka_unit_test(test_other_servers),
        cmocka_unit_test(test_broken_handshakes),
        cmocka_unit_test(test_silent_server),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_contacts),
        cmocka_unit_test(test_data_center),
        cmocka_unit_test(test_finds_the_other_nodes),
        cmocka_unit_test(test_old_peers),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
