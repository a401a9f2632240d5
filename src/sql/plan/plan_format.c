/* From the properties of a source to the format of its codec, the subject of its schema, and the evaluator that makes
 * ROWTIME of its TIMESTAMP column. */
#include "sql/plan/plan_format.h"

#include <stdio.h>

#include "core/number.h"
#include "core/text.h"
#include "model/time/time.h"
#include "sql/time/java_time_format.h"

enum row_window plan_row_window(enum window_kind window) {
    return window == WINDOW_NONE ? ROW_WINDOW_NONE : window == WINDOW_SESSION ? ROW_WINDOW_SESSION : ROW_WINDOW_TIME;
}

static bool plan_subject(struct arena *arena, struct slice topic, const char *suffix, const char **ret_subject) {
    size_t length = topic.length + strlen(suffix) + 1;
    char *subject = arena_allocate(arena, length);
    if (!subject)
        return false;
    snprintf(subject, length, "%.*s%s", (int)topic.length, topic.data, suffix);
    *ret_subject = subject;
    return true;
}

int plan_formats(const struct source *source, struct arena *arena, struct row_format *ret_key,
                 struct row_format *ret_value, struct error *error) {
    *ret_key = (struct row_format){.format = source_key_count(source) ? source->key.format : FORMAT_NONE,
                                   .delimiter = source->key.delimiter,
                                   .wrapped = source_key_count(source) > 1,
                                   .schema_id = source->key.schema_id,
                                   .schema_name = source->key.schema_name};
    *ret_value = (struct row_format){.format = source->value.format,
                                     .delimiter = source->value.delimiter,
                                     .wrapped = source->wrapped,
                                     .schema_id = source->value.schema_id,
                                     .schema_name = source->value.schema_name};
    bool done = plan_subject(arena, source->topic, "-key", &ret_key->subject) &&
                plan_subject(arena, source->topic, "-value", &ret_value->subject);
    return done ? 0 : error_no_memory(error);
}

/* --- times
 * ------------------------------------------------------------------------------------------------------------------ */

/* A column of text: of ISO-8601 in all its forms (model/time.h) or a whole number of ms, or of a pattern whose texts mostly look like
 * "2007-01-01T00:00:00Z", which is read at once, others by the pattern. */
struct plan_text_time {
    struct evaluator base;
    int column;
    const struct evaluator *pattern; /* gives a TIMESTAMP; NULL: ISO-8601 */
};

enum { PLAN_ISO_LENGTH = 20, PLAN_TEXT_SHOWN = 40 };

static bool plan_is_iso(struct slice text) {
    return text.length == PLAN_ISO_LENGTH && text.data[4] == '-' && text.data[7] == '-' && text.data[10] == 'T' &&
           text.data[13] == ':' && text.data[16] == ':' && text.data[19] == 'Z';
}

static bool plan_read_milliseconds(struct slice text, int64_t *ret_time) {
    int64_t time;
    bool read = number_read_integer(text, &time) && time >= TIME_MINIMUM && time <= TIME_MAXIMUM;
    if (read)
        *ret_time = time;
    return read;
}

/* By the fast reader; a pattern's own texts are left to it. */
static bool plan_read_time(const struct plan_text_time *time, struct slice text, int64_t *ret_time) {
    return ((!time->pattern || plan_is_iso(text)) && time_read(text, ret_time)) ||
           (!time->pattern && plan_read_milliseconds(text, ret_time));
}

static int plan_text_time_run(const struct evaluator *evaluator, struct evaluation *evaluation, const struct rows *rows,
                              const struct selection *selected, struct vector *ret_vector, struct error *error) {
    const struct plan_text_time *time = (const struct plan_text_time *)evaluator;
    const struct vector *texts = &rows->columns[time->column];
    struct selection others = {arena_allocate(evaluation->arena, (selected->count + 1) * sizeof *others.rows), 0};
    struct slice before = {NULL,
                           0}; /* the last text that was read: records that come together often share their time */
    int64_t before_time = 0;
    struct vector result, rest;
    if (!others.rows || !vector_allocate(evaluation->arena, &type_bigint, rows->count ? rows->count : 1, &result))
        return error_no_memory(error);
    for (size_t i = 0; i < selected->count; i++) {
        uint32_t row = selected->rows[i];
        struct slice text = texts->texts[row & texts->mask];
        result.nulls[row] = texts->nulls[row & texts->mask];
        if (result.nulls[row])
            continue;
        if (!before.data || text.length != before.length || !text_same(text.data, before.data, text.length)) {
            before.data = NULL;
            if (plan_read_time(time, text, &before_time))
                before = text;
        }
        result.integers[row] = before_time;
        if (before.data)
            continue;
        result.nulls[row] = 1;
        if (time->pattern)
            others.rows[others.count++] = row;
        else
            row_errors_add(evaluation->errors, row, "'%.*s' is not an ISO-8601 time between 1970 and 9999",
                           (int)(text.length < PLAN_TEXT_SHOWN ? text.length : PLAN_TEXT_SHOWN), text.data);
    }
    int status = others.count ? evaluator_run(time->pattern, evaluation, rows, &others, &rest, error) : 0;
    for (size_t i = 0; !status && i < others.count; i++) {
        uint32_t row = others.rows[i];
        result.nulls[row] = rest.nulls[row & rest.mask];
        result.integers[row] = result.nulls[row] ? 0 : rest.integers[row & rest.mask];
    }
    if (!status)
        *ret_vector = result;
    return status;
}

/* Do texts of the form 2007-01-01T00:00:00Z mean the same in this pattern? */
static bool plan_reads_iso(struct slice pattern) {
    static const char *const patterns[] = {"yyyy-MM-dd'T'HH:mm:ssX", "yyyy-MM-dd'T'HH:mm:ssXX",
                                           "yyyy-MM-dd'T'HH:mm:ssXXX", "yyyy-MM-dd'T'HH:mm:ss[.SSS]X",
                                           "yyyy-MM-dd'T'HH:mm:ss'Z'"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (slice_equal(pattern, slice_of(patterns[i])))
            return true;
    return false;
}

/* PARSE_TIMESTAMP(column, 'format') */
static int plan_pattern_time(const struct source *source, const struct scope *scope,
                             const struct compile_settings *settings, struct arena *arena,
                             const struct evaluator **ret_evaluator, struct error *error) {
    struct expression *nodes = arena_allocate(arena, 3 * sizeof *nodes),
                      **children = arena_allocate(arena, 2 * sizeof(struct expression *));
    if (!nodes || !children)
        return error_no_memory(error);
    const struct java_time_pattern *pattern;
    int status = java_time_pattern_compile(arena, source->timestamp_format, &pattern, error);
    if (status)
        return error_wrap(error, "TIMESTAMP_FORMAT");
    nodes[0] = (struct expression){.kind = EXPRESSION_COLUMN, .height = 1, .name = source->timestamp};
    nodes[1] = (struct expression){.kind = EXPRESSION_STRING, .height = 1, .text = source->timestamp_format};
    children[0] = &nodes[0];
    children[1] = &nodes[1];
    nodes[2] = (struct expression){
        .kind = EXPRESSION_CALL, .height = 2, .name = SLICE("PARSE_TIMESTAMP"), .children = children, .child_count = 2};
    status = compile_expression(&nodes[2], scope, NULL, settings, arena, ret_evaluator, error);
    return status ? error_wrap(error, "TIMESTAMP_FORMAT") : 0;
}

int plan_timestamp(const struct source *source, const struct row_schema *schema,
                   const struct compile_settings *settings, struct arena *arena, const struct evaluator **ret_evaluator,
                   struct error *error) {
    *ret_evaluator = NULL;
    if (!source->timestamp.data)
        return 0;
    size_t index = 0;
    while (index < schema->count && !slice_equal(schema->columns[index].name, source->timestamp))
        index++;
    if (index == schema->count)
        return error_set(error, ERROR_INVALID, "TIMESTAMP: there is no column %.*s", (int)source->timestamp.length,
                         source->timestamp.data);
    const struct type *type = schema->columns[index].type;
    if (type->kind != TYPE_STRING) {
        *ret_evaluator = compile_column(type, (int)index, arena);
        return *ret_evaluator ? 0 : error_no_memory(error);
    }
    struct scope_column column = {.name = source->timestamp, .type = type, .index = (int)index};
    struct scope scope = {.columns = &column, .column_count = 1};
    struct plan_text_time *time = arena_allocate(arena, sizeof *time);
    if (!time)
        return error_no_memory(error);
    *time = (struct plan_text_time){{&type_bigint, plan_text_time_run}, (int)index, NULL};
    int status = slice_equal(source->timestamp_format, SLICE("ISO-8601"))
                     ? 0
                     : plan_pattern_time(source, &scope, settings, arena, &time->pattern, error);
    if (!status)
        *ret_evaluator = time->pattern && !plan_reads_iso(source->timestamp_format) ? time->pattern : &time->base;
    return status;
}
