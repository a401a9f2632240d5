/* A scripted server and a client of it, with short times, for the tests of the Cassandra client. */
#ifndef METERLINE_TESTS_CQL_FIXTURE_H
#define METERLINE_TESTS_CQL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cql_server.h"
#include "store/cassandra/cql/cql_client.h"
#include "store/cassandra/cql/cql_value.h"

#define BYTES(literal) ((struct slice){literal, sizeof(literal) - 1})

struct fixture {
    struct cql_server *server;
    struct cql_cluster *cluster;
    struct cql_contact contact;
    struct cql_options options; /* may be changed before fixture_connect */
    struct error error;
};

static inline void fixture_start(struct fixture *fixture, unsigned nodes, cql_server_hook *hook, void *context) {
    *fixture = (struct fixture){.server = cql_server_start(nodes, hook, context)};
    fixture->contact = (struct cql_contact){"127.0.0.1", cql_server_port(fixture->server, 0)};
    fixture->options = (struct cql_options){
        .contact_count = 1, .keyspace = "ks", .request_timeout = 5000, .reconnect_pause = 20, .seed = 7};
}

static inline int fixture_connect(struct fixture *fixture) {
    fixture->options.contacts = &fixture->contact;
    assert_int_equal(cql_cluster_open(&fixture->options, &clock_system, &fixture->cluster, &fixture->error), 0);
    return cql_cluster_connect(fixture->cluster, 5000, &fixture->error);
}

static inline void fixture_stop(struct fixture *fixture) {
    fixture->cluster = cql_cluster_close(fixture->cluster);
    cql_server_stop(fixture->server);
}

static inline struct cql_statistics fixture_statistics(const struct fixture *fixture) {
    struct cql_statistics statistics;
    cql_cluster_statistics(fixture->cluster, &statistics);
    return statistics;
}

#endif
