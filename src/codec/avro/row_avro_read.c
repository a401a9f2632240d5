/* Avro bodies into columns. Invariants as of codec/avro_read.h; nesting is bounded by the plan, and what costs
 * memory but no bytes by a budget. */
#include "codec/avro/avro_decimal.h"
#include "codec/avro/avro_read.h"
#include "codec/avro/row_avro.h"
#include "codec/row/reason.h"
#include "codec/row/row_value.h"
#include "core/number.h"
#include "core/text.h"
#include "model/time/time.h"
#include "model/time/time_text.h"

enum { ROW_AVRO_ITEMS_PER_BYTE = 64 };

/* AVRO_DONE and the other outcomes of a piece; or the value is no value of the column's type, or memory has run out. */
enum { ROW_AVRO_UNFIT = 100, ROW_AVRO_UNFIT_BRANCH, ROW_AVRO_NO_MEMORY };

struct row_avro_decoder {
    const char *at, *end;
    struct arena *arena;
    uint64_t items;           /* values that sequences may still have */
    const struct type *unfit; /* ROW_AVRO_UNFIT: the type, and what stood there */
    struct slice shown;
};

static int row_avro_value(struct row_avro_decoder *decoder, const struct row_avro_step *step, struct value *ret_value);

static __attribute__((cold)) int row_avro_unfit(struct row_avro_decoder *decoder, const struct type *type,
                                                struct slice shown) {
    decoder->unfit = type;
    decoder->shown = arena_copy(decoder->arena, shown);
    return decoder->shown.data ? ROW_AVRO_UNFIT : ROW_AVRO_NO_MEMORY;
}

static __attribute__((cold)) int row_avro_unfit_integer(struct row_avro_decoder *decoder, const struct type *type,
                                                        int64_t integer) {
    char text[NUMBER_INTEGER_SIZE];
    return row_avro_unfit(decoder, type, (struct slice){text, number_write_integer(text, integer)});
}

static inline int row_avro_integer(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                                   int64_t *ret_integer) {
    int64_t integer;
    if (!zigzag_read(&decoder->at, decoder->end, &integer))
        return AVRO_CUT;
    if (step->scale != 1)
        integer = floor_divide(integer, step->scale);
    if (!row_integer_fits(step->target, integer))
        return row_avro_unfit_integer(decoder, step->target, integer);
    *ret_integer = integer;
    return AVRO_DONE;
}

static int row_avro_fixed_bytes(struct row_avro_decoder *decoder, uint64_t size, struct slice *ret_bytes) {
    if (size > (uint64_t)(decoder->end - decoder->at))
        return AVRO_CUT;
    *ret_bytes = (struct slice){decoder->at, size};
    decoder->at += size;
    return AVRO_DONE;
}

static inline int row_avro_text(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                                struct slice *ret_text) {
    struct slice text;
    int outcome = (int)avro_read_string(&decoder->at, decoder->end, &text);
    if (outcome != AVRO_DONE)
        return outcome;
    if (!text_ascii(text) && step->target->kind == TYPE_STRING && !row_utf8(decoder->arena, text, &text))
        return ROW_AVRO_NO_MEMORY;
    *ret_text = text;
    return AVRO_DONE;
}

static int row_avro_symbol(struct row_avro_decoder *decoder, const struct row_avro_step *step, struct slice *ret_text) {
    int64_t symbol;
    if (!zigzag_read(&decoder->at, decoder->end, &symbol))
        return AVRO_CUT;
    if ((uint64_t)symbol >= step->type->member_count)
        return AVRO_BAD_SYMBOL;
    *ret_text = step->type->words[symbol];
    return AVRO_DONE;
}

static int row_avro_unscaled(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                             struct slice *ret_unscaled) {
    return step->type->kind == AVRO_FIXED ? row_avro_fixed_bytes(decoder, step->type->size, ret_unscaled)
                                          : (int)avro_read_string(&decoder->at, decoder->end, ret_unscaled);
}

static int row_avro_decimal_as_double(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                                      double *ret_number) {
    struct slice unscaled;
    int outcome = row_avro_unscaled(decoder, step, &unscaled);
    return outcome == AVRO_DONE && !avro_decimal_read(unscaled, step->type->scale, ret_number) ? AVRO_BAD_DECIMAL
                                                                                               : outcome;
}

static int row_avro_time_as_text(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                                 struct slice *ret_text) {
    int64_t time;
    if (!zigzag_read(&decoder->at, decoder->end, &time))
        return AVRO_CUT;
    time = floor_divide(time, step->scale);
    if (time < TIME_MINIMUM || time > TIME_MAXIMUM)
        return row_avro_unfit_integer(decoder, &type_timestamp, time);
    char *text = arena_allocate(decoder->arena, TIME_TEXT_SIZE);
    if (!text)
        return ROW_AVRO_NO_MEMORY;
    *ret_text = (struct slice){text, time_write(text, time)};
    return AVRO_DONE;
}

static int row_avro_decimal(struct row_avro_decoder *decoder, const struct row_avro_step *step, decimal *ret_value) {
    struct slice unscaled;
    int outcome = row_avro_unscaled(decoder, step, &unscaled);
    if (outcome == AVRO_DONE && !row_avro_decimal_read(unscaled, step->type->scale, step->target, ret_value))
        return row_avro_unfit(decoder, step->target, SLICE("a decimal that does not fit"));
    return outcome;
}

static inline int row_avro_real(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                                double *ret_number) {
    size_t size = step->action == ROW_AVRO_FLOAT ? sizeof(float) : sizeof(double);
    int64_t integer;
    float single;
    if (step->action == ROW_AVRO_INTEGER_AS_DOUBLE) {
        if (!zigzag_read(&decoder->at, decoder->end, &integer))
            return AVRO_CUT;
        *ret_number = (double)integer;
        return AVRO_DONE;
    }
    if ((size_t)(decoder->end - decoder->at) < size)
        return AVRO_CUT;
    if (step->action == ROW_AVRO_FLOAT) {
        memcpy(&single, decoder->at, size);
        *ret_number = (double)single;
    } else {
        memcpy(ret_number, decoder->at, size);
    }
    decoder->at += size;
    return AVRO_DONE;
}

static int row_avro_boolean(struct row_avro_decoder *decoder, bool *ret_boolean) {
    if (decoder->at == decoder->end)
        return AVRO_CUT;
    *ret_boolean = *decoder->at++ != 0;
    return AVRO_DONE;
}

static bool row_avro_pay(struct row_avro_decoder *decoder, uint64_t items) {
    if (decoder->items < items)
        return false;
    decoder->items -= items;
    return true;
}

/* One item of an array, or key and value of a map. */
static int row_avro_item(struct row_avro_decoder *decoder, const struct row_avro_step *step, struct row_items *items) {
    struct value key = {.null = false}, value;
    int outcome = AVRO_DONE;
    if (!row_avro_pay(decoder, 1))
        return AVRO_TOO_MANY;
    if (step->action == ROW_AVRO_MAP) {
        outcome = (int)avro_read_string(&decoder->at, decoder->end, &key.text);
        if (outcome == AVRO_DONE && !row_utf8(decoder->arena, key.text, &key.text))
            return ROW_AVRO_NO_MEMORY;
    }
    if (outcome == AVRO_DONE)
        outcome = row_avro_value(decoder, step->members, &value);
    if (outcome != AVRO_DONE)
        return outcome;
    if (step->action == ROW_AVRO_ENTRIES) {
        if (value.null || value.sequence->items[0].null)
            return row_avro_unfit(decoder, step->target, SLICE("an entry without a key"));
        key = value.sequence->items[0];
        value = value.sequence->items[1];
    }
    bool added = (step->action == ROW_AVRO_ARRAY || row_items_add(items, decoder->arena, &key)) &&
                 row_items_add(items, decoder->arena, &value);
    return added ? AVRO_DONE : ROW_AVRO_NO_MEMORY;
}

/* Blocks of (count, items); a negative count is followed by the block's length in bytes; a count of zero ends them. */
static int row_avro_blocks(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                           struct value *ret_value) {
    struct row_items items = {0};
    for (;;) {
        int64_t count, size;
        int outcome = AVRO_DONE;
        if (!zigzag_read(&decoder->at, decoder->end, &count) ||
            (count < 0 && !zigzag_read(&decoder->at, decoder->end, &size)))
            return AVRO_CUT;
        if (count == 0)
            break;
        for (uint64_t left = count < 0 ? -(uint64_t)count : (uint64_t)count; left > 0 && outcome == AVRO_DONE; left--)
            outcome = row_avro_item(decoder, step, &items);
        if (outcome != AVRO_DONE)
            return outcome;
    }
    ret_value->sequence = step->action == ROW_AVRO_ARRAY ? row_items_finish(&items, decoder->arena)
                                                         : row_items_finish_map(&items, decoder->arena);
    return ret_value->sequence ? AVRO_DONE : ROW_AVRO_NO_MEMORY;
}

static int row_avro_struct(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                           struct value *ret_value) {
    size_t count = step->target->field_count;
    if (!row_avro_pay(decoder, count))
        return AVRO_TOO_MANY;
    struct value *values = arena_allocate(decoder->arena, count * sizeof *values);
    if (!values)
        return ROW_AVRO_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        values[i] = VALUE_NULL;
    for (size_t i = 0; i < step->member_count; i++) {
        const struct row_avro_step *member = &step->members[i];
        int outcome = member->action == ROW_AVRO_SKIP
                          ? (int)avro_skip_field(member->type, &decoder->at, decoder->end, &decoder->items)
                          : row_avro_value(decoder, member, &values[member->place]);
        if (outcome != AVRO_DONE)
            return outcome;
    }
    struct row_items items = {values, count, count};
    ret_value->sequence = row_items_finish(&items, decoder->arena);
    return ret_value->sequence ? AVRO_DONE : ROW_AVRO_NO_MEMORY;
}

/* The step of the branch that was written, or NULL. */
static inline const struct row_avro_step *row_avro_branch(struct row_avro_decoder *decoder,
                                                          const struct row_avro_step *step, int *ret_outcome) {
    int64_t branch;
    if (!zigzag_read(&decoder->at, decoder->end, &branch)) {
        *ret_outcome = AVRO_CUT;
        return NULL;
    }
    *ret_outcome = AVRO_BAD_BRANCH;
    return (uint64_t)branch < step->member_count ? &step->members[branch] : NULL;
}

static int row_avro_value(struct row_avro_decoder *decoder, const struct row_avro_step *step, struct value *ret_value) {
    ret_value->null = false;
    switch (step->action) {
    case ROW_AVRO_NULL:
        ret_value->null = true;
        return AVRO_DONE;
    case ROW_AVRO_TEXT:
        return row_avro_text(decoder, step, &ret_value->text);
    case ROW_AVRO_INTEGER:
        return row_avro_integer(decoder, step, &ret_value->integer);
    case ROW_AVRO_INTEGER_AS_DOUBLE:
    case ROW_AVRO_FLOAT:
    case ROW_AVRO_DOUBLE:
        return row_avro_real(decoder, step, &ret_value->number);
    case ROW_AVRO_BOOLEAN:
        return row_avro_boolean(decoder, &ret_value->boolean);
    case ROW_AVRO_ENUM:
        return row_avro_symbol(decoder, step, &ret_value->text);
    case ROW_AVRO_FIXED:
        return row_avro_fixed_bytes(decoder, step->type->size, &ret_value->text);
    case ROW_AVRO_DECIMAL_AS_DOUBLE:
        return row_avro_decimal_as_double(decoder, step, &ret_value->number);
    case ROW_AVRO_TIME_AS_TEXT:
        return row_avro_time_as_text(decoder, step, &ret_value->text);
    case ROW_AVRO_DECIMAL:
        return row_avro_decimal(decoder, step, &ret_value->decimal);
    case ROW_AVRO_ARRAY:
    case ROW_AVRO_MAP:
    case ROW_AVRO_ENTRIES:
        return row_avro_blocks(decoder, step, ret_value);
    case ROW_AVRO_RECORD:
        return row_avro_struct(decoder, step, ret_value);
    case ROW_AVRO_UNION: {
        int outcome;
        const struct row_avro_step *branch = row_avro_branch(decoder, step, &outcome);
        return branch ? row_avro_value(decoder, branch, ret_value) : outcome;
    }
    case ROW_AVRO_SKIP:
    case ROW_AVRO_REFUSE:
        break;
    }
    return ROW_AVRO_UNFIT_BRANCH;
}

static __attribute__((cold)) int row_avro_failed(struct row_avro_decoder *decoder, int outcome, const char *field,
                                                 enum row_read *ret_status, const char **ret_reason,
                                                 struct error *error) {
    if (outcome == ROW_AVRO_NO_MEMORY)
        return error_no_memory(error);
    *ret_status = ROW_READ_BAD;
    if (outcome == ROW_AVRO_UNFIT)
        *ret_reason = row_unfit(decoder->arena, slice_of(field), decoder->unfit, decoder->shown);
    else if (outcome == ROW_AVRO_UNFIT_BRANCH)
        *ret_reason =
            reason_format(decoder->arena, "field %.80s holds a union branch of a type that does not fit", field);
    else
        *ret_reason = avro_reason(decoder->arena, (enum avro_outcome)outcome, field);
    return 0;
}

static int row_avro_column_of_value(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                                    struct vector *column, size_t row) {
    struct value value;
    int outcome = row_avro_value(decoder, step, &value);
    if (outcome == AVRO_DONE)
        vector_set(column, row, &value);
    return outcome;
}

/* Texts that may not be plain ASCII: those of the members from `first` up to `stop`, which are all of texts. */
static __attribute__((noinline)) int row_avro_column_texts(struct row_avro_decoder *decoder,
                                                           const struct row_avro_step *first,
                                                           const struct row_avro_step *stop, struct vector *columns,
                                                           size_t row) {
    for (; first < stop; first++) {
        struct vector *column = &columns[first->place];
        if (column->type->kind == TYPE_STRING && !column->nulls[row] &&
            !row_utf8(decoder->arena, column->texts[row], &column->texts[row]))
            return ROW_AVRO_NO_MEMORY;
    }
    return AVRO_DONE;
}

/* A field into its column, which is NULL in this row so far. What is plain goes there without a value in between;
 * `at` stays in a register for it. */
static inline int row_avro_column(struct row_avro_decoder *decoder, const struct row_avro_step *step,
                                  struct vector *column, size_t row) {
    const char *at = decoder->at, *const end = decoder->end;
    int outcome;
    switch (step->action) {
    case ROW_AVRO_DOUBLE:
        if (end - at < (ptrdiff_t)sizeof(double))
            return AVRO_CUT;
        memcpy(&column->doubles[row], at, sizeof(double));
        decoder->at = at + sizeof(double);
        outcome = AVRO_DONE;
        break;
    case ROW_AVRO_INTEGER:
        outcome = row_avro_integer(decoder, step, &column->integers[row]);
        break;
    case ROW_AVRO_FLOAT:
    case ROW_AVRO_INTEGER_AS_DOUBLE:
        outcome = row_avro_real(decoder, step, &column->doubles[row]);
        break;
    default:
        return row_avro_column_of_value(decoder, step, column, row);
    }
    column->nulls[row] = 0;
    return outcome;
}

/* One member of the record, which is no plain text. */
static inline int row_avro_member(struct row_avro_decoder *decoder, const struct row_avro_step *member,
                                  struct vector *columns, size_t row) {
    const struct row_avro_step *step = member;
    int outcome = AVRO_DONE;
    if (step->action == ROW_AVRO_UNION)
        step = row_avro_branch(decoder, step, &outcome);
    if (!step)
        return outcome;
    return member->action == ROW_AVRO_SKIP
               ? (int)avro_skip_field(member->type, &decoder->at, decoder->end, &decoder->items)
               : row_avro_column(decoder, step, &columns[member->place], row);
}

/* The fields of the record into the columns; on failure *ret_field is the one that is wrong. Texts often stand side by
 * side, with lengths of one byte between them, so one look tells that all of them are ASCII: from `texts` on, the first
 * of them being of member `first`. */
static inline int row_avro_fields(struct row_avro_decoder *decoder, const struct row_avro_step *record,
                                  struct vector *columns, size_t row, const char **ret_field) {
    const struct row_avro_step *member = record->members, *stop = member + record->member_count, *first = NULL;
    const char *at = decoder->at, *texts = NULL, *const end = decoder->end;
    int outcome = AVRO_DONE;
    for (; member < stop; member++) {
        if (__builtin_expect(member->action == ROW_AVRO_TEXT, 1)) {
            struct vector *column = &columns[member->place];
            if (!texts) {
                texts = at;
                first = member;
            }
            outcome = (int)avro_read_string(&at, end, &column->texts[row]);
            column->nulls[row] = 0;
        } else {
            if (texts && !text_ascii((struct slice){texts, (size_t)(at - texts)}))
                outcome = row_avro_column_texts(decoder, first, member, columns, row);
            texts = NULL;
            decoder->at = at;
            if (outcome == AVRO_DONE)
                outcome = row_avro_member(decoder, member, columns, row);
            at = decoder->at;
        }
        if (__builtin_expect(outcome != AVRO_DONE, 0)) {
            *ret_field = record->type->words[member - record->members].data;
            return outcome;
        }
    }
    decoder->at = at;
    if (texts && !text_ascii((struct slice){texts, (size_t)(at - texts)}))
        outcome = row_avro_column_texts(decoder, first, stop, columns, row);
    return outcome;
}

/* A name of ours, for reasons, with a NUL after it. */
static const char *row_avro_column_name(const struct row_layout *layout, struct arena *arena) {
    struct slice name = arena_copy(arena, layout->columns[0].name);
    return name.data ? name.data : "of the value";
}

int row_avro_decode(const struct row_avro_plan *plan, const struct row_layout *layout, struct slice body,
                    struct arena *arena, struct vector *columns, size_t row, enum row_read *ret_status,
                    const char **ret_reason, struct error *error) {
    struct row_avro_decoder decoder = {.at = body.data, .end = body.data + body.length, .arena = arena};
    const struct row_avro_step *root = &plan->root;
    const char *field = NULL;
    int outcome = AVRO_DONE;
    decoder.items = (uint64_t)body.length * ROW_AVRO_ITEMS_PER_BYTE + AVRO_FREE_ITEMS;
    if (root->action == ROW_AVRO_UNION)
        root = row_avro_branch(&decoder, root, &outcome);
    if (!root)
        return row_avro_failed(&decoder, outcome, "of the whole value", ret_status, ret_reason, error);
    *ret_status = root->action == ROW_AVRO_NULL ? ROW_READ_NULL : ROW_READ_GOOD;
    outcome = AVRO_DONE;
    if (root->action == ROW_AVRO_REFUSE) {
        outcome = ROW_AVRO_UNFIT_BRANCH;
    } else if (layout->bare && *ret_status == ROW_READ_GOOD) {
        outcome = row_avro_column_of_value(&decoder, root, &columns[0], row);
    } else if (*ret_status == ROW_READ_GOOD) {
        outcome = row_avro_fields(&decoder, root, columns, row, &field);
    }
    if (__builtin_expect(outcome != AVRO_DONE, 0))
        return row_avro_failed(&decoder, outcome,
                               field          ? field
                               : layout->bare ? row_avro_column_name(layout, arena)
                                              : "of the whole value",
                               ret_status, ret_reason, error);
    if (decoder.at != decoder.end) {
        *ret_status = ROW_READ_BAD;
        *ret_reason = AVRO_TOO_LONG;
    }
    return 0;
}
