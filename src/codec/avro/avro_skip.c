/* Walking over values that are not wanted. What does not take bytes (nulls, empty records, arrays of them) takes from
 * a budget, and nesting from a depth, so that a short record cannot cost much. */
#include "codec/avro/avro_read.h"
#include "codec/row/reason.h"

struct avro_skipper {
    const char *at, *end;
    uint64_t items; /* values that may still be walked over */
};

static enum avro_outcome avro_skip_bytes(struct avro_skipper *skipper, uint64_t length) {
    if (length > (uint64_t)(skipper->end - skipper->at))
        return AVRO_CUT;
    skipper->at += length;
    return AVRO_DONE;
}

static enum avro_outcome avro_skip_length(struct avro_skipper *skipper) {
    int64_t length;
    if (!zigzag_read(&skipper->at, skipper->end, &length))
        return AVRO_CUT;
    return length < 0 ? AVRO_BAD_LENGTH : avro_skip_bytes(skipper, (uint64_t)length);
}

static enum avro_outcome avro_skip(struct avro_skipper *skipper, const struct avro_type *type, int depth);

/* Blocks of (count, items); a negative count is followed by the block's length in bytes; a count of zero ends them. */
static enum avro_outcome avro_skip_blocks(struct avro_skipper *skipper, const struct avro_type *type, int depth) {
    for (;;) {
        int64_t count;
        if (!zigzag_read(&skipper->at, skipper->end, &count))
            return AVRO_CUT;
        if (count == 0)
            return AVRO_DONE;
        enum avro_outcome outcome = count < 0 ? avro_skip_length(skipper) : AVRO_DONE;
        for (; count > 0 && outcome == AVRO_DONE; count--) {
            if (type->kind == AVRO_MAP)
                outcome = avro_skip_length(skipper);
            if (outcome == AVRO_DONE)
                outcome = avro_skip(skipper, type->members[0], depth + 1);
        }
        if (outcome != AVRO_DONE)
            return outcome;
    }
}

static enum avro_outcome avro_skip_union(struct avro_skipper *skipper, const struct avro_type *type, int depth) {
    int64_t branch;
    if (!zigzag_read(&skipper->at, skipper->end, &branch))
        return AVRO_CUT;
    return (uint64_t)branch < type->member_count ? avro_skip(skipper, type->members[branch], depth + 1)
                                                 : AVRO_BAD_BRANCH;
}

static enum avro_outcome avro_skip_record(struct avro_skipper *skipper, const struct avro_type *type, int depth) {
    enum avro_outcome outcome = AVRO_DONE;
    for (size_t i = 0; i < type->member_count && outcome == AVRO_DONE; i++)
        outcome = avro_skip(skipper, type->members[i], depth + 1);
    return outcome;
}

static enum avro_outcome avro_skip(struct avro_skipper *skipper, const struct avro_type *type, int depth) {
    int64_t number;
    if (depth > AVRO_DEPTH_MAXIMUM)
        return AVRO_TOO_DEEP;
    if (skipper->items-- == 0)
        return AVRO_TOO_MANY;
    switch (type->kind) {
    case AVRO_NULL:
        return AVRO_DONE;
    case AVRO_BOOLEAN:
        return avro_skip_bytes(skipper, 1);
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_ENUM:
        return zigzag_read(&skipper->at, skipper->end, &number) ? AVRO_DONE : AVRO_CUT;
    case AVRO_FLOAT:
        return avro_skip_bytes(skipper, 4);
    case AVRO_DOUBLE:
        return avro_skip_bytes(skipper, 8);
    case AVRO_BYTES:
    case AVRO_STRING:
        return avro_skip_length(skipper);
    case AVRO_FIXED:
        return avro_skip_bytes(skipper, type->size);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return avro_skip_blocks(skipper, type, depth);
    case AVRO_UNION:
        return avro_skip_union(skipper, type, depth);
    case AVRO_RECORD:
        return avro_skip_record(skipper, type, depth);
    }
    return AVRO_BAD_LENGTH;
}

enum avro_outcome avro_skip_field(const struct avro_type *type, const char **at, const char *end, uint64_t *items) {
    struct avro_skipper skipper = {*at, end, *items};
    enum avro_outcome outcome = avro_skip(&skipper, type, 0);
    *at = skipper.at;
    *items = skipper.items;
    return outcome;
}

__attribute__((cold)) const char *avro_reason(struct arena *arena, enum avro_outcome outcome, const char *field) {
    switch (outcome) {
    case AVRO_DONE:
    case AVRO_CUT:
        break;
    case AVRO_BAD_LENGTH:
        return reason_format(arena, "field %.80s has a negative length", field);
    case AVRO_BAD_BRANCH:
        return reason_format(arena, "field %.80s has a union branch that its schema does not know", field);
    case AVRO_BAD_SYMBOL:
        return reason_format(arena, "field %.80s has an enum symbol that its schema does not know", field);
    case AVRO_BAD_DECIMAL:
        return reason_format(arena, "field %.80s has a decimal without bytes, or beyond the range of a double", field);
    case AVRO_TOO_DEEP:
        return reason_format(arena, "field %.80s is nested deeper than %d", field, AVRO_DEPTH_MAXIMUM);
    case AVRO_TOO_MANY:
        return reason_format(arena, "field %.80s has too many empty items", field);
    }
    return reason_format(arena, "truncated: the value ends in field %.80s", field);
}
