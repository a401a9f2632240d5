#include "lake/iceberg/avro_file.h"

#include <endian.h>
#include <jansson.h>
#include <zlib.h>
#include <zstd.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/varint.h"

enum { MAGIC = 4, SYNC = 16, DEPTH_MAXIMUM = 32, NAMES_MAXIMUM = 256, FIELDS_MAXIMUM = 4096 };
enum avro_codec { CODEC_NULL, CODEC_DEFLATE, CODEC_ZSTD };
static const char magic[MAGIC] = {'O', 'b', 'j', 1};

struct avro_reader {
    const char *at, *end;
    struct arena *arena;
    size_t budget; /* values that may still be made: no file makes more than some for each of its bytes */
    struct {
        const char *name;
        const json_t *schema;
    } names[NAMES_MAXIMUM];
    size_t name_count;
    bool no_memory;
};

/* --- values by schema
 * ------------------------------------------------------------------------------------------------------------------ */

static bool avro_value(struct avro_reader *reader, const json_t *schema, int depth, struct avro_datum *ret_datum);

static const json_t *avro_named(const struct avro_reader *reader, const char *name) {
    for (size_t i = 0; i < reader->name_count; i++)
        if (strcmp(reader->names[i].name, name) == 0)
            return reader->names[i].schema;
    return NULL;
}

static void avro_note_name(struct avro_reader *reader, const json_t *schema) {
    const char *name = json_string_value(json_object_get(schema, "name"));
    if (!name || avro_named(reader, name) || reader->name_count == NAMES_MAXIMUM)
        return;
    reader->names[reader->name_count].name = name;
    reader->names[reader->name_count++].schema = schema;
}

static bool avro_skip(struct avro_reader *reader, size_t length, struct slice *ret_bytes) {
    if ((size_t)(reader->end - reader->at) < length)
        return false;
    *ret_bytes = (struct slice){reader->at, length};
    reader->at += length;
    return true;
}

static bool avro_bytes(struct avro_reader *reader, struct slice *ret_bytes) {
    int64_t length;
    return zigzag_read(&reader->at, reader->end, &length) && length >= 0 &&
           avro_skip(reader, (size_t)length, ret_bytes);
}

static bool avro_primitive(struct avro_reader *reader, const char *type, struct avro_datum *to) {
    if (strcmp(type, "null") == 0) {
        to->kind = AVRO_NULL;
        return true;
    }
    to->kind = AVRO_NUMBER;
    if (strcmp(type, "int") == 0 || strcmp(type, "long") == 0)
        return zigzag_read(&reader->at, reader->end, &to->number);
    if (strcmp(type, "boolean") == 0 && reader->at < reader->end) {
        to->number = *reader->at++ != 0;
        return true;
    }
    to->kind = AVRO_BYTES;
    if (strcmp(type, "float") == 0 || strcmp(type, "double") == 0)
        return avro_skip(reader, type[0] == 'f' ? 4 : 8, &to->bytes);
    return (strcmp(type, "bytes") == 0 || strcmp(type, "string") == 0) && avro_bytes(reader, &to->bytes);
}

static struct avro_field *avro_fields(struct avro_reader *reader, size_t count) {
    if (count > reader->budget)
        return NULL;
    reader->budget -= count;
    struct avro_field *fields = arena_allocate(reader->arena, (count + 1) * sizeof *fields);
    reader->no_memory |= !fields;
    return fields;
}

static bool avro_record(struct avro_reader *reader, const json_t *schema, int depth, struct avro_datum *to) {
    const json_t *fields = json_object_get(schema, "fields");
    size_t count = json_array_size(fields);
    struct avro_field *at = count <= FIELDS_MAXIMUM ? avro_fields(reader, count) : NULL;
    if (!at)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *field = json_array_get(fields, i), *id = json_object_get(field, "field-id");
        at[i] = (struct avro_field){.id = id ? (int32_t)json_integer_value(id) : -1};
        if (!avro_value(reader, json_object_get(field, "type"), depth, &at[i].value))
            return false;
    }
    *to = (struct avro_datum){.kind = AVRO_RECORD, .fields = at, .count = count};
    return true;
}

/* The count of a block; a negative one is followed by the block's bytes. */
static bool avro_block(struct avro_reader *reader, int64_t *ret_count) {
    int64_t bytes;
    if (!zigzag_read(&reader->at, reader->end, ret_count))
        return false;
    if (*ret_count >= 0)
        return true;
    if (*ret_count == INT64_MIN || !zigzag_read(&reader->at, reader->end, &bytes))
        return false;
    *ret_count = -*ret_count;
    return true;
}

static bool avro_list(struct avro_reader *reader, const json_t *items, int depth, struct avro_datum *to) {
    struct avro_field *all = NULL;
    size_t count = 0;
    int64_t more;
    for (;;) {
        if (!avro_block(reader, &more))
            return false;
        if (more == 0)
            break;
        if ((uint64_t)more > reader->budget)
            return false;
        struct avro_field *grown = avro_fields(reader, count + (size_t)more);
        if (!grown)
            return false;
        if (count)
            memcpy(grown, all, count * sizeof *grown);
        all = grown;
        for (int64_t i = 0; i < more; i++, count++) {
            all[count] = (struct avro_field){.id = -1};
            if (!avro_value(reader, items, depth, &all[count].value))
                return false;
        }
    }
    *to = (struct avro_datum){.kind = AVRO_LIST, .fields = all, .count = count};
    return true;
}

/* Maps are read, and not kept: what counts for us is kept as lists of records with ids. */
static bool avro_map(struct avro_reader *reader, const json_t *values, int depth, struct avro_datum *to) {
    struct avro_datum ignored;
    struct slice key;
    int64_t more;
    for (;;) {
        if (!avro_block(reader, &more))
            return false;
        if (more == 0)
            break;
        for (int64_t i = 0; i < more; i++)
            if (!avro_bytes(reader, &key) || !avro_value(reader, values, depth, &ignored))
                return false;
    }
    *to = (struct avro_datum){.kind = AVRO_NULL};
    return true;
}

static bool avro_complex(struct avro_reader *reader, const json_t *schema, int depth, struct avro_datum *to) {
    const json_t *inner = json_object_get(schema, "type");
    const char *type = json_string_value(inner);
    if (!type) /* {"type": {"type": ..}} */
        return inner && avro_value(reader, inner, depth, to);
    avro_note_name(reader, schema);
    if (strcmp(type, "record") == 0)
        return avro_record(reader, schema, depth, to);
    if (strcmp(type, "array") == 0)
        return avro_list(reader, json_object_get(schema, "items"), depth, to);
    if (strcmp(type, "map") == 0)
        return avro_map(reader, json_object_get(schema, "values"), depth, to);
    if (strcmp(type, "fixed") == 0) {
        json_int_t size = json_integer_value(json_object_get(schema, "size"));
        to->kind = AVRO_BYTES;
        return size >= 0 && avro_skip(reader, (size_t)size, &to->bytes);
    }
    if (strcmp(type, "enum") == 0) {
        to->kind = AVRO_NUMBER;
        return zigzag_read(&reader->at, reader->end, &to->number);
    }
    return avro_primitive(reader, type, to);
}

static bool avro_value(struct avro_reader *reader, const json_t *schema, int depth, struct avro_datum *ret_datum) {
    *ret_datum = (struct avro_datum){.kind = AVRO_NULL};
    if (depth > DEPTH_MAXIMUM || !schema || reader->budget == 0)
        return false;
    reader->budget--;
    if (json_is_array(schema)) {
        int64_t branch;
        return zigzag_read(&reader->at, reader->end, &branch) && branch >= 0 &&
               avro_value(reader, json_array_get(schema, (size_t)branch), depth + 1, ret_datum);
    }
    if (json_is_object(schema))
        return avro_complex(reader, schema, depth + 1, ret_datum);
    const char *name = json_string_value(schema);
    const json_t *named = name ? avro_named(reader, name) : NULL;
    if (named)
        return avro_complex(reader, named, depth + 1, ret_datum);
    return name && avro_primitive(reader, name, ret_datum);
}

/* --- the file
 * ------------------------------------------------------------------------------------------------------------------ */

static int avro_damaged(const struct avro_reader *reader, struct error *error) {
    return reader->no_memory ? error_no_memory(error)
                             : error_set(error, ERROR_CORRUPT, "it is damaged, or no Avro file");
}

/* The schema and the codec, of the header's metadata. */
static bool avro_header(struct avro_reader *reader, struct slice *ret_schema, struct slice *ret_codec,
                        const char **ret_sync) {
    struct slice key, value;
    int64_t more;
    *ret_schema = *ret_codec = (struct slice){NULL, 0};
    if (reader->end - reader->at < MAGIC || memcmp(reader->at, magic, MAGIC) != 0)
        return false;
    reader->at += MAGIC;
    for (;;) {
        if (!avro_block(reader, &more))
            return false;
        if (more == 0)
            break;
        for (int64_t i = 0; i < more; i++) {
            if (!avro_bytes(reader, &key) || !avro_bytes(reader, &value))
                return false;
            if (slice_equal(key, SLICE("avro.schema")))
                *ret_schema = value;
            if (slice_equal(key, SLICE("avro.codec")))
                *ret_codec = value;
        }
    }
    *ret_sync = reader->at;
    return avro_skip(reader, SYNC, &value) && ret_schema->data;
}

static bool avro_codec_of(struct slice name, enum avro_codec *ret_codec) {
    *ret_codec = slice_equal(name, SLICE("deflate"))     ? CODEC_DEFLATE
                 : slice_equal(name, SLICE("zstandard")) ? CODEC_ZSTD
                                                         : CODEC_NULL;
    return *ret_codec != CODEC_NULL || name.length == 0 || slice_equal(name, SLICE("null"));
}

/* Deflate without a header, as Avro has it; the size is not known before. */
static bool avro_inflate(struct slice from, struct arena *arena, struct slice *ret_plain) {
    size_t capacity = from.length * 8 + 1024;
    for (int round = 0; round < 8; round++, capacity *= 4) {
        char *to = arena_allocate(arena, capacity);
        z_stream stream = {.next_in = (unsigned char *)(uintptr_t)from.data, .avail_in = (unsigned)from.length};
        stream.next_out = (unsigned char *)to;
        stream.avail_out = (unsigned)capacity;
        if (!to || inflateInit2(&stream, -15) != Z_OK)
            return false;
        int status = inflate(&stream, Z_FINISH);
        size_t length = capacity - stream.avail_out;
        inflateEnd(&stream);
        if (status == Z_STREAM_END) {
            *ret_plain = (struct slice){to, length};
            return true;
        }
        if (status != Z_BUF_ERROR || stream.avail_out != 0)
            return false;
    }
    return false;
}

static bool avro_zstd(struct slice from, struct arena *arena, struct slice *ret_plain) {
    unsigned long long length = ZSTD_getFrameContentSize(from.data, from.length);
    if (length > from.length * UINT64_C(1000) + 1024 || length > (1U << 30)) /* unknown ones are larger */
        return false;
    char *to = arena_allocate(arena, (size_t)length + 1);
    if (!to || ZSTD_decompress(to, (size_t)length, from.data, from.length) != length)
        return false;
    *ret_plain = (struct slice){to, (size_t)length};
    return true;
}

static bool avro_plain(struct avro_reader *reader, enum avro_codec codec, struct slice from, struct slice *ret_plain) {
    *ret_plain = from;
    return codec == CODEC_NULL || (codec == CODEC_DEFLATE ? avro_inflate(from, reader->arena, ret_plain)
                                                          : avro_zstd(from, reader->arena, ret_plain));
}

struct avro_records {
    struct avro_datum *data;
    size_t count, capacity;
};

static bool avro_read_block(struct avro_reader *file, const json_t *schema, enum avro_codec codec, const char *sync,
                            struct avro_records *records) {
    int64_t count;
    struct slice packed, plain, mark;
    if (!zigzag_read(&file->at, file->end, &count) || count < 0 || !avro_bytes(file, &packed) ||
        !avro_skip(file, SYNC, &mark) || memcmp(mark.data, sync, SYNC) != 0 || !avro_plain(file, codec, packed, &plain))
        return false;
    const char *at = file->at, *end = file->end;
    file->at = plain.data;
    file->end = plain.data + plain.length;
    file->budget = plain.length * 4 + 1024;
    for (int64_t i = 0; i < count; i++) {
        if (!memory_reserve((void **)&records->data, &records->capacity, records->count + 1, sizeof *records->data)) {
            file->no_memory = true;
            return false;
        }
        if (!avro_value(file, schema, 0, &records->data[records->count]))
            return false;
        records->count++;
    }
    bool all = file->at == file->end;
    file->at = at;
    file->end = end;
    return all;
}

static int avro_read_blocks(struct avro_reader *reader, const json_t *schema, enum avro_codec codec, const char *sync,
                            struct avro_file *ret_file, struct error *error) {
    struct avro_records records = {0};
    bool good = true;
    while (good && reader->at < reader->end)
        good = avro_read_block(reader, schema, codec, sync, &records);
    struct slice all = {(const char *)records.data, records.count * sizeof *records.data};
    if (good && records.count) {
        all = arena_copy(reader->arena, all);
        reader->no_memory |= !all.data;
    }
    free(records.data);
    if (!good || reader->no_memory)
        return avro_damaged(reader, error);
    *ret_file = (struct avro_file){(const struct avro_datum *)(const void *)all.data, records.count};
    return 0;
}

int avro_file_read(struct slice bytes, struct arena *arena, struct avro_file *ret_file, struct error *error) {
    struct avro_reader *reader = memory_zero(1, sizeof *reader);
    struct slice text, name;
    const char *sync;
    enum avro_codec codec;
    if (!reader)
        return error_no_memory(error);
    reader->at = bytes.data;
    reader->end = bytes.data + bytes.length;
    reader->arena = arena;
    reader->budget = bytes.length;
    int status = avro_header(reader, &text, &name, &sync) ? 0 : avro_damaged(reader, error);
    if (!status && !avro_codec_of(name, &codec))
        status =
            error_set(error, ERROR_UNSUPPORTED, "its compression %.*s is not read here", (int)name.length, name.data);
    json_t *schema = status ? NULL : json_loadb(text.data, text.length, JSON_DECODE_ANY, NULL);
    if (!status && !schema)
        status = avro_damaged(reader, error);
    if (!status)
        status = avro_read_blocks(reader, schema, codec, sync, ret_file, error);
    json_decref(schema);
    free(reader);
    return status;
}

const struct avro_datum *avro_find(const struct avro_datum *record, int32_t id) {
    for (size_t i = 0; record->kind == AVRO_RECORD && i < record->count; i++)
        if (record->fields[i].id == id)
            return record->fields[i].value.kind == AVRO_NULL ? NULL : &record->fields[i].value;
    return NULL;
}

int64_t avro_number(const struct avro_datum *record, int32_t id, int64_t fallback) {
    const struct avro_datum *datum = avro_find(record, id);
    return datum && datum->kind == AVRO_NUMBER ? datum->number : fallback;
}

static void avro_put(struct bytes *to, struct slice text) {
    bytes_append_zigzag(to, (int64_t)text.length);
    bytes_append_slice(to, text);
}

void avro_file_write(struct slice schema, const struct client_property *metadata, size_t metadata_count,
                     struct slice records, size_t count, struct bytes *to) {
    /* what ends each block is to be found in no other place: it is made of what the file holds */
    uint64_t sync[2] = {hash_bytes(records.data, records.length, 1), hash_bytes(schema.data, schema.length, 2)};
    bytes_append(to, magic, MAGIC);
    bytes_append_zigzag(to, (int64_t)metadata_count + 2);
    avro_put(to, SLICE("avro.schema"));
    avro_put(to, schema);
    avro_put(to, SLICE("avro.codec"));
    avro_put(to, SLICE("null"));
    for (size_t i = 0; i < metadata_count; i++) {
        avro_put(to, slice_of(metadata[i].name));
        avro_put(to, slice_of(metadata[i].value));
    }
    bytes_append_zigzag(to, 0);
    bytes_append(to, sync, sizeof sync);
    if (count == 0)
        return;
    bytes_append_zigzag(to, (int64_t)count);
    avro_put(to, records);
    bytes_append(to, sync, sizeof sync);
}
