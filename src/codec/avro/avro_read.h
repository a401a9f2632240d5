/* Avro's binary encoding, piece by piece: what reading and skipping share.
 *
 * Invariants: at <= end, and no byte at or after `end` is read; each length is compared with what is left before it
 * is used. */
#ifndef METERLINE_CODEC_AVRO_AVRO_READ_H
#define METERLINE_CODEC_AVRO_AVRO_READ_H

#include "codec/avro/avro_schema.h"
#include "core/varint.h"

enum {
    AVRO_FREE_ITEMS = 1 << 16, /* values without bytes that a record may hold */
};

enum avro_outcome {
    AVRO_DONE,
    AVRO_CUT,
    AVRO_BAD_LENGTH,
    AVRO_BAD_BRANCH,
    AVRO_BAD_SYMBOL,
    AVRO_BAD_DECIMAL,
    AVRO_TOO_DEEP,
    AVRO_TOO_MANY
};

/* Moves *at after a value of any type. *items: values that the record may still have, as empty ones take no bytes. */
enum avro_outcome avro_skip_field(const struct avro_type *type, const char **at, const char *end, uint64_t *items);
/* Why a field could not be read, in words; never NULL. */
const char *avro_reason(struct arena *arena, enum avro_outcome outcome, const char *field);

#define AVRO_TOO_LONG "the Avro value has bytes after its last field: it was written with another schema"

/* Most lengths fit in one byte. */
static inline enum avro_outcome avro_read_string(const char **at, const char *end, struct slice *ret_text) {
    const char *from = *at;
    int64_t length;
    if (from < end && (*(const unsigned char *)from & 0x81) == 0) {
        length = *(const unsigned char *)from++ >> 1;
    } else {
        if (!zigzag_read(&from, end, &length))
            return AVRO_CUT;
        if (length < 0)
            return AVRO_BAD_LENGTH;
    }
    if (length > end - from)
        return AVRO_CUT;
    *ret_text = (struct slice){from, (size_t)length};
    *at = from + length;
    return AVRO_DONE;
}

#endif
