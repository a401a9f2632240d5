/* Ingest as one: the server with its listeners, the committing thread, tokens and certificates. What `meterline ingest`
 * runs, and what another command runs in its own process. */
#ifndef METERLINE_INGEST_INGEST_H
#define METERLINE_INGEST_INGEST_H

#include "bus/bus.h"
#include "ingest/commit.h"
#include "net/http/site.h"

struct ingest;

struct ingest_options {
    struct bus *bus;
    const char *topic;
    bool json;                     /* records in JSON; otherwise Avro */
    struct http_site_options site; /* its address: of HTTP */
    const char *mqtt;              /* HOST:PORT, NULL: none */
    const char *broker;            /* URL of a broker that is read; NULL: none. Further as broker_options has it */
    const char *broker_topics, *broker_share, *broker_client_id;
    int64_t wait_maximum; /* ms that the oldest delivery may wait before new ones are refused */
};

/* Listens and starts. What options point to outlives it. */
int ingest_open(const struct ingest_options *options, struct ingest **ret_ingest, struct error *error);
struct net_address ingest_http_address(const struct ingest *ingest); /* with the port that it got */
struct net_address ingest_mqtt_address(const struct ingest *ingest);
/* To be called now and then: reads tokens and certificates again that have changed, `force`: certificates in any case. A
 * failure is logged, and what there was stays in use. */
void ingest_refresh(struct ingest *ingest, bool force);
/* From now on /readyz answers 503, and answers ask clients to connect anew. */
void ingest_leave(struct ingest *ingest);
/* Accepts no more, answers what is under way for up to `timeout` ms, commits, and ends. ret_counts may be NULL. NULL is
 * fine; returns NULL. */
struct ingest *ingest_close(struct ingest *ingest, int64_t timeout, struct commit_counts *ret_counts);

#endif
