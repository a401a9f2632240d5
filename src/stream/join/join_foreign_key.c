/* A table joined with a table whose primary key is what an expression over the left rows gives: many left rows may
 * refer to one right row. The result has the left table's primary key.
 *
 *     left    primary key ─▶ row, and the foreign key it refers to
 *     refers  foreign key ─▶ the left rows that refer to it, ascending by the bytes of their primary key
 *     right   primary key ─▶ row
 *
 * A left change gives the pair as it is now; a tombstone when an INNER pair has gone with the foreign key it
 * referred to, or the left row has been deleted. A left row that an INNER join never showed gives a tombstone too
 * when it goes or refers elsewhere, as in Kafka Streams. A right change gives a result for each left row that refers
 * to it; an INNER join's are tombstones when it is deleted. A NULL foreign key refers to nothing. */
#include "core/memory.h"
#include "core/varint.h"
#include "stream/join/join_output.h"
#include "stream/state/row_table.h"
#include "stream/state/stored_row.h"

/* The left rows that refer to a foreign key: elements are entries of `left`. */
struct foreign_references {
    struct foreign_left **rows;
    size_t count, capacity;
};

struct foreign_left {
    struct foreign_references *refers; /* NULL: the foreign key is NULL */
    char *data;                        /* the stored row */
    size_t length;
};

struct join_foreign_key {
    struct stream_operator op;
    const struct join_plan *plan;
    struct state_table *left;   /* by primary key: struct foreign_left */
    struct state_table *refers; /* by foreign key: struct foreign_references */
    struct row_table right;
    size_t bytes;
    struct bytes key, foreign, row; /* of the change at hand */
    struct arena scratch;           /* of load */
};

static void foreign_left_release(void *context, void *item) {
    struct join_foreign_key *join = context;
    struct foreign_left *left = item;
    join->bytes -= left->length;
    free(left->data);
}

static void foreign_references_release(void *context, void *item) {
    struct join_foreign_key *join = context;
    struct foreign_references *refers = item;
    join->bytes -= refers->capacity * sizeof *refers->rows;
    free(refers->rows);
}

/* --- who refers to what
 * -------------------------------------------------------------------------------------------------------------- */

/* The first of the left rows whose key does not come before `key`. */
static size_t foreign_bound(const struct join_foreign_key *join, const struct foreign_references *refers,
                            struct slice key) {
    size_t low = 0, high = refers->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(state_table_key(join->left, refers->rows[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool foreign_refer(struct join_foreign_key *join, struct foreign_left *left, struct slice foreign) {
    bool new;
    struct foreign_references *refers = state_table_put(join->refers, foreign, &new);
    if (!refers)
        return false;
    size_t had = refers->capacity, at = foreign_bound(join, refers, state_table_key(join->left, left));
    if (!memory_reserve((void **)&refers->rows, &refers->capacity, refers->count + 1, sizeof(struct foreign_left *)))
        return false;
    join->bytes += (refers->capacity - had) * sizeof *refers->rows;
    memmove(refers->rows + at + 1, refers->rows + at, (refers->count++ - at) * sizeof *refers->rows);
    refers->rows[at] = left;
    left->refers = refers;
    return true;
}

static bool foreign_refer_no_more(struct join_foreign_key *join, struct foreign_left *left) {
    struct foreign_references *refers = left->refers;
    if (!refers)
        return true;
    size_t at = foreign_bound(join, refers, state_table_key(join->left, left));
    memmove(refers->rows + at, refers->rows + at + 1, (--refers->count - at) * sizeof *refers->rows);
    left->refers = NULL;
    return refers->count || state_table_remove(join->refers, refers, false);
}

/* Puts a left row in the place of the one that is there, or, with `row.data` NULL, takes that out. `foreign.data`
 * NULL: it refers to nothing. False: no memory. */
static bool foreign_set_left(struct join_foreign_key *join, struct slice key, struct slice foreign, struct slice row,
                             bool logged) {
    struct foreign_left *left = state_table_find(join->left, key);
    bool new;
    if (left && !foreign_refer_no_more(join, left))
        return false;
    if (!row.data)
        return !left || state_table_remove(join->left, left, logged);
    char *copy = malloc(row.length ? row.length : 1);
    left = copy ? state_table_put(join->left, key, &new) : NULL;
    if (!left) {
        free(copy);
        return false;
    }
    memcpy(copy, row.data, row.length);
    free(left->data);
    join->bytes += row.length - left->length;
    left->data = copy;
    left->length = row.length;
    return (!foreign.data || foreign_refer(join, left, foreign)) && (!logged || state_table_mark(join->left, left));
}

/* --- changes of the left table
 * ------------------------------------------------------------------------------------------------------- */

/* What a left row refers to, and the right row that it finds there. */
struct foreign_match {
    struct slice foreign, right;
};

static struct foreign_match foreign_match_of(const struct join_foreign_key *join, struct slice foreign) {
    struct slice right = foreign.data ? row_table_find(&join->right, foreign) : (struct slice){NULL, 0};
    return (struct foreign_match){foreign, right};
}

static int64_t foreign_time(int64_t time, struct slice right) {
    int64_t other = right.data ? stored_row_time(right) : time;
    return other > time ? other : time;
}

/* `old` (data NULL: none) and `was`: before the change; `now`: after it. */
static int foreign_emit_left(const struct join_foreign_key *join, struct join_output *output, const struct rows *rows,
                             size_t row, struct slice old, const struct foreign_match *was,
                             const struct foreign_match *now, struct error *error) {
    bool outer = join->plan->shape == JOIN_SHAPE_LEFT, present = !rows->absent[row];
    bool moved = (was->foreign.data == NULL) != (now->foreign.data == NULL) ||
                 (now->foreign.data && !slice_equal(was->foreign, now->foreign));
    bool shown = present && (now->right.data || outer), shown_before = old.data && (was->right.data || outer);
    if (!shown && !(old.data && (!present || moved)))
        return 0;
    struct join_pair pair = {.absent = !shown}, before = {.absent = !shown_before};
    pair.sides[0] = (struct join_part){.rows = rows, .row = row};
    if (shown)
        pair.sides[1].stored = now->right;
    if (shown_before) {
        before.sides[0].stored = old;
        before.sides[1].stored = was->right;
    } else {
        before.sides[0] = pair.sides[0];
    }
    int64_t time = foreign_time(rows->times[row], pair.sides[1].stored);
    return join_output_add(output, &pair, join->plan->want_before ? &before : NULL, time, rows->origins[row], error);
}

static bool foreign_copy_old(const struct join_foreign_key *join, struct slice key, struct arena *arena,
                             struct slice *ret_row, struct slice *ret_foreign) {
    const struct foreign_left *left = state_table_find(join->left, key);
    *ret_row = *ret_foreign = (struct slice){NULL, 0};
    if (!left)
        return true;
    *ret_row = arena_copy(arena, (struct slice){left->data, left->length});
    if (left->refers)
        *ret_foreign = arena_copy(arena, state_table_key(join->refers, left->refers));
    return ret_row->data && (!left->refers || ret_foreign->data);
}

static int foreign_change_left(struct join_foreign_key *join, struct join_output *output, const struct rows *rows,
                               size_t row, const struct vector *foreign_keys, struct error *error) {
    struct operator_context *context = output->context;
    struct value foreign = VALUE_NULL;
    struct slice old, old_foreign, stored = {NULL, 0}, refers = {NULL, 0};
    join->key.length = join->foreign.length = join->row.length = 0;
    if (!stored_row_write_key(&join->key, rows, join->plan->left->key_count, row)) {
        context->counters->null += !context->restoring;
        return 0;
    }
    context->counters->folded += !context->restoring;
    if (!rows->absent[row]) {
        vector_get(foreign_keys, row, &foreign);
        stored_row_write(&join->row, rows, 0, row);
        stored = bytes_slice(&join->row);
    }
    if (!foreign.null) {
        value_write(&join->foreign, foreign_keys->type, &foreign);
        refers = bytes_slice(&join->foreign);
    }
    if (!foreign_copy_old(join, bytes_slice(&join->key), context->evaluation.arena, &old, &old_foreign) ||
        join->key.failed || join->foreign.failed || join->row.failed ||
        !foreign_set_left(join, bytes_slice(&join->key), refers, stored, !join->plan->replayed))
        return error_no_memory(error);
    if (context->restoring)
        return 0;
    struct foreign_match was = foreign_match_of(join, old_foreign), now = foreign_match_of(join, refers);
    return foreign_emit_left(join, output, rows, row, old, &was, &now, error);
}

/* --- changes of the right table
 * ------------------------------------------------------------------------------------------------------ */

static int foreign_emit_right(const struct join_foreign_key *join, struct join_output *output, const struct rows *rows,
                              size_t row, const struct foreign_left *left, struct slice old, struct error *error) {
    bool outer = join->plan->shape == JOIN_SHAPE_LEFT, present = !rows->absent[row];
    struct slice stored = {left->data, left->length};
    struct join_pair pair = {.absent = !present && !outer}, before = {.absent = !old.data && !outer};
    pair.sides[0].stored = before.sides[0].stored = stored;
    before.sides[1].stored = old;
    if (present)
        pair.sides[1] = (struct join_part){.rows = rows, .row = row};
    return join_output_add(output, &pair, join->plan->want_before ? &before : NULL,
                           foreign_time(rows->times[row], stored), rows->origins[row], error);
}

static int foreign_change_right(struct join_foreign_key *join, struct join_output *output, const struct rows *rows,
                                size_t row, const struct vector *keys, struct error *error) {
    struct operator_context *context = output->context;
    struct value value;
    struct slice stored = {NULL, 0};
    vector_get(keys, row, &value);
    if (value.null) {
        context->counters->null += !context->restoring;
        return 0;
    }
    context->counters->folded += !context->restoring;
    join->key.length = join->row.length = 0;
    value_write(&join->key, keys->type, &value);
    if (!rows->absent[row]) {
        stored_row_write(&join->row, rows, 0, row);
        stored = bytes_slice(&join->row);
    }
    struct slice key = bytes_slice(&join->key), old = row_table_find(&join->right, key);
    bool known = old.data != NULL;
    if (known)
        old = arena_copy(context->evaluation.arena, old);
    if (join->key.failed || join->row.failed || (known && !old.data) ||
        !row_table_set(&join->right, key, stored, !join->plan->replayed))
        return error_no_memory(error);
    const struct foreign_references *refers = context->restoring ? NULL : state_table_find(join->refers, key);
    int status = 0;
    for (size_t i = 0; refers && i < refers->count && !status; i++)
        status = foreign_emit_right(join, output, rows, row, refers->rows[i], old, error);
    return status;
}

static int join_foreign_key_push(struct stream_operator *op, unsigned input, struct rows *rows,
                                 struct operator_context *context, struct error *error) {
    struct join_foreign_key *join = (struct join_foreign_key *)op;
    struct join_output output;
    struct vector keys;
    if (context->restoring && !join->plan->replayed)
        return 0;
    int status = evaluator_run(input ? join->plan->right_key : join->plan->left_key, &context->evaluation, rows,
                               &rows->selected, &keys, error);
    join_output_open(&output, join->plan, op, context);
    for (size_t i = 0; i < rows->selected.count && !status; i++) {
        uint32_t row = rows->selected.rows[i];
        status = input ? foreign_change_right(join, &output, rows, row, &keys, error)
                       : foreign_change_left(join, &output, rows, row, &keys, error);
    }
    return status ? status : join_output_flush(&output, error);
}

static int join_foreign_key_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                                    struct error *error) {
    return operator_forward_advance(op, time, context, error);
}

/* --- changelog
 * ------------------------------------------------------------------------------------------------------------------ */

/* "r" and a right row's key: the row. "l" and a left row's: a byte (1: it refers to something), the foreign key's
 * length (varint), the foreign key, the row. */

struct foreign_saving {
    const struct join_foreign_key *join;
    state_save *each;
    void *context;
    struct bytes key, value;
    struct error *error;
};

static int foreign_save_left(void *context, struct slice name, const void *item) {
    struct foreign_saving *saving = context;
    const struct foreign_left *left = item;
    saving->key.length = saving->value.length = 0;
    bytes_append_char(&saving->key, 'l');
    bytes_append_slice(&saving->key, name);
    if (left) {
        struct slice foreign =
            left->refers ? state_table_key(saving->join->refers, left->refers) : (struct slice){"", 0};
        bytes_append_char(&saving->value, left->refers != NULL);
        bytes_append_varint(&saving->value, foreign.length);
        bytes_append_slice(&saving->value, foreign);
        bytes_append(&saving->value, left->data, left->length);
    }
    if (saving->key.failed || saving->value.failed)
        return error_no_memory(saving->error);
    return saving->each(saving->context, bytes_slice(&saving->key),
                        left ? bytes_slice(&saving->value) : (struct slice){NULL, 0}, saving->error);
}

static int join_foreign_key_save(struct stream_operator *op, state_save *each, void *context, struct error *error) {
    struct join_foreign_key *join = (struct join_foreign_key *)op;
    struct foreign_saving saving = {.join = join, .each = each, .context = context, .error = error};
    int status = state_table_each_dirty(join->left, foreign_save_left, &saving);
    bytes_release(&saving.key);
    bytes_release(&saving.value);
    return status < 0 ? status : row_table_save(&join->right, 'r', each, context, error);
}

static void join_foreign_key_saved(struct stream_operator *op) {
    struct join_foreign_key *join = (struct join_foreign_key *)op;
    state_table_clean(join->left);
    row_table_saved(&join->right);
}

static bool foreign_read_left(const struct join_foreign_key *join, struct slice value, struct arena *arena,
                              struct slice *ret_foreign, struct slice *ret_row) {
    const char *at = value.data + 1, *end = value.data + value.length;
    uint64_t length;
    struct value foreign;
    if (value.length == 0 || (unsigned char)*value.data > 1 || !varint_read(&at, end, &length) ||
        length > (uint64_t)(end - at))
        return false;
    const char *row = at + length;
    *ret_foreign = *value.data ? (struct slice){at, length} : (struct slice){NULL, 0};
    if (*value.data ? !value_read(&at, row, join->plan->left_key->type, arena, &foreign) || at != row : length != 0)
        return false;
    *ret_row = (struct slice){row, (size_t)(end - row)};
    return stored_row_valid(*ret_row, join->plan->left, arena);
}

static int join_foreign_key_load(struct stream_operator *op, struct slice key, struct slice value,
                                 struct error *error) {
    struct join_foreign_key *join = (struct join_foreign_key *)op;
    struct slice name = key.length >= 2 ? (struct slice){key.data + 1, key.length - 1} : key, foreign = {NULL, 0},
                 row = {NULL, 0};
    if (key.length >= 2 && key.data[0] == 'r')
        return row_table_load(&join->right, join->plan->right, name, value, &join->scratch, error);
    bool good = key.length >= 2 && key.data[0] == 'l' &&
                (!value.data || foreign_read_left(join, value, &join->scratch, &foreign, &row));
    arena_reset(&join->scratch);
    if (!good)
        return error_set(error, ERROR_CORRUPT,
                         "an entry of a join's state, key of %zu bytes and value of %zu, is none of its own",
                         key.length, value.length);
    return foreign_set_left(join, name, foreign, row, false) ? 0 : error_no_memory(error);
}

static size_t join_foreign_key_memory(const struct stream_operator *op) {
    const struct join_foreign_key *join = (const struct join_foreign_key *)op;
    return state_table_memory(join->left) + state_table_memory(join->refers) + row_table_memory(&join->right) +
           join->bytes;
}

static void join_foreign_key_free(struct stream_operator *op) {
    struct join_foreign_key *join = (struct join_foreign_key *)op;
    if (!join)
        return;
    join->left = state_table_free(join->left);
    join->refers = state_table_free(join->refers);
    row_table_close(&join->right);
    bytes_release(&join->key);
    bytes_release(&join->foreign);
    bytes_release(&join->row);
    arena_release(&join->scratch);
    free(join);
}

static const struct operator_driver join_foreign_key_driver = {
    .name = "join",
    .push = join_foreign_key_push,
    .advance = join_foreign_key_advance,
    .save = join_foreign_key_save,
    .saved = join_foreign_key_saved,
    .load = join_foreign_key_load,
    .memory = join_foreign_key_memory,
    .free = join_foreign_key_free,
};

static const struct operator_driver join_foreign_replayed_driver = {
    .name = "join",
    .push = join_foreign_key_push,
    .advance = join_foreign_key_advance,
    .memory = join_foreign_key_memory,
    .free = join_foreign_key_free,
};

int join_foreign_key_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                         struct stream_operator **ret_operator, struct error *error) {
    struct join_foreign_key *join = memory_zero(1, sizeof *join);
    if (!join)
        return error_no_memory(error);
    join->op = (struct stream_operator){plan->replayed ? &join_foreign_replayed_driver : &join_foreign_key_driver, next,
                                        next_input};
    join->plan = plan;
    join->left = state_table_new(sizeof(struct foreign_left), foreign_left_release, join);
    join->refers = state_table_new(sizeof(struct foreign_references), foreign_references_release, join);
    if (!join->left || !join->refers || !row_table_open(&join->right)) {
        join_foreign_key_free(&join->op);
        return error_no_memory(error);
    }
    *ret_operator = &join->op;
    return 0;
}
