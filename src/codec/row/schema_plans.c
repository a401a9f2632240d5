/* A table of plans by schema id, searched by halves. A plan is made at the first value that names its id. */
#include "codec/row/schema_plans.h"

#include "codec/row/reason.h"
#include "core/memory.h"

void schema_plans_release(struct schema_plans *plans) {
    for (size_t i = 0; i < plans->count; i++) {
        if (plans->entries[i].plan)
            plans->release(plans->entries[i].plan);
        free(plans->entries[i].problem);
    }
    free(plans->entries);
    plans->entries = NULL;
    plans->count = plans->capacity = 0;
}

void schema_plans_forget_refused(struct schema_plans *plans) {
    if (!plans->refused_count)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < plans->count; i++)
        if (plans->entries[i].refused)
            free(plans->entries[i].problem);
        else
            plans->entries[kept++] = plans->entries[i];
    plans->count = kept;
    plans->refused_count = 0;
    plans->last = 0;
}

/* Where `id` is, or where it belongs. */
static size_t schema_plans_search(const struct schema_plans *plans, int32_t id) {
    size_t low = 0, high = plans->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (plans->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Compiles what the registry has; a schema that cannot be used becomes a problem. */
static int schema_plans_compile(const struct schema_plans *plans, struct slice schema, struct schema_plan *entry,
                                struct error *problem) {
    int status = plans->compile(plans->context, schema, &entry->plan, problem);
    return status == ERROR_INVALID
               ? error_wrap(problem, "schema %d cannot be read as %s", (int)entry->id, plans->purpose)
               : status;
}

/* Asks the registry and compiles the schema. */
static int schema_plans_ask(const struct schema_plans *plans, struct schema_plan *ret_entry, int32_t id,
                            struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct schema_plan entry = {.id = id};
    struct slice schema;
    struct error problem = {0};
    int found = plans->registry->find(plans->registry->context, plans->kind, id, &arena, &schema, &problem);
    int status = found ? found : schema_plans_compile(plans, schema, &entry, &problem);
    bool unreadable = !found && status == ERROR_INVALID;
    if (found == ERROR_NOT_FOUND) /* the registry */
        error_set(&problem, found, "schema id %d is not in the registry", (int)id);
    entry.refused = found == ERROR_NOT_FOUND || found == ERROR_UNSUPPORTED;
    if ((unreadable || entry.refused) && !(entry.problem = strdup(problem.message)))
        return error_no_memory(error);
    if (status && !entry.refused && !unreadable) {
        if (error)
            *error = problem;
        return status;
    }
    *ret_entry = entry;
    return 0;
}

int schema_plans_fetch(struct schema_plans *plans, int32_t id, const struct schema_plan **ret_plan,
                       struct error *error) {
    size_t at = schema_plans_search(plans, id);
    if (at == plans->count || plans->entries[at].id != id) {
        struct schema_plan entry;
        if (!memory_reserve((void **)&plans->entries, &plans->capacity, plans->count + 1, sizeof *plans->entries))
            return error_no_memory(error);
        int status = schema_plans_ask(plans, &entry, id, error);
        if (status)
            return status;
        memmove(&plans->entries[at + 1], &plans->entries[at], (plans->count - at) * sizeof *plans->entries);
        plans->entries[at] = entry;
        plans->count++;
        plans->refused_count += entry.refused;
    }
    plans->last = at;
    *ret_plan = &plans->entries[at];
    return 0;
}

const char *schema_plan_reason(const struct schema_plan *plan, struct arena *arena) {
    return reason_format(arena, "%s", plan->problem);
}
