/* Readings over MQTT 3.1.1 and 5: a server that gateways connect to as if it were a broker. It is none: what is
 * published becomes readings, and every subscription is refused.
 *
 *     PUBLISH, many at once ─▶ readings and rejections ─▶ committer ─▶ PUBACK (QoS 1), PUBREC (QoS 2)
 *
 * An acknowledgement leaves after the commit that holds the readings. While the log is away nothing is acknowledged and
 * nothing more is read; what was read is given to the log again. A client that connects with the id of another one
 * takes its place. There are no sessions: a client whose connection broke sends again what was not acknowledged, and a
 * reading that tells its time counts once (ingest/delivered.h).
 *
 * Topics are in ingest/mqtt_topic.c. A token is the user name or the password; from loopback none is needed. A reading
 * of a gateway that the token may not write is rejected. */
#ifndef METERLINE_INGEST_MQTT_H
#define METERLINE_INGEST_MQTT_H

#include <stdatomic.h>

#include "ingest/commit.h"
#include "ingest/payload_pool.h"
#include "net/connection.h"
#include "net/token.h"

struct mqtt_session;

enum { MQTT_SESSION_BUCKETS = 4096 };

/* The context of a listener with ingest_mqtt_protocol. */
struct ingest_mqtt {
    struct committer *committer;
    struct token_store *tokens;
    const struct clock *clock;
    bool insecure;        /* while there are no tokens, none is needed */
    int64_t wait_maximum; /* ms: when the oldest delivery has waited so long, nothing more is read */
    int64_t head_timeout; /* ms until CONNECT has come */
    struct payload_pool readers;
    pthread_mutex_t lock;                                /* of the sessions */
    struct mqtt_session *sessions[MQTT_SESSION_BUCKETS]; /* by client id */
    _Atomic uint64_t names;                              /* given to clients without an id */
};

extern const struct net_protocol ingest_mqtt_protocol;

void ingest_mqtt_init(struct ingest_mqtt *ingest);
void ingest_mqtt_release(struct ingest_mqtt *ingest); /* when all connections have closed */

/* What a topic says about what is published in it: format, precision, and the names that it has. `device`: who the
 * client is. NULL, or why it is no topic of readings. */
const char *mqtt_topic_read(struct slice topic, struct slice device, struct payload *payload);

#endif
