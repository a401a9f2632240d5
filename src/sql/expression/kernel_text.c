/* Texts: joining them, and LIKE.
 *
 * LIKE: % stands for any characters, _ for one that ends no line (as . of Java's regular expressions), both for
 * themselves behind the ESCAPE character. The whole text must match. A pattern that is a constant is looked at once:
 * most are a text with a % at one end, both or none. */
#include "core/text.h"
#include "sql/expression/node.h"

struct text_node {
    struct node node;
    enum expression_operator op;
    const struct node *left, *right;
};

/* --- + and ||
 * ------------------------------------------------------------------------------------------------------------------ */

/* False: no memory. */
static bool concat_row(struct arena *arena, struct slice left, struct slice right, struct slice *ret_text) {
    char *text = arena_allocate(arena, left.length + right.length + 1);
    if (!text)
        return false;
    if (left.length)
        memcpy(text, left.data, left.length);
    if (right.length)
        memcpy(text + left.length, right.data, right.length);
    *ret_text = (struct slice){text, left.length + right.length};
    return true;
}

static bool concat_run(const struct node *node, struct node_run *run, const struct selection *selected,
                       struct vector *ret_vector) {
    const struct text_node *concat = (const struct text_node *)node;
    struct vector a, b, result;
    if (!node_run(concat->left, run, selected, &a) || !node_run(concat->right, run, selected, &b) ||
        !node_allocate(run, node->type, &result))
        return false;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], x = row & a.mask, y = row & b.mask;
        struct slice left = a.nulls[x] ? SLICE("") : a.texts[x], right = b.nulls[y] ? SLICE("") : b.texts[y];
        bool null = (a.nulls[x] | b.nulls[y]) && concat->op == OPERATOR_ADD,
             large = left.length + right.length > FUNCTION_TEXT_MAXIMUM, done;
        result.nulls[row] = null || large;
        if (null)
            done = node_fail(run, row, "an operand of + is NULL");
        else if (large)
            done = node_fail(run, row, "the text is longer than %d bytes", FUNCTION_TEXT_MAXIMUM);
        else
            done = concat_row(run->evaluation->arena, left, right, &result.texts[row]);
        if (!done)
            return false;
    }
    *ret_vector = result;
    return true;
}

struct node *node_concat(struct arena *arena, enum expression_operator op, const struct node *left,
                         const struct node *right) {
    struct text_node *made = node_new(arena, sizeof *made, &type_string, concat_run, left->varies || right->varies);
    if (!made)
        return NULL;
    made->op = op;
    made->left = left;
    made->right = right;
    return &made->node;
}

/* --- LIKE
 * ------------------------------------------------------------------------------------------------------------------ */

enum like_shape { LIKE_ANY, LIKE_EXACT, LIKE_BEGINS, LIKE_ENDS, LIKE_HOLDS };

struct like_node {
    struct node node;
    const struct node *operand, *pattern;
    struct slice escape; /* one character, or length 0: none */
    bool negated;
    enum like_shape shape; /* of a constant pattern */
    struct slice part;     /* what is not % of it */
};

/* The end of a line: U+000A, U+000D, U+0085, U+2028, U+2029. */
static bool like_ends_line(const char *at, size_t length) {
    if (length == 1)
        return *at == '\n' || *at == '\r';
    if (length == 2)
        return memcmp(at, "\xc2\x85", 2) == 0;
    return length == 3 && (memcmp(at, "\xe2\x80\xa8", 3) == 0 || memcmp(at, "\xe2\x80\xa9", 3) == 0);
}

static size_t like_character(struct slice text, size_t at) {
    size_t length = utf8_length(text.data + at, text.length - at);
    return length ? length : 1;
}

static bool like_at_escape(struct slice pattern, size_t at, struct slice escape) {
    return escape.length && pattern.length - at >= escape.length &&
           memcmp(pattern.data + at, escape.data, escape.length) == 0;
}

/* One step of the pattern at `*at`, which is no %, against the text at `*in`. */
static bool like_step(struct slice pattern, size_t *at, struct slice text, size_t *in, struct slice escape) {
    if (*in >= text.length)
        return false;
    bool escaped = like_at_escape(pattern, *at, escape);
    if (pattern.data[*at] == '_' && !escaped) {
        size_t length = like_character(text, *in);
        if (like_ends_line(text.data + *in, length))
            return false;
        *in += length;
        *at += 1;
        return true;
    }
    size_t skipped = escaped && *at + escape.length < pattern.length ? escape.length : 0;
    if (pattern.data[*at + skipped] != text.data[*in])
        return false;
    *at += 1 + skipped;
    *in += 1;
    return true;
}

/* When a step fails, the last % takes one character more. */
static bool like_matches(struct slice pattern, struct slice text, struct slice escape) {
    size_t at = 0, in = 0, behind = SIZE_MAX, resume = 0;
    while (in < text.length || at < pattern.length) {
        if (at < pattern.length && pattern.data[at] == '%' && !like_at_escape(pattern, at, escape)) {
            behind = ++at;
            resume = in;
            if (at == pattern.length)
                return true;
        } else if (at >= pattern.length || !like_step(pattern, &at, text, &in, escape)) {
            if (behind == SIZE_MAX || resume >= text.length)
                return false;
            at = behind;
            resume += like_character(text, resume);
            in = resume;
        }
    }
    return true;
}

static bool like_holds(const struct like_node *like, struct slice pattern, struct slice text) {
    struct slice part = like->part;
    switch (like->shape) {
    case LIKE_EXACT:
        return slice_equal(text, part);
    case LIKE_BEGINS:
        return text.length >= part.length && memcmp(text.data, part.data, part.length) == 0;
    case LIKE_ENDS:
        return text.length >= part.length && memcmp(text.data + text.length - part.length, part.data, part.length) == 0;
    case LIKE_HOLDS:
        return memmem(text.data, text.length, part.data, part.length);
    default:
        return like_matches(pattern, text, like->escape);
    }
}

static bool like_run(const struct node *node, struct node_run *run, const struct selection *selected,
                     struct vector *ret_vector) {
    const struct like_node *like = (const struct like_node *)node;
    struct vector operand, pattern, result;
    if (!node_run(like->operand, run, selected, &operand) || !node_run(like->pattern, run, selected, &pattern) ||
        !node_allocate(run, node->type, &result))
        return false;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], x = row & operand.mask, y = row & pattern.mask;
        bool null = operand.nulls[x] | pattern.nulls[y];
        result.nulls[row] = null;
        result.booleans[row] = !null && like_holds(like, pattern.texts[y], operand.texts[x]) != like->negated;
        if (null && !node_fail(run, row, "an operand of LIKE is NULL"))
            return false;
    }
    *ret_vector = result;
    return true;
}

/* Patterns with _ or ESCAPE, or a % in the middle, are matched step by step. */
static void like_look_at(struct like_node *like, struct slice pattern) {
    bool begins = pattern.length > 0 && pattern.data[0] == '%',
         ends = pattern.length > 1 && pattern.data[pattern.length - 1] == '%';
    struct slice part = {pattern.data + begins, pattern.length - begins - ends};
    if (like->escape.length || part.length == 0 || memchr(part.data, '%', part.length) ||
        memchr(part.data, '_', part.length))
        return;
    like->part = part;
    like->shape = begins && ends ? LIKE_HOLDS : begins ? LIKE_ENDS : ends ? LIKE_BEGINS : LIKE_EXACT;
}

struct node *node_like(struct arena *arena, const struct node *operand, const struct node *pattern, struct slice escape,
                       bool negated) {
    struct like_node *made = node_new(arena, sizeof *made, &type_boolean, like_run, operand->varies || pattern->varies);
    if (!made)
        return NULL;
    made->operand = operand;
    made->pattern = pattern;
    made->escape = escape;
    made->negated = negated;
    const struct constant_node *constant = (const struct constant_node *)pattern;
    if (pattern->kind == NODE_CONSTANT && !constant->value.null)
        like_look_at(made, constant->value.text);
    return &made->node;
}
