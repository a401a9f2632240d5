/* Data files of a table, written and read. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "lake/parquet/parquet_reader.h"
#include "lake/parquet/parquet_writer.h"
#include "lake/table.h"
#include "model/time/time_text.h"

enum { FILE_NAME_SIZE = 1200 };
/* Of the columns of files with position deletes. */
enum { DELETE_PATH_ID = 2147483546, DELETE_POSITION_ID = 2147483545 };

struct lake_file_writer {
    struct lake_table *table;
    struct object_upload *upload;
    struct parquet_writer *parquet;
    const struct lake_column *columns;
    size_t column_count;
    bool partitioned;
    int64_t partition;
    char name[FILE_NAME_SIZE];
};

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

static int file_put(void *context, const void *data, size_t length, struct error *error) {
    struct lake_file_writer *writer = context;
    return writer->table->objects->driver->upload_write(writer->upload, data, length, error);
}

/* "ts_month=2007-01/", as Hive names folders; nothing without a partition. */
static void file_partition_folder(const struct lake_table *table, int64_t partition, char *to, size_t size) {
    struct civil_date date;
    *to = '\0';
    if (table->shape.partition == LAKE_BY_MONTH) {
        int64_t year = 1970 + floor_divide(partition, 12);
        snprintf(to, size, "%s=%04" PRId64 "-%02d/", table->shape.partition_name, year,
                 (int)floor_modulo(partition, 12) + 1);
    } else if (table->shape.partition == LAKE_BY_DAY) {
        date = civil_from_days(partition);
        snprintf(to, size, "%s=%04" PRId64 "-%02u-%02u/", table->shape.partition_name, date.year, date.month, date.day);
    }
}

/* No two files have one name, also when two processes write the same offsets. */
static int file_name(struct lake_file_writer *writer, const struct lake_file_settings *settings, struct error *error) {
    char folder[LAKE_COLUMN_NAME_MAXIMUM + 64], uuid[CATALOG_UUID_SIZE];
    catalog_uuid(uuid);
    file_partition_folder(writer->table, settings->partition, folder, sizeof folder);
    int length = snprintf(writer->name, sizeof writer->name, "data/%s%s-%.8s%.4s.parquet", folder, settings->name, uuid,
                          uuid + 9);
    return length < (int)sizeof writer->name ? 0 : error_set(error, ERROR_INVALID, "a file's name is too long");
}

int lake_file_open(struct lake_table *table, const struct lake_snapshot *schema,
                   const struct lake_file_settings *settings, struct lake_file_writer **ret_writer,
                   struct error *error) {
    struct lake_file_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    *writer = (struct lake_file_writer){.table = table,
                                        .columns = schema->columns,
                                        .column_count = schema->column_count,
                                        .partitioned = schema->partition != LAKE_UNPARTITIONED,
                                        .partition = settings->partition};
    struct parquet_output output = {file_put, writer};
    int status = file_name(writer, settings, error);
    if (!status)
        status = table->objects->driver->upload_open(table->objects, writer->name, &writer->upload, error);
    if (!status)
        status = parquet_writer_open(&output, schema->columns, schema->column_count, settings->level, &writer->parquet,
                                     error);
    if (status)
        lake_file_abandon(writer);
    else
        *ret_writer = writer;
    return status;
}

int lake_file_write(struct lake_file_writer *writer, const struct vector *columns, const uint32_t *order, size_t count,
                    struct error *error) {
    return parquet_writer_group(writer->parquet, columns, order, count, error);
}

int64_t lake_file_bytes(const struct lake_file_writer *writer) {
    return parquet_writer_bytes(writer->parquet);
}

struct lake_file_writer *lake_file_abandon(struct lake_file_writer *writer) {
    if (!writer)
        return NULL;
    parquet_writer_free(writer->parquet);
    if (writer->upload)
        writer->table->objects->driver->upload_abandon(writer->upload);
    free(writer);
    return NULL;
}

static int file_finish(struct lake_file_writer *writer, struct arena *arena, struct lake_new_file *file,
                       struct error *error) {
    struct lake_bounds *bounds = arena_allocate(arena, (writer->column_count + 1) * sizeof *bounds);
    const char *location = table_location(writer->table, arena, writer->name);
    if (!bounds || !location)
        return error_no_memory(error);
    *file = (struct lake_new_file){.file = {.location = location,
                                            .content = LAKE_DATA,
                                            .bounds = bounds,
                                            .partitioned = writer->partitioned,
                                            .partition = writer->partition}};
    int status =
        parquet_writer_finish(writer->parquet, NULL, 0, arena, bounds, &file->file.records, &file->file.bytes, error);
    if (status)
        return status;
    struct object_upload *upload = writer->upload;
    writer->upload = NULL;
    return writer->table->objects->driver->upload_finish(upload, error);
}

int lake_file_finish(struct lake_file_writer *writer, struct arena *arena, struct lake_new_file *ret_file,
                     struct error *error) {
    struct lake_new_file file;
    int status = file_finish(writer, arena, &file, error);
    lake_file_abandon(writer);
    if (!status)
        *ret_file = file;
    return status;
}

int lake_file_remove(struct lake_table *table, const char *location, struct error *error) {
    const char *name;
    int status = table_object(table, location, &name, error);
    return status ? status : table->objects->driver->remove(table->objects, name, error);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

struct file_input {
    struct lake_table *table;
    const char *name; /* of the object */
    struct bytes bytes;
};

struct lake_reader {
    const struct lake_snapshot *snapshot;
    const struct lake_file *file;
    bool *wanted;
    struct file_input input;
    struct parquet_reader *parquet;
    size_t group;
    int64_t row;      /* of the next group's first row in the file */
    int64_t *deleted; /* places of rows, ascending */
    size_t deleted_count, deleted_capacity, deleted_at;
};

static int file_get(void *context, int64_t offset, void *to, size_t length, struct error *error) {
    struct file_input *input = context;
    struct objects *objects = input->table->objects;
    int status = objects->driver->get(objects, input->name, offset, (int64_t)length, &input->bytes, error);
    if (!status)
        memcpy(to, input->bytes.data, length);
    return status;
}

/* Whether the file has as many bytes as its entry says is seen when its end is read. */
static int file_open_parquet(struct file_input *input, struct lake_table *table, const struct lake_file *file,
                             const struct lake_column *columns, size_t count, struct parquet_reader **ret_reader,
                             struct error *error) {
    struct parquet_input from = {file_get, input, file->bytes, file->path};
    input->table = table;
    int status = table_object(table, file->location, &input->name, error);
    return status ? status : parquet_reader_open(&from, columns, count, ret_reader, error);
}

static int reader_delete(struct lake_reader *reader, const struct vector *columns, size_t rows, struct error *error) {
    for (size_t row = 0; row < rows; row++) {
        struct value path, position;
        vector_get(&columns[0], row, &path);
        vector_get(&columns[1], row, &position);
        if (path.null || position.null || !slice_equal(path.text, slice_of(reader->file->location)))
            continue;
        if (!memory_reserve((void **)&reader->deleted, &reader->deleted_capacity, reader->deleted_count + 1,
                            sizeof *reader->deleted))
            return error_no_memory(error);
        reader->deleted[reader->deleted_count++] = position.integer;
    }
    return 0;
}

/* Those positions of a delete file that are of our file. */
static int reader_apply(struct lake_reader *reader, struct lake_table *table, const struct lake_file *deletes,
                        struct error *error) {
    static const struct lake_column columns[] = {{SLICE("file_path"), &type_string, DELETE_PATH_ID, true},
                                                 {SLICE("pos"), &type_bigint, DELETE_POSITION_ID, true}};
    cleanup(arena_release) struct arena arena = {0};
    struct file_input input = {0};
    struct parquet_reader *parquet;
    int status = file_open_parquet(&input, table, deletes, columns, 2, &parquet, error);
    if (status) {
        bytes_release(&input.bytes);
        return status;
    }
    for (size_t group = 0; group < parquet_reader_groups(parquet) && !status; group++) {
        struct vector read[2];
        arena_reset(&arena);
        status = parquet_reader_read(parquet, group, NULL, &arena, read, error);
        if (!status)
            status = reader_delete(reader, read, (size_t)parquet_reader_rows(parquet, group), error);
    }
    parquet_reader_free(parquet);
    bytes_release(&input.bytes);
    return status;
}

static int reader_compare(const void *a, const void *b) {
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

/* Position deletes count for files of the same and of smaller sequence numbers, equality deletes for smaller ones. */
static int reader_deletes(struct lake_reader *reader, struct lake_table *table, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < reader->snapshot->delete_count && !status; i++) {
        const struct lake_file *deletes = &reader->snapshot->deletes[i];
        if (deletes->sequence < reader->file->sequence)
            continue;
        if (deletes->content == LAKE_EQUALITY_DELETES && deletes->sequence > reader->file->sequence)
            return error_set(
                error, ERROR_UNSUPPORTED,
                "table %s: %s deletes rows by equality, which is not read here: let the program that made it "
                "rewrite the data files",
                table->name, deletes->location);
        if (deletes->content == LAKE_POSITION_DELETES)
            status = reader_apply(reader, table, deletes, error);
    }
    if (reader->deleted_count)
        qsort(reader->deleted, reader->deleted_count, sizeof *reader->deleted, reader_compare);
    return status;
}

int lake_reader_open(struct lake_table *table, const struct lake_snapshot *snapshot, const struct lake_file *file,
                     const bool *wanted, struct lake_reader **ret_reader, struct error *error) {
    struct lake_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    reader->snapshot = snapshot;
    reader->file = file;
    reader->wanted = memory_zero(snapshot->column_count + 1, sizeof *reader->wanted);
    int status = reader->wanted ? 0 : error_no_memory(error);
    for (size_t c = 0; c < snapshot->column_count && !status; c++)
        reader->wanted[c] = !wanted || wanted[c];
    if (!status)
        status = file_open_parquet(&reader->input, table, file, snapshot->columns, snapshot->column_count,
                                   &reader->parquet, error);
    if (!status)
        status = reader_deletes(reader, table, error);
    if (status)
        lake_reader_close(reader);
    else
        *ret_reader = reader;
    return status;
}

struct lake_reader *lake_reader_close(struct lake_reader *reader) {
    if (!reader)
        return NULL;
    parquet_reader_free(reader->parquet);
    bytes_release(&reader->input.bytes);
    free(reader->wanted);
    free(reader->deleted);
    free(reader);
    return NULL;
}

int lake_reader_next(struct lake_reader *reader, struct arena *arena, struct vector *columns,
                     struct selection *ret_rows, struct error *error) {
    if (reader->group == parquet_reader_groups(reader->parquet))
        return 0;
    size_t rows = (size_t)parquet_reader_rows(reader->parquet, reader->group), count = 0;
    uint32_t *selected = arena_allocate(arena, (rows + 1) * sizeof *selected);
    int status = selected ? parquet_reader_read(reader->parquet, reader->group, reader->wanted, arena, columns, error)
                          : error_no_memory(error);
    if (status)
        return status;
    for (size_t row = 0; row < rows; row++) {
        int64_t place = reader->row + (int64_t)row;
        while (reader->deleted_at < reader->deleted_count && reader->deleted[reader->deleted_at] < place)
            reader->deleted_at++;
        if (reader->deleted_at == reader->deleted_count || reader->deleted[reader->deleted_at] != place)
            selected[count++] = (uint32_t)row;
    }
    reader->group++;
    reader->row += (int64_t)rows;
    *ret_rows = (struct selection){selected, count};
    return 1;
}

int lake_file_local(struct lake_table *table, const struct lake_file *file, const char *folder, struct arena *arena,
                    const char **ret_path, struct error *error) {
    (void)table;
    (void)folder;
    (void)error;
    *ret_path = arena_copy(arena, slice_of(file->path)).data;
    return *ret_path ? 0 : error_no_memory(error);
}
