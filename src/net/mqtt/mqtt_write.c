/* The remaining length is known only at the end, so the body is written after five bytes of room, and moved up. */
#include "net/mqtt/mqtt.h"

static void put_2(struct bytes *to, unsigned value) {
    bytes_append(to, (const unsigned char[]){(unsigned char)(value >> 8), (unsigned char)value}, 2);
}

static void put_text(struct bytes *to, struct slice text) {
    size_t length = text.length < 65535 ? text.length : 65535;
    put_2(to, (unsigned)length);
    bytes_append(to, text.data, length);
}

static void put_properties(struct bytes *to, const struct mqtt_packet *packet) {
    char room[512];
    struct bytes inside = {.data = room, .capacity = sizeof room}; /* never grows: what is written is bounded */
    const struct mqtt_properties *properties = &packet->properties;
    size_t reason = properties->reason.length < 200 ? properties->reason.length : 200;
    size_t client_id = properties->client_id.length < 200 ? properties->client_id.length : 200;
    if (properties->session_expiry) {
        bytes_append_char(&inside, 0x11);
        put_2(&inside, properties->session_expiry >> 16);
        put_2(&inside, properties->session_expiry & 0xffff);
    }
    if (properties->receive_maximum) {
        bytes_append_char(&inside, 0x21);
        put_2(&inside, properties->receive_maximum);
    }
    if (properties->packet_maximum) {
        bytes_append_char(&inside, 0x27);
        put_2(&inside, properties->packet_maximum >> 16);
        put_2(&inside, properties->packet_maximum & 0xffff);
    }
    if (client_id) {
        bytes_append_char(&inside, 0x12);
        put_text(&inside, (struct slice){properties->client_id.data, client_id});
    }
    if (reason) {
        bytes_append_char(&inside, 0x1f);
        put_text(&inside, (struct slice){properties->reason.data, reason});
    }
    bytes_append_varint(to, inside.length);
    bytes_append(to, inside.data, inside.length);
}

static void put_connect(struct bytes *to, enum mqtt_version version, const struct mqtt_packet *packet) {
    const struct mqtt_connect *connect = &packet->connect;
    put_text(to, SLICE("MQTT"));
    bytes_append_char(to, (char)version);
    bytes_append_char(to, (char)(connect->clean << 1 | connect->has_password << 6 | connect->has_user << 7));
    put_2(to, connect->keep_alive);
    if (version == MQTT_5)
        put_properties(to, packet);
    put_text(to, connect->client_id);
    if (connect->has_user)
        put_text(to, connect->user);
    if (connect->has_password)
        put_text(to, connect->password);
}

static void put_reasons(struct bytes *to, enum mqtt_version version, const struct mqtt_packet *packet) {
    put_2(to, packet->id);
    if (version == MQTT_5)
        put_properties(to, packet);
    for (size_t i = 0; i < packet->count && (packet->type == MQTT_SUBACK || version == MQTT_5); i++)
        bytes_append_char(to, (char)packet->reason);
}

static void put_ack(struct bytes *to, enum mqtt_version version, const struct mqtt_packet *packet) {
    put_2(to, packet->id);
    if (version != MQTT_5 || (!packet->reason && !packet->properties.reason.length))
        return;
    bytes_append_char(to, (char)packet->reason);
    put_properties(to, packet);
}

static void put_body(struct bytes *to, enum mqtt_version version, const struct mqtt_packet *packet) {
    switch (packet->type) {
    case MQTT_CONNECT:
        put_connect(to, version, packet);
        break;
    case MQTT_CONNACK:
        bytes_append_char(to, packet->session_present);
        bytes_append_char(to, (char)packet->reason);
        if (version == MQTT_5)
            put_properties(to, packet);
        break;
    case MQTT_PUBLISH:
        put_text(to, packet->topic);
        if (packet->qos)
            put_2(to, packet->id);
        if (version == MQTT_5)
            bytes_append_char(to, 0);
        bytes_append_slice(to, packet->payload);
        break;
    case MQTT_SUBSCRIBE:
        put_2(to, packet->id);
        if (version == MQTT_5)
            bytes_append_char(to, 0);
        put_text(to, packet->topic);
        bytes_append_char(to, (char)packet->qos);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        put_reasons(to, version, packet);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        put_ack(to, version, packet);
        break;
    case MQTT_DISCONNECT:
        if (version == MQTT_5) {
            bytes_append_char(to, (char)packet->reason);
            put_properties(to, packet);
        }
        break;
    default:
        break;
    }
}

void mqtt_write(struct bytes *to, enum mqtt_version version, const struct mqtt_packet *packet) {
    static const char room[5];
    size_t begin = to->length;
    unsigned flags = packet->type == MQTT_PUBLISH
                         ? (unsigned)packet->dup << 3 | packet->qos << 1 | (unsigned)packet->retain
                     : packet->type == MQTT_PUBREL || packet->type == MQTT_SUBSCRIBE ? 2
                                                                                     : 0;
    bytes_append(to, room, sizeof room);
    put_body(to, version, packet);
    if (to->failed)
        return;
    size_t body = to->length - begin - sizeof room, length = body;
    size_t head = 1;
    to->data[begin] = (char)(packet->type << 4 | flags);
    do {
        to->data[begin + head++] = (char)((length & 127) | (length > 127 ? 128 : 0));
        length >>= 7;
    } while (length && head < sizeof room);
    memmove(to->data + begin + head, to->data + begin + sizeof room, body);
    to->length = begin + head + body;
}
