/* InfluxDB line protocol (its reference, "Line protocol syntax"):
 *
 *     measurement,tag=value,tag=value field=1.5,other=3i,text="a \"b\"",on=true 1465839830100400200
 *     ───────────┬─────────────────── ──────────────────────────────────────── ───────────────────
 *        escapes \, \ (space)          tag keys, tag values, field keys also \=;          time, may be missing
 *                                      texts \" and \\, and they may span lines
 *
 * A backslash before anything else stands for itself. Empty lines and lines that begin with # are passed over. A line
 * is taken whole or rejected whole when its grammar is wrong; names and values that cannot be readings are rejected
 * one by one. Each numeric field is a reading:
 *
 *     gateway    the first of the tags gateway, device, device_id, meter, entity_id, host; else the payload's
 *     type       tag type or metricType; else by the unit, which is tag unit or unit_of_measurement, or the measurement
 *                (as Home Assistant writes); else the measurement in upper case
 *     attribute  tag attribute or metricAttribute for the field `value`, tag_field for others; without such a tag
 *                measurement_field
 *
 * A volume is one of gas when gateway, measurement or field have "gas" in their names, else of water. */
#include <ctype.h>
#include <strings.h>

#include "codec/meter/unit.h"
#include "codec/row/reason.h"
#include "core/number.h"
#include "ingest/payload_gather.h"

/* A name as it was written. */
struct lp_token {
    struct slice text;
    bool escapes;
};

enum lp_role { LP_GATEWAY, LP_TYPE, LP_ATTRIBUTE, LP_UNIT, LP_ROLES };

static const struct lp_tag {
    struct slice name;
    enum lp_role role;
    unsigned rank; /* the lowest that a line has counts */
} lp_tags[] = {
    {SLICE("gateway"), LP_GATEWAY, 1},     {SLICE("device"), LP_GATEWAY, 2},
    {SLICE("device_id"), LP_GATEWAY, 3},   {SLICE("meter"), LP_GATEWAY, 4},
    {SLICE("entity_id"), LP_GATEWAY, 5},   {SLICE("host"), LP_GATEWAY, 6},
    {SLICE("type"), LP_TYPE, 1},           {SLICE("metricType"), LP_TYPE, 2},
    {SLICE("attribute"), LP_ATTRIBUTE, 1}, {SLICE("metricAttribute"), LP_ATTRIBUTE, 2},
    {SLICE("unit"), LP_UNIT, 1},           {SLICE("unit_of_measurement"), LP_UNIT, 2},
};

enum { LP_REMEMBERED = 32 };

struct lp_field {
    struct lp_token key;
    double value;
    bool numeric;
};

struct lp {
    struct payload_gather *gather;
    const char *at, *end; /* of the body */
    const char *problem;  /* of the line's grammar */
    struct payload_line line;
    struct lp_token measurement;
    struct lp_token tags[LP_ROLES];
    unsigned ranks[LP_ROLES]; /* 0: the line has none */
    struct lp_field *fields;  /* of the line, in the arena */
    size_t field_count, field_room;
    int64_t timestamp;
    bool own_time;
    /* What was made of the measurement of the line before, and of its fields: most lines are like the one before. */
    struct slice known_measurement, upper;
    struct {
        struct slice key, attribute;
    } known[LP_REMEMBERED];
};

/* --- tokens
 * ------------------------------------------------------------------------------------------------------------------ */

/* Which bytes end a token, or need a look: one bit for each of '\\' '\n' ' ' ',' '=' '"'. */
enum { LP_BACKSLASH = 1, LP_LINE_END = 2, LP_SPACE = 4, LP_COMMA = 8, LP_EQUALS = 16, LP_QUOTE = 32 };

static const uint8_t lp_classes[256] = {['\\'] = LP_BACKSLASH, ['\n'] = LP_LINE_END, [' '] = LP_SPACE,
                                        [','] = LP_COMMA,      ['='] = LP_EQUALS,    ['"'] = LP_QUOTE};

/* Reads up to one of the classes `ends`; a backslash takes one of the classes `escaped` with it. */
static bool lp_token(struct lp *lp, unsigned ends, unsigned escaped, const char *what, struct lp_token *ret_token) {
    const char *first = lp->at, *at = lp->at;
    bool escapes = false;
    for (;; at++) {
        while (at < lp->end && !(lp_classes[(uint8_t)*at] & (ends | LP_BACKSLASH)))
            at++;
        if (at == lp->end || *at != '\\')
            break;
        if (at + 1 < lp->end && (lp_classes[(uint8_t)at[1]] & escaped)) {
            escapes = true;
            at++;
        }
    }
    lp->at = at;
    *ret_token = (struct lp_token){{first, (size_t)(at - first)}, escapes};
    if (at == first)
        lp->problem = reason_format(lp->gather->arena, "%s is missing", what);
    return at > first;
}

static bool lp_take(struct lp *lp, char c) {
    if (lp->at == lp->end || *lp->at != c)
        return false;
    lp->at++;
    return true;
}

static void lp_spaces(struct lp *lp) {
    while (lp->at < lp->end && (*lp->at == ' ' || *lp->at == '\t'))
        lp->at++;
}

static bool lp_at_line_end(const struct lp *lp) {
    return lp->at == lp->end || *lp->at == '\n' || (*lp->at == '\r' && (lp->at + 1 == lp->end || lp->at[1] == '\n'));
}

/* The token without its backslashes; data NULL: no memory. `escaped` as it was read with. */
static struct slice lp_text(struct lp *lp, const struct lp_token *token, unsigned escaped) {
    if (!token->escapes)
        return token->text;
    char *copy = arena_allocate(lp->gather->arena, token->text.length), *to = copy;
    for (size_t i = 0; copy && i < token->text.length; i++) {
        if (token->text.data[i] == '\\' && i + 1 < token->text.length &&
            (lp_classes[(uint8_t)token->text.data[i + 1]] & escaped))
            i++;
        *to++ = token->text.data[i];
    }
    return (struct slice){copy, copy ? (size_t)(to - copy) : 0};
}

/* --- grammar
 * ------------------------------------------------------------------------------------------------------------------ */

static bool lp_problem(struct lp *lp, const char *problem) {
    lp->problem = problem;
    return false;
}

static void lp_tag(struct lp *lp, const struct lp_token *key, const struct lp_token *value) {
    for (size_t i = 0; i < sizeof lp_tags / sizeof *lp_tags; i++) {
        const struct lp_tag *tag = &lp_tags[i];
        if (slice_equal(tag->name, key->text) && (!lp->ranks[tag->role] || tag->rank < lp->ranks[tag->role])) {
            lp->ranks[tag->role] = tag->rank;
            lp->tags[tag->role] = *value;
        }
    }
}

static bool lp_read_series(struct lp *lp) {
    struct lp_token key, value;
    if (!lp_token(lp, LP_LINE_END | LP_SPACE | LP_COMMA, LP_SPACE | LP_COMMA, "the measurement", &lp->measurement))
        return false;
    while (lp_take(lp, ',')) {
        unsigned ends = LP_LINE_END | LP_SPACE | LP_COMMA | LP_EQUALS, escaped = LP_SPACE | LP_COMMA | LP_EQUALS;
        if (!lp_token(lp, ends, escaped, "the name of a tag", &key))
            return false;
        if (!lp_take(lp, '='))
            return lp_problem(lp, "a tag without =");
        if (!lp_token(lp, ends, escaped, "the value of a tag", &value))
            return false;
        if (lp->at < lp->end && *lp->at == '=')
            return lp_problem(lp, "a second = in a tag; it is written \\=");
        lp_tag(lp, &key, &value);
    }
    if (lp->at == lp->end || *lp->at == '\n')
        return lp_problem(lp, "there are no fields");
    return true;
}

/* A text in quotes, which may have line ends. */
static bool lp_skip_string(struct lp *lp) {
    const char *at = lp->at + 1;
    for (; at < lp->end && *at != '"'; at++)
        if (*at == '\\' && at + 1 < lp->end && (at[1] == '"' || at[1] == '\\'))
            at++;
    if (at == lp->end)
        return lp_problem(lp, "a text without a closing quote");
    lp->at = at + 1;
    return true;
}

static bool lp_is_boolean(struct slice text) {
    static const char *const words[] = {"t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equal(text, slice_of(words[i])))
            return true;
    return false;
}

/* Up to 2^64 - 1, as the number that a double has. */
static bool lp_read_unsigned(struct slice text, double *ret_value) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)(text.data[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret_value = (double)value;
    return text.length > 0;
}

static bool lp_read_number(struct slice text, double *ret_value) {
    int64_t integer;
    struct slice digits = {text.data, text.length - 1};
    if (text.length > 1 && text.data[digits.length] == 'u')
        return lp_read_unsigned(digits, ret_value);
    if (text.length < 2 || text.data[digits.length] != 'i')
        return number_read_double(text, ret_value);
    if (!number_read_integer(digits, &integer))
        return false;
    *ret_value = (double)integer;
    return true;
}

static bool lp_read_value(struct lp *lp, struct lp_field *field) {
    const char *first = lp->at;
    field->numeric = false;
    if (lp->at < lp->end && *lp->at == '"')
        return lp_skip_string(lp);
    while (!lp_at_line_end(lp) && *lp->at != ' ' && *lp->at != ',')
        lp->at++;
    struct slice text = {first, (size_t)(lp->at - first)};
    if (text.length && lp_read_number(text, &field->value)) {
        field->numeric = true;
        return true;
    }
    char shown[41];
    reason_show(shown, sizeof shown, text);
    return lp_is_boolean(text) ||
           lp_problem(lp, reason_format(lp->gather->arena,
                                        "'%s' is no value: a finite number, a whole one with i or u, true, false, or a "
                                        "text in double quotes",
                                        shown));
}

static struct lp_field *lp_new_field(struct lp *lp) {
    if (lp->field_count == lp->field_room) {
        size_t room = lp->field_room ? lp->field_room * 2 : 16;
        struct lp_field *fields = arena_allocate(lp->gather->arena, room * sizeof *fields);
        if (!fields)
            return NULL;
        if (lp->field_count)
            memcpy(fields, lp->fields, lp->field_count * sizeof *fields);
        lp->fields = fields;
        lp->field_room = room;
    }
    return &lp->fields[lp->field_count++];
}

static bool lp_read_fields(struct lp *lp) {
    do {
        struct lp_field *field = lp_new_field(lp);
        if (!field)
            return lp_problem(lp, NULL);
        if (!lp_token(lp, LP_LINE_END | LP_SPACE | LP_COMMA | LP_EQUALS, LP_SPACE | LP_COMMA | LP_EQUALS,
                      "the name of a field", &field->key))
            return false;
        if (!lp_take(lp, '='))
            return lp_problem(lp, "a field without =");
        if (!lp_read_value(lp, field))
            return false;
    } while (lp_take(lp, ','));
    return lp_at_line_end(lp) || *lp->at == ' ' || lp_problem(lp, "something follows the closing quote of a text");
}

static bool lp_scale_time(int64_t time, enum payload_precision precision, int64_t *ret_timestamp) {
    if (precision == PAYLOAD_AUTO) {
        uint64_t size = time < 0 ? -(uint64_t)time : (uint64_t)time;
        precision = size < UINT64_C(5000000000)         ? PAYLOAD_SECONDS
                    : size < UINT64_C(5000000000000)    ? PAYLOAD_MILLISECONDS
                    : size < UINT64_C(5000000000000000) ? PAYLOAD_MICROSECONDS
                                                        : PAYLOAD_NANOSECONDS;
    }
    static const int64_t divisors[] = {
        [PAYLOAD_NANOSECONDS] = 1000000, [PAYLOAD_MICROSECONDS] = 1000, [PAYLOAD_MILLISECONDS] = 1};
    if (precision == PAYLOAD_SECONDS)
        return !__builtin_mul_overflow(time, 1000, ret_timestamp);
    *ret_timestamp = time / divisors[precision] - (time % divisors[precision] < 0);
    return true;
}

static bool lp_read_time(struct lp *lp) {
    const char *first = lp->at;
    int64_t time;
    while (!lp_at_line_end(lp) && *lp->at != ' ')
        lp->at++;
    struct slice text = {first, (size_t)(lp->at - first)};
    if (!number_read_integer(text, &time) || !lp_scale_time(time, lp->gather->payload->precision, &lp->timestamp)) {
        char shown[41];
        reason_show(shown, sizeof shown, text);
        return lp_problem(lp, reason_format(lp->gather->arena, "'%s' is no time: a whole number since 1970", shown));
    }
    lp->own_time = true;
    lp_spaces(lp);
    return lp_at_line_end(lp) || lp_problem(lp, "something follows the time");
}

static bool lp_read_line(struct lp *lp) {
    memset(lp->ranks, 0, sizeof lp->ranks);
    memset(lp->tags, 0, sizeof lp->tags);
    lp->field_count = 0;
    lp->own_time = false;
    lp->timestamp = lp->gather->payload->received;
    if (!lp_read_series(lp))
        return false;
    lp_spaces(lp);
    if (!lp_read_fields(lp))
        return false;
    lp_spaces(lp);
    return lp_at_line_end(lp) || lp_read_time(lp);
}

/* --- readings
 * ------------------------------------------------------------------------------------------------------------------ */

static bool lp_has_gas(struct slice text) {
    for (size_t i = 0; i + 3 <= text.length; i++)
        if (strncasecmp(text.data + i, "gas", 3) == 0)
            return true;
    return false;
}

/* The type that the unit of a field speaks of; data NULL: none. */
static struct slice lp_unit_type(const struct lp *lp, const struct lp_field *field) {
    const struct lp_token *unit = lp->ranks[LP_UNIT] ? &lp->tags[LP_UNIT] : &lp->measurement;
    const struct meter_unit *found = meter_unit_find(unit->text);
    if (!found)
        return (struct slice){0};
    if (found->type.data)
        return found->type;
    bool gas = lp_has_gas(lp->tags[LP_GATEWAY].text) || lp_has_gas(lp->measurement.text) || lp_has_gas(field->key.text);
    return gas ? SLICE("GAS") : SLICE("WATER");
}

/* Makes the names of the measurement, unless the line before had the same. */
static bool lp_know_measurement(struct lp *lp) {
    if (lp->known_measurement.data && slice_equal(lp->known_measurement, lp->measurement.text))
        return true;
    memset(lp->known, 0, sizeof lp->known);
    struct slice name = lp_text(lp, &lp->measurement, LP_SPACE | LP_COMMA);
    lp->upper = name.data ? arena_copy(lp->gather->arena, name) : name;
    if (!lp->upper.data)
        return false;
    for (size_t i = 0; i < lp->upper.length; i++)
        ((char *)lp->upper.data)[i] = (char)toupper((unsigned char)lp->upper.data[i]);
    lp->known_measurement = lp->measurement.text;
    return true;
}

static struct slice lp_join(struct lp *lp, struct slice first, struct slice second) {
    char *text = first.data && second.data ? arena_allocate(lp->gather->arena, first.length + 1 + second.length) : NULL;
    if (!text)
        return (struct slice){0};
    memcpy(text, first.data, first.length);
    text[first.length] = '_';
    memcpy(text + first.length + 1, second.data, second.length);
    return (struct slice){text, first.length + 1 + second.length};
}

/* data NULL: no memory. */
static struct slice lp_attribute(struct lp *lp, size_t index) {
    struct lp_token *key = &lp->fields[index].key;
    unsigned escaped = LP_SPACE | LP_COMMA | LP_EQUALS;
    if (lp->ranks[LP_ATTRIBUTE]) {
        struct slice attribute = lp_text(lp, &lp->tags[LP_ATTRIBUTE], escaped);
        return slice_equal(key->text, SLICE("value")) ? attribute : lp_join(lp, attribute, lp_text(lp, key, escaped));
    }
    if (index < LP_REMEMBERED && lp->known[index].key.data && slice_equal(lp->known[index].key, key->text))
        return lp->known[index].attribute;
    struct slice attribute = lp_join(lp, lp_text(lp, &lp->measurement, LP_SPACE | LP_COMMA), lp_text(lp, key, escaped));
    if (index < LP_REMEMBERED) {
        lp->known[index].key = key->text;
        lp->known[index].attribute = attribute;
    }
    return attribute;
}

/* data NULL: no memory. */
static struct slice lp_type(struct lp *lp, const struct lp_field *field) {
    if (lp->ranks[LP_TYPE])
        return lp_text(lp, &lp->tags[LP_TYPE], LP_SPACE | LP_COMMA | LP_EQUALS);
    struct slice type = lp_unit_type(lp, field);
    return type.data ? type : lp->upper;
}

static bool lp_add_field(struct lp *lp, size_t index, struct slice gateway) {
    struct lp_field *field = &lp->fields[index];
    if (!field->numeric) {
        lp->gather->result.not_numeric++;
        return true;
    }
    struct payload_reading reading = {.series = {gateway, lp_type(lp, field), lp_attribute(lp, index)},
                                      .timestamp = lp->timestamp,
                                      .value = field->value,
                                      .part = (uint32_t)index,
                                      .own_time = lp->own_time};
    return reading.series.type.data && reading.series.attribute.data && payload_add(lp->gather, &reading, &lp->line);
}

static bool lp_add_line(struct lp *lp) {
    struct slice gateway = lp->gather->payload->gateway;
    const char *reason = payload_time_reason(lp->gather, lp->timestamp);
    if (lp->ranks[LP_GATEWAY])
        gateway = lp_text(lp, &lp->tags[LP_GATEWAY], LP_SPACE | LP_COMMA | LP_EQUALS);
    else if (!gateway.data)
        reason = "no tag names the meter: gateway, device, device_id, meter, entity_id or host";
    if (reason)
        return payload_reject(lp->gather, &lp->line, reason);
    if (!gateway.data || !lp_know_measurement(lp))
        return false;
    for (size_t i = 0; i < lp->field_count; i++)
        if (!lp_add_field(lp, i, gateway))
            return false;
    return true;
}

/* --- lines
 * ------------------------------------------------------------------------------------------------------------------ */

static void lp_to_line_end(struct lp *lp) {
    const char *end = memchr(lp->at, '\n', (size_t)(lp->end - lp->at));
    lp->at = end ? end : lp->end;
}

/* Invariant: lp->at passes a line end only inside of a text in quotes that is closed, so a bad line ends with its line,
 * and a quote that is never closed costs one look to the end. */

/* Line ends in [from, to): texts may have some. */
static uint32_t lp_count_lines(const char *from, const char *to) {
    uint32_t count = 0;
    while (from < to && (from = memchr(from, '\n', (size_t)(to - from)))) {
        from++;
        count++;
    }
    return count;
}

static bool lp_next(struct lp *lp) {
    const char *first = lp->at;
    lp->problem = NULL;
    bool good = lp_read_line(lp);
    if (!good) {
        if (!lp->problem)
            return false;
        lp_to_line_end(lp);
    }
    const char *end = lp->at > first && lp->at[-1] == '\r' && !good ? lp->at - 1 : lp->at;
    lp->line.text = (struct slice){first, (size_t)(end - first)};
    if (lp->line.text.length > PAYLOAD_LINE_MAXIMUM) {
        good = false;
        lp->problem = reason_format(lp->gather->arena, "the line has %zu bytes; at most %d are possible",
                                    lp->line.text.length, PAYLOAD_LINE_MAXIMUM);
    }
    bool kept = good ? lp_add_line(lp) : payload_reject(lp->gather, &lp->line, lp->problem);
    lp->line.number += lp_count_lines(first, lp->at);
    return kept;
}

bool payload_read_line_protocol(struct payload_gather *gather) {
    struct slice body = gather->payload->body;
    struct lp lp = {.gather = gather, .at = body.data, .end = body.data + body.length, .line.number = 1};
    while (lp.at < lp.end) {
        lp_spaces(&lp);
        if (lp.at < lp.end && *lp.at == '#')
            lp_to_line_end(&lp);
        else if (!lp_at_line_end(&lp) && !lp_next(&lp))
            return false;
        lp.at += lp.at < lp.end && *lp.at == '\r';
        if (lp_take(&lp, '\n'))
            lp.line.number++;
    }
    return true;
}
