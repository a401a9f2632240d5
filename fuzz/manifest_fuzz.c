/* A manifest, and a list of manifests: whatever an Avro file says, it is read or refused. The first byte says which. */
#include "lake/iceberg/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct lake_column columns[] = {{{"a", 1}, &type_string, 1, true}, {{"ts", 2}, &type_timestamp, 2, true}};
static const struct manifest_shape shape = {.columns = columns,
                                            .column_count = 2,
                                            .partition = LAKE_BY_MONTH,
                                            .field = 1000,
                                            .partition_name = "ts_month",
                                            .schema_json = "{}",
                                            .spec_json = "[]"};

static void read_manifest(struct slice bytes, struct arena *arena) {
    struct manifest_entry *entries;
    struct bytes written = {0};
    struct error error;
    size_t count;
    if (!manifest_read(bytes, &shape, 0, arena, &entries, &count, &error))
        manifest_write(&shape, entries, count, &written, &error);
    bytes_release(&written);
}

static void read_list(struct slice bytes, struct arena *arena) {
    struct manifest_list_entry *entries;
    struct bytes written = {0};
    struct error error;
    size_t count;
    if (!manifest_list_read(bytes, arena, &entries, &count, &error))
        manifest_list_write(entries, count, 1, 0, 1, &written, &error);
    bytes_release(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = {0};
    if (size == 0)
        return 0;
    struct slice bytes = {(const char *)data + 1, size - 1};
    if (data[0] & 1)
        read_list(bytes, &arena);
    else
        read_manifest(bytes, &arena);
    arena_release(&arena);
    return 0;
}
