/* ksqlDB's REST interface, as its documentation has it, so that its clients and scripts work unchanged:
 *
 *     POST /ksql            statements                  an array of objects, one a statement
 *     POST /query           SELECT                      header, rows and a last word, in one array
 *     POST /query-stream    SELECT                      a header, then an array a row
 *     POST /close-query     ends a push query
 *     POST /inserts-stream  rows into a stream or table
 *     GET  /info /healthcheck /clusterStatus /status/.. /is_valid_property/NAME
 *
 * Statements are executed by a session of the request: what it SETs or DEFINEs ends with it. */
#ifndef METERLINE_SERVE_KSQL_KSQL_H
#define METERLINE_SERVE_KSQL_KSQL_H

#include "net/http/http.h"

extern const struct http_handler ksql_statements, ksql_query, ksql_query_stream, ksql_close_query, ksql_inserts,
    ksql_info, ksql_health, ksql_cluster, ksql_status, ksql_property;

#endif
