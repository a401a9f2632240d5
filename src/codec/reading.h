/* Record values of topic `metrics` as readings: Avro in Confluent's wire format, or JSON with the same names, told
 * apart record by record, by the rules of codec/row.
 *
 * A record that cannot be read has a reason that a person can act on; nothing stops the others. That the registry
 * cannot be asked is an error of the call, never a rejection. A reading is valid when gateway, type and attribute are
 * not empty and free of control characters, the series key is at most SERIES_KEY_MAXIMUM bytes, the timestamp is
 * ISO-8601 or a whole number of ms, in range, and the value finite. One thread. */
#ifndef METERLINE_CODEC_READING_H
#define METERLINE_CODEC_READING_H

#include "codec/row/format.h"
#include "core/arena.h"
#include "core/error.h"
#include "model/registry.h"
#include "model/series.h"

struct reading {
    struct series series;
    int64_t timestamp; /* ms */
    double value;
    const char *reason; /* why it is none; NULL: it is one, or the record has no value */
    bool null;          /* the record has no value */
};

struct reading_reader;

/* `format`: AVRO, which takes JSON too, or JSON, for which `registry` may be NULL. */
int reading_reader_new(enum format format, const struct registry *registry, struct reading_reader **ret_reader,
                       struct error *error);
struct reading_reader *reading_reader_free(struct reading_reader *reader);
/* Reads `count` values, `stride` bytes apart, into an array in `arena`; strings lie there or in the values. */
int reading_reader_read(struct reading_reader *reader, const struct slice *values, size_t stride, size_t count,
                        struct arena *arena, struct reading **ret_readings, struct error *error);
/* NULL, or why a reading is none, in `arena`. */
const char *reading_check(const struct reading *reading, struct arena *arena);

#endif
