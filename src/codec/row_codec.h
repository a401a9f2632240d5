/* Keys and values of records to columns of SQL types and back: JSON, AVRO (Confluent wire format), DELIMITED, KAFKA primitives, NONE.
 *
 * The rules of each format are in the dialect's page (docs/sql.md, Formats): how field names are found, what a wrong type does, how times and decimals stand.
 * Formats are told apart by their name only; a reader knows its columns, not streams or tables. One thread each. */
#ifndef METERLINE_CODEC_ROW_CODEC_H
#define METERLINE_CODEC_ROW_CODEC_H

#include "codec/format.h"
#include "core/error.h"
#include "model/registry.h"
#include "model/rows.h"

struct row_format {
    enum format format;
    char delimiter;                  /* of DELIMITED */
    bool wrapped;                    /* a lone column is a field of a record (values by default); bare otherwise (keys of one column) */
    const char *subject;             /* AVRO: under which a schema is registered, "TOPIC-value" */
    int64_t schema_id;               /* AVRO: written with this one when it is given; 0: made from the columns */
    struct slice schema_name;        /* AVRO: full name of the record; data NULL: the default, io.confluent.ksql.avro_schemas.KsqlDataSourceSchema */
};

/* --- reading --- */

struct row_reader;

/* `columns` outlive the reader. `registry` may be NULL when the format is not AVRO. */
int row_reader_new(const struct row_format *format, const struct row_column *columns, size_t count, const struct registry *registry,
                   struct row_reader **ret_reader, struct error *error);
struct row_reader *row_reader_free(struct row_reader *reader);

enum row_read { ROW_READ_GOOD, ROW_READ_NULL /* no bytes */, ROW_READ_BAD };

/* Reads `count` texts, `stride` bytes apart, into rows 0 .. count-1 of `columns` (allocated by the caller); ret_status[row] says how it went, ret_reasons[row] why it
 * is bad (in `arena` or static). Texts are shared with the records where that is possible. A row that is NULL or bad is NULL in all columns. A retriable
 * error: the registry could not be asked; nothing counts. */
int row_reader_read(struct row_reader *reader, const struct slice *texts, size_t stride, size_t count, struct arena *arena, struct vector *columns,
                    uint8_t *ret_status, const char **ret_reasons, struct error *error);

/* --- writing --- */

struct row_writer;

int row_writer_new(const struct row_format *format, const struct row_column *columns, size_t count, const struct registry *registry,
                   struct row_writer **ret_writer, struct error *error);
struct row_writer *row_writer_free(struct row_writer *writer);
/* Appends the bytes of row `row`. ERROR_INVALID: the row has a value that the format cannot hold; retriable: the registry could not be asked (AVRO registers its
 * schema with the first row). When every column of a key is NULL the caller writes a null key instead. */
int row_writer_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to, struct error *error);

/* --- schemas --- */

/* The columns of an Avro schema (JSON text) as SQL has them, for streams declared without columns; names in upper case unless... as ksqlDB's Avro converter takes
 * them: as they are written. ERROR_INVALID: what SQL cannot hold. */
int row_columns_of_avro(struct slice schema, struct arena *arena, struct row_column **ret_columns, size_t *ret_count, struct error *error);

/* --- windowed keys, as Kafka Streams' serializers write them: the key's bytes, then the window's start (time window), or its end and start (session), 8 bytes each, big-endian --- */

enum row_window { ROW_WINDOW_NONE, ROW_WINDOW_TIME, ROW_WINDOW_SESSION };

void row_window_write(struct bytes *to, enum row_window window, int64_t start, int64_t end);
/* Takes the window off the end of `key`; of a time window the end is start + size. False: too short. */
bool row_window_read(struct slice *key, enum row_window window, int64_t size, int64_t *ret_start, int64_t *ret_end);

#endif
