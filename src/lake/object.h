/* Objects: named bytes that are written once: files of a folder so far. A name is relative to the root
 * that they were opened with, such as "data/ts_month=2007-01/x.parquet". Any thread.
 *
 * What an implementation is made of: a table of functions. */
#ifndef METERLINE_LAKE_OBJECT_H
#define METERLINE_LAKE_OBJECT_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/property.h"
#include <stdbool.h>
#include <stdint.h>

struct objects;
struct object_upload;

struct object_listed {
    const char *name;
    int64_t bytes, modified; /* ms */
};

struct object_driver {
    void (*close)(struct objects *objects);
    /* Durable when it returns. `fresh`: ERROR_EXISTS when there is one of this name, which stays; of those who try at
     * once one succeeds. A retriable error: whether it was done is not known. */
    int (*put)(struct objects *objects, const char *name, struct slice bytes, bool fresh, struct error *error);
    /* `length` bytes from `offset`; length -1: all, what is there is replaced. ERROR_NOT_FOUND names the object. */
    int (*get)(struct objects *objects, const char *name, int64_t offset, int64_t length, struct bytes *to,
               struct error *error);
    int (*size)(struct objects *objects, const char *name, int64_t *ret_bytes, struct error *error);
    /* All below `prefix` ("data/"), in any order; `each` returns not 0 to end. */
    int (*list)(struct objects *objects, const char *prefix,
                int (*each)(void *context, const struct object_listed *object, struct error *error), void *context,
                struct error *error);
    int (*remove)(struct objects *objects, const char *name, struct error *error); /* one that is not there: 0 */
    /* Of any size: written piece by piece, there as a whole when it is finished. */
    int (*upload_open)(struct objects *objects, const char *name, struct object_upload **ret_upload,
                       struct error *error);
    int (*upload_write)(struct object_upload *upload, const void *data, size_t length, struct error *error);
    int (*upload_finish)(struct object_upload *upload, struct error *error); /* frees it in any case */
    void (*upload_abandon)(struct object_upload *upload);
};

/* Each implementation's begins with it. */
struct objects {
    const struct object_driver *driver;
    char *root; /* "/data/lake/readings": without a slash at the end */
};

struct object_upload {
    const struct object_driver *driver;
};

/* Files below a folder, which is made with the first object. */
int objects_folder_open(const char *folder, struct objects **ret_objects, struct error *error);

#endif
