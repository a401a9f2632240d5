/* Inside of the catalog: what it holds, shared between copies by counting references, in lists of its own. The door
 * is catalog.h. */
#ifndef METERLINE_SQL_CATALOG_CATALOG_ITEM_H
#define METERLINE_SQL_CATALOG_CATALOG_ITEM_H

#include "sql/catalog/catalog.h"

/* A source, type or query with the arena that it lies in. Not changed once it is in a list. */
struct catalog_item {
    unsigned references;
    struct arena arena;
    struct slice name;
    struct source source;
    const struct type *type;
    struct catalog_query query;
};

struct catalog_list {
    struct catalog_item **items;
    size_t count, capacity;
};

struct catalog {
    struct catalog_list sources, types; /* in the order of names */
    struct catalog_list queries;        /* in the order of their making */
    uint64_t next_number;               /* of the next query's id */
};

struct catalog_item *catalog_item_new(void); /* with one reference; NULL: no memory */
/* A copy of a source that the query fills; `query` with data NULL: none. NULL: no memory. */
struct catalog_item *catalog_item_source(const struct source *source, struct slice query);
struct catalog_item *catalog_item_release(struct catalog_item *item); /* returns NULL */

bool catalog_list_copy(const struct catalog_list *list, struct catalog_list *ret_copy);
void catalog_list_release(struct catalog_list *list);
/* Where the name is, or belongs. */
size_t catalog_list_find(const struct catalog_list *list, struct slice name, bool *ret_found);
/* Takes over the reference, also when it fails: false, no memory. */
bool catalog_list_insert(struct catalog_list *list, size_t index, struct catalog_item *item);
void catalog_list_replace(struct catalog_list *list, size_t index, struct catalog_item *item);
void catalog_list_remove(struct catalog_list *list, size_t index);
/* ERROR_NOT_FOUND: "there is no WHAT NAME; did you mean ..?" */
int catalog_list_missing(const struct catalog_list *list, const char *what, const struct identifier *name,
                         struct error *error);

#endif
