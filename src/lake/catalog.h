/* Catalogs: which tables there are, and which metadata are a table's now. A commit swaps them, if they are still those
 * that it was built on. Any thread. */
#ifndef METERLINE_LAKE_CATALOG_H
#define METERLINE_LAKE_CATALOG_H

#include "lake/iceberg/metadata.h"
#include "lake/object.h"

struct catalog;

struct catalog_driver {
    void (*close)(struct catalog *catalog);
    int (*tables)(struct catalog *catalog, struct arena *arena, const char *const **ret_names, size_t *ret_count,
                  struct error *error);
    /* The metadata now. ERROR_NOT_FOUND: there is no such table. */
    int (*load)(struct catalog *catalog, const char *name, struct table_metadata *ret_metadata, struct error *error);
    /* The objects of a table, whose metadata were loaded. */
    int (*objects)(struct catalog *catalog, const char *name, const struct table_metadata *metadata,
                   struct objects **ret_objects, struct error *error);
    /* ERROR_EXISTS. */
    int (*create)(struct catalog *catalog, const char *name, const struct lake_table_settings *settings, int64_t now,
                  struct error *error);
    /* ERROR_CONFLICT: the table is not as `change->base` any more. A retriable error: whether it was done is not
     * known. */
    int (*commit)(struct catalog *catalog, const char *name, const struct metadata_change *change, struct error *error);
};

struct catalog {
    const struct catalog_driver *driver;
};

/* Below a folder: NAME/metadata/vN.metadata.json, made by link(2), so that of those who make version N one succeeds. A
 * file version-hint.text says where to begin to look for the newest. `create`: the folder is made with the first
 * table. */
int catalog_folder_open(const char *folder, bool create, struct catalog **ret_catalog, struct error *error);

/* 36 characters and NUL: a random UUID (RFC 9562, version 4). */
enum { CATALOG_UUID_SIZE = 37 };
void catalog_uuid(char to[CATALOG_UUID_SIZE]);

#endif
