/* Runs a plan over one record's bytes.
 *
 * Invariants: at <= end, and no byte at or behind `end` is read; each length is compared with what is left before it is used. What does not
 * take bytes (nulls, empty records, arrays of them) takes from a budget, and nesting from a depth, so that a short record cannot cost much. */
#include "codec/avro_decimal.h"
#include "codec/avro_plan.h"
#include "codec/reason.h"
#include "codec/text.h"
#include "core/varint.h"
#include "model/time.h"

enum {
    AVRO_FREE_ITEMS = 1 << 16,    /* values without bytes that a record may hold */
};

enum avro_outcome { AVRO_DONE, AVRO_CUT, AVRO_BAD_LENGTH, AVRO_BAD_BRANCH, AVRO_BAD_SYMBOL, AVRO_BAD_TEXT, AVRO_BAD_DECIMAL, AVRO_TOO_DEEP, AVRO_TOO_MANY };

struct avro_skipper {
    const char *at, *end;
    uint64_t items;               /* values that may still be walked over */
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
    return (uint64_t)branch < type->member_count ? avro_skip(skipper, type->members[branch], depth + 1) : AVRO_BAD_BRANCH;
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

/* Every byte that is left pays for itself and what it may be wrapped in. */
static enum avro_outcome avro_skip_field(const struct avro_type *type, const char **at, const char *end) {
    struct avro_skipper skipper = {*at, end, (uint64_t)(end - *at) * AVRO_DEPTH_MAXIMUM + AVRO_FREE_ITEMS};
    enum avro_outcome outcome = avro_skip(&skipper, type, 0);
    *at = skipper.at;
    return outcome;
}

static __attribute__((cold, noinline)) const char *avro_reason(struct arena *arena, enum avro_outcome outcome, const char *field) {
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
    case AVRO_BAD_TEXT:
        return reason_format(arena, "field %.80s has bytes that are not UTF-8 text", field);
    case AVRO_BAD_DECIMAL:
        return reason_format(arena, "field %.80s has a decimal without bytes, or beyond the range of a double", field);
    case AVRO_TOO_DEEP:
        return reason_format(arena, "field %.80s is nested deeper than %d", field, AVRO_DEPTH_MAXIMUM);
    case AVRO_TOO_MANY:
        return reason_format(arena, "field %.80s has too many empty items", field);
    }
    return reason_format(arena, "truncated: the value ends in field %.80s", field);
}

/* time / scale, rounded down: what is before 1970 shall not be called 0. */
static int64_t avro_floor(int64_t time, int64_t scale) {
    return time / scale - (time % scale < 0);
}

static __attribute__((cold, noinline)) const char *avro_refusal(struct arena *arena, const struct avro_step *step) {
    return step->type->kind == AVRO_NULL ? reason_format(arena, "field %.80s is null", step->field)
                                         : reason_format(arena, "field %.80s holds a union branch of a type that does not fit", step->field);
}

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

static enum avro_outcome avro_read_enum(const struct avro_type *type, const char **at, const char *end, struct slice *ret_text) {
    int64_t symbol;
    if (!zigzag_read(at, end, &symbol))
        return AVRO_CUT;
    if ((uint64_t)symbol >= type->member_count)
        return AVRO_BAD_SYMBOL;
    *ret_text = type->words[symbol];
    return AVRO_DONE;
}

static enum avro_outcome avro_read_bytes_as_string(const char **at, const char *end, struct slice *ret_text) {
    enum avro_outcome outcome = avro_read_string(at, end, ret_text);
    return outcome == AVRO_DONE && !utf8_valid(*ret_text) ? AVRO_BAD_TEXT : outcome;
}

static enum avro_outcome avro_read_decimal(const struct avro_type *type, const char **at, const char *end, double *ret_value) {
    struct slice unscaled = {*at, type->size};
    enum avro_outcome outcome = AVRO_DONE;
    if (type->kind == AVRO_BYTES)
        outcome = avro_read_string(at, end, &unscaled);
    else if (type->size > (uint64_t)(end - *at))
        outcome = AVRO_CUT;
    else
        *at += type->size;
    return outcome == AVRO_DONE && !avro_decimal_read(unscaled, type->scale, ret_value) ? AVRO_BAD_DECIMAL : outcome;
}

static enum avro_outcome avro_read_long_as_double(const char **at, const char *end, double *ret_value) {
    int64_t number;
    if (!zigzag_read(at, end, &number))
        return AVRO_CUT;
    *ret_value = (double)number;
    return AVRO_DONE;
}

static enum avro_outcome avro_read_float(const char **at, const char *end, double *ret_value) {
    float value;
    if (end - *at < (ptrdiff_t)sizeof value)
        return AVRO_CUT;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    *ret_value = (double)value;
    return AVRO_DONE;
}

/* The branch's step, or NULL with the outcome set. */
static const struct avro_step *avro_read_branch(const struct avro_step *step, const char **at, const char *end, enum avro_outcome *outcome) {
    int64_t branch;
    *outcome = !zigzag_read(at, end, &branch) ? AVRO_CUT : (uint64_t)branch < step->type->member_count ? AVRO_DONE : AVRO_BAD_BRANCH;
    return *outcome == AVRO_DONE ? &step->branches[branch] : NULL;
}

const char *avro_decode(const struct avro_plan *plan, struct slice body, struct batch *batch, size_t row) {
    const char *at = body.data, *const end = at + body.length;
    const union column *const columns = batch->columns;
    for (const struct avro_step *field = plan->steps, *const stop = field + plan->step_count; field < stop; field++) {
        const struct avro_step *step = field;
        enum avro_outcome outcome = AVRO_DONE;
        struct slice text;
        int64_t time;
    again:
        switch (step->action) {
        case AVRO_READ_STRING:
            outcome = avro_read_string(&at, end, &columns[step->column].strings[row]);
            break;
        case AVRO_READ_TIME_TEXT:
            outcome = avro_read_string(&at, end, &text);
            if (outcome == AVRO_DONE && !time_read(text, &columns[step->column].integers[row]))
                return reason_timestamp(&batch->arena, step->field, text);
            break;
        case AVRO_READ_DOUBLE:
            if (end - at < (ptrdiff_t)sizeof(double))
                return avro_reason(&batch->arena, AVRO_CUT, step->field);
            memcpy(&columns[step->column].doubles[row], at, sizeof(double));
            at += sizeof(double);
            break;
        case AVRO_READ_TIME_LONG:
            if (!zigzag_read(&at, end, &time))
                return avro_reason(&batch->arena, AVRO_CUT, step->field);
            if (time < TIME_MINIMUM || time / step->type->scale > TIME_MAXIMUM)
                return reason_range(&batch->arena, step->field, avro_floor(time, step->type->scale));
            columns[step->column].integers[row] = time / step->type->scale;
            break;
        case AVRO_READ_ENUM:
            outcome = avro_read_enum(step->type, &at, end, &columns[step->column].strings[row]);
            break;
        case AVRO_READ_INTEGER:
            outcome = zigzag_read(&at, end, &columns[step->column].integers[row]) ? AVRO_DONE : AVRO_CUT;
            break;
        case AVRO_READ_LONG_AS_DOUBLE:
            outcome = avro_read_long_as_double(&at, end, &columns[step->column].doubles[row]);
            break;
        case AVRO_READ_FLOAT:
            outcome = avro_read_float(&at, end, &columns[step->column].doubles[row]);
            break;
        case AVRO_READ_BYTES_AS_STRING:
            outcome = avro_read_bytes_as_string(&at, end, &columns[step->column].strings[row]);
            break;
        case AVRO_READ_DECIMAL:
            outcome = avro_read_decimal(step->type, &at, end, &columns[step->column].doubles[row]);
            break;
        case AVRO_READ_UNION:
            step = avro_read_branch(field, &at, end, &outcome);
            if (step)
                goto again;
            break;
        case AVRO_REFUSE:
            return avro_refusal(&batch->arena, step);
        case AVRO_SKIP:
            outcome = avro_skip_field(step->type, &at, end);
            break;
        }
        if (__builtin_expect(outcome != AVRO_DONE, 0))
            return avro_reason(&batch->arena, outcome, field->field);
    }
    return at == end ? NULL : "the Avro value has bytes behind its last field: it was written with another schema";
}
