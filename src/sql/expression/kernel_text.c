/* Texts: joining them, and LIKE.
 *
 * LIKE: % stands for any characters, _ for one that ends no line (as . of Java's regular expressions), both for
 * themselves after the ESCAPE character. The whole text must match. A pattern that is a constant is looked at once:
 * most are a text with a % at one end, both or none. */
#include "core/text.h"
#include "sql/expression/node.h"

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
    const struct binary_node *concat = (const struct binary_node *)node;
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
    return node_binary(arena, &type_string, concat_run, op, left, right);
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

/* A pattern is segments with a % between each two. The first stands at the text's beginning, the last at its end, and
 * those in the middle where they fit first, one after the other: taking an earlier place never rules out a later one.
 *
 *     pattern   ab%c_d%%e%fg       segments  ab | c_d |  | e | fg
 *     text      ab....cxd....e.....fg
 *
 * A segment without _ and ESCAPE is found in linear time. One with them is tried character by character, within a
 * number of steps that grows with the text only: a pattern and a text from outside cannot hold up a worker. */
enum { LIKE_END = -1, LIKE_ONE = 256, LIKE_MANY = 257 }; /* tokens beside the bytes that stand for themselves */
enum { LIKE_STEPS = 10000000, LIKE_STEPS_BYTE = 8 };
enum like_result { LIKE_NO, LIKE_YES, LIKE_TOO_LONG };

struct like_search {
    struct slice pattern, text, escape;
    size_t at, in; /* where the pattern and the text go on */
    int64_t steps; /* that are left */
};

struct like_segment {
    size_t begin, end; /* in the pattern, without the % */
    size_t characters;
    bool plain; /* its bytes stand for themselves */
    bool last;
};

static int like_token(const struct like_search *search, size_t *at) {
    struct slice pattern = search->pattern;
    if (*at >= pattern.length)
        return LIKE_END;
    bool escaped = like_at_escape(pattern, *at, search->escape);
    size_t skipped = escaped && *at + search->escape.length < pattern.length ? search->escape.length : 0;
    unsigned char byte = (unsigned char)pattern.data[*at + skipped];
    *at += skipped + 1;
    return escaped ? byte : byte == '%' ? LIKE_MANY : byte == '_' ? LIKE_ONE : byte;
}

static struct like_segment like_next_segment(struct like_search *search) {
    struct like_segment segment = {.begin = search->at, .plain = search->escape.length == 0};
    for (;;) {
        segment.end = search->at;
        int token = like_token(search, &search->at);
        segment.last = token == LIKE_END;
        if (token == LIKE_END || token == LIKE_MANY)
            return segment;
        segment.plain &= token != LIKE_ONE;
        segment.characters += token == LIKE_ONE || (token & 0xc0) != 0x80;
    }
}

/* Does the segment stand at `*in` of the text, which then moves after it? */
static bool like_stands(struct like_search *search, const struct like_segment *segment, size_t *in) {
    struct slice text = search->text;
    size_t at = segment->begin, to = *in;
    while (at < segment->end) {
        int token = like_token(search, &at);
        search->steps--;
        if (to >= text.length)
            return false;
        size_t length = token == LIKE_ONE ? like_character(text, to) : 1;
        if (token == LIKE_ONE ? like_ends_line(text.data + to, length) : token != (unsigned char)text.data[to])
            return false;
        to += length;
    }
    *in = to;
    return true;
}

static enum like_result like_find(struct like_search *search, const struct like_segment *segment) {
    struct slice text = search->text;
    if (segment->plain) {
        size_t length = segment->end - segment->begin;
        const char *found =
            memmem(text.data + search->in, text.length - search->in, search->pattern.data + segment->begin, length);
        search->in = found ? (size_t)(found - text.data) + length : search->in;
        return found ? LIKE_YES : LIKE_NO;
    }
    for (size_t from = search->in; from < text.length; from += like_character(text, from)) {
        size_t in = from;
        if (like_stands(search, segment, &in)) {
            search->in = in;
            return LIKE_YES;
        }
        if (search->steps < 0)
            return LIKE_TOO_LONG;
    }
    return LIKE_NO;
}

/* The last segment can only begin so many characters before the text's end. */
static enum like_result like_ends(struct like_search *search, const struct like_segment *segment) {
    struct slice text = search->text;
    size_t from = text.length;
    for (size_t left = segment->characters; left && from > search->in;)
        left -= ((unsigned char)text.data[--from] & 0xc0) != 0x80;
    return like_stands(search, segment, &from) && from == text.length ? LIKE_YES : LIKE_NO;
}

static enum like_result like_matches(struct slice pattern, struct slice text, struct slice escape) {
    struct like_search search = {pattern, text, escape, 0, 0, LIKE_STEPS + (int64_t)text.length * LIKE_STEPS_BYTE};
    struct like_segment segment = like_next_segment(&search);
    if (!like_stands(&search, &segment, &search.in))
        return LIKE_NO;
    if (segment.last)
        return search.in == text.length ? LIKE_YES : LIKE_NO;
    for (;;) {
        segment = like_next_segment(&search);
        if (segment.last)
            return like_ends(&search, &segment);
        enum like_result result = segment.end > segment.begin ? like_find(&search, &segment) : LIKE_YES;
        if (result != LIKE_YES)
            return result;
    }
}

static enum like_result like_holds(const struct like_node *like, struct slice pattern, struct slice text) {
    struct slice part = like->part;
    switch (like->shape) {
    case LIKE_EXACT:
        return slice_equal(text, part) ? LIKE_YES : LIKE_NO;
    case LIKE_BEGINS:
        return text.length >= part.length && memcmp(text.data, part.data, part.length) == 0 ? LIKE_YES : LIKE_NO;
    case LIKE_ENDS:
        return text.length >= part.length && memcmp(text.data + text.length - part.length, part.data, part.length) == 0
                   ? LIKE_YES
                   : LIKE_NO;
    case LIKE_HOLDS:
        return memmem(text.data, text.length, part.data, part.length) ? LIKE_YES : LIKE_NO;
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
        enum like_result holds = null ? LIKE_NO : like_holds(like, pattern.texts[y], operand.texts[x]);
        result.nulls[row] = null || holds == LIKE_TOO_LONG;
        result.booleans[row] = !result.nulls[row] && (holds == LIKE_YES) != like->negated;
        if (null && !node_fail(run, row, "an operand of LIKE is NULL"))
            return false;
        if (holds == LIKE_TOO_LONG &&
            !node_fail(run, row, "LIKE takes too many steps: a pattern of %zu bytes, a text of %zu",
                       pattern.texts[y].length, operand.texts[x].length))
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
