/* From record batches of a topic to rows, as a source declares them. One thread; formats and their readers are its
 * own. */
#ifndef METERLINE_STREAM_SOURCE_SOURCE_READER_H
#define METERLINE_STREAM_SOURCE_SOURCE_READER_H

#include "bus/bus.h"
#include "stream/plan.h"

struct source_reader;

int source_reader_new(const struct source_plan *plan, const struct registry *registry,
                      struct source_reader **ret_reader, struct error *error);
struct source_reader *source_reader_free(struct source_reader *reader);

enum source_status {
    SOURCE_GOOD,
    SOURCE_BAD,   /* cannot be read, has no time, or breaks a rule of the source: rejected, with the reason */
    SOURCE_MARK,  /* of a repartition topic: no row at all (stream_time.h) */
    SOURCE_REPEAT /* has come before (repeats.h) */
};

/* What became of each record of a batch. */
struct source_rows {
    struct rows *rows;    /* the good ones are selected */
    uint8_t *status;      /* enum source_status by record */
    const char **reasons; /* of those that are bad */
};

/* Everything lies in the evaluation's arena, or in the batch. A retriable error: the registry could not be asked;
 * nothing counts. */
int source_reader_read(struct source_reader *reader, const struct bus_batch *records, struct evaluation *evaluation,
                       struct source_rows *ret_rows, struct error *error);

#endif
