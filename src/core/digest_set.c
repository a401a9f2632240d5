/* Open addressing with linear probing, at most three quarters full. */
#include "core/digest_set.h"

#include "core/hash.h"
#include "core/memory.h"

enum { DIGEST_SET_FIRST = 64 };

struct digest digest_add(struct digest so_far, struct slice text) {
    uint64_t length = text.length;
    struct digest digest;
    digest.low = hash_bytes(text.data, text.length, so_far.low ^ hash_seed() ^ length * UINT64_C(0x9e3779b97f4a7c15));
    digest.high = hash_bytes(text.data, text.length, ~digest.low ^ so_far.high);
    digest.low |= digest.low == 0 && digest.high == 0;
    return digest;
}

/* The place of the digest, or the free one where it belongs. */
static struct digest *digest_place(const struct digest_set *set, struct digest digest) {
    for (size_t at = digest.low & (set->capacity - 1);; at = (at + 1) & (set->capacity - 1)) {
        struct digest *slot = &set->slots[at];
        if ((slot->low == digest.low && slot->high == digest.high) || (slot->low == 0 && slot->high == 0))
            return slot;
    }
}

static bool digest_set_grow(struct digest_set *set) {
    struct digest_set larger = {.capacity = set->capacity ? set->capacity * 2 : DIGEST_SET_FIRST, .count = set->count};
    if (!(larger.slots = memory_zero(larger.capacity, sizeof *larger.slots)))
        return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i].low || set->slots[i].high)
            *digest_place(&larger, set->slots[i]) = set->slots[i];
    free(set->slots);
    *set = larger;
    return true;
}

bool digest_set_has(const struct digest_set *set, struct digest digest) {
    if (set->count == 0)
        return false;
    const struct digest *place = digest_place(set, digest);
    return place->low || place->high;
}

bool digest_set_put(struct digest_set *set, struct digest digest, bool *ret_new) {
    if (4 * (set->count + 1) > 3 * set->capacity && !digest_set_grow(set))
        return false;
    struct digest *place = digest_place(set, digest);
    *ret_new = !place->low && !place->high;
    *place = digest;
    set->count += *ret_new;
    return true;
}

void digest_set_release(struct digest_set *set) {
    free(set->slots);
    *set = (struct digest_set){0};
}
