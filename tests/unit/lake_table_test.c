/* Tables in a folder: what is appended is read, in the order of the log; files are replaced; positions are compared and
 * set with the data; of racing writers each commit counts once; snapshots stay as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "lake/catalog.h"
#include "lake/lake.h"
#include "lake/maintain.h"
#include "lake/parquet/parquet_writer.h"

static char folder[64];
static struct lake *lake;

static int set_up(void **context) {
    (void)context;
    struct error error;
    struct lake_options options = {.create = true, .clock = &clock_system};
    snprintf(folder, sizeof folder, "/tmp/lake-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(lake_open(folder, &options, &lake, &error), 0);
    return 0;
}

static int tear_down(void **context) {
    (void)context;
    char command[128];
    lake = lake_close(lake);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct lake_table *open_readings(void) {
    struct lake_table *table;
    struct error error;
    if (lake_table_ensure(lake, LAKE_READINGS, &lake_readings, &table, &error))
        fail_msg("%s", error.message);
    return table;
}

/* A file of `count` readings of one gateway: value first, first + 1, .. a minute apart from `minute` of month `month` on. */
static struct lake_new_file write_file(struct lake_table *table, struct arena *arena, const char *gateway, double first,
                                       size_t count, int64_t month) {
    struct lake_snapshot schema;
    struct lake_file_writer *writer;
    struct lake_new_file file;
    struct error error;
    struct vector columns[LAKE_READING_COLUMNS];
    const struct type *types[] = {&type_string, &type_string, &type_string, &type_timestamp, &type_double};
    struct value texts[] = {{.text = slice_of(gateway)}, {.text = SLICE("ELECTRICITY")}, {.text = SLICE("VOLTAGE")}};
    assert_int_equal(lake_snapshot_read(table, 0, arena, &schema, &error), 0);
    for (size_t c = 0; c < 3; c++)
        assert_true(vector_constant(arena, types[c], &texts[c], &columns[c]));
    for (size_t c = 3; c < 5; c++)
        assert_true(vector_allocate(arena, types[c], count, &columns[c]));
    for (size_t row = 0; row < count; row++) {
        struct value time = value_of_integer(month * INT64_C(2592000000) + (int64_t)row * 60000),
                     value = value_of_number(first + (double)row);
        vector_set(&columns[3], row, &time);
        vector_set(&columns[4], row, &value);
    }
    struct lake_file_settings settings = {.name = "test", .partition = month};
    assert_int_equal(lake_file_open(table, &schema, &settings, &writer, &error), 0);
    assert_int_equal(lake_file_write(writer, columns, NULL, count, &error), 0);
    assert_int_equal(lake_file_finish(writer, arena, &file, &error), 0);
    assert_int_equal(file.file.records, count);
    return file;
}

static int append(struct lake_table *table, const struct lake_new_file *file, int32_t partition, int64_t expected,
                  int64_t offset, struct error *error) {
    struct lake_position position = {"metrics", partition, offset, expected};
    struct lake_change change = {.operation = LAKE_APPEND,
                                 .added = file,
                                 .added_count = 1,
                                 .positions = &position,
                                 .position_count = offset >= 0,
                                 .origin_topic = offset >= 0 ? "metrics" : NULL,
                                 .origin = offset >= 0 ? "log 1" : NULL};
    return lake_commit(table, &change, NULL, error);
}

/* The values of a snapshot in the order of its files. */
static size_t read_values(struct lake_table *table, int64_t id, double *to, size_t room) {
    struct arena arena = {0};
    struct lake_snapshot snapshot;
    struct error error;
    size_t count = 0;
    if (lake_snapshot_read(table, id, &arena, &snapshot, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < snapshot.file_count; i++) {
        struct lake_reader *reader;
        struct vector columns[LAKE_READING_COLUMNS];
        struct selection rows;
        int got;
        if (lake_reader_open(table, &snapshot, &snapshot.files[i], NULL, &reader, &error))
            fail_msg("%s", error.message);
        while ((got = lake_reader_next(reader, &arena, columns, &rows, &error)) == 1)
            for (size_t row = 0; row < rows.count; row++) {
                assert_true(count < room);
                to[count++] = columns[LAKE_VALUE].doubles[rows.rows[row]];
            }
        assert_int_equal(got, 0);
        lake_reader_close(reader);
    }
    arena_release(&arena);
    return count;
}

static void what_is_appended_is_read(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    double values[100];
    struct lake_table *table = open_readings();
    const struct lake_history_entry *history;
    size_t snapshots;
    assert_int_equal(read_values(table, 0, values, 100), 0);
    for (int i = 0; i < 3; i++) {
        struct lake_new_file file = write_file(table, &arena, "g", 10 * i, 4, 440 + i % 2);
        assert_int_equal(append(table, &file, 0, i ? 4 * i : -1, 4 * (i + 1), &error), 0);
    }
    assert_int_equal(read_values(table, 0, values, 100), 12);
    for (int i = 0; i < 12; i++)
        assert_true(values[i] == 10 * (i / 4) + i % 4);
    assert_int_equal(lake_history(table, &arena, &history, &snapshots, &error), 0);
    assert_int_equal(snapshots, 3);
    assert_int_equal(history[2].records, 12);
    assert_int_equal(history[1].parent, history[0].id);
    assert_int_equal(read_values(table, history[0].id, values, 100), 4);
    assert_int_equal(read_values(table, history[1].id, values, 100), 8);
    lake_table_close(table);
    arena_release(&arena);
}

static void ranges_leave_files_out(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    struct lake_table *table = open_readings();
    struct lake_snapshot snapshot;
    for (int i = 0; i < 3; i++) {
        struct lake_new_file file = write_file(table, &arena, i == 2 ? "h" : "g", 0, 4, 440 + i);
        assert_int_equal(append(table, &file, 0, -1, -1, &error), 0);
    }
    assert_int_equal(lake_snapshot_read(table, 0, &arena, &snapshot, &error), 0);
    struct lake_range gateway = {LAKE_GATEWAY, true, true, {.text = SLICE("h")}, {.text = SLICE("h")}},
                      time = {LAKE_TS, true, false, {.integer = 441 * INT64_C(2592000000)}, {.integer = 0}};
    int found[2] = {0};
    for (size_t i = 0; i < snapshot.file_count; i++) {
        found[0] += lake_file_meets(&snapshot, &snapshot.files[i], &gateway, 1);
        found[1] += lake_file_meets(&snapshot, &snapshot.files[i], &time, 1);
        assert_true(snapshot.files[i].partitioned);
        assert_int_equal(snapshot.files[i].partition, 440 + (int)i);
    }
    assert_int_equal(found[0], 1);
    assert_int_equal(found[1], 2);
    lake_table_close(table);
    arena_release(&arena);
}

static void a_position_is_set_once(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error = {0};
    double values[100];
    const struct lake_position *positions;
    size_t count;
    const char *origin;
    struct lake_table *table = open_readings(), *other = open_readings();
    struct lake_new_file file = write_file(table, &arena, "g", 0, 4, 440),
                         again = write_file(other, &arena, "g", 0, 4, 440);
    assert_int_equal(append(table, &file, 2, -1, 4, &error), 0);
    assert_int_equal(append(other, &again, 2, -1, 4, &error), ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "metrics/2 up to offset 4, not -1"));
    assert_false(error.retriable);
    assert_int_equal(read_values(other, 0, values, 100), 4);
    assert_int_equal(lake_positions(other, &arena, &positions, &count, &error), 0);
    assert_int_equal(count, 1);
    assert_string_equal(positions[0].topic, "metrics");
    assert_int_equal(positions[0].partition, 2);
    assert_int_equal(positions[0].offset, 4);
    assert_int_equal(lake_origin(other, "metrics", &arena, &origin, &error), 0);
    assert_string_equal(origin, "log 1");
    struct lake_position position = {"metrics", 2, 8, 4};
    struct lake_change change = {.added = &again,
                                 .added_count = 1,
                                 .positions = &position,
                                 .position_count = 1,
                                 .origin_topic = "metrics",
                                 .origin = "log 2"};
    assert_int_equal(lake_commit(other, &change, NULL, &error), ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "another log (log 1, this one is log 2)"));
    assert_int_equal(lake_forget_positions(other, "metrics", &error), 0);
    assert_int_equal(lake_positions(table, &arena, &positions, &count, &error), 0);
    assert_int_equal(count, 0);
    assert_int_equal(read_values(table, 0, values, 100), 4);
    lake_table_close(table);
    lake_table_close(other);
    arena_release(&arena);
}

static void files_are_replaced_where_they_stood(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    double values[100];
    struct lake_table *table = open_readings();
    struct lake_snapshot before;
    for (int i = 0; i < 4; i++) {
        struct lake_new_file file = write_file(table, &arena, "g", 10 * i, 2, 440);
        assert_int_equal(append(table, &file, 0, i ? 2 * i : -1, 2 * (i + 1), &error), 0);
    }
    assert_int_equal(lake_snapshot_read(table, 0, &arena, &before, &error), 0);
    struct lake_new_file late = write_file(table, &arena, "g", 40, 2, 440); /* of the sink, meanwhile */
    assert_int_equal(append(table, &late, 0, 8, 10, &error), 0);
    struct lake_new_file both = write_file(table, &arena, "g", 100, 4, 440);
    both.keep_sequence = true;
    both.file.sequence = before.files[2].sequence;
    const char *removed[] = {before.files[1].location, before.files[2].location};
    struct lake_change change = {.operation = LAKE_REPLACE,
                                 .added = &both,
                                 .added_count = 1,
                                 .removed = removed,
                                 .removed_count = 2,
                                 .base_sequence = before.sequence};
    assert_int_equal(lake_commit(table, &change, NULL, &error), 0);
    static const double wanted[] = {0, 1, 100, 101, 102, 103, 30, 31, 40, 41};
    assert_int_equal(read_values(table, 0, values, 100), 10);
    assert_memory_equal(values, wanted, sizeof wanted);
    assert_int_equal(read_values(table, before.id, values, 100), 8); /* the old snapshot is what it was */
    assert_int_equal(lake_commit(table, &change, NULL, &error), ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "another program has replaced files meanwhile"));
    lake_table_close(table);
    arena_release(&arena);
}

/* Small manifests become one, and nothing moves. */
static void many_commits_keep_their_order(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    double values[300];
    struct lake_table *table = open_readings();
    for (int i = 0; i < 120; i++) {
        struct lake_new_file file = write_file(table, &arena, "g", 2 * i, 2, 440 + i % 7);
        assert_int_equal(append(table, &file, 0, i ? 2 * i : -1, 2 * (i + 1), &error), 0);
    }
    assert_int_equal(read_values(table, 0, values, 300), 240);
    for (int i = 0; i < 240; i++)
        assert_true(values[i] == i);
    lake_table_close(table);
    arena_release(&arena);
}

enum { WRITERS = 20, ROUNDS = 3 };

/* Each brings a partition of its own, and then all the same one. */
static void *race(void *context) {
    int number = *(int *)context, done = 0;
    struct arena arena = {0};
    struct error error;
    struct lake_table *table = open_readings();
    for (int round = 0; round < ROUNDS; round++) {
        struct lake_new_file file = write_file(table, &arena, "g", 1, 1, 440);
        if (append(table, &file, number + 1, round ? round : -1, round + 1, &error))
            print_error("writer %d: %s\n", number, error.message);
        else
            done++;
    }
    struct lake_new_file file = write_file(table, &arena, "g", 1000, 1, 440);
    int status = append(table, &file, 0, -1, 1, &error);
    done += status == 0 ? 100 : status == ERROR_CONFLICT ? 0 : 10000;
    lake_table_close(table);
    arena_release(&arena);
    *(int *)context = done;
    return NULL;
}

static void racing_writers_lose_nothing(void **context) {
    (void)context;
    pthread_t threads[WRITERS];
    int numbers[WRITERS], done = 0;
    double values[WRITERS * ROUNDS + 10], sum = 0;
    lake_table_close(open_readings());
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &numbers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        done += numbers[i];
    }
    assert_int_equal(done, WRITERS * ROUNDS + 100); /* all of their own, and one of the common one */
    struct lake_table *table = open_readings();
    size_t count = read_values(table, 0, values, WRITERS * ROUNDS + 10);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    assert_int_equal(count, WRITERS * ROUNDS + 1);
    assert_true(sum == WRITERS * ROUNDS + 1000);
    lake_table_close(table);
}

static void tables_are_found_and_checked(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    struct lake_table *table;
    const char *const *names;
    size_t count;
    static const struct type map = {.kind = TYPE_MAP, .key = &type_string, .element = &type_string};
    struct lake_column columns[] = {{SLICE("a"), &type_bigint, 0, false}, {SLICE("m"), &map, 0, false}};
    struct lake_table_settings settings = {columns, 2, LAKE_UNPARTITIONED, 0};
    assert_int_equal(lake_table_open(lake, "alarms", &table, &error), ERROR_NOT_FOUND);
    assert_int_equal(lake_table_create(lake, "alarms", &settings, &error), ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "column m is of type MAP<STRING, STRING>"));
    settings.column_count = 1;
    assert_int_equal(lake_table_create(lake, "alarms", &settings, &error), 0);
    assert_int_equal(lake_table_create(lake, "alarms", &settings, &error), ERROR_EXISTS);
    assert_int_equal(lake_table_create(lake, "../x", &settings, &error), ERROR_INVALID);
    columns[0].type = &type_string;
    assert_int_equal(lake_table_ensure(lake, "alarms", &settings, &table, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "column 1 should be a STRING"));
    lake_table_close(open_readings());
    assert_int_equal(lake_tables(lake, &arena, &names, &count, &error), 0);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "alarms");
    assert_string_equal(names[1], "readings");
    assert_int_equal(lake_table_open(lake, "reading", &table, &error), ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "there are: alarms, readings"));
    arena_release(&arena);
}

/* Old and missing hints are only that. */
static void hints_are_only_hints(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    double values[100];
    char path[128];
    struct lake_table *table = open_readings();
    for (int i = 0; i < 3; i++) {
        struct lake_new_file file = write_file(table, &arena, "g", i, 1, 440);
        assert_int_equal(append(table, &file, 0, i ? i : -1, i + 1, &error), 0);
    }
    static const char *const hints[] = {"1", "99", "x", ""};
    snprintf(path, sizeof path, "%s/readings/metadata/version-hint.text", folder);
    for (size_t i = 0; i < 4; i++) {
        FILE *hint = fopen(path, "w");
        assert_non_null(hint);
        fputs(hints[i], hint);
        fclose(hint);
        assert_int_equal(read_values(table, 0, values, 100), 3);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_values(table, 0, values, 100), 3);
    lake_table_close(table);
    arena_release(&arena);
}

/* --- deletes of another program
 * ------------------------------------------------------------------------------------------------------------------ */

static int file_write(void *context, const void *data, size_t length, struct error *error) {
    (void)error;
    return fwrite(data, 1, length, context) == length ? 0 : -1;
}

/* A file that deletes rows of `location` at two places; its bytes. */
static int64_t write_deletes(const char *path, const char *location, int64_t first, int64_t second) {
    static const struct lake_column columns[] = {{SLICE("file_path"), &type_string, 2147483546, true},
                                                 {SLICE("pos"), &type_bigint, 2147483545, true}};
    FILE *file = fopen(path, "w");
    struct parquet_output output = {file_write, file};
    struct parquet_writer *writer;
    struct arena arena = {0};
    struct error error;
    struct vector vectors[2];
    struct lake_bounds bounds[2];
    struct value text = value_of_text(slice_of(location)),
                 places[] = {value_of_integer(first), value_of_integer(second)};
    int64_t records, bytes;
    assert_non_null(file);
    assert_true(vector_constant(&arena, &type_string, &text, &vectors[0]));
    assert_true(vector_allocate(&arena, &type_bigint, 2, &vectors[1]));
    for (size_t i = 0; i < 2; i++)
        vector_set(&vectors[1], i, &places[i]);
    assert_int_equal(parquet_writer_open(&output, columns, 2, 1, &writer, &error), 0);
    assert_int_equal(parquet_writer_group(writer, vectors, NULL, 2, &error), 0);
    assert_int_equal(parquet_writer_finish(writer, NULL, 0, &arena, bounds, &records, &bytes, &error), 0);
    parquet_writer_free(writer);
    fclose(file);
    arena_release(&arena);
    return bytes;
}

/* A snapshot with a manifest of that delete file more, as another program commits it. */
static void commit_deletes(const char *path, int64_t bytes, enum lake_content content) {
    struct arena arena = {0};
    struct error error;
    struct catalog *catalog;
    struct table_metadata metadata;
    struct objects *objects;
    struct manifest_shape shape;
    struct manifest_list_entry *manifests, all[16];
    struct slice list;
    struct bytes text = {0}, manifest = {0}, lists = {0};
    size_t column = 0, count;
    assert_int_equal(catalog_folder_open(folder, false, &catalog, &error), 0);
    assert_int_equal(catalog->driver->load(catalog, "readings", &metadata, &error), 0);
    assert_int_equal(catalog->driver->objects(catalog, "readings", &metadata, &objects, &error), 0);
    assert_int_equal(table_metadata_shape(&metadata, &arena, &shape, &column, &error), 0);
    const json_t *parent = table_metadata_snapshot(&metadata, 0);
    const char *location = json_string_value(json_object_get(parent, "manifest-list"));
    assert_int_equal(objects->driver->get(objects, location + strlen(objects->root) + 1, 0, -1, &text, &error), 0);
    list = bytes_slice(&text);
    assert_int_equal(manifest_list_read(list, &arena, &manifests, &count, &error), 0);
    assert_true(count < 16);
    struct lake_bounds bounds[LAKE_READING_COLUMNS] = {0};
    struct manifest_entry entry = {.status = MANIFEST_ADDED,
                                   .snapshot = 77,
                                   .sequence = -1,
                                   .file_sequence = -1,
                                   .file = {.location = path,
                                            .content = content,
                                            .records = 2,
                                            .bytes = bytes,
                                            .bounds = bounds,
                                            .partitioned = true,
                                            .partition = 440}};
    assert_int_equal(manifest_write(&shape, &entry, 1, &manifest, &error), 0);
    assert_int_equal(objects->driver->put(objects, "metadata/d.avro", bytes_slice(&manifest), true, &error), 0);
    char manifest_path[128], list_path[128];
    snprintf(manifest_path, sizeof manifest_path, "%s/readings/metadata/d.avro", folder);
    snprintf(list_path, sizeof list_path, "%s/readings/metadata/l.avro", folder);
    memcpy(all, manifests, count * sizeof *all);
    int64_t sequence = table_metadata_sequence(&metadata) + 1;
    all[count] = (struct manifest_list_entry){.path = manifest_path,
                                              .length = (int64_t)manifest.length,
                                              .deletes = true,
                                              .sequence = sequence,
                                              .min_sequence = sequence,
                                              .added_snapshot = 77,
                                              .added_files = 1,
                                              .added_rows = 2};
    assert_int_equal(manifest_list_write(all, count + 1, 77, 1, sequence, &lists, &error), 0);
    assert_int_equal(objects->driver->put(objects, "metadata/l.avro", bytes_slice(&lists), true, &error), 0);
    json_t *snapshot = json_pack("{s:i,s:I,s:I,s:s,s:{s:s}}", "snapshot-id", 77, "sequence-number",
                                 (json_int_t)sequence, "timestamp-ms", (json_int_t)clock_wall(&clock_system),
                                 "manifest-list", list_path, "summary", "operation", "delete");
    struct metadata_change change = {.base = &metadata, .snapshot = snapshot, .now = clock_wall(&clock_system)};
    assert_int_equal(catalog->driver->commit(catalog, "readings", &change, &error), 0);
    json_decref(snapshot);
    objects->driver->close(objects);
    catalog->driver->close(catalog);
    table_metadata_release(&metadata);
    bytes_release(&text);
    bytes_release(&manifest);
    bytes_release(&lists);
    arena_release(&arena);
}

/* What others have deleted by position is left out, also by a compaction; rows that came later are not meant. */
static void deletes_by_position_count(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    char path[128];
    double values[20];
    struct lake_table *table = open_readings();
    struct lake_snapshot snapshot;
    struct lake_new_file file = write_file(table, &arena, "g", 0, 5, 440), later;
    assert_int_equal(append(table, &file, 0, -1, 5, &error), 0);
    assert_int_equal(lake_snapshot_read(table, 0, &arena, &snapshot, &error), 0);
    snprintf(path, sizeof path, "%s/readings/data/deletes.parquet", folder);
    commit_deletes(path, write_deletes(path, snapshot.files[0].location, 1, 4), LAKE_POSITION_DELETES);
    later = write_file(table, &arena, "g", 10, 3, 440);
    assert_int_equal(append(table, &later, 0, 5, 8, &error), 0);
    static const double left[] = {0, 2, 3, 10, 11, 12};
    assert_int_equal(read_values(table, 0, values, 20), 6);
    assert_memory_equal(values, left, sizeof left);
    struct lake_compaction compaction = {0};
    struct lake_compacted compacted;
    assert_int_equal(lake_compact(table, &compaction, &compacted, &error), 0);
    assert_int_equal(compacted.new_files, 1);
    assert_int_equal(compacted.rows, 6);
    assert_int_equal(read_values(table, 0, values, 20), 6);
    assert_memory_equal(values, left, sizeof left);
    lake_table_close(table);
    arena_release(&arena);
}

static void deletes_by_equality_are_refused(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    char path[128];
    struct lake_table *table = open_readings();
    struct lake_snapshot snapshot;
    struct lake_reader *reader;
    struct lake_new_file file = write_file(table, &arena, "g", 0, 5, 440);
    assert_int_equal(append(table, &file, 0, -1, 5, &error), 0);
    snprintf(path, sizeof path, "%s/readings/data/deletes.parquet", folder);
    commit_deletes(path, write_deletes(path, "x", 1, 4), LAKE_EQUALITY_DELETES);
    assert_int_equal(lake_snapshot_read(table, 0, &arena, &snapshot, &error), 0);
    assert_int_equal(lake_reader_open(table, &snapshot, &snapshot.files[0], NULL, &reader, &error), ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "deletes rows by equality"));
    assert_non_null(strstr(error.message, path));
    lake_table_close(table);
    arena_release(&arena);
}

static void damage_is_named(void **context) {
    (void)context;
    struct arena arena = {0};
    struct error error;
    struct lake_table *table = open_readings();
    struct lake_snapshot snapshot;
    struct lake_reader *reader;
    struct lake_new_file file = write_file(table, &arena, "g", 0, 100, 440);
    assert_int_equal(append(table, &file, 0, -1, 100, &error), 0);
    assert_int_equal(lake_snapshot_read(table, 0, &arena, &snapshot, &error), 0);
    assert_int_equal(truncate(snapshot.files[0].path, 300), 0);
    assert_int_equal(lake_reader_open(table, &snapshot, &snapshot.files[0], NULL, &reader, &error), ERROR_CORRUPT);
    assert_non_null(strstr(error.message, snapshot.files[0].path));
    assert_int_equal(unlink(snapshot.files[0].path), 0);
    assert_int_equal(lake_reader_open(table, &snapshot, &snapshot.files[0], NULL, &reader, &error), ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, snapshot.files[0].path));
    lake_table_close(table);
    arena_release(&arena);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(what_is_appended_is_read),
        CASE(ranges_leave_files_out),
        CASE(a_position_is_set_once),
        CASE(files_are_replaced_where_they_stood),
        CASE(many_commits_keep_their_order),
        CASE(racing_writers_lose_nothing),
        CASE(tables_are_found_and_checked),
        CASE(hints_are_only_hints),
        CASE(deletes_by_position_count),
        CASE(deletes_by_equality_are_refused),
        CASE(damage_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
