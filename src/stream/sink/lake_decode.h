/* Records of a topic as rows of a lake table: its key columns, its value columns, the window of a windowed key, and
 * rowtime, the record's time. Names are in lower case, as SQL engines write those without quotes. One thread. */
#ifndef METERLINE_STREAM_SINK_LAKE_DECODE_H
#define METERLINE_STREAM_SINK_LAKE_DECODE_H

#include "stream/sink/lake_sink.h"

struct lake_decoder;

struct lake_decoded {
    struct vector *columns;     /* by column of lake_decoder_columns */
    const uint8_t *absent;      /* 1: the record has no value */
    const char *const *reasons; /* why a record is no row; NULL: it is one, or absent */
};

/* ERROR_UNSUPPORTED: the format cannot hold the columns. */
int lake_decoder_new(const struct lake_sink_format *format, const struct registry *registry,
                     struct lake_decoder **ret_decoder, struct error *error);
struct lake_decoder *lake_decoder_free(struct lake_decoder *decoder);
/* They live as long as the decoder. */
const struct lake_column *lake_decoder_columns(const struct lake_decoder *decoder, size_t *ret_count);
/* All records of a batch; what is given lies in `arena` and in the records. */
int lake_decode(struct lake_decoder *decoder, const struct bus_batch *records, struct arena *arena,
                struct lake_decoded *ret_rows, struct error *error);

#endif
