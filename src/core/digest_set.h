/* Sets of digests: hashes of 128 bits that stand for what they were made of (two of n that differ are the same with a
 * chance of n * n / 2^129). 16 to 43 bytes each. One owner. */
#ifndef METERLINE_CORE_DIGEST_SET_H
#define METERLINE_CORE_DIGEST_SET_H

#include "core/slice.h"
#include <stdint.h>

struct digest {
    uint64_t low, high; /* never both 0 */
};

/* Of one text after another; begins as {0}. The same in one process only (hash_seed). */
struct digest digest_add(struct digest so_far, struct slice text);

struct digest_set {
    struct digest *slots; /* open addressing; {0}: free */
    size_t count, capacity;
};

/* Adds it; *ret_new: it was not there. False: no memory, nothing has changed. */
bool digest_set_put(struct digest_set *set, struct digest digest, bool *ret_new);
bool digest_set_has(const struct digest_set *set, struct digest digest);
static inline size_t digest_set_memory(const struct digest_set *set) {
    return set->capacity * sizeof *set->slots;
}
void digest_set_release(struct digest_set *set); /* empty afterwards */

#endif
