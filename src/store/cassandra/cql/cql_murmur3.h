/* Tokens of Cassandra's Murmur3Partitioner: the first half of MurmurHash3 x64 128 (A. Appleby, public domain) with
 * seed 0, but with the bytes after the last whole block taken as signed, as Cassandra has always done; the smallest
 * 64-bit number is not a token and becomes the largest. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_MURMUR3_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_MURMUR3_H

#include "core/slice.h"
#include <stdint.h>

int64_t cql_token(struct slice partition_key);

#endif
