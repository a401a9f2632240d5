/* The 64-bit hash multiplies words of eight bytes to 128 bits and folds the halves; CRC-32C uses the processor's
 * instruction where there is one, else a table of eight rows. */
#include "core/hash.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t hash_mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_read_8(const unsigned char *from) {
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return le64toh(word);
}

static uint64_t hash_read_4(const unsigned char *from) {
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

uint64_t hash_bytes(const void *data, size_t length, uint64_t seed) {
    const unsigned char *at = data;
    const uint64_t odd_a = UINT64_C(0x9e3779b97f4a7c15), odd_b = UINT64_C(0xe7037ed1a0b428db);
    uint64_t state = seed ^ odd_a ^ length;
    size_t left = length;
    for (; left > 16; left -= 16, at += 16)
        state = hash_mix(hash_read_8(at) ^ odd_b, hash_read_8(at + 8) ^ state);
    uint64_t first = 0, second = 0;
    if (left > 8) {
        first = hash_read_8(at);
        second = hash_read_8(at + left - 8);
    } else if (left >= 4) {
        first = hash_read_4(at);
        second = hash_read_4(at + left - 4);
    } else if (left) {
        first = (uint64_t)at[0] << 16 | (uint64_t)at[left / 2] << 8 | at[left - 1];
    }
    return hash_mix(hash_mix(first ^ odd_b, second ^ state), odd_a ^ length);
}

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

/* Without random bytes from the system, an address and a time are what is left. */
static void seed_fill(void) {
    struct timespec now;
    if (getentropy(&seed, sizeof seed) == 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    seed = hash_mix((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32, (uint64_t)(uintptr_t)&now);
}

uint64_t hash_seed(void) {
    pthread_once(&seed_once, seed_fill);
    return seed;
}

static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_fill(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
        crc_table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int slice = 1; slice < 8; slice++)
            crc_table[slice][i] = crc_table[slice - 1][i] >> 8 ^ crc_table[0][crc_table[slice - 1][i] & 255];
}

/* Eight bytes at a time through eight tables (little-endian words). */
static uint32_t crc_by_table(uint32_t crc, const unsigned char *at, size_t length) {
    pthread_once(&crc_once, crc_fill);
    for (; length >= 8; length -= 8, at += 8) {
        uint64_t word = hash_read_8(at) ^ crc;
        crc = 0;
        for (int slice = 0; slice < 8; slice++)
            crc ^= crc_table[7 - slice][word >> 8 * slice & 255];
    }
    for (; length; length--, at++)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *at) & 255];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const unsigned char *at,
                                                                     size_t length) {
    uint64_t wide = crc;
    for (; length >= 8; length -= 8, at += 8)
        wide = __builtin_ia32_crc32di(wide, hash_read_8(at));
    crc = (uint32_t)wide;
    for (; length; length--, at++)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t length) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_by_instruction(~crc, data, length);
#endif
    return ~crc_by_table(~crc, data, length);
}
