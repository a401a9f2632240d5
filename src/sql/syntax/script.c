/* A statement's way: find its semicolon in the text as written, fill in variables, remember where they stood, parse. */
#include "sql/syntax/script.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "core/text.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/parser.h"

void script_open(struct script *script, struct slice text, struct variables *variables) {
    *script = (struct script){text, {.line = 1, .column = 1}, variables};
}

/* --- cutting
 * ------------------------------------------------------------------------------------------------------------------ */

struct script_cut {
    size_t start, end; /* the statement, without space around nor the semicolon; empty when there is none */
    size_t next;       /* after the semicolon */
    bool semicolon;
    bool finished; /* no quote or comment was left open */
};

static bool script_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static struct script_cut script_cut(struct slice text, size_t from) {
    struct script_cut cut = {.start = text.length, .finished = true};
    size_t at = from, length;
    for (; at < text.length && text.data[at] != ';'; at += length) {
        bool comment, finished;
        length = lexer_skip_length(text, at, &comment, &finished);
        bool blank = (comment && finished) || script_space(text.data[at]);
        if (length == 0)
            length = 1;
        else
            cut.finished = finished;
        if (!blank) {
            if (cut.start > at)
                cut.start = at;
            cut.end = at + length;
        }
    }
    if (cut.end == 0)
        cut.start = cut.end = at;
    cut.semicolon = at < text.length;
    cut.next = at + cut.semicolon;
    return cut;
}

bool script_complete(struct slice text) {
    for (size_t at = 0; at < text.length;) {
        struct script_cut cut = script_cut(text, at);
        if (!cut.semicolon)
            return cut.finished && cut.start == cut.end;
        at = cut.next;
    }
    return true;
}

/* Moves the script to `offset`; what is passed must be UTF-8 without NUL bytes. */
static int script_move(struct script *script, size_t offset, struct error *error) {
    while (script->place.offset < offset) {
        const char *at = script->text.data + script->place.offset;
        size_t length = utf8_length(at, script->text.length - script->place.offset);
        if (length == 0)
            return place_error(error, script->place, "the byte 0x%02x is not UTF-8; statements are text in UTF-8",
                               (unsigned char)*at);
        if (*at == '\0')
            return place_error(error, script->place, "a NUL byte cannot stand here");
        place_advance(&script->place, at, length);
    }
    return 0;
}

/* --- variables
 * ------------------------------------------------------------------------------------------------------------------ */

struct script_filling {
    struct script *script; /* stands at what is copied next */
    size_t end, quote_end; /* of the statement; of the quoted text that is being copied */
    struct bytes text;
    struct lexer_patch *patches;
    size_t patch_count, patch_capacity;
};

static void script_filling_release(struct script_filling *filling) {
    bytes_release(&filling->text);
    free(filling->patches);
}

static bool script_name_byte(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The length of "${name}" at `at`, or 0. */
static size_t script_reference(struct slice text, size_t at, size_t end) {
    size_t next = at + 2;
    if (end - at < 4 || text.data[at] != '$' || text.data[at + 1] != '{')
        return 0;
    while (next < end && script_name_byte(text.data[next]))
        next++;
    return next > at + 2 && next < end && text.data[next] == '}' ? next + 1 - at : 0;
}

/* Puts `value` in the place of `length` bytes of the script. */
static int script_patch(struct script_filling *filling, size_t length, struct slice value, struct error *error) {
    if (!memory_reserve((void **)&filling->patches, &filling->patch_capacity, filling->patch_count + 1,
                        sizeof *filling->patches))
        return error_no_memory(error);
    struct lexer_patch patch = {.start = filling->text.length, .place = filling->script->place};
    bytes_append_slice(&filling->text, value);
    patch.end = filling->text.length;
    int status = script_move(filling->script, filling->script->place.offset + length, error);
    patch.after = filling->script->place;
    filling->patches[filling->patch_count++] = patch;
    return status;
}

static int script_copy(struct script_filling *filling, size_t end, struct error *error) {
    struct script *script = filling->script;
    size_t from = script->place.offset;
    int status = script_move(script, end, error);
    bytes_append(&filling->text, script->text.data + from, script->place.offset - from);
    return status;
}

/* Copies one comment or character, or fills in one variable. */
static int script_fill_step(struct script_filling *filling, struct error *error) {
    struct script *script = filling->script;
    struct slice text = script->text;
    size_t at = script->place.offset;
    if (at >= filling->quote_end) {
        bool comment, finished;
        size_t skip = lexer_skip_length(text, at, &comment, &finished);
        if (comment)
            return script_copy(filling, at + skip, error);
        filling->quote_end = at + skip;
    }
    size_t reference = script_reference(text, at, filling->end);
    const struct variable *variable =
        reference ? variables_find(script->variables, (struct slice){text.data + at + 2, reference - 3}) : NULL;
    if (variable)
        return script_patch(filling, reference, variable->value, error);
    if (filling->end - at >= 3 && memcmp(text.data + at, "$${", 3) == 0)
        return script_patch(filling, 3, SLICE("${"), error);
    return script_copy(filling, at + 1, error);
}

/* Copies the script up to filling->end, with variables filled in. */
static int script_fill(struct script_filling *filling, struct error *error) {
    while (filling->script->place.offset < filling->end) {
        int status = script_fill_step(filling, error);
        if (status < 0)
            return status;
        if (filling->text.length > SCRIPT_STATEMENT_MAXIMUM)
            return place_error(error, filling->script->place,
                               "with its variables filled in the statement is longer than %d bytes",
                               SCRIPT_STATEMENT_MAXIMUM);
    }
    return filling->text.failed ? error_no_memory(error) : 0;
}

/* --- statements
 * ------------------------------------------------------------------------------------------------------------------ */

/* The text to parse, with its lexer. The script moves after the statement. */
static int script_prepare(struct script *script, struct script_cut cut, struct arena *arena, struct lexer *ret_lexer,
                          struct error *error) {
    struct slice text = {script->text.data + cut.start, cut.end - cut.start};
    *ret_lexer = (struct lexer){.text = text, .place = script->place};
    if (!script->variables || !memmem(text.data, text.length, "${", 2))
        return script_move(script, cut.end, error);
    cleanup(script_filling_release) struct script_filling filling = {.script = script, .end = cut.end};
    int status = script_fill(&filling, error);
    if (status < 0)
        return status;
    ret_lexer->text = arena_copy(arena, bytes_slice(&filling.text));
    struct lexer_patch *patches = arena_allocate(arena, filling.patch_count * sizeof *patches);
    if (!ret_lexer->text.data || !patches)
        return error_no_memory(error);
    if (filling.patch_count)
        memcpy(patches, filling.patches, filling.patch_count * sizeof *patches);
    ret_lexer->patches = patches;
    ret_lexer->patch_count = filling.patch_count;
    return 0;
}

static int script_set_variable(struct script *script, const struct statement *statement, struct error *error) {
    const struct identifier *name = &statement->setting.name;
    if (statement->kind == STATEMENT_DEFINE &&
        variables_define(script->variables, name->name, statement->setting.value, error) < 0)
        return place_error(error, name->place, "%s", error ? error->message : "");
    if (statement->kind == STATEMENT_UNDEFINE && !variables_undefine(script->variables, name->name))
        return place_error(error, name->place, "the variable %.*s is not defined", (int)name->name.length,
                           name->name.data);
    return 0;
}

static int script_read(struct script *script, struct script_cut cut, struct arena *arena,
                       struct statement **ret_statement, struct error *error) {
    struct lexer lexer;
    struct statement *statement;
    if (cut.end - cut.start > SCRIPT_STATEMENT_MAXIMUM)
        return place_error(error, script->place, "the statement is longer than %d bytes", SCRIPT_STATEMENT_MAXIMUM);
    int status = script_prepare(script, cut, arena, &lexer, error);
    if (status == 0)
        status = parser_statement(&lexer, arena, &statement, error);
    if (status == 0 && script->variables)
        status = script_set_variable(script, statement, error);
    if (status == 0)
        *ret_statement = statement;
    return status;
}

/* After the statement even when something in it cannot be passed. */
static void script_leave(struct script *script, struct script_cut cut) {
    struct error ignored;
    while (script_move(script, cut.next, &ignored) < 0)
        place_advance(&script->place, script->text.data + script->place.offset, 1);
}

int script_next(struct script *script, struct arena *arena, struct statement **ret_statement, struct error *error) {
    if (script->text.length > UINT32_MAX / 2)
        return error_set(error, ERROR_INVALID, "a script of more than 2 GB");
    while (script->place.offset < script->text.length) {
        struct script_cut cut = script_cut(script->text, script->place.offset);
        int status = script_move(script, cut.start, error);
        if (status == 0 && cut.start < cut.end)
            status = script_read(script, cut, arena, ret_statement, error);
        script_leave(script, cut);
        if (status < 0 || cut.start < cut.end)
            return status;
    }
    *ret_statement = NULL;
    return 0;
}

int script_expression(struct slice text, struct arena *arena, struct expression **ret_expression, struct error *error) {
    struct script script;
    script_open(&script, text, NULL);
    struct lexer lexer = {.text = text, .place = script.place};
    int status = script_move(&script, text.length, error);
    return status < 0 ? status : parser_lone_expression(&lexer, arena, ret_expression, error);
}

int script_type_name(struct slice text, struct arena *arena, struct type_name **ret_type, struct error *error) {
    struct script script;
    script_open(&script, text, NULL);
    struct lexer lexer = {.text = text, .place = script.place};
    int status = script_move(&script, text.length, error);
    return status < 0 ? status : parser_lone_type(&lexer, arena, ret_type, error);
}
