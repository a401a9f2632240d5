/* Hashes and checksums: a fast 64-bit hash for tables in memory, CRC-32C for stored bytes. */
#ifndef METERLINE_CORE_HASH_H
#define METERLINE_CORE_HASH_H

#include "core/slice.h"
#include <stddef.h>
#include <stdint.h>

/* Not stored, and no result hangs on it: in tables of keys from outside, `seed` is hash_seed(), so that no one can send
 * keys that collide. */
uint64_t hash_bytes(const void *data, size_t length, uint64_t seed);
/* Random, the same for the life of the process. Any thread. */
uint64_t hash_seed(void);
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), as in Kafka's record batches; `crc` is 0 or the value so far. */
uint32_t hash_crc32c(uint32_t crc, const void *data, size_t length);

#endif
