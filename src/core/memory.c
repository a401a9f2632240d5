#include "core/memory.h"

#include <sys/mman.h>

void *memory_zero(size_t count, size_t size) {
    return calloc(count ? count : 1, size ? size : 1);
}

void *memory_resize(void *old, size_t count, size_t size) {
    return reallocarray(old, count ? count : 1, size ? size : 1);
}

bool memory_reserve(void **array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity && *array)
        return true;
    size_t wanted = *capacity ? *capacity : 8;
    while (wanted < need) {
        if (wanted > SIZE_MAX / 2)
            return false;
        wanted *= 2;
    }
    void *grown = memory_resize(*array, wanted, size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

void *memory_large(size_t count, size_t size) {
    enum { LARGE_PAGE = 2 << 20 };
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    if (bytes < LARGE_PAGE / 2)
        return malloc(bytes ? bytes : 1);
    void *block;
    if (posix_memalign(&block, LARGE_PAGE, bytes) != 0)
        return NULL;
    madvise(block, bytes, MADV_HUGEPAGE); /* advice: it does not matter when it is not taken */
    return block;
}
