#include "lake/catalog_versions.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/number.h"

#define HINT "metadata/version-hint.text"
enum { NAME_SIZE = 64, VERSIONS_KEPT = 100 };

static void versions_name(int64_t version, char to[NAME_SIZE]) {
    snprintf(to, NAME_SIZE, "metadata/v%lld.metadata.json", (long long)version);
}

/* N of metadata/vN.metadata.json, 0: it is none. */
static int64_t versions_of_name(const char *name) {
    static const char begin[] = "metadata/v", end[] = ".metadata.json";
    size_t length = strlen(name), around = sizeof begin - 1 + sizeof end - 1;
    int64_t version;
    if (length <= around || memcmp(name, begin, sizeof begin - 1) != 0 ||
        strcmp(name + length - (sizeof end - 1), end) != 0 ||
        !number_read_integer((struct slice){name + sizeof begin - 1, length - around}, &version))
        return 0;
    return version > 0 ? version : 0;
}

static int versions_note(void *context, const struct object_listed *object, struct error *error) {
    int64_t *highest = context, version = versions_of_name(object->name);
    (void)error;
    *highest = version > *highest ? version : *highest;
    return 0;
}

/* What the hint says, 0: nothing. */
static int versions_hint(struct objects *objects, int64_t *ret_version, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    int status = objects->driver->get(objects, HINT, 0, -1, &text, error);
    *ret_version = 0;
    if (status == ERROR_NOT_FOUND)
        return 0;
    while (!status && text.length && (unsigned char)text.data[text.length - 1] <= ' ')
        text.length--;
    if (!status && !number_read_integer(bytes_slice(&text), ret_version))
        *ret_version = 0;
    return status;
}

static int versions_exists(struct objects *objects, int64_t version, bool *ret_exists, struct error *error) {
    char name[NAME_SIZE];
    int64_t bytes;
    versions_name(version, name);
    int status = objects->driver->size(objects, name, &bytes, error);
    *ret_exists = !status;
    return status == ERROR_NOT_FOUND ? 0 : status;
}

/* The newest version: from the hint on by asking for the next ones; without it by listing. 0: there is none. */
static int versions_newest(struct objects *objects, int64_t *ret_version, struct error *error) {
    int64_t version;
    bool exists;
    int status = versions_hint(objects, &version, error);
    if (!status)
        status = versions_exists(objects, version, &exists, error);
    if (status)
        return status;
    if (!exists) {
        version = 0;
        status = objects->driver->list(objects, "metadata/", versions_note, &version, error);
        exists = !status && version > 0;
    }
    while (!status && exists) {
        status = versions_exists(objects, version + 1, &exists, error);
        version += !status && exists;
    }
    *ret_version = version;
    return status;
}

int versions_load(struct objects *objects, struct table_metadata *ret_metadata, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    char name[NAME_SIZE];
    struct table_metadata metadata;
    int64_t version;
    int status = versions_newest(objects, &version, error);
    if (!status && version == 0)
        status = error_set(error, ERROR_NOT_FOUND, "there is no table in %s", objects->root);
    if (status)
        return status;
    versions_name(version, name);
    status = objects->driver->get(objects, name, 0, -1, &text, error);
    if (!status)
        status = table_metadata_read(bytes_slice(&text), &metadata, error);
    if (status)
        return error_wrap(error, "%s/%s", objects->root, name);
    metadata.version = version;
    if (asprintf(&metadata.location, "%s/%s", table_metadata_location(&metadata), name) < 0) {
        metadata.location = NULL;
        table_metadata_release(&metadata);
        return error_no_memory(error);
    }
    *ret_metadata = metadata;
    return 0;
}

static int versions_put(struct objects *objects, const struct table_metadata *metadata, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    char name[NAME_SIZE];
    int status = table_metadata_write(metadata, &text, error);
    versions_name(metadata->version, name);
    return status ? status : objects->driver->put(objects, name, bytes_slice(&text), true, error);
}

/* Only a hint: that it cannot be written is no error of the commit. */
static void versions_put_hint(struct objects *objects, int64_t version) {
    char text[24];
    struct error ignored;
    int length = snprintf(text, sizeof text, "%lld", (long long)version);
    objects->driver->put(objects, HINT, (struct slice){text, (size_t)length}, false, &ignored);
}

int versions_create(struct objects *objects, const struct table_metadata *metadata, struct error *error) {
    struct table_metadata first = *metadata;
    int64_t version;
    int status = versions_newest(objects, &version, error);
    if (!status && version)
        status = error_set(error, ERROR_EXISTS, "there is a table in %s already", objects->root);
    first.version = 1;
    if (!status)
        status = versions_put(objects, &first, error);
    if (!status)
        versions_put_hint(objects, 1);
    return status;
}

/* Do the metadata hold what the change has made? */
static bool versions_hold(const struct table_metadata *metadata, const struct metadata_change *change) {
    if (change->snapshot)
        return table_metadata_snapshot(metadata, json_integer_value(json_object_get(change->snapshot, "snapshot-id")));
    for (size_t i = 0; i < change->property_count; i++) {
        const char *value = table_metadata_property(metadata, change->properties[i].name);
        if (!value != !change->properties[i].value || (value && strcmp(value, change->properties[i].value) != 0))
            return false;
    }
    return true;
}

/* Is there a higher version that others went on to long ago? Then ours, made of an old one, is taken back. */
static int versions_confirm(struct objects *objects, int64_t version, const struct metadata_change *change,
                            struct error *error) {
    cleanup(table_metadata_release) struct table_metadata newest = {0};
    char name[NAME_SIZE];
    int64_t hint;
    struct error ignored;
    int status = versions_hint(objects, &hint, error);
    if (!status && hint > version)
        status = versions_load(objects, &newest, error);
    if (status) {
        error->retriable = true; /* it was done, or not */
        return status;
    }
    if (hint <= version || versions_hold(&newest, change))
        return 0;
    versions_name(version, name);
    objects->driver->remove(objects, name, &ignored);
    return error_set(error, ERROR_CONFLICT, "the table has gone on to version %lld", (long long)hint);
}

int versions_commit(struct objects *objects, const struct metadata_change *change, struct error *error) {
    cleanup(table_metadata_release) struct table_metadata next = {0};
    int status = table_metadata_change(change, &next, error);
    if (!status)
        status = versions_put(objects, &next, error);
    if (status == ERROR_EXISTS)
        return error_set(error, ERROR_CONFLICT, "version %lld of the table has been made by another program",
                         (long long)next.version);
    if (!status)
        status = versions_confirm(objects, next.version, change, error);
    if (!status)
        versions_put_hint(objects, next.version);
    return status;
}

struct versions_cleaning {
    struct objects *objects;
    int64_t newest, before;
};

static int versions_clean_one(void *context, const struct object_listed *object, struct error *error) {
    const struct versions_cleaning *cleaning = context;
    int64_t version = versions_of_name(object->name);
    return version && version + VERSIONS_KEPT < cleaning->newest && object->modified < cleaning->before
               ? cleaning->objects->driver->remove(cleaning->objects, object->name, error)
               : 0;
}

int versions_clean(struct objects *objects, int64_t newest, int64_t before, struct error *error) {
    struct versions_cleaning cleaning = {objects, newest, before};
    return objects->driver->list(objects, "metadata/", versions_clean_one, &cleaning, error);
}
