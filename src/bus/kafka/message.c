/* Which messages have no headers. To ask librdkafka costs as much as decoding the record, and most have none. It hands
 * messages out where they lie in what the broker sent, so a record of format 2 (KIP-98, "Message Format") can be
 * recognised by what stands around its value:
 *
 *     ... key │ length of the value (zigzag varint) │ value │ number of headers (varint) │ ... the next record's key ...
 *
 * Only when all of that is there the number is believed, and that there is a byte for it follows from the next record.
 * Everything else (older formats, the last of a batch, no key, messages that were copied) is asked of librdkafka. */
#include "bus/kafka/consumer.h"
#include "core/varint.h"

enum {
    LENGTH_MAXIMUM = 5,      /* bytes of a length */
    RECORD_HEAD_MAXIMUM = 32 /* bytes between a value without headers and the next key: numbers and times */
};

/* How many bytes `to` lies after `from`, which may be of another allocation; SIZE_MAX: it does not. */
static size_t message_distance(const void *from, const void *to) {
    return (uintptr_t)to > (uintptr_t)from ? (uintptr_t)to - (uintptr_t)from : SIZE_MAX;
}

bool kafka_message_is_bare(const rd_kafka_message_t *message, const rd_kafka_message_t *next) {
    int64_t length;
    if (!message->key || !message->payload || !next || next->err || !next->key)
        return false;
    const char *value = message->payload, *after = value + message->len,
               *at = (const char *)message->key + message->key_len;
    if (message_distance(at, value) > LENGTH_MAXIMUM || message_distance(after, next->key) > RECORD_HEAD_MAXIMUM)
        return false;
    return zigzag_read(&at, value, &length) && at == value && length == (int64_t)message->len && *after == 0;
}
