/* Sessions stand in a table by client id. A new one takes the place of the old, whose own loop is told so by the message
 * in it; it is freed by that message, or when its connection closes before anybody has asked for it.
 *
 *     begin ─▶ in the table ── connection closes ─▶ freed
 *                   └── taken over: out of the table, message ─▶ connection ends ─▶ freed */
#include <stdio.h>

#include "core/hash.h"
#include "core/memory.h"
#include "ingest/mqtt_connection.h"

struct mqtt_session {
    struct net_message message;    /* the first: it has been taken over */
    struct connection *connection; /* NULL: closed */
    struct net_loop *loop;
    bool taken_over; /* under the lock of the table */
    struct mqtt_session *next;
    size_t length;
    char client_id[];
};

static struct ingest_mqtt *mqtt_of(struct connection *connection) {
    return connection_context(connection);
}

struct slice mqtt_client_id(const struct mqtt_connection *client) {
    return client->session ? (struct slice){client->session->client_id, client->session->length} : SLICE("");
}

uint8_t mqtt_authorise(struct connection *connection, const struct mqtt_connect *connect) {
    struct ingest_mqtt *ingest = mqtt_of(connection);
    struct mqtt_connection *client = connection_state(connection);
    int64_t now = clock_wall(ingest->clock);
    if (!(client->token = memory_zero(1, sizeof *client->token)))
        return MQTT_SERVER_BUSY;
    client->known =
        (connect->has_password && token_store_find(ingest->tokens, connect->password, now, client->token)) ||
        (connect->has_user && token_store_find(ingest->tokens, connect->user, now, client->token)) ||
        token_store_find_certificate(ingest->tokens, connection_certificate_name(connection), now, client->token);
    if (client->known)
        return token_allows(client->token, TOKEN_INGEST) ? MQTT_SUCCESS : MQTT_NOT_AUTHORIZED;
    bool open = net_address_is_loopback(connection_peer(connection)) ||
                (ingest->insecure && token_store_count(ingest->tokens) == 0);
    return open ? MQTT_SUCCESS : MQTT_BAD_AUTHENTICATION;
}

static struct mqtt_session **session_bucket(struct ingest_mqtt *ingest, struct slice client_id) {
    uint64_t hash = hash_bytes(client_id.data, client_id.length, hash_seed());
    return &ingest->sessions[hash % MQTT_SESSION_BUCKETS];
}

static struct mqtt_session **session_place(struct ingest_mqtt *ingest, struct slice client_id) {
    struct mqtt_session **place = session_bucket(ingest, client_id);
    while (*place && !slice_equal((struct slice){(*place)->client_id, (*place)->length}, client_id))
        place = &(*place)->next;
    return place;
}

static void session_taken_over(struct net_message *message) {
    struct mqtt_session *session = (struct mqtt_session *)message;
    if (session->connection) {
        struct mqtt_connection *client = connection_state(session->connection);
        client->session = NULL;
        mqtt_refuse(session->connection, MQTT_TAKEN_OVER, "another client has connected with this id");
    }
    free(session);
}

static void session_enter(struct ingest_mqtt *ingest, struct mqtt_session *session) {
    pthread_mutex_lock(&ingest->lock);
    struct mqtt_session **place = session_place(ingest, (struct slice){session->client_id, session->length});
    struct mqtt_session *old = *place;
    session->next = old ? old->next : NULL;
    *place = session;
    if (old)
        old->taken_over = true;
    pthread_mutex_unlock(&ingest->lock);
    if (old) /* it is not freed before its message has come */
        net_loop_post(old->loop, &old->message);
}

bool mqtt_session_begin(struct connection *connection, struct slice client_id) {
    struct ingest_mqtt *ingest = mqtt_of(connection);
    struct mqtt_connection *client = connection_state(connection);
    char name[40];
    if (client_id.length == 0)
        client_id = (struct slice){name, (size_t)snprintf(name, sizeof name, "meterline-%llu",
                                                          (unsigned long long)atomic_fetch_add(&ingest->names, 1) + 1)};
    struct mqtt_session *session = memory_zero(1, sizeof *session + client_id.length);
    if (!session)
        return false;
    session->message.deliver = session_taken_over;
    session->connection = connection;
    session->loop = connection_loop(connection);
    session->length = client_id.length;
    memcpy(session->client_id, client_id.data, client_id.length);
    client->session = session;
    session_enter(ingest, session);
    return true;
}

void mqtt_session_end(struct connection *connection) {
    struct ingest_mqtt *ingest = mqtt_of(connection);
    struct mqtt_connection *client = connection_state(connection);
    struct mqtt_session *session = client->session;
    if (!session)
        return;
    client->session = NULL;
    pthread_mutex_lock(&ingest->lock);
    bool taken_over = session->taken_over;
    if (taken_over)
        session->connection = NULL; /* its message comes in this thread, later */
    else
        *session_place(ingest, (struct slice){session->client_id, session->length}) = session->next;
    pthread_mutex_unlock(&ingest->lock);
    if (!taken_over)
        free(session);
}
