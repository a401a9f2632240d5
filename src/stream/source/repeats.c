#include "stream/source/repeats.h"

static void repeats_reach(struct repeats *repeats, int64_t offset) {
    int64_t generation = offset / REPEATS_OFFSETS;
    if (generation == repeats->generation)
        return;
    digest_set_release(&repeats->before);
    if (generation == repeats->generation + 1)
        repeats->before = repeats->now;
    else
        digest_set_release(&repeats->now);
    repeats->now = (struct digest_set){0};
    repeats->generation = generation;
}

/* False: the record has no identity. */
static bool repeats_identity(const struct bus_record *record, struct digest *ret_digest) {
    struct slice id = {0}, sequence = SLICE("");
    for (size_t i = 0; i < record->header_count; i++) {
        const struct bus_header *header = &record->headers[i];
        if (slice_equal(header->name, SLICE("ingest.id")) && header->value.data)
            id = header->value;
        else if (slice_equal(header->name, SLICE("ingest.seq")) && header->value.data)
            sequence = header->value;
    }
    if (!id.data)
        return false;
    bool itself = id.length == 0;
    *ret_digest = digest_add(digest_add(digest_add((struct digest){0}, id), itself ? record->key : sequence),
                             itself ? record->value : SLICE(""));
    return true;
}

bool repeats_look(struct repeats *repeats, const struct bus_record *record, int64_t offset, bool *ret_known) {
    struct digest digest;
    bool new;
    *ret_known = false;
    if (!record->header_count || !repeats_identity(record, &digest))
        return true;
    repeats_reach(repeats, offset);
    repeats->first = offset < repeats->first ? offset : repeats->first;
    if (!digest_set_put(&repeats->now, digest, &new))
        return false;
    *ret_known = !new || digest_set_has(&repeats->before, digest);
    return true;
}

int64_t repeats_needed(int64_t first, int64_t offset) {
    int64_t from = offset / REPEATS_OFFSETS > 0 ? (offset / REPEATS_OFFSETS - 1) * REPEATS_OFFSETS : 0;
    from = from > first ? from : first;
    return from < offset ? from : offset;
}

void repeats_release(struct repeats *repeats) {
    digest_set_release(&repeats->now);
    digest_set_release(&repeats->before);
    *repeats = REPEATS_NONE;
}
