/* Catalogs: which tables there are, and which metadata are a table's now. A commit swaps them, if they are still those
 * that it was built on. Any thread. */
#ifndef METERLINE_LAKE_CATALOG_H
#define METERLINE_LAKE_CATALOG_H

#include "lake/iceberg/metadata.h"
#include "lake/object.h"

struct catalog;

/* What is given back of a table: its metadata, and where its objects are. */
struct catalog_table {
    struct table_metadata metadata; /* released by the caller */
    struct objects *objects;        /* the caller's */
};

struct catalog_driver {
    void (*close)(struct catalog *catalog);
    int (*tables)(struct catalog *catalog, struct arena *arena, const char *const **ret_names, size_t *ret_count,
                  struct error *error);
    /* ERROR_NOT_FOUND */
    int (*load)(struct catalog *catalog, const char *name, struct catalog_table *ret_table, struct error *error);
    /* A handle for the objects of the table may be kept: this reads the metadata alone. */
    int (*refresh)(struct catalog *catalog, const char *name, struct objects *objects,
                   struct table_metadata *ret_metadata, struct error *error);
    /* `metadata` as table_metadata_new makes them, without a location. ERROR_EXISTS. */
    int (*create)(struct catalog *catalog, const char *name, const struct table_metadata *metadata,
                  struct error *error);
    /* ERROR_CONFLICT: the table is not as `change->base` any more. A retriable error: whether it was done is not
     * known. */
    int (*commit)(struct catalog *catalog, const char *name, struct objects *objects,
                  const struct metadata_change *change, struct error *error);
};

struct catalog {
    const struct catalog_driver *driver;
};

/* Below a folder, by link(2) of vN.metadata.json. */
int catalog_folder_open(const char *folder, bool create, struct catalog **ret_catalog, struct error *error);

#endif
