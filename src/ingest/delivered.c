/* Two generations, as a whole one is cheap to forget:
 *
 *     recognise ─▶ pending ── commit ─▶ now ── 500,000 or five minutes ─▶ before ─▶ forgotten
 *                     └── no commit: dropped
 *
 * Of a delivery with an identity three things are kept: the identity, the identity with the contents, and each of its
 * readings. When memory runs out something is not kept, which is as if it had been forgotten. */
#include "ingest/delivered.h"

#include "core/digest_set.h"
#include "core/memory.h"

enum { GENERATION_COUNT = 500000, GENERATION_MS = 300000 };

struct delivered {
    const struct clock *clock;
    struct digest_set pending, now, before;
    int64_t began; /* monotonic ms: this generation */
};

struct delivered *delivered_new(const struct clock *clock) {
    struct delivered *delivered = memory_zero(1, sizeof *delivered);
    if (delivered)
        delivered->clock = clock;
    return delivered;
}

struct delivered *delivered_free(struct delivered *delivered) {
    if (!delivered)
        return NULL;
    digest_set_release(&delivered->pending);
    digest_set_release(&delivered->now);
    digest_set_release(&delivered->before);
    free(delivered);
    return NULL;
}

static struct digest digest_add_bytes(struct digest digest, const void *data, size_t length) {
    return digest_add(digest, (struct slice){data, length});
}

static struct digest digest_of_reading(struct digest digest, const struct payload_reading *reading) {
    digest = digest_add(digest, reading->series.gateway);
    digest = digest_add(digest, reading->series.type);
    digest = digest_add(digest, reading->series.attribute);
    if (reading->own_time)
        digest = digest_add_bytes(digest, &reading->timestamp, sizeof reading->timestamp);
    return digest_add_bytes(digest, &reading->value, sizeof reading->value);
}

static struct digest digest_of_contents(struct digest identity, const struct delivery *delivery) {
    struct digest digest = digest_add_bytes(identity, &delivery->rejected, sizeof delivery->rejected);
    for (size_t i = 0; i < delivery->count; i++) {
        uint32_t place[2] = {delivery->readings[i].line, delivery->readings[i].part};
        digest = digest_of_reading(digest_add_bytes(digest, place, sizeof place), &delivery->readings[i]);
    }
    return digest;
}

static bool delivered_has(const struct delivered *delivered, struct digest digest) {
    return digest_set_has(&delivered->pending, digest) || digest_set_has(&delivered->now, digest) ||
           digest_set_has(&delivered->before, digest);
}

/* Is it known? It is from now on. */
static bool delivered_look(struct delivered *delivered, struct digest digest) {
    bool new, known = delivered_has(delivered, digest);
    if (!known)
        digest_set_put(&delivered->pending, digest, &new);
    return known;
}

static int delivered_recognise(void *context, const struct delivery *delivery, bool *known, struct error *error) {
    struct delivered *delivered = context;
    struct digest identity = digest_add((struct digest){0}, delivery->identity);
    if (delivery->identity.length) {
        struct digest contents = digest_of_contents(identity, delivery);
        bool seen = delivered_has(delivered, identity);
        if (seen && !delivered_has(delivered, contents))
            return error_set(error, ERROR_CONFLICT,
                             "a delivery of this identity (Idempotency-Key) has come before, and was another one");
        delivered_look(delivered, identity);
        delivered_look(delivered, contents);
    }
    for (size_t i = 0; i < delivery->count; i++) {
        const struct payload_reading *reading = &delivery->readings[i];
        uint32_t place[2] = {reading->line, reading->part};
        if (delivery->identity.length)
            known[i] = delivered_look(delivered, digest_add_bytes(identity, place, sizeof place));
        else if (reading->own_time)
            known[i] = delivered_look(delivered, digest_of_reading((struct digest){0}, reading));
    }
    return 0;
}

static void delivered_age(struct delivered *delivered) {
    int64_t now = clock_monotonic_ns(delivered->clock) / 1000000;
    if (delivered->now.count == 0)
        delivered->began = now;
    if (delivered->now.count < GENERATION_COUNT && now - delivered->began < GENERATION_MS)
        return;
    digest_set_release(&delivered->before);
    delivered->before = delivered->now;
    delivered->now = (struct digest_set){0};
    delivered->began = now;
}

static void delivered_ended(void *context, bool committed) {
    struct delivered *delivered = context;
    bool new;
    delivered_age(delivered);
    for (size_t i = 0; committed && i < delivered->pending.capacity; i++)
        if (delivered->pending.slots[i].low || delivered->pending.slots[i].high)
            digest_set_put(&delivered->now, delivered->pending.slots[i], &new);
    digest_set_release(&delivered->pending);
}

struct commit_repeats delivered_repeats(struct delivered *delivered) {
    return (struct commit_repeats){delivered_recognise, delivered_ended, delivered};
}
