/* A server for tests that speaks the CQL native protocol on loopback sockets, one port for each node of its cluster,
 * in a thread of its own.
 *
 * It answers everything as a friendly cluster does: handshake, topology (SimpleStrategy with one replica; node i
 * owns the i-th part of the ring), PREPARE (the id is the text's length in two bytes; one marker for each '?', the
 * first is the partition key), and void for the rest. A hook sees each frame first and may answer it itself, keep it
 * for later, or break something. All functions may be called from the hook and from the test. */
#ifndef METERLINE_TESTS_CQL_SERVER_H
#define METERLINE_TESTS_CQL_SERVER_H

#include "core/bytes.h"
#include "store/cassandra/cql/cql_frame.h"
#include <stdbool.h>
#include <stdint.h>

struct cql_server;

struct cql_server_frame {
    int connection; /* socket */
    unsigned node;
    int16_t stream;
    uint8_t opcode;
    bool compressed;
    struct slice body; /* uncompressed; lives until the hook returns */
};

/* True: it has dealt with the frame. */
typedef bool cql_server_hook(void *context, struct cql_server *server, const struct cql_server_frame *frame);

struct cql_server *cql_server_start(unsigned nodes, cql_server_hook *hook, void *context);
void cql_server_stop(struct cql_server *server);
uint16_t cql_server_port(const struct cql_server *server, unsigned node);

void cql_server_reply(struct cql_server *server, const struct cql_server_frame *to, uint8_t opcode, struct slice body);
void cql_server_error(struct cql_server *server, const struct cql_server_frame *to, int32_t code, const char *text,
                      struct slice more);
void cql_server_send(struct cql_server *server, int connection, struct slice raw);
void cql_server_cut(struct cql_server *server, int connection);
/* Sends an EVENT to every connection that has sent REGISTER. */
void cql_server_event(struct cql_server *server, struct slice body);

void cql_server_node_down(struct cql_server *server, unsigned node); /* cuts its connections and refuses new ones */
void cql_server_node_up(struct cql_server *server, unsigned node);
unsigned cql_server_seen(struct cql_server *server, unsigned node, uint8_t opcode); /* frames that came */
unsigned cql_server_refreshes(struct cql_server *server);                           /* queries of system.local */

#endif
