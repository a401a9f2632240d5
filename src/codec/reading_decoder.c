/* Each record is told apart by its first byte: 0 is Avro in Confluent's wire format, '{' (behind white space) JSON. */
#include "codec/reading_decoder.h"

#include <math.h>

#include "codec/avro/avro.h"
#include "codec/json/json.h"
#include "codec/row/reason.h"
#include "codec/row/schema_plans.h"
#include "core/memory.h"
#include "core/text.h"
#include "model/series.h"

struct reading_decoder {
    struct schema_plans plans;
};

static int reading_compile(void *context, struct slice schema, void **ret_plan, struct error *error) {
    struct avro_plan *plan = NULL;
    (void)context;
    int status = avro_plan_new(schema, &schema_reading, &plan, error);
    *ret_plan = plan;
    return status;
}

static void reading_release(void *plan) {
    avro_plan_free(plan);
}

int reading_decoder_new(const struct registry *registry, struct reading_decoder **ret_decoder, struct error *error) {
    struct reading_decoder *decoder = memory_zero(1, sizeof *decoder);
    if (!decoder)
        return error_no_memory(error);
    decoder->plans = (struct schema_plans){
        .registry = registry, .purpose = "a reading", .compile = reading_compile, .release = reading_release};
    *ret_decoder = decoder;
    return 0;
}

struct reading_decoder *reading_decoder_free(struct reading_decoder *decoder) {
    if (!decoder)
        return NULL;
    schema_plans_release(&decoder->plans);
    free(decoder);
    return NULL;
}

static int decode_avro(struct reading_decoder *decoder, struct slice value, struct batch *batch, size_t row,
                       const char **ret_reason, struct error *error) {
    const struct schema_plan *cached = NULL;
    struct slice body;
    int32_t id;
    if (!wire_read(value, &id, &body)) {
        *ret_reason = WIRE_TRUNCATED;
        return 0;
    }
    int status = schema_plans_find(&decoder->plans, id, &cached, error);
    if (status)
        return status;
    *ret_reason =
        cached->plan ? avro_decode(cached->plan, body, batch, row) : schema_plan_reason(cached, &batch->arena);
    return 0;
}

static const char *reading_check_part(struct batch *batch, const char *name, struct slice text) {
    if (text.length == 0)
        return reason_format(&batch->arena, "%s is empty", name);
    return text_without_controls(text) ? NULL : reason_format(&batch->arena, "%s has control characters", name);
}

/* What a reading must be, whatever it was written in; the decoders have checked the timestamp. */
static const char *reading_check(struct batch *batch, size_t row) {
    size_t length = 2;
    for (size_t c = READING_GATEWAY; c <= READING_ATTRIBUTE; c++) {
        struct slice text = batch->columns[c].strings[row];
        length += text.length;
        if (__builtin_expect(text.length == 0 || !text_without_controls(text), 0))
            return reading_check_part(batch, schema_reading.columns[c].name, text);
    }
    if (length > SERIES_KEY_MAXIMUM)
        return reason_format(&batch->arena, "the series key has %zu bytes; at most %d are possible", length,
                             SERIES_KEY_MAXIMUM);
    return isfinite(batch->columns[READING_VALUE].doubles[row]) ? NULL : "value is not a finite number";
}

static bool looks_like_json(struct slice value) {
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] != ' ' && value.data[i] != '\t' && value.data[i] != '\n' && value.data[i] != '\r')
            return value.data[i] == '{';
    return false;
}

/* What is not good has undefined columns, but none that point anywhere. */
static void row_blank(struct batch *batch, size_t row) {
    for (size_t c = READING_GATEWAY; c <= READING_ATTRIBUTE; c++)
        batch->columns[c].strings[row] = (struct slice){"", 0};
    batch->columns[READING_TIMESTAMP].integers[row] = 0;
    batch->columns[READING_VALUE].doubles[row] = 0;
}

static int decode_row(struct reading_decoder *decoder, struct slice value, struct batch *batch, size_t row,
                      struct error *error) {
    const char *reason = NULL;
    int status = 0;
    batch->status[row] = ROW_GOOD;
    batch->reasons[row] = NULL;
    if (!value.data || value.length == 0) {
        batch->status[row] = ROW_NULL;
        row_blank(batch, row);
        return 0;
    }
    if (value.data[0] == 0)
        status = decode_avro(decoder, value, batch, row, &reason, error);
    else if (looks_like_json(value))
        reason = json_decode(value, batch, row);
    else
        reason = reason_format(&batch->arena, "not Avro in the wire format (first byte 0x%02x) and not JSON",
                               (unsigned char)value.data[0]);
    if (!status && !reason)
        reason = reading_check(batch, row);
    if (__builtin_expect(reason != NULL, 0)) {
        batch->status[row] = ROW_REJECTED;
        batch->reasons[row] = reason;
        row_blank(batch, row);
    }
    return status;
}

int reading_decoder_decode(struct reading_decoder *decoder, const struct slice *values, size_t stride, size_t count,
                           int64_t base_offset, struct batch *batch, struct error *error) {
    if (!batch_clear(batch, count))
        return error_no_memory(error);
    int status = 0;
    for (size_t row = 0; row < count && !status; row++) {
        const struct slice *value = (const struct slice *)((const char *)values + row * stride);
        batch->offsets[row] = base_offset + (int64_t)row;
        status = decode_row(decoder, *value, batch, row, error);
    }
    schema_plans_forget_refused(&decoder->plans);
    if (!status)
        batch->count = count;
    return status;
}
