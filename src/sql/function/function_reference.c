#include "sql/function/function_reference.h"

#include "sql/function/function.h"
#include "stream/aggregate/aggregate_function.h"

static const char *const reference_categories[] = {"Numeric",       "String",        "Regular expressions", "Bytes",
                                                   "Date and time", "Null handling", "Collections",         "Lambdas",
                                                   "JSON",          "URL",           "Table functions"};

static void reference_title(struct bytes *to, const char *title) {
    bytes_append_format(to, "\n## %s\n\n| Function | What it gives |\n|---|---|\n", title);
}

/* A row of a table; what would end a cell is escaped. */
static void reference_row(struct bytes *to, const char *signature, const char *description) {
    bytes_append_format(to, "| `%s` | ", signature);
    for (const char *at = description; *at; at++) {
        if (strchr("|<>*_\\", *at))
            bytes_append_char(to, '\\');
        bytes_append_char(to, *at);
    }
    bytes_append_string(to, " |\n");
}

void functions_markdown(struct bytes *to) {
    size_t count, aggregate_count;
    const struct function *const *functions = functions_all(&count);
    const struct aggregate_function *const *aggregates = aggregate_functions(&aggregate_count);
    bytes_append_string(
        to,
        "# Functions\n\nMade from the tables in the source. Where nothing else is said, a NULL argument gives NULL.\n");
    for (size_t i = 0; i < sizeof reference_categories / sizeof *reference_categories; i++) {
        reference_title(to, reference_categories[i]);
        for (size_t j = 0; j < count; j++)
            if (strcmp(functions[j]->category, reference_categories[i]) == 0)
                reference_row(to, functions[j]->signature, functions[j]->description);
    }
    reference_title(to, "Aggregates");
    for (size_t i = 0; i < aggregate_count; i++)
        reference_row(to, aggregates[i]->signature, aggregates[i]->description);
}
