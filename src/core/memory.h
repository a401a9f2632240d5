/* Allocation: malloc, but every size is checked for overflow. Returns NULL when memory has run out; free with
 * free(). */
#ifndef METERLINE_CORE_MEMORY_H
#define METERLINE_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void *memory_zero(size_t count, size_t size);              /* calloc */
void *memory_resize(void *old, size_t count, size_t size); /* reallocarray; on failure `old` stays valid */
/* Makes room for `need` elements in a growing array (capacity doubles). Returns false and changes nothing when
 * memory has run out. */
bool memory_reserve(void **array, size_t *capacity, size_t need, size_t size);

/* A large block for tables that are looked up at random: on large pages where the system has them, so that address
 * translation does not miss too. */
void *memory_large(size_t count, size_t size); /* not zeroed */

#define cleanup(f) __attribute__((cleanup(f)))

#endif
