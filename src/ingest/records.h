/* Deliveries to records of the log, in the committing thread. */
#ifndef METERLINE_INGEST_RECORDS_H
#define METERLINE_INGEST_RECORDS_H

#include "core/bytes.h"
#include "ingest/commit.h"

/* A rejection that is longer goes into several records, with header `origin.part`: "2/5". */
enum { REJECTION_PIECE = 512 * 1024 };

/* What the records of one committer share. */
struct record_writer {
    struct bus_producer *producer;
    int32_t topic, partitions, rejected_topic, rejected_partitions, schema_id;
    bool json;
    struct bytes key, value;
};

/* Opens the producer and the topics, TOPIC and TOPIC-rejected, and registers the schema unless `json`. */
int record_writer_open(struct record_writer *writer, struct bus *bus, const char *topic, bool json,
                       struct error *error);
void record_writer_close(struct record_writer *writer);
/* Produces the records of a delivery but for the readings that are known. An error leaves some of them produced. */
int record_writer_write(struct record_writer *writer, const struct delivery *delivery, const bool *known,
                        struct error *error);

#endif
