/* A registry of schemas in memory, for tests of pipelines: ids from 1, in the order of registration. Any
 * thread. */
#ifndef METERLINE_MODEL_REGISTRY_MEMORY_H
#define METERLINE_MODEL_REGISTRY_MEMORY_H

#include "model/registry.h"

struct registry_memory;

/* NULL: no memory. */
struct registry_memory *registry_memory_new(void);
struct registry_memory *registry_memory_free(struct registry_memory *memory);
const struct registry *registry_memory_registry(const struct registry_memory *memory);

#endif
