/* A list is sorted by name and shared between copies of a catalog until one of them changes it; items are counted and
 * freed with their last user. */
#include "sql/catalog/catalog_item.h"

#include "core/memory.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include <stdlib.h>

struct catalog_item *catalog_item_new(void) {
    struct catalog_item *item = memory_zero(1, sizeof *item);
    if (item)
        item->references = 1;
    return item;
}

struct catalog_item *catalog_item_release(struct catalog_item *item) {
    if (item && --item->references == 0) {
        arena_release(&item->arena);
        free(item);
    }
    return NULL;
}

bool catalog_list_copy(const struct catalog_list *list, struct catalog_list *ret_copy) {
    struct catalog_list copy = {0};
    if (list->count &&
        !memory_reserve((void **)&copy.items, &copy.capacity, list->count, sizeof(struct catalog_item *)))
        return false;
    for (; copy.count < list->count; copy.count++) {
        copy.items[copy.count] = list->items[copy.count];
        copy.items[copy.count]->references++;
    }
    *ret_copy = copy;
    return true;
}

void catalog_list_release(struct catalog_list *list) {
    for (size_t i = 0; i < list->count; i++)
        catalog_item_release(list->items[i]);
    free(list->items);
    *list = (struct catalog_list){0};
}

size_t catalog_list_find(const struct catalog_list *list, struct slice name, bool *ret_found) {
    size_t low = 0, high = list->count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(name, list->items[middle]->name);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool catalog_list_insert(struct catalog_list *list, size_t index, struct catalog_item *item) {
    if (!memory_reserve((void **)&list->items, &list->capacity, list->count + 1, sizeof(struct catalog_item *))) {
        catalog_item_release(item);
        return false;
    }
    memmove(list->items + index + 1, list->items + index, (list->count - index) * sizeof(struct catalog_item *));
    list->items[index] = item;
    list->count++;
    return true;
}

void catalog_list_replace(struct catalog_list *list, size_t index, struct catalog_item *item) {
    catalog_item_release(list->items[index]);
    list->items[index] = item;
}

void catalog_list_remove(struct catalog_list *list, size_t index) {
    catalog_item_release(list->items[index]);
    memmove(list->items + index, list->items + index + 1, (list->count - index - 1) * sizeof(struct catalog_item *));
    list->count--;
}

int catalog_list_missing(const struct catalog_list *list, const char *what, const struct identifier *name,
                         struct error *error) {
    char suggestion[NAMES_SUGGESTION_SIZE] = "";
    const char **names = memory_resize(NULL, list->count + 1, sizeof *names);
    for (size_t i = 0; names && i < list->count; i++)
        names[i] = list->items[i]->name.data;
    if (names)
        names_suggest(suggestion, name->name, names, list->count);
    free(names);
    place_error(error, name->place, "there is no %s %.*s%s", what, names_shown(name->name), name->name.data,
                suggestion);
    if (error)
        error->code = ERROR_NOT_FOUND;
    return ERROR_NOT_FOUND;
}
