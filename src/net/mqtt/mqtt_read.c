/* A packet is read with a cursor over its remaining length; the first thing that is wrong ends it. */
#include "core/text.h"
#include "net/mqtt/mqtt.h"

struct cursor {
    const unsigned char *at, *end;
    struct mqtt_refusal *refusal;
};

static bool refuse(struct cursor *cursor, uint8_t reason, const char *text) {
    *cursor->refusal = (struct mqtt_refusal){reason, text};
    return false;
}

static bool take_bytes(struct cursor *cursor, size_t count, const unsigned char **ret_bytes) {
    if ((size_t)(cursor->end - cursor->at) < count)
        return refuse(cursor, MQTT_MALFORMED, "the packet ends in the middle of a field");
    *ret_bytes = cursor->at;
    cursor->at += count;
    return true;
}

static bool take_1(struct cursor *cursor, uint8_t *ret_value) {
    const unsigned char *bytes;
    if (!take_bytes(cursor, 1, &bytes))
        return false;
    *ret_value = bytes[0];
    return true;
}

static bool take_2(struct cursor *cursor, uint16_t *ret_value) {
    const unsigned char *bytes;
    if (!take_bytes(cursor, 2, &bytes))
        return false;
    *ret_value = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

static bool take_4(struct cursor *cursor, uint32_t *ret_value) {
    const unsigned char *bytes;
    if (!take_bytes(cursor, 4, &bytes))
        return false;
    *ret_value = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return true;
}

/* A variable byte integer. 1, 0: it is not all there, -1: it is none. */
static int read_length(const unsigned char **at, const unsigned char *end, uint32_t *ret_length) {
    uint32_t length = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        if (*at == end)
            return 0;
        unsigned char c = *(*at)++;
        length |= (uint32_t)(c & 127) << shift;
        if (!(c & 128)) {
            *ret_length = length;
            return shift > 0 && c == 0 ? -1 : 1; /* written in the fewest bytes */
        }
    }
    return -1;
}

static bool take_length(struct cursor *cursor, uint32_t *ret_length) {
    return read_length(&cursor->at, cursor->end, ret_length) == 1 || refuse(cursor, MQTT_MALFORMED, "a wrong length");
}

static bool take_binary(struct cursor *cursor, struct slice *ret_data) {
    uint16_t length;
    const unsigned char *bytes;
    if (!take_2(cursor, &length) || !take_bytes(cursor, length, &bytes))
        return false;
    *ret_data = (struct slice){(const char *)bytes, length};
    return true;
}

static bool take_text(struct cursor *cursor, struct slice *ret_text) {
    if (!take_binary(cursor, ret_text))
        return false;
    if (memchr(ret_text->data, 0, ret_text->length) || !utf8_valid(*ret_text))
        return refuse(cursor, MQTT_MALFORMED, "a text that is not UTF-8, or has U+0000");
    return true;
}

/* --- properties
 * ------------------------------------------------------------------------------------------------------------------ */

enum property_kind {
    PROPERTY_NONE,
    PROPERTY_1,
    PROPERTY_2,
    PROPERTY_4,
    PROPERTY_LENGTH,
    PROPERTY_TEXT,
    PROPERTY_BINARY,
    PROPERTY_PAIR
};

/* Where a property may stand: one bit for each type of packet, bit 0 for the will (2.2.2.2). */
#define IN(type) (1u << (type))
#define ACKS                                                                                                           \
    (IN(MQTT_PUBACK) | IN(MQTT_PUBREC) | IN(MQTT_PUBREL) | IN(MQTT_PUBCOMP) | IN(MQTT_SUBACK) | IN(MQTT_UNSUBACK))

static const struct property {
    uint8_t kind;
    uint16_t where;
} properties[0x2b] = {
    [0x01] = {PROPERTY_1, IN(0) | IN(MQTT_PUBLISH)},
    [0x02] = {PROPERTY_4, IN(0) | IN(MQTT_PUBLISH)},
    [0x03] = {PROPERTY_TEXT, IN(0) | IN(MQTT_PUBLISH)},
    [0x08] = {PROPERTY_TEXT, IN(0) | IN(MQTT_PUBLISH)},
    [0x09] = {PROPERTY_BINARY, IN(0) | IN(MQTT_PUBLISH)},
    [0x0b] = {PROPERTY_LENGTH, IN(MQTT_PUBLISH) | IN(MQTT_SUBSCRIBE)},
    [0x11] = {PROPERTY_4, IN(MQTT_CONNECT) | IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT)},
    [0x12] = {PROPERTY_TEXT, IN(MQTT_CONNACK)},
    [0x13] = {PROPERTY_2, IN(MQTT_CONNACK)},
    [0x15] = {PROPERTY_TEXT, IN(MQTT_CONNECT) | IN(MQTT_CONNACK) | IN(MQTT_AUTH)},
    [0x16] = {PROPERTY_BINARY, IN(MQTT_CONNECT) | IN(MQTT_CONNACK) | IN(MQTT_AUTH)},
    [0x17] = {PROPERTY_1, IN(MQTT_CONNECT)},
    [0x18] = {PROPERTY_4, IN(0)},
    [0x19] = {PROPERTY_1, IN(MQTT_CONNECT)},
    [0x1a] = {PROPERTY_TEXT, IN(MQTT_CONNACK)},
    [0x1c] = {PROPERTY_TEXT, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT)},
    [0x1f] = {PROPERTY_TEXT, IN(MQTT_CONNACK) | ACKS | IN(MQTT_DISCONNECT) | IN(MQTT_AUTH)},
    [0x21] = {PROPERTY_2, IN(MQTT_CONNECT) | IN(MQTT_CONNACK)},
    [0x22] = {PROPERTY_2, IN(MQTT_CONNECT) | IN(MQTT_CONNACK)},
    [0x23] = {PROPERTY_2, IN(MQTT_PUBLISH)},
    [0x24] = {PROPERTY_1, IN(MQTT_CONNACK)},
    [0x25] = {PROPERTY_1, IN(MQTT_CONNACK)},
    [0x26] = {PROPERTY_PAIR, 0xffff},
    [0x27] = {PROPERTY_4, IN(MQTT_CONNECT) | IN(MQTT_CONNACK)},
    [0x28] = {PROPERTY_1, IN(MQTT_CONNACK)},
    [0x29] = {PROPERTY_1, IN(MQTT_CONNACK)},
    [0x2a] = {PROPERTY_1, IN(MQTT_CONNACK)},
};

union property_value {
    uint8_t one;
    uint16_t two;
    uint32_t four;
    struct slice text;
};

static bool take_property_value(struct cursor *cursor, enum property_kind kind, union property_value *ret_value) {
    struct slice name;
    switch (kind) {
    case PROPERTY_1:
        return take_1(cursor, &ret_value->one);
    case PROPERTY_2:
        return take_2(cursor, &ret_value->two);
    case PROPERTY_4:
        return take_4(cursor, &ret_value->four);
    case PROPERTY_LENGTH:
        return take_length(cursor, &ret_value->four);
    case PROPERTY_BINARY:
        return take_binary(cursor, &ret_value->text);
    case PROPERTY_PAIR:
        return take_text(cursor, &name) && take_text(cursor, &ret_value->text);
    default:
        return take_text(cursor, &ret_value->text);
    }
}

/* Keeps what is used. */
static bool keep_property(struct cursor *cursor, uint32_t id, const union property_value *value,
                          struct mqtt_properties *to) {
    switch (id) {
    case 0x11:
        to->session_expiry = value->four;
        return true;
    case 0x12:
        to->client_id = value->text;
        return true;
    case 0x13:
        to->keep_alive = value->two;
        return true;
    case 0x1f:
        to->reason = value->text;
        return true;
    case 0x21:
        to->receive_maximum = value->two;
        return value->two || refuse(cursor, MQTT_PROTOCOL_ERROR, "a Receive Maximum of 0");
    case 0x23:
        to->topic_alias = value->two;
        return value->two || refuse(cursor, MQTT_ALIAS_INVALID, "a Topic Alias of 0");
    case 0x27:
        to->packet_maximum = value->four;
        return value->four || refuse(cursor, MQTT_PROTOCOL_ERROR, "a Maximum Packet Size of 0");
    default:
        return true;
    }
}

static bool take_properties(struct cursor *cursor, unsigned place, struct mqtt_properties *to) {
    uint32_t length, id;
    uint64_t seen = 0;
    const unsigned char *bytes;
    if (!take_length(cursor, &length) || !take_bytes(cursor, length, &bytes))
        return false;
    struct cursor inside = {bytes, bytes + length, cursor->refusal};
    while (inside.at < inside.end) {
        union property_value value;
        if (!take_length(&inside, &id))
            return false;
        if (id >= sizeof properties / sizeof *properties || !(properties[id].where & IN(place)))
            return refuse(cursor, MQTT_PROTOCOL_ERROR, "a property that does not belong there");
        bool repeatable = id == 0x26 || (id == 0x0b && place == MQTT_PUBLISH);
        if ((seen >> id & 1) && !repeatable)
            return refuse(cursor, MQTT_PROTOCOL_ERROR, "a property that is there twice");
        seen |= UINT64_C(1) << id;
        if (!take_property_value(&inside, properties[id].kind, &value) || !keep_property(&inside, id, &value, to))
            return false;
    }
    return true;
}

static bool take_properties_of(struct cursor *cursor, enum mqtt_version version, struct mqtt_packet *packet) {
    return version != MQTT_5 || take_properties(cursor, packet->type, &packet->properties);
}

/* --- packets
 * ------------------------------------------------------------------------------------------------------------------ */

static bool take_id(struct cursor *cursor, uint16_t *ret_id) {
    return take_2(cursor, ret_id) && (*ret_id || refuse(cursor, MQTT_MALFORMED, "a packet number of 0"));
}

static bool take_end(struct cursor *cursor) {
    return cursor->at == cursor->end || refuse(cursor, MQTT_MALFORMED, "the packet is longer than its fields");
}

static bool take_will(struct cursor *cursor, enum mqtt_version version) {
    struct slice topic, payload;
    struct mqtt_properties ignored;
    if (version == MQTT_5 && !take_properties(cursor, 0, &ignored))
        return false;
    return take_text(cursor, &topic) && take_binary(cursor, &payload);
}

enum connect_flag {
    CONNECT_CLEAN = 2,
    CONNECT_WILL = 4,
    CONNECT_WILL_QOS = 24,
    CONNECT_WILL_RETAIN = 32,
    CONNECT_PASSWORD = 64,
    CONNECT_USER = 128
};

static bool check_connect_flags(struct cursor *cursor, const struct mqtt_connect *connect, unsigned flags) {
    unsigned will = flags & CONNECT_WILL, qos = (flags & CONNECT_WILL_QOS) >> 3;
    if ((flags & 1) || qos == 3 || (!will && (flags & (CONNECT_WILL_QOS | CONNECT_WILL_RETAIN))))
        return refuse(cursor, MQTT_MALFORMED, "flags of CONNECT that cannot be");
    if (connect->version == MQTT_3 && (flags & CONNECT_PASSWORD) && !(flags & CONNECT_USER))
        return refuse(cursor, MQTT_MALFORMED, "a password without a user name");
    return true;
}

static bool read_connect(struct cursor *cursor, struct mqtt_packet *packet) {
    struct mqtt_connect *connect = &packet->connect;
    struct slice protocol;
    uint8_t level, flags;
    if (!take_text(cursor, &protocol) || !take_1(cursor, &level))
        return false;
    if (!slice_equal(protocol, SLICE("MQTT")) || (level != MQTT_3 && level != MQTT_5))
        return refuse(cursor, MQTT_UNSUPPORTED_VERSION, "neither MQTT 3.1.1 nor 5");
    connect->version = (enum mqtt_version)level;
    if (!take_1(cursor, &flags) || !check_connect_flags(cursor, connect, flags) ||
        !take_2(cursor, &connect->keep_alive) || !take_properties_of(cursor, connect->version, packet) ||
        !take_text(cursor, &connect->client_id))
        return false;
    connect->clean = flags & CONNECT_CLEAN;
    connect->has_user = flags & CONNECT_USER;
    connect->has_password = flags & CONNECT_PASSWORD;
    if ((flags & CONNECT_WILL) && !take_will(cursor, connect->version))
        return false;
    if ((connect->has_user && !take_text(cursor, &connect->user)) ||
        (connect->has_password && !take_binary(cursor, &connect->password)))
        return false;
    return take_end(cursor);
}

static bool read_connack(struct cursor *cursor, enum mqtt_version version, struct mqtt_packet *packet) {
    uint8_t flags;
    if (!take_1(cursor, &flags) || !take_1(cursor, &packet->reason))
        return false;
    if (flags > 1)
        return refuse(cursor, MQTT_MALFORMED, "flags of CONNACK that cannot be");
    packet->session_present = flags;
    return take_properties_of(cursor, version, packet) && take_end(cursor);
}

static bool topic_is_name(struct slice topic) {
    return !memchr(topic.data, '+', topic.length) && !memchr(topic.data, '#', topic.length);
}

static bool read_publish(struct cursor *cursor, enum mqtt_version version, unsigned flags, struct mqtt_packet *packet) {
    packet->qos = flags >> 1 & 3;
    packet->dup = flags & 8;
    packet->retain = flags & 1;
    if (packet->qos == 3 || (packet->dup && packet->qos == 0))
        return refuse(cursor, MQTT_MALFORMED, "flags of PUBLISH that cannot be");
    if (!take_text(cursor, &packet->topic) || (packet->qos && !take_id(cursor, &packet->id)) ||
        !take_properties_of(cursor, version, packet))
        return false;
    if (!topic_is_name(packet->topic))
        return refuse(cursor, MQTT_MALFORMED, "a topic with wildcards");
    if (packet->topic.length == 0 && !packet->properties.topic_alias)
        return refuse(cursor, MQTT_PROTOCOL_ERROR, "no topic");
    packet->payload = (struct slice){(const char *)cursor->at, (size_t)(cursor->end - cursor->at)};
    return true;
}

/* Acknowledgements: the reason and properties may be left out. */
static bool read_ack(struct cursor *cursor, enum mqtt_version version, struct mqtt_packet *packet) {
    if (!take_id(cursor, &packet->id))
        return false;
    if (version == MQTT_5 && cursor->at < cursor->end && !take_1(cursor, &packet->reason))
        return false;
    if (version == MQTT_5 && cursor->at < cursor->end && !take_properties_of(cursor, version, packet))
        return false;
    return take_end(cursor);
}

static bool read_filters(struct cursor *cursor, enum mqtt_version version, struct mqtt_packet *packet) {
    struct slice filter;
    uint8_t options = 0;
    if (!take_id(cursor, &packet->id) || !take_properties_of(cursor, version, packet))
        return false;
    packet->payload = (struct slice){(const char *)cursor->at, (size_t)(cursor->end - cursor->at)};
    for (; cursor->at < cursor->end; packet->count++) {
        if (!take_text(cursor, &filter) || (packet->type == MQTT_SUBSCRIBE && !take_1(cursor, &options)))
            return false;
        if (filter.length == 0 || (options & 3) == 3 || (options & (version == MQTT_5 ? 0xc0 : 0xfc)))
            return refuse(cursor, MQTT_MALFORMED, "a filter or its options that cannot be");
    }
    return packet->count || refuse(cursor, MQTT_PROTOCOL_ERROR, "no filter");
}

static bool read_reasons(struct cursor *cursor, enum mqtt_version version, struct mqtt_packet *packet) {
    if (!take_id(cursor, &packet->id) || !take_properties_of(cursor, version, packet))
        return false;
    packet->count = (size_t)(cursor->end - cursor->at);
    packet->payload = (struct slice){(const char *)cursor->at, packet->count};
    return true;
}

static bool read_end(struct cursor *cursor, enum mqtt_version version, struct mqtt_packet *packet) {
    if (version != MQTT_5)
        return packet->type == MQTT_DISCONNECT ? take_end(cursor)
                                               : refuse(cursor, MQTT_MALFORMED, "a packet of version 5");
    if (cursor->at < cursor->end && !take_1(cursor, &packet->reason))
        return false;
    if (cursor->at < cursor->end && !take_properties_of(cursor, version, packet))
        return false;
    return take_end(cursor);
}

static bool read_body(struct cursor *cursor, enum mqtt_version version, unsigned flags, struct mqtt_packet *packet) {
    unsigned expected =
        packet->type == MQTT_PUBREL || packet->type == MQTT_SUBSCRIBE || packet->type == MQTT_UNSUBSCRIBE ? 2 : 0;
    if (packet->type != MQTT_PUBLISH && flags != expected)
        return refuse(cursor, MQTT_MALFORMED, "flags that the type of packet does not have");
    switch (packet->type) {
    case MQTT_CONNECT:
        return read_connect(cursor, packet);
    case MQTT_CONNACK:
        return read_connack(cursor, version, packet);
    case MQTT_PUBLISH:
        return read_publish(cursor, version, flags, packet);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        return read_ack(cursor, version, packet);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        return read_filters(cursor, version, packet);
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        return read_reasons(cursor, version, packet);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        return take_end(cursor);
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        return read_end(cursor, version, packet);
    }
    return refuse(cursor, MQTT_MALFORMED, "a type of packet that does not exist");
}

ssize_t mqtt_read(struct slice bytes, enum mqtt_version version, size_t maximum, struct mqtt_packet *ret_packet,
                  struct mqtt_refusal *ret_refusal) {
    const unsigned char *first = (const unsigned char *)bytes.data, *at = first + 1, *end = first + bytes.length;
    uint32_t length;
    if (bytes.length < 2)
        return 0;
    struct cursor cursor = {.refusal = ret_refusal};
    int found = read_length(&at, end, &length);
    if (found < 0 || (found && (size_t)(at - first) + length > maximum)) {
        refuse(&cursor, found < 0 ? MQTT_MALFORMED : MQTT_TOO_LARGE,
               found < 0 ? "a wrong remaining length" : "a packet that is too long");
        return -1;
    }
    if (!found || (size_t)(end - at) < length)
        return 0;
    struct mqtt_packet packet = {.type = (enum mqtt_type)(first[0] >> 4),
                                 .properties.receive_maximum = MQTT_RECEIVE_DEFAULT};
    cursor.at = at;
    cursor.end = at + length;
    if (!read_body(&cursor, version, first[0] & 15, &packet))
        return -1;
    *ret_packet = packet;
    return at - first + (ssize_t)length;
}
