#include "codec/registry/registry_refusals.h"

#include "core/memory.h"

int registry_refusals_find(struct registry_refusals *refusals, enum schema_kind kind, int32_t id, struct error *error) {
    int64_t now = refusals->count ? clock_monotonic_ns(refusals->clock) : 0;
    for (size_t i = 0; i < refusals->count; i++)
        if (refusals->items[i].id == id && refusals->items[i].kind == kind && now < refusals->items[i].until_ns) {
            *error = refusals->items[i].error;
            return error->code;
        }
    return 0;
}

/* Where `id` goes: its own place, a new one, or that of the one that ends first. */
static struct registry_refusal *registry_refusals_place(struct registry_refusals *refusals, enum schema_kind kind,
                                                        int32_t id) {
    struct registry_refusal *first = refusals->items;
    for (size_t i = 0; i < refusals->count; i++) {
        if (refusals->items[i].id == id && refusals->items[i].kind == kind)
            return &refusals->items[i];
        if (refusals->items[i].until_ns < first->until_ns)
            first = &refusals->items[i];
    }
    return refusals->count < REGISTRY_REFUSALS_MAXIMUM ? &refusals->items[refusals->count++] : first;
}

void registry_refusals_keep(struct registry_refusals *refusals, enum schema_kind kind, int32_t id,
                            const struct error *error) {
    int64_t time = error->code == ERROR_NOT_FOUND     ? REGISTRY_UNKNOWN_MS
                   : error->code == ERROR_UNSUPPORTED ? REGISTRY_REFUSED_MS
                                                      : 0;
    if (!refusals->items)
        refusals->items = time ? memory_zero(REGISTRY_REFUSALS_MAXIMUM, sizeof *refusals->items) : NULL;
    if (!time || !refusals->items)
        return;
    *registry_refusals_place(refusals, kind, id) =
        (struct registry_refusal){kind, id, clock_monotonic_ns(refusals->clock) + time * INT64_C(1000000), *error};
}

void registry_refusals_release(struct registry_refusals *refusals) {
    free(refusals->items);
    refusals->items = NULL;
    refusals->count = 0;
}
