/* Runs a plan over one record's bytes. Invariants: at <= end, and no byte at or behind `end` is read. */
#include "codec/avro/avro_decimal.h"
#include "codec/avro/avro_plan.h"
#include "codec/avro/avro_read.h"
#include "codec/row/reason.h"
#include "core/text.h"
#include "model/time.h"

/* time / scale, rounded down: what is before 1970 shall not be called 0. */
static int64_t avro_floor(int64_t time, int64_t scale) {
    return time / scale - (time % scale < 0);
}

static __attribute__((cold, noinline)) const char *avro_refusal(struct arena *arena, const struct avro_step *step) {
    return step->type->kind == AVRO_NULL
               ? reason_format(arena, "field %.80s is null", step->field)
               : reason_format(arena, "field %.80s holds a union branch of a type that does not fit", step->field);
}

static enum avro_outcome avro_read_enum(const struct avro_type *type, const char **at, const char *end,
                                        struct slice *ret_text) {
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

static enum avro_outcome avro_read_decimal(const struct avro_type *type, const char **at, const char *end,
                                           double *ret_value) {
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
static const struct avro_step *avro_read_branch(const struct avro_step *step, const char **at, const char *end,
                                                enum avro_outcome *outcome) {
    int64_t branch;
    *outcome = !zigzag_read(at, end, &branch)                ? AVRO_CUT
               : (uint64_t)branch < step->type->member_count ? AVRO_DONE
                                                             : AVRO_BAD_BRANCH;
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
    return at == end ? NULL : AVRO_TOO_LONG;
}
