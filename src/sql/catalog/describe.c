/* Each SHOW and DESCRIBE is a walk over the catalog that fills rows of a listing; the listing knows its columns, the
 * caller prints it. */
#include "sql/catalog/describe.h"

#include "core/bytes.h"
#include "core/memory.h"
#include <inttypes.h>
#include <stdio.h>

/* Rows are filled one cell after the other. */
struct listing_writer {
    struct arena *arena;
    struct listing listing;
    size_t cells, capacity;
    bool failed;
};

static struct listing_writer listing_begin(struct arena *arena, const char *const *titles, size_t columns,
                                           size_t rows) {
    struct listing_writer writer = {
        .arena = arena, .listing = {.titles = titles, .column_count = columns}, .capacity = columns * rows};
    writer.listing.cells = arena_allocate(arena, writer.capacity * sizeof *writer.listing.cells);
    writer.failed = !writer.listing.cells;
    return writer;
}

static void listing_add(struct listing_writer *writer, struct slice text) {
    struct slice copy = arena_copy(writer->arena, text.data ? text : SLICE(""));
    if (writer->failed || !copy.data || writer->cells == writer->capacity)
        writer->failed = true;
    else
        writer->listing.cells[writer->cells++] = copy;
}

static void listing_add_bytes(struct listing_writer *writer, const struct bytes *text) {
    writer->failed |= text->failed;
    listing_add(writer, bytes_slice(text));
}

static int listing_end(struct listing_writer *writer, struct listing *ret_listing, struct error *error) {
    if (writer->failed)
        return error_no_memory(error);
    writer->listing.row_count = writer->cells / writer->listing.column_count;
    *ret_listing = writer->listing;
    return 0;
}

/* --- SHOW
 * ------------------------------------------------------------------------------------------------------------------ */

static int describe_sources(const struct catalog *catalog, enum object_kind object, const char *const *titles,
                            struct arena *arena, struct listing *ret_listing, struct error *error) {
    struct listing_writer writer = listing_begin(arena, titles, 5, catalog_source_count(catalog));
    for (size_t i = 0; i < catalog_source_count(catalog); i++) {
        const struct source *source = catalog_source_at(catalog, i);
        if (source->object != object)
            continue;
        listing_add(&writer, source->name);
        listing_add(&writer, source->topic);
        listing_add(&writer, slice_of(format_name(source->key.format)));
        listing_add(&writer, slice_of(format_name(source->value.format)));
        listing_add(&writer, slice_of(source->window == WINDOW_NONE ? "false" : "true"));
    }
    return listing_end(&writer, ret_listing, error);
}

int describe_streams(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                     struct error *error) {
    static const char *const titles[] = {"Stream Name", "Kafka Topic", "Key Format", "Value Format", "Windowed"};
    return describe_sources(catalog, OBJECT_STREAM, titles, arena, ret_listing, error);
}

int describe_tables(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                    struct error *error) {
    static const char *const titles[] = {"Table Name", "Kafka Topic", "Key Format", "Value Format", "Windowed"};
    return describe_sources(catalog, OBJECT_TABLE, titles, arena, ret_listing, error);
}

int describe_queries(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                     struct error *error) {
    static const char *const titles[] = {"Query ID",  "Query Type",       "Status",
                                         "Sink Name", "Sink Kafka Topic", "Query String"};
    struct listing_writer writer = listing_begin(arena, titles, 6, catalog_query_count(catalog));
    for (size_t i = 0; i < catalog_query_count(catalog); i++) {
        const struct catalog_query *query = catalog_query_at(catalog, i);
        const struct source *sink = catalog_source(catalog, query->sink);
        listing_add(&writer, query->id);
        listing_add(&writer, SLICE("PERSISTENT"));
        listing_add(&writer, SLICE("RUNNING"));
        listing_add(&writer, query->sink);
        listing_add(&writer, sink ? sink->topic : SLICE(""));
        listing_add(&writer, query->text);
    }
    return listing_end(&writer, ret_listing, error);
}

int describe_types(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                   struct error *error) {
    static const char *const titles[] = {"Type Name", "Schema"};
    struct listing_writer writer = listing_begin(arena, titles, 2, catalog_type_count(catalog));
    for (size_t i = 0; i < catalog_type_count(catalog); i++) {
        cleanup(bytes_release) struct bytes text = {0};
        struct slice name;
        type_print(&text, catalog_type_at(catalog, i, &name));
        listing_add(&writer, name);
        listing_add_bytes(&writer, &text);
    }
    return listing_end(&writer, ret_listing, error);
}

int describe_variables(const struct variables *variables, struct arena *arena, struct listing *ret_listing,
                       struct error *error) {
    static const char *const titles[] = {"Variable Name", "Value"};
    struct listing_writer writer = listing_begin(arena, titles, 2, variables->count);
    for (size_t i = 0; i < variables->count; i++) {
        listing_add(&writer, variables->items[i].name);
        listing_add(&writer, variables->items[i].value);
    }
    return listing_end(&writer, ret_listing, error);
}

/* --- DESCRIBE
 * ------------------------------------------------------------------------------------------------------------------ */

static void describe_role(struct bytes *to, const struct source *source, const struct source_column *column) {
    static const char *const windows[] = {
        [WINDOW_NONE] = "", [WINDOW_TUMBLING] = "TUMBLING", [WINDOW_HOPPING] = "HOPPING", [WINDOW_SESSION] = "SESSION"};
    switch (column->role) {
    case COLUMN_KEY:
    case COLUMN_PRIMARY_KEY:
        bytes_append_string(to, column->role == COLUMN_KEY ? " (key)" : " (primary key)");
        if (source->window != WINDOW_NONE)
            bytes_append_format(to, " (Window type: %s)", windows[source->window]);
        break;
    case COLUMN_HEADERS:
        bytes_append_string(to, " (headers)");
        break;
    case COLUMN_HEADER:
        bytes_append_string(to, " (header('");
        bytes_append_slice(to, column->header);
        bytes_append_string(to, "'))");
        break;
    case COLUMN_VALUE:
        break;
    }
}

int describe_columns(const struct source *source, struct arena *arena, struct listing *ret_listing,
                     struct error *error) {
    static const char *const titles[] = {"Field", "Type"};
    struct listing_writer writer = listing_begin(arena, titles, 2, source->column_count);
    for (size_t i = 0; i < source->column_count; i++) {
        cleanup(bytes_release) struct bytes text = {0};
        const struct source_column *column = &source->columns[i];
        type_print(&text, column->type);
        describe_role(&text, source, column);
        listing_add(&writer, column->name);
        listing_add_bytes(&writer, &text);
    }
    return listing_end(&writer, ret_listing, error);
}

static void describe_pair(struct listing_writer *writer, const char *name, struct slice value) {
    listing_add(writer, slice_of(name));
    listing_add(writer, value);
}

static void describe_number(struct listing_writer *writer, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    describe_pair(writer, name, value > 0 ? slice_of(text) : SLICE("not set"));
}

static void describe_names(struct listing_writer *writer, const char *title, const struct slice *names, size_t count,
                           const char *separator) {
    cleanup(bytes_release) struct bytes text = {0};
    for (size_t i = 0; i < count; i++)
        bytes_append_format(&text, "%s`%.*s`", i ? separator : "", (int)names[i].length, names[i].data);
    writer->failed |= text.failed;
    describe_pair(writer, title, count ? bytes_slice(&text) : SLICE("not set"));
}

static void describe_users(struct listing_writer *writer, const char *name, const struct catalog *catalog,
                           const struct source *source, bool readers) {
    cleanup(bytes_release) struct bytes ids = {0};
    for (size_t i = 0; i < catalog_query_count(catalog); i++) {
        const struct catalog_query *query = catalog_query_at(catalog, i);
        if (!(readers ? catalog_query_reads(query, source->name) : slice_equal(query->sink, source->name)))
            continue;
        bytes_append_string(&ids, ids.length ? ", " : "");
        bytes_append_slice(&ids, query->id);
    }
    writer->failed |= ids.failed;
    describe_pair(writer, name, bytes_slice(&ids));
}

int describe_properties(const struct catalog *catalog, const struct source *source, struct arena *arena,
                        struct listing *ret_listing, struct error *error) {
    static const char *const titles[] = {"Property", "Value"};
    struct listing_writer writer = listing_begin(arena, titles, 2, 16);
    describe_pair(&writer, "Name", source->name);
    describe_pair(&writer, "Type", slice_of(source->object == OBJECT_TABLE ? "TABLE" : "STREAM"));
    describe_pair(&writer, "Timestamp field",
                  source->timestamp.data ? source->timestamp : SLICE("not set: the record's own"));
    describe_pair(&writer, "Timestamp format",
                  source->timestamp_format.data ? source->timestamp_format : SLICE("not set"));
    describe_pair(&writer, "Key format", slice_of(format_name(source->key.format)));
    describe_pair(&writer, "Value format", slice_of(format_name(source->value.format)));
    describe_names(&writer, "Key of", source->key_of, source->key_of_count, ".");
    describe_names(&writer, "Required", source->required, source->required_count, ", ");
    describe_number(&writer, "Maximum ahead (ms)", source->max_ahead);
    describe_pair(&writer, "Duplicates", source->drop_duplicates ? SLICE("dropped in windows") : SLICE("kept"));
    describe_pair(&writer, "Kafka topic", source->topic);
    describe_number(&writer, "Partitions", source->partitions);
    describe_number(&writer, "Replicas", source->replicas);
    describe_users(&writer, "Queries that read", catalog, source, true);
    describe_users(&writer, "Queries that write", catalog, source, false);
    describe_pair(&writer, "Statement", source->text);
    return listing_end(&writer, ret_listing, error);
}
