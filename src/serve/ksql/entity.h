/* Inside of ksql/: what statements answer, as JSON objects with "@type". */
#ifndef METERLINE_SERVE_KSQL_ENTITY_H
#define METERLINE_SERVE_KSQL_ENTITY_H

#include "bus/bus.h"
#include "core/bytes.h"
#include "sql/session/session.h"

/* What became of a statement. */
struct entity_outcome {
    const struct session *session;
    struct slice query;            /* id of a query that it started; data NULL: none */
    struct slice message;          /* of the session; data NULL: none */
    const struct listing *listing; /* of SHOW and DESCRIBE; NULL: none */
    struct slice text;             /* of EXPLAIN; data NULL: none */
    const struct bus_topic_list *topics;
    int64_t sequence; /* of the statement among all that are kept */
};

/* Appends the object; nothing for statements that have none (SET, INSERT INTO .. VALUES). */
void entity_write(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome);
/* {"type":"ARRAY","fields":null,"memberSchema":{..}} */
void entity_write_schema(struct bytes *to, const struct type *type);
/* Is there something in the log or the catalog that the statement changes? */
bool entity_changes(const struct statement *statement);

#endif
