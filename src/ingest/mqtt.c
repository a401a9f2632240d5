/* The protocol of a connection. What it does next follows from a few facts (mqtt_settle):
 *
 *     no CONNECT yet                            a deadline for it
 *     the log takes nothing (`waits`)           nothing is read; another try in a second
 *     too many messages under way               nothing is read, until half of them are committed
 *     otherwise                                 keep alive and a half: who is silent for longer is gone */
#include "ingest/mqtt.h"

#include "core/memory.h"
#include "ingest/mqtt_connection.h"

static struct ingest_mqtt *mqtt_of(struct connection *connection) {
    return connection_context(connection);
}

void ingest_mqtt_init(struct ingest_mqtt *ingest) {
    payload_pool_init(&ingest->readers);
    pthread_mutex_init(&ingest->lock, NULL);
}

void ingest_mqtt_release(struct ingest_mqtt *ingest) {
    payload_pool_release(&ingest->readers);
    pthread_mutex_destroy(&ingest->lock);
}

static void mqtt_send(struct connection *connection, const struct mqtt_packet *packet) {
    struct mqtt_connection *client = connection_state(connection);
    cleanup(bytes_release) struct bytes out = {0};
    mqtt_write(&out, client->version, packet);
    connection_write(connection, bytes_slice(&out));
}

void mqtt_refuse(struct connection *connection, uint8_t reason, const char *text) {
    struct mqtt_connection *client = connection_state(connection);
    struct mqtt_packet packet = {.type = MQTT_DISCONNECT, .reason = reason, .properties.reason = slice_of(text)};
    if (client->connected && client->version == MQTT_5)
        mqtt_send(connection, &packet);
    connection_end(connection);
}

void mqtt_settle(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    int64_t now = net_loop_now(connection_loop(connection));
    size_t most = client->full ? MQTT_RECEIVE_MAXIMUM / 2 : MQTT_RECEIVE_MAXIMUM;
    bool full = client->full = client->under_way >= most;
    if (client->leaving && client->under_way == 0) {
        mqtt_refuse(connection, MQTT_SHUTTING_DOWN, "the server ends");
        return;
    }
    connection_pause(connection, client->waits || full || client->leaving);
    if (client->waits)
        connection_deadline(connection, now + MQTT_AGAIN_MS);
    else if (!client->keep_alive || full || client->leaving)
        connection_deadline(connection, INT64_MAX);
    else
        connection_deadline(connection, client->heard + client->keep_alive);
}

/* --- CONNECT
 * ------------------------------------------------------------------------------------------------------------------ */

/* As version 3.1.1 has them. */
static uint8_t connack_code(enum mqtt_version version, uint8_t reason) {
    if (version == MQTT_5 || reason == MQTT_SUCCESS)
        return reason;
    return reason == MQTT_UNSUPPORTED_VERSION ? 1
           : reason == MQTT_CLIENT_ID_INVALID ? 2
           : reason == MQTT_SERVER_BUSY       ? 3
                                              : 5;
}

static void mqtt_connack(struct connection *connection, uint8_t reason, struct slice client_id) {
    struct mqtt_connection *client = connection_state(connection);
    struct mqtt_packet packet = {.type = MQTT_CONNACK, .reason = connack_code(client->version, reason)};
    if (!reason)
        packet.properties = (struct mqtt_properties){
            .receive_maximum = MQTT_RECEIVE_MAXIMUM, .packet_maximum = MQTT_PACKET_MAXIMUM, .client_id = client_id};
    mqtt_send(connection, &packet);
}

static uint8_t mqtt_accept(struct connection *connection, const struct mqtt_connect *connect) {
    if (connect->client_id.length == 0 && connect->version == MQTT_3 && !connect->clean)
        return MQTT_CLIENT_ID_INVALID;
    uint8_t reason = mqtt_authorise(connection, connect);
    if (reason)
        return reason;
    return mqtt_session_begin(connection, connect->client_id) ? MQTT_SUCCESS : MQTT_SERVER_BUSY;
}

/* -1: it ends. */
static int mqtt_connect(struct connection *connection, const struct mqtt_packet *packet) {
    struct mqtt_connection *client = connection_state(connection);
    const struct mqtt_connect *connect = &packet->connect;
    client->version = connect->version;
    uint8_t reason = mqtt_accept(connection, connect);
    bool named = connect->client_id.length > 0;
    mqtt_connack(connection, reason, named || reason ? (struct slice){0} : mqtt_client_id(client));
    if (reason)
        return -1;
    client->connected = true;
    client->keep_alive = (int64_t)connect->keep_alive * 1500;
    return 0;
}

/* --- what comes after it
 * ------------------------------------------------------------------------------------------------------------------ */

static struct mqtt_exact *exact_find(struct mqtt_connection *client, uint16_t id) {
    for (size_t i = 0; i < client->exact_count; i++)
        if (client->exact[i].id == id)
            return &client->exact[i];
    return NULL;
}

static int mqtt_publish(struct connection *connection, struct mqtt_batch *batch, const struct mqtt_packet *packet) {
    struct mqtt_connection *client = connection_state(connection);
    const struct mqtt_exact *exact = packet->qos == 2 ? exact_find(client, packet->id) : NULL;
    if (packet->properties.topic_alias) {
        mqtt_refuse(connection, MQTT_ALIAS_INVALID, "topic aliases are not taken");
        return -1;
    }
    if (exact) { /* the same again, before its PUBREL */
        if (exact->committed)
            mqtt_send(connection, &(struct mqtt_packet){.type = MQTT_PUBREC, .id = packet->id});
        return 0;
    }
    if (packet->qos == 2 && client->exact_count == MQTT_RECEIVE_MAXIMUM) {
        mqtt_refuse(connection, MQTT_RECEIVE_EXCEEDED, "too many messages of QoS 2 without their PUBREL");
        return -1;
    }
    if (mqtt_batch_add(batch, packet))
        return 0;
    connection_abort(connection);
    return -1;
}

static void mqtt_release(struct connection *connection, uint16_t id) {
    struct mqtt_connection *client = connection_state(connection);
    struct mqtt_exact *exact = exact_find(client, id);
    uint8_t reason = exact ? MQTT_SUCCESS : MQTT_ID_NOT_FOUND;
    if (exact)
        *exact = client->exact[--client->exact_count];
    mqtt_send(connection, &(struct mqtt_packet){.type = MQTT_PUBCOMP, .id = id, .reason = reason});
}

static void mqtt_refuse_filters(struct connection *connection, const struct mqtt_packet *packet) {
    bool subscribe = packet->type == MQTT_SUBSCRIBE;
    struct mqtt_packet answer = {.type = subscribe ? MQTT_SUBACK : MQTT_UNSUBACK,
                                 .id = packet->id,
                                 .count = packet->count,
                                 .reason = subscribe ? MQTT_UNSPECIFIED : MQTT_SUCCESS};
    answer.properties.reason = SLICE("this is meterline, which takes readings; it is no broker: nothing is delivered");
    mqtt_send(connection, &answer);
}

static int mqtt_packet(struct connection *connection, struct mqtt_batch *batch, const struct mqtt_packet *packet) {
    struct mqtt_connection *client = connection_state(connection);
    if (client->connected != (packet->type != MQTT_CONNECT)) {
        mqtt_refuse(connection, MQTT_PROTOCOL_ERROR, "CONNECT comes first, and once");
        return -1;
    }
    switch (packet->type) {
    case MQTT_CONNECT:
        return mqtt_connect(connection, packet);
    case MQTT_PUBLISH:
        return mqtt_publish(connection, batch, packet);
    case MQTT_PUBREL:
        mqtt_release(connection, packet->id);
        return 0;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        mqtt_refuse_filters(connection, packet);
        return 0;
    case MQTT_PINGREQ:
        mqtt_send(connection, &(struct mqtt_packet){.type = MQTT_PINGRESP});
        return 0;
    case MQTT_DISCONNECT:
        return -1;
    default:
        mqtt_refuse(connection, MQTT_PROTOCOL_ERROR, "a packet that servers send, or an acknowledgement of nothing");
        return -1;
    }
}

static bool mqtt_log_is_away(struct ingest_mqtt *ingest) {
    return committer_log_is_away(ingest->committer) || committer_waiting(ingest->committer) > ingest->wait_maximum;
}

static ssize_t mqtt_packets(struct connection *connection, struct mqtt_batch *batch, struct slice bytes) {
    struct mqtt_connection *client = connection_state(connection);
    size_t used = 0;
    while (used < bytes.length) {
        struct mqtt_packet packet;
        struct mqtt_refusal refusal;
        struct slice rest = {bytes.data + used, bytes.length - used};
        ssize_t length = mqtt_read(rest, client->version, MQTT_PACKET_MAXIMUM, &packet, &refusal);
        if (length == 0)
            break;
        if (length < 0) {
            mqtt_refuse(connection, refusal.reason, refusal.text);
            return -1;
        }
        if (mqtt_packet(connection, batch, &packet))
            return -1;
        used += (size_t)length;
    }
    return (ssize_t)used;
}

/* --- the connection
 * ------------------------------------------------------------------------------------------------------------------ */

static int mqtt_opened(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    client->version = MQTT_3;
    connection_deadline(connection, net_loop_now(connection_loop(connection)) + mqtt_of(connection)->head_timeout);
    return 0;
}

static ssize_t mqtt_received(struct connection *connection, struct slice bytes) {
    struct mqtt_connection *client = connection_state(connection);
    struct mqtt_packet first;
    struct mqtt_refusal refusal;
    ssize_t used = mqtt_read(bytes, client->version, MQTT_PACKET_MAXIMUM, &first, &refusal);
    client->heard = net_loop_now(connection_loop(connection));
    if (used == 0)
        return 0; /* the deadline is that of the packet before: who sends slowly must be done in time */
    struct slice copy;
    client->waits = client->connected && mqtt_log_is_away(mqtt_of(connection));
    struct mqtt_batch *batch = client->waits ? NULL : mqtt_batch_begin(connection, bytes, &copy);
    used = 0;
    if (batch) {
        used = mqtt_packets(connection, batch, copy);
        mqtt_batch_submit(batch);
    } else if (client->connected) {
        client->waits = true;
    } else {
        connection_abort(connection);
        used = -1;
    }
    if (used >= 0 && client->connected)
        mqtt_settle(connection);
    return used;
}

static void mqtt_ended(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    if (client->under_way == 0)
        connection_end(connection);
    else
        client->leaving = true;
}

static void mqtt_expired(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    if (!client->connected) {
        connection_abort(connection);
        return;
    }
    if (!client->waits) {
        mqtt_refuse(connection, MQTT_KEEP_ALIVE_TIMEOUT, "nothing came for one and a half times the keep alive");
        return;
    }
    client->waits = mqtt_log_is_away(mqtt_of(connection));
    client->heard = net_loop_now(connection_loop(connection));
    if (!client->waits)
        mqtt_batches_again(connection);
    mqtt_settle(connection);
}

static void mqtt_drain(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    client->leaving = true;
    if (client->connected)
        mqtt_settle(connection);
    else
        connection_abort(connection);
}

static void mqtt_closed(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    mqtt_session_end(connection);
    mqtt_batches_forget(connection);
    free(client->token);
    free(client->exact);
}

const struct net_protocol ingest_mqtt_protocol = {.name = "mqtt",
                                                  .state_size = sizeof(struct mqtt_connection),
                                                  .opened = mqtt_opened,
                                                  .received = mqtt_received,
                                                  .ended = mqtt_ended,
                                                  .expired = mqtt_expired,
                                                  .drain = mqtt_drain,
                                                  .closed = mqtt_closed};
