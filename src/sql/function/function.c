#include "sql/function/function.h"

#include "sql/function/library/functions.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct function_list *const function_lists[] = {
    &functions_numeric,       &functions_trigonometric, &functions_text,
    &functions_text_case,     &functions_text_parts,    &functions_regular_expressions,
    &functions_null_handling, &functions_time,          &functions_time_text,
    &functions_arrays,        &functions_array_order,   &functions_maps,
    &functions_lambdas,       &functions_json,          &functions_url,
    &functions_bytes,         &functions_geography,     &functions_table,
};

/* All functions by name: made once from the tables, then only read. */
enum { FUNCTIONS_MAXIMUM = 256 };

static struct {
    pthread_once_t once;
    const struct function *functions[FUNCTIONS_MAXIMUM];
    size_t count;
} function_index = {.once = PTHREAD_ONCE_INIT};

static int function_order(const void *a, const void *b) {
    const struct function *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static void function_index_make(void) {
    for (size_t i = 0; i < sizeof function_lists / sizeof *function_lists; i++)
        for (size_t j = 0; j < function_lists[i]->count && function_index.count < FUNCTIONS_MAXIMUM; j++)
            function_index.functions[function_index.count++] = &function_lists[i]->functions[j];
    qsort(function_index.functions, function_index.count, sizeof *function_index.functions, function_order);
}

const struct function *const *functions_all(size_t *ret_count) {
    pthread_once(&function_index.once, function_index_make);
    *ret_count = function_index.count;
    return function_index.functions;
}

/* The order of a word, in any case, to a name. */
static int function_compare(struct slice word, const char *name) {
    for (size_t i = 0; i < word.length; i++) {
        char c = word.data[i] >= 'a' && word.data[i] <= 'z' ? (char)(word.data[i] - 32) : word.data[i];
        if (c != name[i] || !c)
            return (unsigned char)c < (unsigned char)name[i] ? -1 : 1;
    }
    return name[word.length] ? -1 : 0;
}

const struct function *function_find(struct slice name) {
    size_t low = 0, high;
    const struct function *const *functions = functions_all(&high);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = function_compare(name, functions[middle]->name);
        if (order == 0)
            return functions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
