/* MQTT control packets, versions 3.1.1 and 5 (OASIS MQTT Version 3.1.1 and 5.0), read and written: for a server and for
 * a client alike.
 *
 *     fixed header            type, flags, remaining length (one to four bytes)
 *     variable header, payload     as the type says; version 5 with properties and reason codes
 *
 * Reading is strict: flags, lengths, text (UTF-8 without U+0000), packet numbers, topic names and properties are as
 * the specification has them, or the packet is refused with the reason code that it says. Texts lie in the bytes that
 * were read. No state, any thread. */
#ifndef METERLINE_NET_MQTT_MQTT_H
#define METERLINE_NET_MQTT_MQTT_H

#include "core/bytes.h"
#include "core/slice.h"
#include <sys/types.h>

enum mqtt_version { MQTT_3 = 4, MQTT_5 = 5 }; /* protocol levels */

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
    MQTT_AUTH
};

/* Reason codes of version 5 (2.4). */
enum mqtt_reason {
    MQTT_SUCCESS = 0,
    MQTT_UNSPECIFIED = 0x80,
    MQTT_MALFORMED = 0x81,
    MQTT_PROTOCOL_ERROR = 0x82,
    MQTT_UNSUPPORTED_VERSION = 0x84,
    MQTT_CLIENT_ID_INVALID = 0x85,
    MQTT_NOT_AUTHORIZED = 0x87,
    MQTT_SERVER_BUSY = 0x89,
    MQTT_SHUTTING_DOWN = 0x8b,
    MQTT_BAD_AUTHENTICATION = 0x8c,
    MQTT_KEEP_ALIVE_TIMEOUT = 0x8d,
    MQTT_TAKEN_OVER = 0x8e,
    MQTT_ID_NOT_FOUND = 0x92,
    MQTT_RECEIVE_EXCEEDED = 0x93,
    MQTT_ALIAS_INVALID = 0x94,
    MQTT_TOO_LARGE = 0x95
};

enum { MQTT_RECEIVE_DEFAULT = 65535 };

/* Of version 5, what is used here; the others are checked and passed over. */
struct mqtt_properties {
    uint32_t packet_maximum;  /* 0: any */
    uint16_t receive_maximum; /* MQTT_RECEIVE_DEFAULT when it is not there */
    uint16_t topic_alias;     /* 0: none */
    uint16_t keep_alive;      /* of the server; 0: none */
    uint32_t session_expiry;  /* s that a session is kept without a connection; 0: not */
    struct slice client_id;   /* assigned; length 0: none */
    struct slice reason;      /* for people; length 0: none */
};

struct mqtt_connect {
    enum mqtt_version version;
    bool clean, has_user, has_password;
    uint16_t keep_alive; /* s; 0: none */
    struct slice client_id, user, password;
};

struct mqtt_packet {
    enum mqtt_type type;
    bool dup, retain;
    unsigned qos;
    uint16_t id;
    uint8_t reason;       /* of acknowledgements, CONNACK (also of 3.1.1, as it is) and DISCONNECT */
    bool session_present; /* CONNACK */
    struct mqtt_connect connect;
    struct slice topic, payload; /* PUBLISH; SUBSCRIBE, UNSUBSCRIBE: payload is the list of filters */
    size_t count;                /* of filters, or of reason codes in `payload` (SUBACK, UNSUBACK) */
    struct mqtt_properties properties;
};

/* Why a packet was refused. */
struct mqtt_refusal {
    uint8_t reason;
    const char *text;
};

/* Reads the first packet of the bytes. `version` is what was agreed; of CONNECT it is the packet's own. Returns its
 * length, 0: not all of it is there, or -1: refused, as is any that says that it is longer than `maximum`. */
ssize_t mqtt_read(struct slice bytes, enum mqtt_version version, size_t maximum, struct mqtt_packet *ret_packet,
                  struct mqtt_refusal *ret_refusal);

/* Appends a packet with its fixed header; fields that its type has are written. Of properties those that are set; a
 * reason text only to `version` 5. A SUBSCRIBE has one filter: topic, and qos; a SUBACK or UNSUBACK `count` times
 * `reason`. */
void mqtt_write(struct bytes *to, enum mqtt_version version, const struct mqtt_packet *packet);

#endif
