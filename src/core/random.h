/* SplitMix64's mixing function (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014):
 * neighbouring seeds give bits that have nothing to do with each other. The same for ever, and on every host. */
#ifndef METERLINE_CORE_RANDOM_H
#define METERLINE_CORE_RANDOM_H

#include <stdint.h>

static inline uint64_t random_mix(uint64_t bits) {
    bits += UINT64_C(0x9e3779b97f4a7c15);
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

#endif
