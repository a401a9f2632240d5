/* INSERT INTO .. VALUES: a record made of constants. */
#include <stdio.h>

#include "core/memory.h"
#include "sql/session/session_state.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "stream/group/emit.h"

struct insert_values {
    struct session_work *work;
    const struct sink_plan *sink;
    struct bus_record record;
    bool emitted;
    char problem[500];
};

static int insert_emit(void *context, const struct sink_plan *sink, const struct bus_record *record,
                       const struct rows *rows, uint32_t row, struct error *error) {
    struct insert_values *insert = context;
    (void)sink, (void)rows, (void)row;
    insert->record = *record;
    insert->record.key = arena_copy(insert->work->arena, record->key);
    insert->record.value = arena_copy(insert->work->arena, record->value);
    insert->emitted = true;
    bool lost = (record->key.data && !insert->record.key.data) || (record->value.data && !insert->record.value.data);
    return lost ? error_no_memory(error) : 0;
}

static void insert_report(void *context, size_t row, const char *message) {
    struct insert_values *insert = context;
    (void)row;
    snprintf(insert->problem, sizeof insert->problem, "%s", message);
}

static int insert_unknown(const struct source *source, const struct row_schema *schema, struct slice name,
                          struct place place, struct error *error) {
    struct slice names[NAMES_NEAREST_MAXIMUM];
    char suggestion[NAMES_SUGGESTION_SIZE];
    size_t count = 0;
    for (; count < schema->count && count < NAMES_NEAREST_MAXIMUM; count++)
        names[count] = schema->columns[count].name;
    return place_error(error, place, "%.*s has no column %.*s that can be written%s", names_shown(source->name),
                       source->name.data, names_shown(name), name.data, names_nearest(suggestion, name, names, count));
}

/* Which column of the sink value `index` is for: SIZE_MAX is ROWTIME. */
static int insert_column(const struct insert_statement *insert, const struct source *source,
                         const struct row_schema *schema, size_t index, size_t *ret_column, struct error *error) {
    struct slice name;
    struct place place = insert->name.place;
    if (insert->column_count) {
        name = insert->columns[index].name;
        place = insert->columns[index].place;
        if (slice_equal(name, SLICE("ROWTIME"))) {
            *ret_column = SIZE_MAX;
            return 0;
        }
    } else {
        name = source->columns[index].name;
    }
    for (size_t i = 0; i < schema->count; i++)
        if (slice_equal(schema->columns[i].name, name)) {
            *ret_column = i;
            return 0;
        }
    return insert_unknown(source, schema, name, place, error);
}

static int insert_evaluate(struct insert_values *insert, const struct expression *tree, const struct type *type,
                           struct evaluation *evaluation, const struct rows *rows, struct value *ret_value,
                           struct error *error) {
    static const struct scope nothing = {.forbidden = "in the values of INSERT INTO"};
    const struct evaluator *evaluator;
    struct vector vector;
    const struct planner *planner = &insert->work->session->planner;
    if (tree->kind == EXPRESSION_NULL) {
        *ret_value = VALUE_NULL;
        return 0;
    }
    int status = compile_assignment(tree, &nothing, planner->catalog, &planner->settings, type, insert->work->arena,
                                    &evaluator, error);
    if (!status)
        status = evaluator_run(evaluator, evaluation, rows, &rows->selected, &vector, error);
    if (!status && *insert->problem)
        status = place_error(error, tree->place, "%s", insert->problem);
    if (status)
        return status;
    vector_get(&vector, 0, ret_value);
    return 0;
}

/* The message says for which column the value was. */
static int insert_name_column(const struct row_column *column, struct error *error) {
    struct error why = *error;
    return error_set(error, why.code, "%s (column %.*s)", why.message, names_shown(column->name), column->name.data);
}

static int insert_check_names(const struct insert_statement *statement, struct error *error) {
    for (size_t i = 0; i < statement->column_count; i++)
        for (size_t k = 0; k < i; k++)
            if (slice_equal(statement->columns[i].name, statement->columns[k].name))
                return place_error(error, statement->columns[i].place, "the column %.*s is there twice",
                                   names_shown(statement->columns[i].name), statement->columns[i].name.data);
    return 0;
}

static int insert_fill(struct insert_values *insert, const struct insert_statement *statement,
                       const struct source *source, struct evaluation *evaluation, struct rows *rows,
                       struct error *error) {
    const struct row_schema *schema = &insert->sink->schema;
    size_t expected = statement->column_count ? statement->column_count : source->column_count;
    if (statement->values.count != expected)
        return place_error(error, statement->values.place, "%zu values for %zu columns", statement->values.count,
                           expected);
    int status = insert_check_names(statement, error);
    if (status)
        return status;
    for (size_t i = 0; i < schema->count; i++)
        vector_set(&rows->columns[i], 0, &VALUE_NULL);
    for (size_t i = 0; i < expected; i++) {
        size_t column;
        struct value value;
        if ((status = insert_column(statement, source, schema, i, &column, error)))
            return status;
        status = insert_evaluate(insert, statement->values.items[i],
                                 column == SIZE_MAX ? &type_bigint : schema->columns[column].type, evaluation, rows,
                                 &value, error);
        if (status)
            return column == SIZE_MAX ? status : insert_name_column(&schema->columns[column], error);
        if (column != SIZE_MAX)
            vector_set(&rows->columns[column], 0, &value);
        else if (!value.null)
            rows->times[0] = value.integer;
    }
    for (size_t i = 0; source->object == OBJECT_TABLE && i < schema->key_count; i++)
        if (rows->columns[i].nulls[0])
            return place_error(error, statement->name.place,
                               "a row of the table %.*s needs a value for its primary key %.*s",
                               names_shown(source->name), source->name.data, names_shown(schema->columns[i].name),
                               schema->columns[i].name.data);
    return 0;
}

static int insert_write(struct insert_values *insert, struct rows *rows, struct evaluation *evaluation,
                        struct error *error) {
    struct query_counters counters = {0};
    struct operator_context context = {.evaluation = *evaluation, .counters = &counters};
    struct emitter emitter = {insert_emit, insert};
    struct stream_operator *op;
    int status = sink_operator_new(insert->sink, insert->work->session->options.registry, &emitter, &op, error);
    if (status)
        return status;
    status = operator_push(op, 0, rows, &context, error);
    evaluation->scratch = context.evaluation.scratch; /* made by the push when it was not there */
    op->driver->free(op);
    if (!status && !insert->emitted)
        return error_set(error, ERROR_INVALID, "the row cannot be written: %s",
                         *insert->problem ? insert->problem : "it has no key");
    return status;
}

int session_insert_values(struct session_work *work, const struct insert_statement *statement, struct error *error) {
    struct sink_plan *sink = arena_allocate(work->arena, sizeof *sink);
    struct insert_values insert = {.work = work, .sink = sink};
    struct row_errors errors = {.report = insert_report, .context = &insert, .messages_left = 1};
    struct evaluation evaluation = {.arena = work->arena, .errors = &errors, .clock = work->session->options.clock};
    const struct source *source;
    int status = catalog_find_source(work->catalog, &statement->name, &source, error);
    if (status)
        return status;
    if (source->read_only)
        return place_error(error, statement->name.place, "%.*s is read-only: it was made by CREATE SOURCE",
                           names_shown(source->name), source->name.data);
    if (source->window != WINDOW_NONE)
        return place_error(error, statement->name.place,
                           "%.*s has a windowed key, for which INSERT INTO .. VALUES has no values",
                           names_shown(source->name), source->name.data);
    if (!sink)
        return error_no_memory(error);
    status = plan_sink(source, &work->session->planner.settings, work->arena, sink, error);
    struct rows *rows = status ? NULL : rows_new(work->arena, &sink->schema, 1);
    if (!rows)
        return status ? status : error_no_memory(error);
    rows->times[0] = clock_wall(work->session->options.clock);
    rows->origins[0] = 0;
    rows->selected.rows[rows->selected.count++] = 0;
    status = insert_fill(&insert, statement, source, &evaluation, rows, error);
    if (!status)
        status = insert_write(&insert, rows, &evaluation, error);
    evaluation_scratch_free(evaluation.scratch);
    return status
               ? status
               : session_add(
                     work,
                     &(struct session_effect){
                         .kind = EFFECT_RECORD, .text = work->statement->text, .sink = sink, .record = insert.record},
                     error);
}

/* --- equal ones
 * ------------------------------------------------------------------------------------------------------------------ */

/* Where an insert stands: its record, after which its statement comes. */
struct insert_place {
    struct slice text;
    size_t at;
};

static int insert_compare(const void *left, const void *right) {
    const struct insert_place *a = left, *b = right;
    int order = slice_compare(a->text, b->text);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static bool insert_has_ordinal(const struct session_effect *effect) {
    return effect->kind == EFFECT_RECORD || (effect->kind == EFFECT_STATEMENT && effect->ordinal > 0);
}

/* Records and statements each have their own count. */
static void insert_number(struct session_effect *effects, const struct insert_place *places, size_t count) {
    size_t records = 0, statements = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !slice_equal(places[i].text, places[i - 1].text))
            records = statements = 0;
        struct session_effect *effect = &effects[places[i].at];
        effect->ordinal = effect->kind == EFFECT_RECORD ? ++records : ++statements;
    }
}

int session_number_inserts(struct session_work *work, struct error *error) {
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++)
        count += insert_has_ordinal(&work->effects[i]);
    struct insert_place *places = memory_zero(count, sizeof *places);
    if (count && !places)
        return error_no_memory(error);
    count = 0;
    for (size_t i = 0; i < work->count; i++)
        if (insert_has_ordinal(&work->effects[i]))
            places[count++] = (struct insert_place){work->effects[i].text, i};
    if (count)
        qsort(places, count, sizeof *places, insert_compare);
    insert_number(work->effects, places, count);
    free(places);
    return 0;
}
