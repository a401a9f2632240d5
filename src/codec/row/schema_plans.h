/* Plans of the schemas that values in Confluent's wire format (byte 0, schema id big-endian, body) were written
 * with, by schema id.
 *
 * A plan is made once and kept for the owner's life: an id stands for one schema for ever. That an id is unknown or
 * refused is kept too, but only until the owner forgets it, as the schema may be registered, or the right to it given,
 * a moment later. That the registry
 * cannot be asked is an error, never a fault of the value. One thread. */
#ifndef METERLINE_CODEC_ROW_SCHEMA_PLANS_H
#define METERLINE_CODEC_ROW_SCHEMA_PLANS_H

#include "core/error.h"
#include "model/registry.h"

struct schema_plan {
    int32_t id;
    bool refused;  /* the registry has no such schema, or none that can be had */
    void *plan;    /* NULL: the schema cannot be used */
    char *problem; /* then why: the reason of every value that was written with it */
};

struct schema_plans {
    const struct registry *registry;
    enum schema_kind kind;
    const char *purpose; /* "schema 7 cannot be read as PURPOSE" */
    /* ERROR_INVALID: the schema cannot be used. */
    int (*compile)(void *context, struct slice schema, void **ret_plan, struct error *error);
    void (*release)(void *plan);
    void *context;
    struct schema_plan *entries; /* sorted by id */
    size_t count, capacity;
    size_t refused_count;
    size_t last; /* the entry that was used last */
};

void schema_plans_release(struct schema_plans *plans);
/* To be called when a batch of values is done. */
void schema_plans_forget_refused(struct schema_plans *plans);
/* Asks the registry when the id is new. */
int schema_plans_fetch(struct schema_plans *plans, int32_t id, const struct schema_plan **ret_plan,
                       struct error *error);

static inline int schema_plans_find(struct schema_plans *plans, int32_t id, const struct schema_plan **ret_plan,
                                    struct error *error) {
    if (plans->last >= plans->count || plans->entries[plans->last].id != id)
        return schema_plans_fetch(plans, id, ret_plan, error);
    *ret_plan = &plans->entries[plans->last];
    return 0;
}

/* Why a value has no plan. */
const char *schema_plan_reason(const struct schema_plan *plan, struct arena *arena);

/* Takes a value apart. False: it is too short. The first byte is the caller's matter. */
static inline bool wire_read(struct slice value, int32_t *ret_id, struct slice *ret_body) {
    enum { WIRE_HEADER = 5 };
    const unsigned char *wire = (const unsigned char *)value.data;
    if (value.length < WIRE_HEADER)
        return false;
    *ret_id = (int32_t)((uint32_t)wire[1] << 24 | (uint32_t)wire[2] << 16 | (uint32_t)wire[3] << 8 | wire[4]);
    *ret_body = (struct slice){value.data + WIRE_HEADER, value.length - WIRE_HEADER};
    return true;
}

#define WIRE_TRUNCATED "truncated: the wire format begins with byte 0 and four bytes of schema id"

#endif
