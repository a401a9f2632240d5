/* Each record is told apart by its first byte: 0 is Avro in Confluent's wire format, '{' (behind white space) JSON.
 *
 * Plans are kept in an array sorted by schema id, for the life of the decoder: an id stands for one schema for ever. That an id is unknown is kept there too,
 * but only until the call ends, as the schema may be registered a moment later. */
#include "codec/reading_decoder.h"

#include <math.h>

#include "codec/avro.h"
#include "codec/json.h"
#include "codec/reason.h"
#include "codec/text.h"
#include "core/memory.h"
#include "model/series.h"

enum { WIRE_HEADER = 5 };

struct cached_plan {
    int32_t id;
    bool unknown;                 /* the registry has no such schema */
    struct avro_plan *plan;       /* NULL: the schema is there but cannot be read as a reading */
    char *problem;                /* then why: the reason of every record that was written with it */
};

struct reading_decoder {
    const struct registry *registry;
    struct cached_plan *plans;
    size_t count, capacity;
    size_t unknown_count;
    size_t last;                  /* the entry that was used last */
};

int reading_decoder_new(const struct registry *registry, struct reading_decoder **ret_decoder, struct error *error) {
    struct reading_decoder *decoder = memory_zero(1, sizeof *decoder);
    if (!decoder)
        return error_no_memory(error);
    decoder->registry = registry;
    *ret_decoder = decoder;
    return 0;
}

struct reading_decoder *reading_decoder_free(struct reading_decoder *decoder) {
    if (!decoder)
        return NULL;
    for (size_t i = 0; i < decoder->count; i++) {
        avro_plan_free(decoder->plans[i].plan);
        free(decoder->plans[i].problem);
    }
    free(decoder->plans);
    free(decoder);
    return NULL;
}

static void decoder_forget_unknown(struct reading_decoder *decoder) {
    size_t kept = 0;
    for (size_t i = 0; i < decoder->count; i++)
        if (!decoder->plans[i].unknown)
            decoder->plans[kept++] = decoder->plans[i];
    decoder->count = kept;
    decoder->unknown_count = 0;
    decoder->last = 0;
}

/* Where `id` is, or where it belongs. */
static size_t decoder_search(const struct reading_decoder *decoder, int32_t id) {
    size_t low = 0, high = decoder->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (decoder->plans[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Compiles what the registry has; a schema that cannot be read becomes a problem. */
static int decoder_compile(struct slice schema, struct cached_plan *entry, struct error *problem) {
    int status = avro_plan_new(schema, &schema_reading, &entry->plan, problem);
    return status == ERROR_INVALID ? error_wrap(problem, "schema %d cannot be read as a reading", (int)entry->id) : status;
}

/* Asks the registry and compiles the schema. */
static int decoder_fetch(const struct reading_decoder *decoder, struct cached_plan *ret_entry, int32_t id, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct cached_plan entry = {.id = id};
    struct slice schema;
    struct error problem = {0};
    int found = decoder->registry->find(decoder->registry->context, id, &arena, &schema, &problem);
    int status = found ? found : decoder_compile(schema, &entry, &problem);
    bool unreadable = found == ERROR_UNSUPPORTED || (!found && status == ERROR_INVALID);
    entry.unknown = found == ERROR_NOT_FOUND;
    if (unreadable && !(entry.problem = strdup(problem.message)))
        return error_no_memory(error);
    if (status && !entry.unknown && !unreadable) {
        if (error)
            *error = problem;
        return status;
    }
    *ret_entry = entry;
    return 0;
}

static int decoder_plan(struct reading_decoder *decoder, int32_t id, const struct cached_plan **ret_plan, struct error *error) {
    if (decoder->last < decoder->count && decoder->plans[decoder->last].id == id) {
        *ret_plan = &decoder->plans[decoder->last];
        return 0;
    }
    size_t at = decoder_search(decoder, id);
    if (at == decoder->count || decoder->plans[at].id != id) {
        struct cached_plan entry;
        if (!memory_reserve((void **)&decoder->plans, &decoder->capacity, decoder->count + 1, sizeof *decoder->plans))
            return error_no_memory(error);
        int status = decoder_fetch(decoder, &entry, id, error);
        if (status)
            return status;
        memmove(&decoder->plans[at + 1], &decoder->plans[at], (decoder->count - at) * sizeof *decoder->plans);
        decoder->plans[at] = entry;
        decoder->count++;
        decoder->unknown_count += entry.unknown;
    }
    decoder->last = at;
    *ret_plan = &decoder->plans[at];
    return 0;
}

static int decode_avro(struct reading_decoder *decoder, struct slice value, struct batch *batch, size_t row, const char **ret_reason, struct error *error) {
    const unsigned char *wire = (const unsigned char *)value.data;
    if (value.length < WIRE_HEADER) {
        *ret_reason = "truncated: the wire format begins with byte 0 and four bytes of schema id";
        return 0;
    }
    int32_t id = (int32_t)((uint32_t)wire[1] << 24 | (uint32_t)wire[2] << 16 | (uint32_t)wire[3] << 8 | wire[4]);
    const struct cached_plan *cached = NULL;
    int status = decoder_plan(decoder, id, &cached, error);
    if (status)
        return status;
    if (cached->plan)
        *ret_reason = avro_decode(cached->plan, (struct slice){value.data + WIRE_HEADER, value.length - WIRE_HEADER}, batch, row);
    else if (cached->unknown)
        *ret_reason = reason_format(&batch->arena, "schema id %d is not in the registry", (int)id);
    else
        *ret_reason = reason_format(&batch->arena, "%s", cached->problem);
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
        return reason_format(&batch->arena, "the series key has %zu bytes; at most %d are possible", length, SERIES_KEY_MAXIMUM);
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

static int decode_row(struct reading_decoder *decoder, struct slice value, struct batch *batch, size_t row, struct error *error) {
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
        reason = reason_format(&batch->arena, "not Avro in the wire format (first byte 0x%02x) and not JSON", (unsigned char)value.data[0]);
    if (!status && !reason)
        reason = reading_check(batch, row);
    if (__builtin_expect(reason != NULL, 0)) {
        batch->status[row] = ROW_REJECTED;
        batch->reasons[row] = reason;
        row_blank(batch, row);
    }
    return status;
}

int reading_decoder_decode(struct reading_decoder *decoder, const struct slice *values, size_t stride, size_t count, int64_t base_offset,
                           struct batch *batch, struct error *error) {
    if (!batch_clear(batch, count))
        return error_no_memory(error);
    int status = 0;
    for (size_t row = 0; row < count && !status; row++) {
        const struct slice *value = (const struct slice *)((const char *)values + row * stride);
        batch->offsets[row] = base_offset + (int64_t)row;
        status = decode_row(decoder, *value, batch, row, error);
    }
    if (decoder->unknown_count)
        decoder_forget_unknown(decoder);
    if (!status)
        batch->count = count;
    return status;
}
