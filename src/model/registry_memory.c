/* Entries stand in the order of their ids; a look-up by subject goes from the newest back. */
#include "model/registry_memory.h"

#include <pthread.h>

#include "core/memory.h"

struct registry_entry {
    struct slice subject, schema;
    enum schema_kind kind;
};

struct registry_memory {
    struct registry registry;
    pthread_mutex_t lock; /* of what follows */
    struct arena arena;
    struct registry_entry *entries; /* id - 1 */
    size_t count, capacity;
};

static int find_locked(const struct registry_memory *memory, enum schema_kind kind, int32_t id, struct arena *arena,
                       struct slice *ret_schema, struct error *error) {
    if (id < 1 || (size_t)id > memory->count)
        return error_set(error, ERROR_NOT_FOUND, "there is no schema %d", (int)id);
    if (memory->entries[id - 1].kind != kind)
        return error_set(error, ERROR_UNSUPPORTED, "schema %d is %s, not %s", (int)id,
                         schema_kind_name(memory->entries[id - 1].kind), schema_kind_name(kind));
    struct slice copy = arena_copy(arena, memory->entries[id - 1].schema);
    if (!copy.data)
        return error_no_memory(error);
    *ret_schema = copy;
    return 0;
}

static int registry_memory_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena,
                                struct slice *ret_schema, struct error *error) {
    struct registry_memory *memory = context;
    pthread_mutex_lock(&memory->lock);
    int status = find_locked(memory, kind, id, arena, ret_schema, error);
    pthread_mutex_unlock(&memory->lock);
    return status;
}

static int add_locked(struct registry_memory *memory, const char *subject, enum schema_kind kind, struct slice schema,
                      int32_t *ret_id, struct error *error) {
    for (size_t i = 0; i < memory->count; i++)
        if (slice_equal(memory->entries[i].schema, schema) &&
            slice_equal(memory->entries[i].subject, slice_of(subject))) {
            *ret_id = (int32_t)i + 1;
            return 0;
        }
    struct registry_entry entry = {arena_copy(&memory->arena, slice_of(subject)), arena_copy(&memory->arena, schema),
                                   kind};
    if (!entry.subject.data || !entry.schema.data ||
        !memory_reserve((void **)&memory->entries, &memory->capacity, memory->count + 1, sizeof *memory->entries))
        return error_no_memory(error);
    memory->entries[memory->count++] = entry;
    *ret_id = (int32_t)memory->count;
    return 0;
}

static int registry_memory_add(void *context, const char *subject, enum schema_kind kind, struct slice schema,
                               int32_t *ret_id, struct error *error) {
    struct registry_memory *memory = context;
    pthread_mutex_lock(&memory->lock);
    int status = add_locked(memory, subject, kind, schema, ret_id, error);
    pthread_mutex_unlock(&memory->lock);
    return status;
}

static int registry_memory_latest(void *context, const char *subject, enum schema_kind kind, struct arena *arena,
                                  struct slice *ret_schema, struct error *error) {
    struct registry_memory *memory = context;
    int status = ERROR_NOT_FOUND;
    pthread_mutex_lock(&memory->lock);
    size_t i = memory->count;
    while (i > 0 && !slice_equal(memory->entries[i - 1].subject, slice_of(subject)))
        i--;
    if (i > 0)
        status = find_locked(memory, kind, (int32_t)i, arena, ret_schema, error);
    pthread_mutex_unlock(&memory->lock);
    return i > 0 ? status : error_set(error, ERROR_NOT_FOUND, "there is no schema of subject %s", subject);
}

struct registry_memory *registry_memory_new(void) {
    struct registry_memory *memory = memory_zero(1, sizeof *memory);
    if (!memory)
        return NULL;
    pthread_mutex_init(&memory->lock, NULL);
    memory->registry = (struct registry){
        .find = registry_memory_find, .add = registry_memory_add, .latest = registry_memory_latest, .context = memory};
    return memory;
}

struct registry_memory *registry_memory_free(struct registry_memory *memory) {
    if (!memory)
        return NULL;
    pthread_mutex_destroy(&memory->lock);
    arena_release(&memory->arena);
    free(memory->entries);
    free(memory);
    return NULL;
}

const struct registry *registry_memory_registry(const struct registry_memory *memory) {
    return &memory->registry;
}
