/* Record values of topic `metrics` into a batch of readings: Avro in Confluent's wire format (byte 0, schema id
 * big-endian, body), or JSON with the same names, recognised record by record (JSON starts with '{', white space
 * allowed).
 *
 * A record that cannot be read makes a row with ROW_REJECTED and a reason that a person can act on; a record without
 * a value (null or empty) ROW_NULL; nothing stops the batch. A schema id is asked for once and its plan kept; that
 * the registry cannot be asked is an error of the call, never a rejection: the batch is tried again, and whoever
 * does so waits first, as the registry is asked again at once. A reading is valid when gateway, type and attribute
 * are not empty and free of control characters, the series key is at most SERIES_KEY_MAXIMUM bytes, the timestamp in
 * range, the value finite. One thread. */
#ifndef METERLINE_CODEC_READING_DECODER_H
#define METERLINE_CODEC_READING_DECODER_H

#include "core/error.h"
#include "core/slice.h"
#include "model/batch.h"
#include "model/registry.h"

struct reading_decoder;

int reading_decoder_new(const struct registry *registry, struct reading_decoder **ret_decoder, struct error *error);
struct reading_decoder *reading_decoder_free(struct reading_decoder *decoder);

/* Decodes `count` values, `stride` bytes apart (so that a field of an array of records can be given), with offsets
 * from `base_offset`, into `batch` (schema_reading), which is cleared first. Strings point into the values; they
 * must outlive the batch's use. */
int reading_decoder_decode(struct reading_decoder *decoder, const struct slice *values, size_t stride, size_t count,
                           int64_t base_offset, struct batch *batch, struct error *error);

#endif
