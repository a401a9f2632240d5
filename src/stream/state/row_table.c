/* Entries of a state table with a stored row each; the row is a block of its own that is replaced when it changes. */
#include "stream/state/row_table.h"

#include "core/memory.h"
#include "stream/state/stored_row.h"

struct row_entry {
    char *data;
    size_t length;
};

static void row_entry_release(void *context, void *item) {
    struct row_table *table = context;
    struct row_entry *entry = item;
    table->bytes -= entry->length;
    free(entry->data);
}

bool row_table_open(struct row_table *table) {
    *table = (struct row_table){.entries = state_table_new(sizeof(struct row_entry), row_entry_release, table)};
    return table->entries != NULL;
}

void row_table_close(struct row_table *table) {
    table->entries = state_table_free(table->entries);
}

struct slice row_table_find(const struct row_table *table, struct slice key) {
    const struct row_entry *entry = state_table_find(table->entries, key);
    return entry ? (struct slice){entry->data, entry->length} : (struct slice){NULL, 0};
}

bool row_table_set(struct row_table *table, struct slice key, struct slice row, bool logged) {
    struct row_entry *entry;
    if (!row.data) {
        entry = state_table_find(table->entries, key);
        return !entry || state_table_remove(table->entries, entry, logged);
    }
    bool new;
    char *copy = malloc(row.length ? row.length : 1);
    entry = copy ? state_table_put(table->entries, key, &new) : NULL;
    if (!entry) {
        free(copy);
        return false;
    }
    memcpy(copy, row.data, row.length);
    free(entry->data);
    table->bytes += row.length - entry->length;
    *entry = (struct row_entry){copy, row.length};
    return !logged || state_table_mark(table->entries, entry);
}

struct row_table_visit {
    int (*visit)(void *context, struct slice key, struct slice row);
    void *context;
};

static int row_table_visit_entry(void *context, struct slice key, void *item) {
    const struct row_table_visit *visit = context;
    const struct row_entry *entry = item;
    return visit->visit(visit->context, key, (struct slice){entry->data, entry->length});
}

int row_table_each(const struct row_table *table, int (*visit)(void *context, struct slice key, struct slice row),
                   void *context) {
    struct row_table_visit all = {visit, context};
    return state_table_each(table->entries, row_table_visit_entry, &all);
}

struct row_table_saving {
    char prefix;
    state_save *each;
    void *context;
    struct bytes key;
    struct error *error;
};

static int row_table_save_entry(void *context, struct slice key, const void *item) {
    struct row_table_saving *saving = context;
    const struct row_entry *entry = item;
    saving->key.length = 0;
    bytes_append_char(&saving->key, saving->prefix);
    bytes_append_slice(&saving->key, key);
    if (saving->key.failed)
        return error_no_memory(saving->error);
    struct slice row = entry ? (struct slice){entry->data, entry->length} : (struct slice){NULL, 0};
    return saving->each(saving->context, bytes_slice(&saving->key), row, saving->error);
}

int row_table_save(const struct row_table *table, char prefix, state_save *each, void *context, struct error *error) {
    struct row_table_saving saving = {.prefix = prefix, .each = each, .context = context, .error = error};
    int status = state_table_each_dirty(table->entries, row_table_save_entry, &saving);
    bytes_release(&saving.key);
    return status < 0 ? status : 0;
}

void row_table_saved(struct row_table *table) {
    state_table_clean(table->entries);
}

int row_table_load(struct row_table *table, const struct row_schema *schema, struct slice key, struct slice row,
                   struct arena *arena, struct error *error) {
    bool good = !row.data || stored_row_valid(row, schema, arena);
    arena_reset(arena);
    if (!good)
        return error_set(error, ERROR_CORRUPT, "an entry of a table's state of %zu bytes is no row of it", row.length);
    return row_table_set(table, key, row, false) ? 0 : error_no_memory(error);
}

size_t row_table_memory(const struct row_table *table) {
    return state_table_memory(table->entries) + table->bytes;
}
