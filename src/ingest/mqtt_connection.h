/* Inside of MQTT's server: a connection, its place among the clients, and its messages on their way to the log. All of a
 * connection belongs to its loop's thread. */
#ifndef METERLINE_INGEST_MQTT_CONNECTION_H
#define METERLINE_INGEST_MQTT_CONNECTION_H

#include "ingest/mqtt.h"
#include "net/mqtt/mqtt.h"

enum {
    MQTT_PACKET_MAXIMUM = 1024 * 1024,
    MQTT_RECEIVE_MAXIMUM = 1024, /* messages that wait for their commit; then no more is read */
    MQTT_AGAIN_MS = 1000
};

struct mqtt_batch;

/* A message of QoS 2 whose PUBREL has not come. */
struct mqtt_exact {
    uint16_t id;
    bool committed;
};

struct mqtt_connection {
    enum mqtt_version version;
    bool connected;
    bool waits;                /* the log takes nothing now: nothing is read until the next try */
    bool full;                 /* so many messages are under way that nothing is read */
    bool leaving;              /* ends when nothing is under way */
    bool known;                /* there is a token */
    int64_t keep_alive, heard; /* ms, 0: none; when something came last */
    struct token *token;
    struct mqtt_session *session; /* NULL: another client has taken over */
    struct mqtt_batch *batches;   /* under way, in any order */
    size_t under_way;             /* messages of them */
    struct mqtt_exact *exact;
    size_t exact_count, exact_capacity;
};

/* --- mqtt_clients.c: who connects --- */

/* Reason code for CONNACK of version 5. */
uint8_t mqtt_authorise(struct connection *connection, const struct mqtt_connect *connect);
/* Enters the client, whose id is made up when it has none, and lets go of the one that had it. False: no memory. */
bool mqtt_session_begin(struct connection *connection, struct slice client_id);
void mqtt_session_end(struct connection *connection);
struct slice mqtt_client_id(const struct mqtt_connection *client);

/* --- mqtt_messages.c: what they publish --- */

/* A batch for the packets in `bytes`, which are copied; NULL: there is no room for them now. */
struct mqtt_batch *mqtt_batch_begin(struct connection *connection, struct slice bytes, struct slice *ret_copy);
/* Adds what was published, which lies in the copy. False: no memory. */
bool mqtt_batch_add(struct mqtt_batch *batch, const struct mqtt_packet *packet);
/* Gives it to the committer; one without messages is dropped. */
void mqtt_batch_submit(struct mqtt_batch *batch);
/* Gives those that the log did not take to it again. */
void mqtt_batches_again(struct connection *connection);
void mqtt_batches_forget(struct connection *connection); /* it has closed */

/* --- mqtt.c --- */

/* After anything has changed: reads or not, sets the deadline, ends when all is done. */
void mqtt_settle(struct connection *connection);
/* With a word of version 5, ends. */
void mqtt_refuse(struct connection *connection, uint8_t reason, const char *text);

#endif
