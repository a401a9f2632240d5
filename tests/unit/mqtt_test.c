/* MQTT packets: what is read, what is refused with which reason code, and what is written, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/mqtt/mqtt.h"

#define BYTES(literal) ((struct slice){"" literal, sizeof(literal) - 1})

static struct mqtt_packet read_good(struct slice bytes, enum mqtt_version version) {
    struct mqtt_packet packet;
    struct mqtt_refusal refusal = {0};
    ssize_t length = mqtt_read(bytes, version, 1000, &packet, &refusal);
    if (length != (ssize_t)bytes.length)
        fail_msg("%zd of %zu bytes: %s", length, bytes.length, refusal.text ? refusal.text : "");
    for (size_t cut = 0; cut < bytes.length; cut++)
        assert_int_equal(mqtt_read((struct slice){bytes.data, cut}, version, 1000, &packet, &refusal), 0);
    assert_true(mqtt_read(bytes, version, 1000, &packet, &refusal) > 0);
    return packet;
}

static void assert_text(struct slice text, const char *expected) {
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.data, expected, text.length);
}

static void test_connect(void **state) {
    (void)state;
    struct mqtt_packet packet = read_good(BYTES("\x10\x16\0\4MQTT\4\xc2\0\x3c\0\3dev\0\1u\0\2pw"), MQTT_3);
    assert_int_equal(packet.type, MQTT_CONNECT);
    assert_int_equal(packet.connect.version, MQTT_3);
    assert_true(packet.connect.clean);
    assert_int_equal(packet.connect.keep_alive, 60);
    assert_text(packet.connect.client_id, "dev");
    assert_text(packet.connect.user, "u");
    assert_text(packet.connect.password, "pw");
    assert_int_equal(packet.properties.receive_maximum, MQTT_RECEIVE_DEFAULT);
    /* Version 5 with properties, and a will that is passed over; the agreed version does not matter. */
    packet = read_good(BYTES("\x10\x23\0\4MQTT\5\x46\0\0\x08\x21\0\x0a\x27\0\1\0\0\0\0\0\0\4will\0\1x\0\2pw"), MQTT_3);
    assert_int_equal(packet.connect.version, MQTT_5);
    assert_int_equal(packet.properties.receive_maximum, 10);
    assert_int_equal(packet.properties.packet_maximum, 65536);
    assert_false(packet.connect.has_user);
    assert_text(packet.connect.password, "pw");
    assert_int_equal(packet.connect.client_id.length, 0);
}

static void test_publish(void **state) {
    (void)state;
    struct mqtt_packet packet = read_good(BYTES("\x3b\7\0\3a/b\1\2"), MQTT_3);
    assert_true(packet.dup && packet.retain && packet.qos == 1);
    assert_int_equal(packet.id, 0x102);
    assert_text(packet.topic, "a/b");
    assert_int_equal(packet.payload.length, 0);
    packet = read_good(BYTES("\x30\7\0\3a/b\0001"), MQTT_5);
    assert_int_equal(packet.qos, 0);
    assert_text(packet.payload, "1");
    packet = read_good(BYTES("\x34\x0d\0\0\0\7\3\x23\0\5value"), MQTT_5);
    assert_int_equal(packet.properties.topic_alias, 5);
    assert_int_equal(packet.qos, 2);
    assert_text(packet.payload, "value");
    packet = read_good(BYTES("\x82\x0f\0\3\0\0\3a/+\1\0\3b/#\2"), MQTT_5);
    assert_int_equal(packet.count, 2);
    packet = read_good(BYTES("\x62\2\0\1"), MQTT_5);
    assert_int_equal(packet.reason, 0);
    packet = read_good(BYTES("\x62\4\0\1\x92\0"), MQTT_5);
    assert_int_equal(packet.reason, 0x92);
    assert_int_equal(read_good(BYTES("\xe0\0"), MQTT_5).type, MQTT_DISCONNECT);
    assert_int_equal(read_good(BYTES("\xe0\1\4"), MQTT_5).reason, 4);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        struct slice bytes;
        enum mqtt_version version;
        int reason;
    } cases[] = {
        {BYTES("\x30\x80\x80\x80\x80\1"), MQTT_3, MQTT_MALFORMED}, /* a length of five bytes */
        {BYTES("\x30\x80\0"), MQTT_3, MQTT_MALFORMED},             /* one in more bytes than it needs */
        {BYTES("\x30\xff\x7f"), MQTT_3, MQTT_TOO_LARGE},
        {BYTES("\0\0"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\xf0\0"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\xc1\0"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\xc0\1x"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x36\7\0\3a/b\1\2"), MQTT_3, MQTT_MALFORMED}, /* QoS 3 */
        {BYTES("\x38\5\0\3a/b"), MQTT_3, MQTT_MALFORMED},     /* DUP of QoS 0 */
        {BYTES("\x32\7\0\3a/b\0\0"), MQTT_3, MQTT_MALFORMED}, /* packet number 0 */
        {BYTES("\x32\5\0\3a/b"), MQTT_3, MQTT_MALFORMED},     /* none */
        {BYTES("\x30\5\0\3a/+"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x30\5\0\3a/#"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x30\2\0\0"), MQTT_3, MQTT_PROTOCOL_ERROR},
        {BYTES("\x30\5\0\3a\0b"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x30\5\0\3a\xff"
               "b"),
         MQTT_3, MQTT_MALFORMED},
        {BYTES("\x30\5\0\4a/b"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x30\x09\0\3a/b\3\x23\0\0"), MQTT_5, MQTT_ALIAS_INVALID},
        {BYTES("\x30\x0c\0\3a/b\6\x23\0\1\x23\0\1"), MQTT_5, MQTT_PROTOCOL_ERROR}, /* twice */
        {BYTES("\x30\x09\0\3a/b\3\x21\0\1"), MQTT_5, MQTT_PROTOCOL_ERROR},         /* not of PUBLISH */
        {BYTES("\x30\x08\0\3a/b\2\x7f\0"), MQTT_5, MQTT_PROTOCOL_ERROR},
        {BYTES("\x30\x07\0\3a/b\4\x23"), MQTT_5, MQTT_MALFORMED},
        {BYTES("\x10\x0c\0\4MQTX\4\2\0\0\0\0"), MQTT_3, MQTT_UNSUPPORTED_VERSION},
        {BYTES("\x10\x0c\0\4MQTT\3\2\0\0\0\0"), MQTT_3, MQTT_UNSUPPORTED_VERSION},
        {BYTES("\x10\x0c\0\4MQTT\4\3\0\0\0\0"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x10\x0c\0\4MQTT\4\x40\0\0\0\0"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x10\x0d\0\4MQTT\4\2\0\0\0\0x"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x10\x10\0\4MQTT\5\2\0\0\3\x21\0\0\0\0"), MQTT_5, MQTT_PROTOCOL_ERROR},
        {BYTES("\x82\2\0\1"), MQTT_3, MQTT_PROTOCOL_ERROR},
        {BYTES("\x82\6\0\1\0\1a\3"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\x80\6\0\1\0\1a\1"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\xf0\0"), MQTT_3, MQTT_MALFORMED},
        {BYTES("\xe0\1\0"), MQTT_3, MQTT_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mqtt_packet packet;
        struct mqtt_refusal refusal = {0};
        if (mqtt_read(cases[i].bytes, cases[i].version, 1000, &packet, &refusal) != -1)
            fail_msg("case %zu was not refused", i);
        if (refusal.reason != cases[i].reason)
            fail_msg("case %zu: 0x%02x %s", i, refusal.reason, refusal.text);
    }
}

static void assert_written(enum mqtt_version version, const struct mqtt_packet *packet, struct slice expected) {
    struct bytes to = {0};
    bytes_append_char(&to, '!');
    mqtt_write(&to, version, packet);
    assert_int_equal(to.length, expected.length + 1);
    assert_memory_equal(to.data + 1, expected.data, expected.length);
    bytes_release(&to);
}

static void test_written(void **state) {
    (void)state;
    struct mqtt_packet packet = {.type = MQTT_CONNACK, .reason = 5};
    assert_written(MQTT_3, &packet, BYTES("\x20\2\0\5"));
    packet = (struct mqtt_packet){
        .type = MQTT_CONNACK, .properties = {.receive_maximum = 256, .packet_maximum = 65536, .reason = SLICE("x")}};
    assert_written(MQTT_5, &packet, BYTES("\x20\x0f\0\0\x0c\x21\1\0\x27\0\1\0\0\x1f\0\1x"));
    packet = (struct mqtt_packet){.type = MQTT_PUBACK, .id = 258};
    assert_written(MQTT_5, &packet, BYTES("\x40\2\1\2"));
    packet.reason = MQTT_UNSPECIFIED;
    assert_written(MQTT_3, &packet, BYTES("\x40\2\1\2"));
    assert_written(MQTT_5, &packet, BYTES("\x40\4\1\2\x80\0"));
    packet = (struct mqtt_packet){.type = MQTT_PUBREL, .id = 1};
    assert_written(MQTT_3, &packet, BYTES("\x62\2\0\1"));
    packet = (struct mqtt_packet){.type = MQTT_SUBACK, .id = 1, .count = 2, .reason = 0x80};
    assert_written(MQTT_3, &packet, BYTES("\x90\4\0\1\x80\x80"));
    assert_written(MQTT_5, &packet, BYTES("\x90\5\0\1\0\x80\x80"));
    packet = (struct mqtt_packet){.type = MQTT_UNSUBACK, .id = 1, .count = 1};
    assert_written(MQTT_3, &packet, BYTES("\xb0\2\0\1"));
    packet = (struct mqtt_packet){.type = MQTT_SUBSCRIBE, .id = 1, .topic = SLICE("a/#"), .qos = 1};
    assert_written(MQTT_3, &packet, BYTES("\x82\x08\0\1\0\3a/#\1"));
    packet = (struct mqtt_packet){
        .type = MQTT_CONNECT,
        .connect = {.clean = true, .has_user = true, .keep_alive = 60, .client_id = SLICE("c"), .user = SLICE("u")}};
    assert_written(MQTT_3, &packet, BYTES("\x10\x10\0\4MQTT\4\x82\0\x3c\0\1c\0\1u"));
    packet = (struct mqtt_packet){.type = MQTT_DISCONNECT, .reason = MQTT_TAKEN_OVER};
    assert_written(MQTT_3, &packet, BYTES("\xe0\0"));
    assert_written(MQTT_5, &packet, BYTES("\xe0\2\x8e\0"));
    /* A length of two bytes. */
    char payload[200] = {0};
    packet = (struct mqtt_packet){
        .type = MQTT_PUBLISH, .qos = 1, .id = 7, .topic = SLICE("t"), .payload = {payload, sizeof payload}};
    struct bytes to = {0};
    mqtt_write(&to, MQTT_5, &packet);
    struct mqtt_packet again = read_good(bytes_slice(&to), MQTT_5);
    assert_int_equal(again.payload.length, sizeof payload);
    assert_int_equal(again.id, 7);
    bytes_release(&to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
