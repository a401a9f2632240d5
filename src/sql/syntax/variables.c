/* A short list, searched from the front: sessions have few variables. */
#include "sql/syntax/variables.h"

#include "core/memory.h"
#include <stdlib.h>
#include <strings.h>

static bool variables_same(struct slice a, struct slice b) {
    return a.length == b.length && strncasecmp(a.data, b.data, a.length) == 0;
}

static bool variables_copy_text(struct slice from, struct slice *ret_copy) {
    char *copy = malloc(from.length + 1);
    if (!copy)
        return false;
    memcpy(copy, from.data, from.length);
    copy[from.length] = '\0';
    *ret_copy = (struct slice){copy, from.length};
    return true;
}

const struct variable *variables_find(const struct variables *variables, struct slice name) {
    for (size_t i = 0; i < variables->count; i++)
        if (variables_same(variables->items[i].name, name))
            return &variables->items[i];
    return NULL;
}

int variables_define(struct variables *variables, struct slice name, struct slice value, struct error *error) {
    struct variable *old = (struct variable *)variables_find(variables, name), added;
    if (!variables_copy_text(value, &added.value))
        return error_no_memory(error);
    if (old) {
        free((char *)old->value.data);
        old->value = added.value;
        return 0;
    }
    if (variables->count >= VARIABLES_MAXIMUM) {
        free((char *)added.value.data);
        return error_set(error, ERROR_INVALID, "more than %d variables; UNDEFINE some first", VARIABLES_MAXIMUM);
    }
    if (!memory_reserve((void **)&variables->items, &variables->capacity, variables->count + 1,
                        sizeof *variables->items) ||
        !variables_copy_text(name, &added.name)) {
        free((char *)added.value.data);
        return error_no_memory(error);
    }
    variables->items[variables->count++] = added;
    return 0;
}

static void variables_free(const struct variable *variable) {
    free((char *)variable->name.data);
    free((char *)variable->value.data);
}

bool variables_undefine(struct variables *variables, struct slice name) {
    const struct variable *found = variables_find(variables, name);
    if (!found)
        return false;
    size_t at = (size_t)(found - variables->items);
    variables_free(found);
    memmove(variables->items + at, variables->items + at + 1, (variables->count - at - 1) * sizeof *variables->items);
    variables->count--;
    return true;
}

void variables_release(struct variables *variables) {
    for (size_t i = 0; i < variables->count; i++)
        variables_free(&variables->items[i]);
    free(variables->items);
    *variables = (struct variables){0};
}

bool variables_copy(const struct variables *variables, struct variables *ret_copy) {
    struct variables copy = {0};
    for (size_t i = 0; i < variables->count; i++)
        if (variables_define(&copy, variables->items[i].name, variables->items[i].value, NULL)) {
            variables_release(&copy);
            return false;
        }
    *ret_copy = copy;
    return true;
}
