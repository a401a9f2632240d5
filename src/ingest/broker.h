/* Readings from a broker: a client of MQTT 5 that subscribes, and acknowledges after the commit.
 *
 *     broker ─ PUBLISH, many at once ─▶ readings and rejections ─▶ committer ─ done ─▶ PUBACK
 *
 * The subscription is of QoS 1; a message that was not acknowledged comes again after the connection was lost, and a
 * reading that tells its time counts once. With a client id the broker keeps what is published while this client is away
 * (a day). While the log takes nothing, nothing more is read. A thread of its own; it connects again for ever. */
#ifndef METERLINE_INGEST_BROKER_H
#define METERLINE_INGEST_BROKER_H

#include "ingest/commit.h"
#include "ingest/payload_pool.h"

struct broker_options {
    const char *url;       /* mqtt://[USER[:PASSWORD]@]HOST[:PORT] */
    const char *topics;    /* filters, separated by commas */
    const char *share;     /* name of the group that divides the messages among its members; NULL: none */
    const char *client_id; /* NULL: a new one each time, and the broker keeps nothing */
    struct committer *committer;
    struct payload_pool *readers;
    const struct clock *clock;
    const struct log *log;
};

struct broker;

/* ERROR_INVALID: the URL or a filter is none. That the broker is away is no error. What options point to outlives it. */
int broker_open(const struct broker_options *options, struct broker **ret_broker, struct error *error);
/* Ends the connection and the thread; what was not acknowledged comes again. Before its committer is closed. NULL is fine; returns
 * NULL. */
struct broker *broker_close(struct broker *broker);

#endif
