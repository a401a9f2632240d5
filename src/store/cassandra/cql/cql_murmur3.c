#include "store/cassandra/cql/cql_murmur3.h"

#include <endian.h>

#define MURMUR_A UINT64_C(0x87c37b91114253d5)
#define MURMUR_B UINT64_C(0x4cf5ad432745937f)

static uint64_t murmur_rotate(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static uint64_t murmur_word(const char *from) {
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return le64toh(word);
}

static uint64_t murmur_mix_first(uint64_t word) {
    return murmur_rotate(word * MURMUR_A, 31) * MURMUR_B;
}

static uint64_t murmur_mix_second(uint64_t word) {
    return murmur_rotate(word * MURMUR_B, 33) * MURMUR_A;
}

static uint64_t murmur_finish(uint64_t hash) {
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

/* Up to eight bytes, each sign-extended before it is put in its place. */
static uint64_t murmur_tail(const char *from, size_t length) {
    uint64_t word = 0;
    for (size_t i = 0; i < length; i++)
        word ^= (uint64_t)(int64_t)(signed char)from[i] << 8 * i;
    return word;
}

int64_t cql_token(struct slice key) {
    uint64_t first = 0, second = 0;
    const char *at = key.data;
    size_t left = key.length;
    for (; left >= 16; left -= 16, at += 16) {
        first = (murmur_rotate(first ^ murmur_mix_first(murmur_word(at)), 27) + second) * 5 + 0x52dce729;
        second = (murmur_rotate(second ^ murmur_mix_second(murmur_word(at + 8)), 31) + first) * 5 + 0x38495ab5;
    }
    if (left > 8)
        second ^= murmur_mix_second(murmur_tail(at + 8, left - 8));
    if (left)
        first ^= murmur_mix_first(murmur_tail(at, left < 8 ? left : 8));
    first ^= key.length;
    second ^= key.length;
    first += second;
    second += first;
    int64_t token = (int64_t)(murmur_finish(first) + murmur_finish(second));
    return token == INT64_MIN ? INT64_MAX : token;
}
