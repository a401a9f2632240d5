/* Fuzz target: any bytes as a script. What parses prints, and what was printed parses and prints the same again; the
 * places of what was parsed lie in the text; errors begin with their place. */
#include <stdlib.h>

#include "core/memory.h"
#include "sql/syntax/print.h"
#include "sql/syntax/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_expression(const struct expression *node, size_t size) {
    if (node->place.offset > size || node->place.line == 0 || node->place.column == 0 ||
        node->height > AST_HEIGHT_MAXIMUM)
        abort();
    for (size_t i = 0; i < node->child_count; i++) {
        if (node->children[i]->height >= node->height)
            abort();
        check_expression(node->children[i], size);
    }
}

static void check_again(const struct statement *statement) {
    cleanup(bytes_release) struct bytes first = {0}, second = {0};
    cleanup(arena_release) struct arena arena = {0};
    cleanup(variables_release) struct variables variables = {0};
    struct script script;
    struct statement *again = NULL;
    struct error error = {0};
    print_statement(&first, statement);
    if (statement->kind == STATEMENT_UNDEFINE)
        variables_define(&variables, statement->setting.name.name, SLICE(""), &error);
    script_open(&script, bytes_slice(&first), &variables);
    if (script_next(&script, &arena, &again, &error) < 0 || !again || !script_complete(SLICE("")))
        abort();
    print_statement(&second, again);
    if (!slice_equal(bytes_slice(&first), bytes_slice(&second)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(variables_release) struct variables variables = {0};
    struct script script;
    struct slice text = {(const char *)data, size};
    script_open(&script, size ? text : SLICE(""), &variables);
    script_complete(text);
    for (;;) {
        struct error error = {0};
        struct statement *statement = NULL;
        uint32_t before = script.place.offset;
        int status = script_next(&script, &arena, &statement, &error);
        if (status < 0 && strncmp(error.message, "line ", 5) != 0)
            abort();
        if (status == 0 && !statement)
            return 0;
        if (script.place.offset <= before)
            abort();
        if (status < 0)
            continue;
        check_again(statement);
        if (statement->kind == STATEMENT_SELECT && statement->select->where)
            check_expression(statement->select->where, size);
    }
}
