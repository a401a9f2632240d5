/* What came in one go is one batch: one delivery, one copy of the bytes, and the list of what is to be acknowledged.
 *
 *     loop's thread        committing thread        loop's thread
 *     begin, add, submit ─▶ done() ── message ─────▶ acknowledge, or keep it for the next try
 *
 * A batch outlives its connection; then nothing is acknowledged. The acknowledgements of a connection leave in the order in which
 * messages came, unless the log had refused some. */
#include <stdio.h>
#include <string.h>

#include "codec/row/reason.h"
#include "core/memory.h"
#include "ingest/mqtt_connection.h"
#include "ingest/mqtt_gather.h"

struct mqtt_receipt {
    uint16_t id;
    uint8_t qos;
};

struct mqtt_batch {
    struct net_message message; /* the first: the committer has done */
    struct delivery delivery;
    struct connection *connection; /* NULL: closed */
    struct ingest_mqtt *ingest;
    struct net_loop *loop;
    struct mqtt_batch *previous, *next;
    bool again; /* the log did not take it */
    size_t held;
    struct mqtt_gather gather;
    struct mqtt_receipt *receipts; /* of every message, QoS 0 too */
    size_t count, receipt_room;
};

static void batch_free(struct mqtt_batch *batch) {
    net_loop_let_go(batch->loop, batch->held);
    mqtt_gather_release(&batch->gather);
    free(batch->receipts);
    free(batch);
}

static void batch_unlink(struct mqtt_batch *batch) {
    if (!batch->connection)
        return;
    struct mqtt_connection *client = connection_state(batch->connection);
    if (batch->previous)
        batch->previous->next = batch->next;
    else
        client->batches = batch->next;
    if (batch->next)
        batch->next->previous = batch->previous;
    client->under_way -= batch->count;
}

/* --- on the way in
 * ------------------------------------------------------------------------------------------------------------------ */

struct mqtt_batch *mqtt_batch_begin(struct connection *connection, struct slice bytes, struct slice *ret_copy) {
    struct net_loop *loop = connection_loop(connection);
    size_t held = 2 * bytes.length + sizeof(struct mqtt_batch); /* what is read of it takes about as much again */
    if (!net_loop_hold(loop, held))
        return NULL;
    struct mqtt_batch *batch = memory_zero(1, sizeof *batch);
    struct slice copy = batch ? arena_copy(&batch->gather.arena, bytes) : (struct slice){0};
    if (!copy.data) {
        free(batch);
        net_loop_let_go(loop, held);
        return NULL;
    }
    batch->connection = connection;
    batch->ingest = connection_context(connection);
    batch->loop = loop;
    batch->held = held;
    batch->gather.readers = &batch->ingest->readers;
    batch->gather.received = clock_wall(batch->ingest->clock);
    *ret_copy = copy;
    return batch;
}

bool mqtt_batch_add(struct mqtt_batch *batch, const struct mqtt_packet *packet) {
    struct mqtt_connection *client = connection_state(batch->connection);
    struct slice device = client->known ? slice_of(client->token->name) : mqtt_client_id(client);
    if (!memory_reserve((void **)&batch->receipts, &batch->receipt_room, batch->count + 1, sizeof *batch->receipts) ||
        !mqtt_gather_add(&batch->gather, packet, device, client->known ? client->token : NULL))
        return false;
    batch->receipts[batch->count++] = (struct mqtt_receipt){packet->id, (uint8_t)packet->qos};
    if (packet->qos < 2)
        return true;
    if (!memory_reserve((void **)&client->exact, &client->exact_capacity, client->exact_count + 1,
                        sizeof *client->exact))
        return false;
    client->exact[client->exact_count++] = (struct mqtt_exact){packet->id, false};
    return true;
}

/* "mqtt 192.0.2.1 CLIENT" */
static struct slice batch_source(struct mqtt_batch *batch) {
    enum { SOURCE_MAXIMUM = 160 };
    char host[NET_ADDRESS_SIZE], client[81], *text = arena_allocate(&batch->gather.arena, SOURCE_MAXIMUM);
    net_address_write_host(connection_peer(batch->connection), host);
    reason_show(client, sizeof client, mqtt_client_id(connection_state(batch->connection)));
    int length = text ? snprintf(text, SOURCE_MAXIMUM, "mqtt %s %s", host, client) : 0;
    return text ? (struct slice){text, (size_t)length} : SLICE("mqtt");
}

/* --- and back
 * ------------------------------------------------------------------------------------------------------------------ */

static void batch_acknowledge(struct mqtt_batch *batch, uint8_t reason) {
    struct mqtt_connection *client = connection_state(batch->connection);
    cleanup(bytes_release) struct bytes out = {0};
    for (size_t i = 0; i < batch->count; i++) {
        const struct mqtt_receipt *receipt = &batch->receipts[i];
        struct mqtt_packet packet = {
            .type = receipt->qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, .id = receipt->id, .reason = reason};
        for (size_t e = 0; receipt->qos == 2 && e < client->exact_count; e++)
            client->exact[e].committed |= client->exact[e].id == receipt->id;
        if (receipt->qos)
            mqtt_write(&out, client->version, &packet);
    }
    connection_write(batch->connection, bytes_slice(&out));
}

static void batch_returned(struct net_message *message) {
    struct mqtt_batch *batch = (struct mqtt_batch *)message;
    const struct delivery *delivery = &batch->delivery;
    struct connection *connection = batch->connection;
    if (connection && delivery->status && delivery->error.retriable) {
        struct mqtt_connection *client = connection_state(connection);
        batch->again = client->waits = true;
        mqtt_settle(connection);
        return;
    }
    batch_unlink(batch);
    if (connection && delivery->status)
        mqtt_refuse(connection, MQTT_UNSPECIFIED, delivery->error.message);
    else if (connection)
        batch_acknowledge(batch, MQTT_SUCCESS);
    batch_free(batch);
    if (connection)
        mqtt_settle(connection);
}

static void batch_done(struct delivery *delivery) {
    struct mqtt_batch *batch = (struct mqtt_batch *)(void *)((char *)delivery - offsetof(struct mqtt_batch, delivery));
    net_loop_post(batch->loop, &batch->message);
}

void mqtt_batch_submit(struct mqtt_batch *batch) {
    struct mqtt_connection *client = connection_state(batch->connection);
    if (batch->count == 0) {
        batch_free(batch);
        return;
    }
    batch->message.deliver = batch_returned;
    batch->delivery = (struct delivery){.readings = batch->gather.readings,
                                        .count = batch->gather.count,
                                        .rejections = batch->gather.rejections,
                                        .rejected = batch->gather.rejected,
                                        .source = batch_source(batch),
                                        .received = batch->gather.received,
                                        .done = batch_done};
    batch->next = client->batches;
    if (batch->next)
        batch->next->previous = batch;
    client->batches = batch;
    client->under_way += batch->count;
    committer_submit(batch->ingest->committer, &batch->delivery);
}

/* The list has the newest first; they go in the order in which they came. */
void mqtt_batches_again(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    struct mqtt_batch *batch = client->batches;
    while (batch && batch->next)
        batch = batch->next;
    for (; batch; batch = batch->previous)
        if (batch->again) {
            batch->again = false;
            committer_submit(batch->ingest->committer, &batch->delivery);
        }
}

void mqtt_batches_forget(struct connection *connection) {
    struct mqtt_connection *client = connection_state(connection);
    struct mqtt_batch *next;
    for (struct mqtt_batch *batch = client->batches; batch; batch = next) {
        next = batch->next;
        batch->connection = NULL;
        if (batch->again)
            batch_free(batch); /* it was never acknowledged: the client sends it again */
    }
    client->batches = NULL;
}
