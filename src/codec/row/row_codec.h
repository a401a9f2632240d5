/* Keys and values of records to columns of SQL types and back: JSON, AVRO, JSON_SR and PROTOBUF (Confluent wire
 * format), DELIMITED, KAFKA primitives, NONE.
 *
 * The rules of each format are in the dialect's page (docs/sql.md, Formats): how field names are found, what a wrong
 * type does, how times and decimals stand. A reader knows its columns, not streams or tables. One thread each. */
#ifndef METERLINE_CODEC_ROW_ROW_CODEC_H
#define METERLINE_CODEC_ROW_ROW_CODEC_H

#include "codec/row/format.h"
#include "core/error.h"
#include "model/registry.h"
#include "model/rows.h"
#include "model/time/calendar.h"

struct row_format {
    enum format format;
    char delimiter; /* of DELIMITED */
    bool wrapped;   /* a lone column is a field of a record (values by default); bare otherwise (keys of one column) */
    const char *subject; /* AVRO: under which a schema is registered, "TOPIC-value" */
    int64_t schema_id;   /* AVRO: written with this one when it is given; 0: made from the columns */
    /* AVRO: full name of the record; data NULL: the default, io.confluent.ksql.avro_schemas.KsqlDataSourceSchema */
    struct slice schema_name;
};

/* --- reading --- */

struct row_reader;

/* `columns` outlive the reader. `registry` may be NULL when the format is not AVRO. ERROR_UNSUPPORTED: the format
 * cannot hold such columns. */
int row_reader_new(const struct row_format *format, const struct row_column *columns, size_t count,
                   const struct registry *registry, struct row_reader **ret_reader, struct error *error);
struct row_reader *row_reader_free(struct row_reader *reader);

enum row_read { ROW_READ_GOOD, ROW_READ_NULL /* no bytes */, ROW_READ_BAD };

/* Reads `count` texts, `stride` bytes apart, into rows 0 .. count-1 of `columns` (allocated by the caller);
 * ret_status[row], an enum row_read, says how it went, ret_reasons[row] why it is bad (in `arena` or static; NULL
 * otherwise). Texts are shared with the records where that is possible. A row that is NULL or bad is NULL in all
 * columns. A text without bytes is NULL too, except in KAFKA, where it is an empty STRING or BYTES, and in NONE; so
 * is JSON's bare `null`. An error is not about the texts: no memory, or, retriable, the registry could not be asked;
 * nothing counts then. */
int row_reader_read(struct row_reader *reader, const struct slice *texts, size_t stride, size_t count,
                    struct arena *arena, struct vector *columns, uint8_t *ret_status, const char **ret_reasons,
                    struct error *error);

/* --- writing --- */

struct row_writer;

/* As of a reader. AVRO, further: ERROR_INVALID when a name is none in Avro, or the columns cannot be written with
 * schema `schema_id`, which is asked for. */
int row_writer_new(const struct row_format *format, const struct row_column *columns, size_t count,
                   const struct registry *registry, struct row_writer **ret_writer, struct error *error);
struct row_writer *row_writer_free(struct row_writer *writer);
/* Appends the bytes of row `row`; after an error `to` is as it was. ERROR_INVALID: the row has a value that the
 * format cannot hold; retriable: the registry could not be asked (AVRO registers its schema with the first row). A
 * bare column that is NULL, and NONE, append nothing: the caller writes a null key or value there, as he does for a
 * key that is NULL in every column. */
int row_writer_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                     struct error *error);

/* --- schemas --- */

/* The columns of an Avro schema (JSON text) as SQL has them, for streams declared without columns; names as they are
 * written. A schema that is no record is one column with an empty name, which the caller names. ERROR_INVALID: what
 * SQL cannot hold. */
int row_columns_of_avro(struct slice schema, struct arena *arena, struct row_column **ret_columns, size_t *ret_count,
                        struct error *error);
/* The same of the first message of a Protobuf schema (text of a .proto file). */
int row_columns_of_protobuf(struct slice schema, struct arena *arena, struct row_column **ret_columns,
                            size_t *ret_count, struct error *error);

/* --- windowed keys, as Kafka Streams' serializers write them: the key's bytes, then the window's start (time
 * window), or its end and start (session), 8 bytes each, big-endian --- */

enum row_window { ROW_WINDOW_NONE, ROW_WINDOW_TIME, ROW_WINDOW_SESSION };

void row_window_write(struct bytes *to, enum row_window window, int64_t start, int64_t end);
/* Takes the window off the end of `key`; of a time window the end is start + size, or what `calendar` (may be
 * NULL) says. False: too short. Without a window there is nothing to take, and no bounds are given. */
bool row_window_read(struct slice *key, enum row_window window, int64_t size, const struct calendar *calendar,
                     int64_t *ret_start, int64_t *ret_end);

#endif
