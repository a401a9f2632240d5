/* COUNT_DISTINCT: how many different values. Up to 1024 of them are counted one by one, as a set of 64-bit hashes.
 * Beyond that the set becomes a HyperLogLog sketch of 4096 registers, with a standard error of 1.6 percent; its
 * estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6). Either
 * follows from the set of values alone, so neither order nor merging changes the result.
 *
 * Hashes are stored with the state: they must stay what they are. */
#include <math.h>

#include "core/memory.h"
#include "core/varint.h"
#include "stream/aggregate/function/aggregates.h"

enum {
    EXACT_MAXIMUM = 1024,
    REGISTER_BITS = 12,
    REGISTERS = 1 << REGISTER_BITS,
    RANK_MAXIMUM = 64 - REGISTER_BITS + 1
};

struct distinct {
    union {
        uint64_t *hashes; /* open addressing, 0 is free */
        uint8_t *registers;
        void *memory;
    };
    uint32_t count, capacity; /* of hashes; capacity 0 with memory: a sketch */
};

static bool distinct_is_sketch(const struct distinct *distinct) {
    return distinct->memory && distinct->capacity == 0;
}

/* FNV-1a, then the finaliser of MurmurHash3. Never 0. */
static uint64_t distinct_hash(struct slice stored) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < stored.length; i++)
        hash = (hash ^ (uint8_t)stored.data[i]) * 1099511628211u;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
    hash ^= hash >> 33;
    return hash ? hash : 1;
}

static void sketch_add(uint8_t *registers, uint64_t hash) {
    uint8_t *place = &registers[hash >> (64 - REGISTER_BITS)];
    uint64_t rest = hash << REGISTER_BITS;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : RANK_MAXIMUM;
    if (rank > *place)
        *place = rank;
}

static bool distinct_to_sketch(struct distinct *distinct) {
    uint8_t *registers = memory_zero(REGISTERS, 1);
    if (!registers)
        return false;
    for (size_t i = 0; i < distinct->capacity; i++)
        if (distinct->hashes[i])
            sketch_add(registers, distinct->hashes[i]);
    free(distinct->hashes);
    *distinct = (struct distinct){.registers = registers};
    return true;
}

/* False when it is there. */
static bool hashes_put(uint64_t *hashes, uint32_t capacity, uint64_t hash) {
    size_t mask = capacity - 1, at = hash & mask;
    while (hashes[at] && hashes[at] != hash)
        at = (at + 1) & mask;
    bool new = hashes[at] == 0;
    hashes[at] = hash;
    return new;
}

static bool distinct_grow(struct distinct *distinct) {
    uint32_t capacity = distinct->capacity ? distinct->capacity * 2 : 8;
    uint64_t *hashes = memory_zero(capacity, sizeof *hashes);
    if (!hashes)
        return false;
    for (size_t i = 0; i < distinct->capacity; i++)
        if (distinct->hashes[i])
            hashes_put(hashes, capacity, distinct->hashes[i]);
    free(distinct->hashes);
    distinct->hashes = hashes;
    distinct->capacity = capacity;
    return true;
}

static bool distinct_add(struct distinct *distinct, uint64_t hash) {
    if (distinct_is_sketch(distinct)) {
        sketch_add(distinct->registers, hash);
        return true;
    }
    if ((distinct->count + 1) * 4 > distinct->capacity * 3 && !distinct_grow(distinct))
        return false;
    distinct->count += hashes_put(distinct->hashes, distinct->capacity, hash);
    return distinct->count <= EXACT_MAXIMUM || distinct_to_sketch(distinct);
}

static bool distinct_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                          const char **ret_problem) {
    (void)ret_problem;
    if (arguments[0].null)
        return true;
    struct bytes stored cleanup(bytes_release) = {0};
    value_write(&stored, call->arguments[0], &arguments[0]);
    return !stored.failed && distinct_add(state, distinct_hash(bytes_slice(&stored)));
}

static bool distinct_merge(const struct aggregate_call *call, void *state, const void *other,
                           const char **ret_problem) {
    (void)call, (void)ret_problem;
    struct distinct *distinct = state;
    const struct distinct *more = other;
    if (distinct_is_sketch(more)) {
        if (!distinct_is_sketch(distinct) && !distinct_to_sketch(distinct))
            return false;
        for (size_t i = 0; i < REGISTERS; i++)
            if (distinct->registers[i] < more->registers[i])
                distinct->registers[i] = more->registers[i];
        return true;
    }
    for (size_t i = 0; i < more->capacity; i++)
        if (more->hashes[i] && !distinct_add(distinct, more->hashes[i]))
            return false;
    return true;
}

/* --- estimate
 * ------------------------------------------------------------------------------------------------------------------ */

static double sketch_sigma(double x) {
    if (x == 1)
        return (double)INFINITY;
    double before, sum = x;
    for (double weight = 1; x *= x, before = sum, sum += x * weight, before != sum; weight += weight)
        ;
    return sum;
}

static double sketch_tau(double x) {
    if (x == 0 || x == 1)
        return 0;
    double before, sum = 1 - x;
    for (double weight = 1; x = sqrt(x), before = sum, weight *= 0.5, sum -= (1 - x) * (1 - x) * weight, before != sum;)
        ;
    return sum / 3;
}

static int64_t sketch_estimate(const uint8_t *registers) {
    unsigned counts[RANK_MAXIMUM + 1] = {0};
    for (size_t i = 0; i < REGISTERS; i++)
        counts[registers[i]]++;
    double sum = REGISTERS * sketch_tau(1 - counts[RANK_MAXIMUM] / (double)REGISTERS);
    for (int rank = RANK_MAXIMUM - 1; rank >= 1; rank--)
        sum = 0.5 * (sum + counts[rank]);
    sum += REGISTERS * sketch_sigma(counts[0] / (double)REGISTERS);
    return llround((double)REGISTERS * REGISTERS / (2 * log(2)) / sum);
}

static bool distinct_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                            struct value *ret_value) {
    (void)call, (void)arena;
    const struct distinct *distinct = state;
    *ret_value =
        value_of_integer(distinct_is_sketch(distinct) ? sketch_estimate(distinct->registers) : distinct->count);
    return true;
}

/* --- stored form: a byte 0, a count and hashes, or a byte 1 and registers
 * -------------------------------------------------------------- */

static void distinct_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    (void)call;
    const struct distinct *distinct = state;
    bytes_append_char(to, distinct_is_sketch(distinct));
    if (distinct_is_sketch(distinct)) {
        bytes_append(to, distinct->registers, REGISTERS);
        return;
    }
    bytes_append_varint(to, distinct->count);
    for (size_t i = 0; i < distinct->capacity; i++)
        if (distinct->hashes[i])
            bytes_append(to, &distinct->hashes[i], sizeof *distinct->hashes);
}

static bool sketch_read(const char **at, const char *end, struct distinct *distinct) {
    if (end - *at < REGISTERS || !distinct_to_sketch(distinct))
        return false;
    memcpy(distinct->registers, *at, REGISTERS);
    *at += REGISTERS;
    for (size_t i = 0; i < REGISTERS; i++)
        if (distinct->registers[i] > RANK_MAXIMUM)
            return false;
    return true;
}

static bool distinct_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    (void)call;
    uint64_t count, hash;
    if (*at == end || (uint8_t) * *at > 1)
        return false;
    if (*(*at)++ == 1)
        return sketch_read(at, end, state);
    if (!varint_read(at, end, &count) || count > EXACT_MAXIMUM || (uint64_t)(end - *at) < count * sizeof hash)
        return false;
    for (; count; count--) {
        memcpy(&hash, *at, sizeof hash);
        *at += sizeof hash;
        if (hash == 0 || !distinct_add(state, hash))
            return false;
    }
    return true;
}

static void distinct_release(const struct aggregate_call *call, void *state) {
    (void)call;
    free(((struct distinct *)state)->memory);
}

static size_t distinct_memory(const struct aggregate_call *call, const void *state) {
    (void)call;
    const struct distinct *distinct = state;
    return distinct_is_sketch(distinct) ? REGISTERS : distinct->capacity * sizeof *distinct->hashes;
}

static const struct aggregate_state_driver distinct_driver = {
    .fold = distinct_fold,
    .merge = distinct_merge,
    .result = distinct_result,
    .write = distinct_write,
    .read = distinct_read,
    .release = distinct_release,
    .memory = distinct_memory,
};

static int distinct_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                            const struct value *const *constants, size_t count, struct arena *arena,
                            struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || arguments[0]->kind == TYPE_NULL)
        return aggregate_call_wrong(function, arguments, count, "one column", error);
    return aggregate_call_make(function, &distinct_driver, arguments, 1, &type_bigint, sizeof(struct distinct), arena,
                               ret_call, error);
}

const struct aggregate_function aggregate_of_count_distinct = {
    .name = "COUNT_DISTINCT",
    .signature = "COUNT_DISTINCT(col)",
    .description = "How many different values, NULL not counted; exact up to 1024, then estimated with a standard "
                   "error of 1.6 percent.",
    .structured = true,
    .resolve = distinct_resolve,
};
