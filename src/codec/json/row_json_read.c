/* JSON into columns without a tree.
 *
 * A field's name is looked for exactly, then without regard to case. Producers write the same fields in the same
 * order, so the i-th name of a record is first compared with the i-th of the records before; only what differs is
 * looked up. What stands in a field need not fit its column: that is a problem of the column, which is gone when the
 * name comes again with a value that fits, since the last one counts. */
#include "codec/json/json.h"
#include "codec/json/json_scan.h"
#include "codec/json/row_json.h"
#include "codec/row/row_value.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/java_number.h"

enum { JSON_GUESSES = 64, JSON_GUESS_NAME = 40 };

#define JSON_NO_COLUMN UINT32_MAX

/* What the name at a place of the object was the last time. */
struct json_guess {
    uint32_t column;
    uint8_t length; /* 0: nothing has been there */
    bool exact;
    char name[JSON_GUESS_NAME];
};

enum json_seen { JSON_UNSEEN, JSON_SEEN_IN_OTHER_CASE, JSON_SEEN };

struct row_json {
    struct json_guess guesses[JSON_GUESSES];
    uint32_t *slots; /* open addressing by the hash of the name in one case: column + 1, 0 where there is none */
    size_t slot_mask;
    uint8_t *seen;         /* of the columns, an enum json_seen */
    const char **problems; /* of the columns, NULL: none */
    bool problematic;      /* there are some */
};

/* False with no reason set in `scan`: the JSON is right, but what begins at `unfit` is no value of `unfit_type`. */
struct json_row {
    struct json_scan scan;
    const char *unfit;
    const struct type *unfit_type;
};

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static bool json_value(struct json_row *json, const struct type *type, struct value *ret_value);

static bool json_unfit(struct json_row *json, const struct type *type, const char *begin) {
    json->unfit = begin;
    json->unfit_type = type;
    return false;
}

static bool json_no_memory(struct json_row *json) {
    json->scan.no_memory = true;
    return json_refuse(&json->scan, "out of memory");
}

static bool json_fit_number(struct slice text, const struct type *type, struct value *ret_value) {
    switch (type->kind) {
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        if (number_read_integer(text, &ret_value->integer))
            return row_integer_fits(type, ret_value->integer);
        return row_read_truncated(text, type, &ret_value->integer);
    case TYPE_DOUBLE:
        return number_read_double(text, &ret_value->number);
    case TYPE_DECIMAL:
        return row_read_decimal(text, type, &ret_value->decimal);
    case TYPE_STRING:
        ret_value->text = text;
        return true;
    default:
        return false;
    }
}

static bool json_value_of_number(struct json_row *json, const struct type *type, struct value *ret_value) {
    const char *begin = json->scan.at;
    struct slice text;
    if (!json_number(&json->scan, &text))
        return false;
    return json_fit_number(text, type, ret_value) || json_unfit(json, type, begin);
}

static bool json_value_of_string(struct json_row *json, const struct type *type, struct value *ret_value) {
    const char *begin = json->scan.at++;
    struct json_span span;
    struct slice text;
    bool failed = false;
    if (!json_span(&json->scan, &span) || !json_text(&json->scan, &span, &text))
        return false;
    if (type->kind == TYPE_STRING) {
        ret_value->text = text;
        return true;
    }
    if (row_read_text(text, type, json->scan.arena, ret_value, &failed))
        return true;
    return failed ? json_no_memory(json) : json_unfit(json, type, begin);
}

static bool json_value_of_word(struct json_row *json, const struct type *type, struct value *ret_value) {
    const char *begin = json->scan.at;
    bool truth = *begin == 't';
    struct slice word = truth ? SLICE("true") : SLICE("false");
    if (!json_word(&json->scan, word))
        return json_unexpected(&json->scan);
    if (type->kind == TYPE_BOOLEAN)
        ret_value->boolean = truth;
    else if (type->kind == TYPE_STRING)
        ret_value->text = word;
    else
        return json_unfit(json, type, begin);
    return true;
}

/* A string at `at`, as it is written when only what must be is escaped; moves after it. */
static bool json_compact_string(struct json_scan *scan, struct bytes *to) {
    const char *begin = scan->at++;
    struct json_span span;
    struct slice text;
    if (!json_span(scan, &span))
        return false;
    if (!span.escapes) {
        bytes_append(to, begin, (size_t)(scan->at - begin));
        return true;
    }
    if (!json_text(scan, &span, &text))
        return false;
    json_write_string(to, text);
    return true;
}

/* JSON without the white space between its parts; the grammar has been checked. */
static bool json_compact(struct json_row *json, struct slice text, struct slice *ret_text) {
    cleanup(bytes_release) struct bytes to = {0};
    struct json_scan scan = {
        .start = text.data, .at = text.data, .end = text.data + text.length, .arena = json->scan.arena};
    while (scan.at < scan.end) {
        if (*scan.at == '"') {
            if (!json_compact_string(&scan, &to))
                return json_no_memory(json);
            continue;
        }
        if (*scan.at > ' ')
            bytes_append_char(&to, *scan.at);
        scan.at++;
    }
    *ret_text = to.failed ? (struct slice){NULL, 0} : arena_copy(json->scan.arena, bytes_slice(&to));
    return ret_text->data || json_no_memory(json);
}

/* A list or an object as STRING: its JSON text. */
static bool json_value_as_text(struct json_row *json, struct value *ret_value) {
    const char *begin = json->scan.at;
    if (!json_skip(&json->scan, 1))
        return false;
    struct slice text = {begin, (size_t)(json->scan.at - begin)};
    if (!utf8_valid(text))
        return json_refuse(&json->scan, "a string that is not UTF-8");
    return json_compact(json, text, &ret_value->text);
}

static bool json_array(struct json_row *json, const struct type *type, struct value *ret_value) {
    struct json_scan *scan = &json->scan;
    struct row_items items = {0};
    scan->at++;
    if (!json_take(scan, ']')) {
        do {
            struct value item;
            if (!json_value(json, type->element, &item))
                return false;
            if (!row_items_add(&items, scan->arena, &item))
                return json_no_memory(json);
        } while (json_take(scan, ','));
        if (!json_take(scan, ']'))
            return json_unexpected(scan);
    }
    ret_value->sequence = row_items_finish(&items, scan->arena);
    return ret_value->sequence || json_no_memory(json);
}

/* A member's name and the colon after it. */
static inline bool json_name(struct json_scan *scan, struct slice *ret_name) {
    struct json_span span;
    if (!json_take(scan, '"'))
        return json_unexpected(scan);
    if (!json_span(scan, &span) || !json_text(scan, &span, ret_name))
        return false;
    return json_take(scan, ':') || json_unexpected(scan);
}

static bool json_map(struct json_row *json, const struct type *type, struct value *ret_value) {
    struct json_scan *scan = &json->scan;
    struct row_items items = {0};
    scan->at++;
    if (!json_take(scan, '}')) {
        do {
            struct value key = {.null = false}, value;
            if (!json_name(scan, &key.text) || !json_value(json, type->element, &value))
                return false;
            if (!row_items_add(&items, scan->arena, &key) || !row_items_add(&items, scan->arena, &value))
                return json_no_memory(json);
        } while (json_take(scan, ','));
        if (!json_take(scan, '}'))
            return json_unexpected(scan);
    }
    ret_value->sequence = row_items_finish_map(&items, scan->arena);
    return ret_value->sequence || json_no_memory(json);
}

/* The field of that name, or the first that has it in another case, or field_count. `guess` is looked at first, as
 * names mostly come in order. */
static size_t json_find_field(const struct type *type, struct slice name, size_t guess, bool *ret_exact) {
    size_t found = type->field_count;
    *ret_exact = guess < type->field_count && slice_equal(type->fields[guess].name, name);
    if (*ret_exact)
        return guess;
    for (size_t i = 0; i < type->field_count; i++) {
        if (slice_equal(type->fields[i].name, name)) {
            *ret_exact = true;
            return i;
        }
        if (found == type->field_count && row_same_name(type->fields[i].name, name))
            found = i;
    }
    return found;
}

static bool json_struct_member(struct json_row *json, const struct type *type, size_t *guess, struct value *items,
                               uint8_t *seen) {
    struct slice name;
    bool exact;
    if (!json_name(&json->scan, &name))
        return false;
    size_t field = json_find_field(type, name, *guess, &exact);
    *guess = field < type->field_count ? field + 1 : *guess;
    if (field == type->field_count || (!exact && seen[field] == JSON_SEEN))
        return json_skip(&json->scan, 1);
    seen[field] = exact ? JSON_SEEN : JSON_SEEN_IN_OTHER_CASE;
    return json_value(json, type->fields[field].type, &items[field]);
}

static bool json_struct(struct json_row *json, const struct type *type, struct value *ret_value) {
    struct json_scan *scan = &json->scan;
    struct row_items items = {.count = type->field_count};
    items.items = arena_allocate(scan->arena, type->field_count * sizeof *items.items);
    uint8_t *seen = arena_allocate(scan->arena, type->field_count);
    if (!items.items || !seen)
        return json_no_memory(json);
    for (size_t i = 0; i < type->field_count; i++) {
        items.items[i] = VALUE_NULL;
        seen[i] = JSON_UNSEEN;
    }
    size_t guess = 0;
    scan->at++;
    if (!json_take(scan, '}')) {
        do {
            if (!json_struct_member(json, type, &guess, items.items, seen))
                return false;
        } while (json_take(scan, ','));
        if (!json_take(scan, '}'))
            return json_unexpected(scan);
    }
    ret_value->sequence = row_items_finish(&items, scan->arena);
    return ret_value->sequence || json_no_memory(json);
}

static bool json_value(struct json_row *json, const struct type *type, struct value *ret_value) {
    struct json_scan *scan = &json->scan;
    json_space(scan);
    ret_value->null = false;
    switch (scan->at < scan->end ? *scan->at : '\0') {
    case '"':
        return json_value_of_string(json, type, ret_value);
    case 'n':
        ret_value->null = true;
        return json_word(scan, SLICE("null")) || json_unexpected(scan);
    case 't':
    case 'f':
        return json_value_of_word(json, type, ret_value);
    case '[':
        if (type->kind == TYPE_ARRAY)
            return json_array(json, type, ret_value);
        return type->kind == TYPE_STRING ? json_value_as_text(json, ret_value) : json_unfit(json, type, scan->at);
    case '{':
        if (type->kind == TYPE_MAP)
            return json_map(json, type, ret_value);
        if (type->kind == TYPE_STRUCT)
            return json_struct(json, type, ret_value);
        return type->kind == TYPE_STRING ? json_value_as_text(json, ret_value) : json_unfit(json, type, scan->at);
    default:
        return json_at_number(scan) ? json_value_of_number(json, type, ret_value) : json_unexpected(scan);
    }
}

/* Why a value does not fit, and moves after it. NULL: it is no JSON either, as `scan` says. */
static __attribute__((cold)) const char *json_problem(struct json_row *json, struct slice field, const char *begin) {
    json->scan.at = json->unfit;
    if (!json_skip(&json->scan, 1))
        return NULL;
    struct slice shown = {json->unfit, (size_t)(json->scan.at - json->unfit)};
    json->scan.at = begin;
    return json_skip(&json->scan, 1) ? row_unfit(json->scan.arena, field, json->unfit_type, shown) : NULL;
}

/* --- columns
 * ------------------------------------------------------------------------------------------------------------------ */

/* The same for a letter in both cases. */
static size_t json_name_hash(struct slice name) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ ((unsigned char)name.data[i] | 0x20)) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32);
}

static uint32_t json_find_column(const struct row_json *state, const struct row_layout *layout, struct slice name,
                                 bool *ret_exact) {
    uint32_t found = JSON_NO_COLUMN;
    *ret_exact = false;
    for (size_t slot = json_name_hash(name) & state->slot_mask; state->slots[slot];
         slot = (slot + 1) & state->slot_mask) {
        uint32_t column = state->slots[slot] - 1;
        if (slice_equal(layout->columns[column].name, name)) {
            *ret_exact = true;
            return column;
        }
        if (found == JSON_NO_COLUMN && row_same_name(layout->columns[column].name, name))
            found = column;
    }
    return found;
}

/* The column of the name at place `place` of an object. */
static inline uint32_t json_column(struct row_json *state, const struct row_layout *layout, struct slice name,
                                   size_t place, bool *ret_exact) {
    bool guessable = place < JSON_GUESSES && name.length > 0 && name.length <= JSON_GUESS_NAME;
    struct json_guess *guess = guessable ? &state->guesses[place] : NULL;
    if (guess && guess->length == name.length && memcmp(guess->name, name.data, name.length) == 0) {
        *ret_exact = guess->exact;
        return guess->column;
    }
    uint32_t column = json_find_column(state, layout, name, ret_exact);
    if (guess) {
        *guess = (struct json_guess){column, (uint8_t)name.length, *ret_exact, {0}};
        memcpy(guess->name, name.data, name.length);
    }
    return column;
}

/* A text or a number into its column, without a value in between. */
static inline bool json_read_plain(struct json_row *json, const struct type *type, struct vector *column, size_t row,
                                   bool *ret_plain) {
    struct json_scan *scan = &json->scan;
    struct json_span span;
    struct slice text;
    json_space(scan);
    *ret_plain = true;
    column->nulls[row] = 0;
    if (type->kind == TYPE_STRING && scan->at < scan->end && *scan->at == '"') {
        scan->at++;
        return json_span(scan, &span) && json_text(scan, &span, &column->texts[row]);
    }
    *ret_plain = type->kind == TYPE_DOUBLE && json_at_number(scan);
    if (!*ret_plain)
        return true;
    const char *begin = scan->at;
    if (!json_number(scan, &text))
        return false;
    return number_read_double(text, &column->doubles[row]) || json_unfit(json, type, begin);
}

static bool json_read_column(struct row_reader *reader, struct json_row *json, uint32_t column, struct vector *columns,
                             size_t row) {
    struct row_json *state = reader->state;
    const struct row_column *to = &reader->layout.columns[column];
    const char *begin = json->scan.at;
    struct value value;
    bool plain;
    state->problems[column] = NULL;
    bool read = json_read_plain(json, to->type, &columns[column], row, &plain);
    if (read && !plain && (read = json_value(json, to->type, &value)))
        vector_set(&columns[column], row, &value);
    if (read)
        return true;
    if (json->scan.reason)
        return false;
    state->problematic = true;
    state->problems[column] = json_problem(json, to->name, begin);
    return state->problems[column];
}

static bool json_read_member(struct row_reader *reader, struct json_row *json, size_t place, struct vector *columns,
                             size_t row) {
    struct row_json *state = reader->state;
    struct slice name;
    bool exact;
    if (!json_name(&json->scan, &name))
        return false;
    uint32_t column = json_column(state, &reader->layout, name, place, &exact);
    if (column == JSON_NO_COLUMN || (!exact && state->seen[column] == JSON_SEEN))
        return json_skip(&json->scan, 1);
    state->seen[column] = exact ? JSON_SEEN : JSON_SEEN_IN_OTHER_CASE;
    return json_read_column(reader, json, column, columns, row);
}

static bool json_read_object(struct row_reader *reader, struct json_row *json, struct vector *columns, size_t row) {
    struct row_json *state = reader->state;
    size_t place = 0;
    memset(state->seen, JSON_UNSEEN, reader->layout.count);
    if (!json_take(&json->scan, '{'))
        return json_at_number(&json->scan) || (json->scan.at < json->scan.end && char_among(*json->scan.at, "\"[tf"))
                   ? json_refuse(&json->scan, "no object, but a bare value,")
                   : json_unexpected(&json->scan);
    if (json_take(&json->scan, '}'))
        return true;
    do {
        if (!json_read_member(reader, json, place++, columns, row))
            return false;
    } while (json_take(&json->scan, ','));
    return json_take(&json->scan, '}') || json_unexpected(&json->scan);
}

/* The first problem of a column; none may be left over for the next row. */
static __attribute__((cold)) const char *json_take_problem(struct row_json *state, size_t count) {
    const char *first = NULL;
    for (size_t c = 0; c < count; c++) {
        first = first ? first : state->problems[c];
        state->problems[c] = NULL;
    }
    state->problematic = false;
    return first;
}

static bool json_read_row(struct row_reader *reader, struct json_row *json, struct vector *columns, size_t row,
                          enum row_read *ret_status) {
    struct json_scan *scan = &json->scan;
    bool read;
    json_space(scan);
    *ret_status = scan->at < scan->end && *scan->at == 'n' ? ROW_READ_NULL : ROW_READ_GOOD;
    if (*ret_status == ROW_READ_NULL)
        read = json_word(scan, SLICE("null")) || json_unexpected(scan);
    else if (reader->layout.bare)
        read = json_read_column(reader, json, 0, columns, row);
    else
        read = json_read_object(reader, json, columns, row);
    if (!read)
        return false;
    json_space(scan);
    return scan->at == scan->end || json_unexpected(scan);
}

int row_json_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns, size_t row,
                  enum row_read *ret_status, const char **ret_reason, struct error *error) {
    struct row_json *state = reader->state;
    struct json_row json = {
        .scan = {.start = text.data, .at = text.data, .end = text.data + text.length, .arena = arena}};
    if (text.length == 0)
        return 0;
    bool read = json_read_row(reader, &json, columns, row, ret_status);
    const char *problem = state->problematic ? json_take_problem(state, reader->layout.count) : NULL;
    if (read && !problem)
        return 0;
    if (json.scan.no_memory)
        return error_no_memory(error);
    *ret_status = ROW_READ_BAD;
    *ret_reason = read ? problem : json.scan.reason;
    return 0;
}

int row_json_open_reader(struct row_reader *reader, struct error *error) {
    const struct row_layout *layout = &reader->layout;
    struct row_json *state = arena_allocate(&reader->arena, sizeof *state);
    size_t size = 4;
    while (size < 2 * layout->count)
        size *= 2;
    uint32_t *slots = arena_allocate(&reader->arena, size * sizeof *slots);
    uint8_t *seen = arena_allocate(&reader->arena, layout->count);
    const char **problems = arena_allocate(&reader->arena, layout->count * sizeof *problems);
    if (!state || !slots || !seen || !problems)
        return error_no_memory(error);
    memset(slots, 0, size * sizeof *slots);
    memset(seen, 0, layout->count);
    for (size_t c = 0; c < layout->count; c++) {
        size_t slot = json_name_hash(layout->columns[c].name) & (size - 1);
        while (slots[slot])
            slot = (slot + 1) & (size - 1);
        slots[slot] = (uint32_t)c + 1;
        problems[c] = NULL;
    }
    *state = (struct row_json){.slots = slots, .slot_mask = size - 1, .seen = seen, .problems = problems};
    reader->state = state;
    return 0;
}
