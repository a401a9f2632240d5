/* What a Cassandra server sends: frame header, LZ4, response, rows and cells, and what is taken for its topology.
 * Whatever it is, nothing behind the end is read, and a response that was decoded can be walked. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "store/cassandra/cql/cql_error.h"
#include "store/cassandra/cql/cql_lz4.h"
#include "store/cassandra/cql/cql_response.h"
#include "store/cassandra/cql/cql_topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_cell(struct slice cell) {
    struct cql_reader reader;
    int64_t integer;
    double number;
    bool truth;
    uint32_t count;
    cql_cell_integer(cell, &integer);
    cql_cell_double(cell, &number);
    cql_cell_boolean(cell, &truth);
    for (unsigned parts = 1; parts <= 2; parts++)
        if (cql_cell_collection(cell, parts, &reader, &count))
            for (uint32_t i = 0; i < count && !reader.failed; i++)
                cql_read_bytes(&reader);
}

static void walk_columns(struct cql_columns columns) {
    struct cql_column column;
    while (cql_columns_next(&columns, &column))
        continue;
}

static void walk_rows(struct cql_rows rows) {
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    walk_columns(rows.columns);
    while (cql_rows_next(&rows, cells))
        for (uint32_t i = 0; i < rows.columns.count; i++)
            walk_cell(cells[i]);
}

/* Rows as if they were those of system.peers, the last cell of each also as a keyspace's replication. */
static void walk_topology(struct cql_rows rows) {
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    struct cql_topology topology = {0};
    struct error error;
    uint32_t replicas[CQL_REPLICAS_MAXIMUM];
    uint16_t port = 1;
    bool good = true;
    while (good && rows.columns.count >= 4 && port < 200 && cql_rows_next(&rows, cells)) {
        struct cql_address address;
        if (!cql_address_of(cells[0], port++, &address) &&
            !cql_address_of((struct slice){"\x7f\0\0\1", 4}, port, &address))
            abort();
        good = cql_topology_add(&topology, &address, cells[1], cells[2], cells[3], &error) == 0 &&
               cql_topology_replicate(&topology, cells[rows.columns.count - 1], &error) == 0;
    }
    if (good && topology.node_count && cql_topology_seal(&topology, topology.nodes[0].data_center, &error) == 0)
        for (int64_t token = INT64_MIN; token < INT64_MAX - INT64_MAX / 3; token += INT64_MAX / 4) {
            size_t count = cql_topology_replicas(&topology, token, replicas);
            for (size_t i = 0; i < count; i++)
                if (replicas[i] >= topology.node_count || !topology.nodes[replicas[i]].local)
                    abort();
        }
    cql_topology_release(&topology);
}

static void walk(const struct cql_response *response) {
    struct error error;
    if (response->opcode == CQL_ERROR) {
        if (cql_error_set(&error, "127.0.0.1:9042", &response->error) >= 0)
            abort();
    } else if (response->opcode == CQL_SUPPORTED) {
        cql_supports(response, SLICE("COMPRESSION"), SLICE("lz4"));
    } else if (response->opcode == CQL_RESULT && response->kind == CQL_RESULT_ROWS) {
        walk_rows(response->rows);
        walk_topology(response->rows);
    } else if (response->opcode == CQL_RESULT && response->kind == CQL_RESULT_PREPARED) {
        walk_columns(response->prepared.markers);
        walk_columns(response->prepared.columns);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cql_frame frame;
    struct cql_response response;
    struct error error;
    struct bytes plain = {0};
    if (size < CQL_FRAME_HEADER || cql_frame_decode((const char *)data, &frame, &error) != 0)
        return 0;
    struct slice body = {(const char *)data + CQL_FRAME_HEADER, size - CQL_FRAME_HEADER};
    if ((frame.flags & CQL_FLAG_COMPRESSED) && cql_lz4_expand(body, CQL_BODY_MAXIMUM, &plain, &error) == 0)
        body = bytes_slice(&plain);
    if (cql_response_decode(&frame, body, &response, &error) == 0)
        walk(&response);
    bytes_release(&plain);
    return 0;
}
