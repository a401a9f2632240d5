/* One reader for each kind of response. A length that points outside of the frame ends the decoding with
 * ERROR_CORRUPT. */
#include "store/cassandra/cql/cql_response.h"

enum { ROWS_ONE_TABLE = 1, ROWS_MORE_PAGES = 2, ROWS_NO_METADATA = 4, TYPE_DEPTH = 16 };

/* Skips the parameters of a type and returns its id; types nest. */
static uint16_t response_read_type(struct cql_reader *reader, unsigned depth) {
    uint16_t type = cql_read_short(reader);
    if (depth == 0)
        reader->failed = true;
    if (reader->failed)
        return type;
    unsigned inner = type == CQL_TYPE_MAP ? 2 : type == CQL_TYPE_LIST || type == CQL_TYPE_SET ? 1 : 0;
    bool named = type == CQL_TYPE_UDT;
    if (type == CQL_TYPE_CUSTOM || named)
        cql_read_string(reader);
    if (named)
        cql_read_string(reader);
    if (named || type == CQL_TYPE_TUPLE)
        inner = cql_read_short(reader);
    for (; inner && !reader->failed; inner--) {
        if (named)
            cql_read_string(reader);
        response_read_type(reader, depth - 1);
    }
    return type;
}

bool cql_columns_next(struct cql_columns *columns, struct cql_column *ret_column) {
    if (columns->read >= columns->described)
        return false;
    columns->read++;
    struct cql_column column = {columns->keyspace, columns->table, {NULL, 0}, 0};
    if (!columns->one_table) {
        column.keyspace = cql_read_string(&columns->reader);
        column.table = cql_read_string(&columns->reader);
    }
    column.name = cql_read_string(&columns->reader);
    column.type = response_read_type(&columns->reader, TYPE_DEPTH);
    *ret_column = column;
    return !columns->reader.failed;
}

/* The descriptions from here on; the reader moves after them. */
static void response_read_columns(struct cql_reader *reader, int32_t flags, struct cql_columns *columns) {
    columns->described = flags & ROWS_NO_METADATA ? 0 : columns->count;
    columns->one_table = flags & ROWS_ONE_TABLE;
    if (columns->described && columns->one_table) {
        columns->keyspace = cql_read_string(reader);
        columns->table = cql_read_string(reader);
    }
    columns->reader = *reader;
    struct cql_columns walk = *columns;
    struct cql_column column;
    while (cql_columns_next(&walk, &column))
        ;
    *reader = walk.reader;
}

static uint32_t response_read_count(struct cql_reader *reader) {
    int32_t count = cql_read_int(reader);
    if (count < 0)
        reader->failed = true;
    return reader->failed ? 0 : (uint32_t)count;
}

static int response_width_check(const struct cql_columns *columns, struct error *error) {
    if (columns->count <= CQL_COLUMNS_MAXIMUM)
        return 0;
    return error_set(error, ERROR_UNSUPPORTED, "the server sent %u columns; at most %d are read", columns->count,
                     CQL_COLUMNS_MAXIMUM);
}

bool cql_rows_next(struct cql_rows *rows, struct slice *cells) {
    if (rows->read >= rows->count)
        return false;
    rows->read++;
    for (uint32_t i = 0; i < rows->columns.count; i++)
        cells[i] = cql_read_bytes(&rows->reader);
    return !rows->reader.failed;
}

static int response_read_result_columns(struct cql_reader *reader, struct cql_columns *columns,
                                        struct slice *paging_state, struct error *error) {
    int32_t flags = cql_read_int(reader);
    columns->count = response_read_count(reader);
    int status = response_width_check(columns, error);
    if (status)
        return status;
    if (flags & ROWS_MORE_PAGES)
        *paging_state = cql_read_bytes(reader);
    response_read_columns(reader, flags, columns);
    return 0;
}

/* Rows without columns would let a few bytes claim two thousand million rows. */
static int response_read_rows(struct cql_reader *reader, struct cql_rows *rows, struct error *error) {
    int status = response_read_result_columns(reader, &rows->columns, &rows->paging_state, error);
    if (status)
        return status;
    rows->count = response_read_count(reader);
    if (rows->count && (!rows->columns.count || rows->count > cql_left(reader) / 4 / rows->columns.count))
        reader->failed = true;
    rows->reader = *reader;
    struct cql_rows walk = *rows;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    while (!reader->failed && cql_rows_next(&walk, cells))
        ;
    reader->failed |= walk.reader.failed;
    return 0;
}

static int response_read_prepared(struct cql_reader *reader, struct cql_prepared *prepared, struct error *error) {
    prepared->id = cql_read_short_bytes(reader);
    int32_t flags = cql_read_int(reader);
    prepared->markers.count = response_read_count(reader);
    uint32_t keys = response_read_count(reader);
    int status = response_width_check(&prepared->markers, error);
    if (status)
        return status;
    if (keys > CQL_KEY_MAXIMUM)
        return error_set(error, ERROR_UNSUPPORTED, "the server sent a partition key of %u columns; at most %d are read",
                         keys, CQL_KEY_MAXIMUM);
    prepared->key_count = (uint16_t)keys;
    for (uint32_t i = 0; i < keys; i++) {
        prepared->key[i] = cql_read_short(reader);
        reader->failed |= prepared->key[i] >= prepared->markers.count;
    }
    response_read_columns(reader, flags, &prepared->markers);
    struct slice paging_state;
    return response_read_result_columns(reader, &prepared->columns, &paging_state, error);
}

static void response_read_schema_change(struct cql_reader *reader, struct cql_event *event) {
    event->change = cql_read_string(reader);
    event->target = cql_read_string(reader);
    event->keyspace = cql_read_string(reader); /* names of tables, types and arguments that may follow are not needed */
}

static void response_read_event(struct cql_reader *reader, struct cql_event *event) {
    event->type = cql_read_string(reader);
    if (slice_equal(event->type, SLICE("SCHEMA_CHANGE"))) {
        response_read_schema_change(reader, event);
        return;
    }
    event->change = cql_read_string(reader);
    uint8_t length = cql_read_byte(reader);
    const char *address = cql_take(reader, length);
    event->port = cql_read_int(reader);
    reader->failed |= length != 4 && length != 16;
    event->address = (struct slice){address, length};
}

/* What follows the text depends on the code (section 9). */
static void response_read_error(struct cql_reader *reader, struct cql_server_error *error) {
    error->code = cql_read_int(reader);
    error->text = cql_read_string(reader);
    bool write = error->code == 0x1100 || error->code == 0x1500, read = error->code == 0x1200 || error->code == 0x1300;
    if (write || read || error->code == 0x1000)
        error->consistency = cql_read_short(reader);
    if (write || read) {
        error->received = cql_read_int(reader);
        error->required = cql_read_int(reader);
        error->failures = error->code == 0x1300 || error->code == 0x1500 ? cql_read_int(reader) : 0;
        if (write)
            error->write_type = cql_read_string(reader);
        else
            error->data_present = cql_read_byte(reader) != 0;
    } else if (error->code == 0x1000) {
        error->required = cql_read_int(reader);
        error->received = cql_read_int(reader);
    } else if (error->code == 0x2500) {
        error->unprepared_id = cql_read_short_bytes(reader);
    }
}

static int response_read_result(struct cql_reader *reader, struct cql_response *response, struct error *error) {
    response->kind = cql_read_int(reader);
    if (reader->failed)
        return 0;
    switch (response->kind) {
    case CQL_RESULT_VOID:
        return 0;
    case CQL_RESULT_ROWS:
        return response_read_rows(reader, &response->rows, error);
    case CQL_RESULT_KEYSPACE:
        cql_read_string(reader);
        return 0;
    case CQL_RESULT_PREPARED:
        return response_read_prepared(reader, &response->prepared, error);
    case CQL_RESULT_SCHEMA:
        response_read_schema_change(reader, &response->event);
        return 0;
    default:
        return error_set(error, ERROR_UNSUPPORTED,
                         "the server sent a result of kind %d, which the protocol does not have", response->kind);
    }
}

static void response_skip_supported(struct cql_reader *reader) {
    for (uint16_t left = cql_read_short(reader); left && !reader->failed; left--) {
        cql_read_string(reader);
        cql_skip_string_list(reader);
    }
}

bool cql_supports(const struct cql_response *response, struct slice option, struct slice value) {
    struct cql_reader reader = response->supported;
    bool found = false;
    for (uint16_t left = cql_read_short(&reader); left && !reader.failed; left--) {
        bool wanted = slice_equal(cql_read_string(&reader), option);
        for (uint16_t values = cql_read_short(&reader); values && !reader.failed; values--)
            found |= slice_equal(cql_read_string(&reader), value) && wanted;
    }
    return found;
}

/* Tracing id, warnings and custom payload come before the body proper (section 2.2), in this order. */
static void response_read_prefix(struct cql_reader *reader, uint8_t flags, struct cql_response *response) {
    if (flags & CQL_FLAG_TRACING)
        cql_take(reader, 16);
    if (flags & CQL_FLAG_WARNING)
        for (uint16_t left = cql_read_short(reader); left && !reader->failed; left--) {
            struct slice warning = cql_read_string(reader);
            if (!response->warning.data)
                response->warning = warning;
        }
    if (flags & CQL_FLAG_PAYLOAD)
        for (uint16_t left = cql_read_short(reader); left && !reader->failed; left--) {
            cql_read_string(reader);
            cql_read_bytes(reader);
        }
}

static int response_read_body(struct cql_reader *reader, struct cql_response *response, struct error *error) {
    switch (response->opcode) {
    case CQL_READY:
        return 0;
    case CQL_ERROR:
        response_read_error(reader, &response->error);
        return 0;
    case CQL_RESULT:
        return response_read_result(reader, response, error);
    case CQL_EVENT:
        response_read_event(reader, &response->event);
        return 0;
    case CQL_AUTHENTICATE:
        response->authenticator = cql_read_string(reader);
        return 0;
    case CQL_AUTH_CHALLENGE:
    case CQL_AUTH_SUCCESS:
        response->token = cql_read_bytes(reader);
        return 0;
    case CQL_SUPPORTED:
        response->supported = *reader;
        response_skip_supported(reader);
        return 0;
    default:
        return error_set(error, ERROR_UNSUPPORTED, "the server sent opcode 0x%02x, which is not a response",
                         response->opcode);
    }
}

int cql_response_decode(const struct cql_frame *frame, struct slice body, struct cql_response *ret_response,
                        struct error *error) {
    struct cql_response response = {.opcode = frame->opcode};
    struct cql_reader reader = cql_reader_of(body);
    response_read_prefix(&reader, frame->flags, &response);
    int status = response_read_body(&reader, &response, error);
    if (status)
        return status;
    if (reader.failed)
        return error_set(error, ERROR_CORRUPT,
                         "a response with opcode 0x%02x is damaged: %zu bytes are not what its lengths say",
                         frame->opcode, body.length);
    *ret_response = response;
    return 0;
}
